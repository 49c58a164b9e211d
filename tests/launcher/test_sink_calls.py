"""What a sink task is called with, what it may ask for, and what is committed of what it puts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from manager.store.environments import Environment
from tests.conftest import PYTHONS
from tests.launcher.lone_tasks import LoneTask, lone_task
from tests.launcher.pipelines import make_environment, plan, until

SCRIPTED = '''
from venvoy_api import *

FIRST, OTHER = TopicPartition("numbers", 0), TopicPartition("other", 0)

class Scripted(SinkConnector):
    def start(self, props): ...
    def stop(self): ...
    def task_class(self): return ScriptedTask
    def task_configs(self, max_tasks): return [{}]
    def config(self): return ConfigDef()

class ScriptedTask(SinkTask):
    """Does what the key `do` says, and writes a line for each call."""
    def start(self, props):
        self.props, self.do, self.count = props, props["do"], 0
        self.note("start", sorted(self.context.assignment()))
    def note(self, *words):
        with open(self.props["calls"], "a") as out:
            out.write(" ".join(map(str, words)).replace("TopicPartition", "") + chr(10))
    def open(self, partitions):
        self.note("open", [tuple(one) for one in partitions], len(self.context.assignment()))
        if self.do == "open at 2" and FIRST in partitions:
            self.context.offset(FIRST, 2)
    def close(self, partitions): self.note("close", [tuple(one) for one in partitions])
    def stop(self): self.note("stop")
    def put(self, records):
        if not records:
            return
        self.count += 1
        self.note("put", [(one.topic, one.offset) for one in records])
        if self.do == "request":
            self.context.request_commit()
        if self.do == "go back" and self.count == 1:
            self.context.offset(FIRST, 1)
        if self.do == "go elsewhere":
            self.context.offset(TopicPartition("stranger", 7), 0)
        if self.do == "retry soon" and self.count <= 12:
            self.context.timeout(1)
            raise RetriableError("not yet")
        if self.do == "retry late":
            self.context.timeout(3_600_000)
            raise RetriableError("not yet")
        if self.do == "go back and retry" and self.count == 1:
            self.context.offset(FIRST, 0)
            raise RetriableError("from the start, please")
        if self.do == "pause" and records[-1].topic == "numbers":
            self.context.pause(FIRST)
        if self.do == "pause" and records[-1].topic == "other":
            self.context.resume(FIRST)
        if self.do == "pause a stranger":
            self.context.pause(TopicPartition("stranger", 7))
    def pre_commit(self, offsets):
        self.note("pre_commit", sorted((one.topic, offset) for one, offset in offsets.items()))
        if self.do == "none": return {}
        if self.do == "nothing": return None
        if self.do == "fewer": return {OTHER: offsets[OTHER]} if OTHER in offsets else {}
        if self.do == "behind": return {one: offset // 2 for one, offset in offsets.items()}
        if self.do == "beyond": return {one: offset + 1 for one, offset in offsets.items()}
        if self.do == "stranger": return {**offsets, TopicPartition("stranger", 7): 1}
        if self.do == "never commit": raise ValueError("the disk is full")
        if self.do == "fail four commits" and offsets[FIRST] and self.count <= 4:
            raise ValueError("the disk is full")
        return offsets
'''


@pytest.fixture
def made(tmp_path: Path) -> Environment:
    version = "3.9" if "3.9" in PYTHONS else None
    return make_environment(tmp_path / "one", {"acme.py": SCRIPTED}, python=version)


class Sink:
    """A scripted sink and what it noted."""

    def __init__(self, task: LoneTask, calls: Path) -> None:
        self.task = task
        self.calls = calls

    def noted(self, word: str) -> list[str]:
        """The lines of one kind of call, without that word."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [line.removeprefix(f"{word} ") for line in lines if line.startswith(f"{word} ")]

    async def commits(self, count: int = 1) -> list[list[object]]:
        """Every commit that was sent, once there are so many."""
        await self.task.hear("commit", count)
        return [message["offsets"] for message in self.task.said("commit")]  # type: ignore[misc]


@asynccontextmanager
async def scripted(
    made: Environment, tmp_path: Path, do: str, **fields: object
) -> AsyncIterator[Sink]:
    """Run the sink from the first offset of `numbers`."""
    calls = tmp_path / "calls"
    config = {"do": do, "calls": str(calls)}
    chain = plan("scripted", "acme:Scripted", made.path, config=config, topics=("numbers",))
    async with lone_task(
        chain, [made], task_class="ScriptedTask", config=config, before=None, **fields
    ) as task:
        yield Sink(task, calls)


def test_partitions_are_opened_before_their_records_also_late_ones_and_closed_together(
    made: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        async with scripted(made, tmp_path, "") as sink:
            sink.task.feed(0, 1)
            await sink.task.acked()
            sink.task.offset = 0
            sink.task.feed(5, topic="other")
            await sink.task.acked()
            await sink.task.stop()
        assert sink.calls.read_text().splitlines() == [
            "start []",
            "open [('numbers', 0)] 1",
            "put [('numbers', 0), ('numbers', 1)]",
            "open [('other', 0)] 2",
            "put [('other', 0)]",
            "pre_commit [('numbers', 2), ('other', 1)]",
            "close [('numbers', 0), ('other', 0)]",
            "stop",
        ]
        assert await sink.commits() == [[["numbers", 0, 2], ["other", 0, 1]]]

    asyncio.run(body())


@pytest.mark.parametrize(
    ("do", "committed"),
    [
        ("none", []),
        ("nothing", []),
        ("fewer", [[["other", 0, 1]]]),
        ("behind", [[["numbers", 0, 2]]]),
        ("beyond", []),
        ("stranger", [[["numbers", 0, 4], ["other", 0, 1]]]),
    ],
)
def test_only_what_pre_commit_returns_is_committed_and_never_more_than_was_put(
    made: Environment, tmp_path: Path, do: str, committed: list[object]
) -> None:
    async def body() -> None:
        async with scripted(made, tmp_path, do) as sink:
            sink.task.feed(0, 1, 2, 3)
            await sink.task.acked()
            sink.task.offset = 0
            sink.task.feed(5, topic="other")
            await sink.task.acked()
            await sink.task.stop()
        assert [one["offsets"] for one in sink.task.said("commit")] == committed
        said = " ".join(str(one["message"]) for one in sink.task.said("log"))
        assert ("which is not put yet" in said) is (do == "beyond")
        assert ("which is not assigned" in said) is (do == "stranger")
        assert sink.task.said("failed") == []

    asyncio.run(body())


def test_a_commit_comes_when_the_task_asks_for_it(made: Environment, tmp_path: Path) -> None:
    async def body() -> None:
        async with scripted(made, tmp_path, "request", flush_interval_ms=3_600_000) as sink:
            sink.task.feed(0, 1)
            assert await sink.commits() == [[["numbers", 0, 2]]]
            sink.task.feed(2)
            assert await sink.commits(2) == [[["numbers", 0, 2]], [["numbers", 0, 3]]]

    asyncio.run(body())


def test_a_commit_comes_in_its_interval_also_without_records(
    made: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        async with scripted(made, tmp_path, "", flush_interval_ms=20) as sink:
            sink.task.feed(0, 1)
            assert await sink.commits() == [[["numbers", 0, 2]]]
            calls = len(sink.noted("pre_commit"))
            await until(lambda: len(sink.noted("pre_commit")) > calls + 2)
            assert len(sink.task.said("commit")) == 1  # nothing has changed

    asyncio.run(body())


def test_a_failed_pre_commit_takes_the_task_back_to_what_was_committed_for_ever(
    made: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        do = "fail four commits"
        async with scripted(made, tmp_path, do, flush_interval_ms=50) as sink:
            for epoch in range(5):
                sink.task.offset = 0
                sink.task.feed(0, 1, 2, epoch=epoch)
                await sink.task.acked()
                if epoch < 4:
                    seek = await sink.task.hear("seek", epoch + 1)
                    assert seek["epoch"] == epoch + 1
                    assert seek["positions"] == [["numbers", 0, 0]]
            assert await sink.commits() == [[["numbers", 0, 3]]]
            assert sink.noted("put") == ["[('numbers', 0), ('numbers', 1), ('numbers', 2)]"] * 5
            assert sink.task.said("failed") == []

    asyncio.run(body())


def test_a_last_commit_that_fails_is_logged_and_the_partitions_are_closed(
    made: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        async with scripted(made, tmp_path, "never commit") as sink:
            sink.task.feed(0)
            await sink.task.acked()
            await sink.task.stop()
        assert sink.task.said("commit") == sink.task.said("failed") == []
        logged = [str(one["message"]) for one in sink.task.said("log")]
        assert logged == ["the last commit failed: the disk is full"]
        assert sink.calls.read_text().splitlines()[-2:] == ["close [('numbers', 0)]", "stop"]

    asyncio.run(body())


def test_a_task_with_offsets_of_its_own_goes_to_them_when_it_opens(
    made: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        async with scripted(made, tmp_path, "open at 2") as sink:
            seek = await sink.task.hear("seek")
            assert seek["positions"] == [["numbers", 0, 2]]
            sink.task.feed(0, 1, 2, 3)  # still of the old feed: passed over
            await sink.task.acked()
            sink.task.offset = 0
            sink.task.feed(0, 1, 2, 3, epoch=1)  # a frame that begins before the place
            await sink.task.acked()
            assert sink.noted("put") == ["[('numbers', 2), ('numbers', 3)]"]

    asyncio.run(body())


def test_a_task_goes_back_in_one_partition_while_the_other_stays(
    made: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        fields = {"partitions": [["numbers", 0, 0], ["other", 0, 7]]}
        async with scripted(made, tmp_path, "go back", **fields) as sink:
            sink.task.feed(0, 1, 2)
            seek = await sink.task.hear("seek")
            assert seek["positions"] == [["numbers", 0, 1], ["other", 0, 7]]
            await sink.task.stop()
        assert sink.noted("pre_commit")[-1] == "[('numbers', 1), ('other', 7)]"

    asyncio.run(body())


def test_a_place_in_a_foreign_partition_is_passed_over_with_a_word(
    made: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        async with scripted(made, tmp_path, "go elsewhere") as sink:
            sink.task.feed(0)
            seek = await sink.task.hear("seek")
            assert seek["positions"] == [["numbers", 0, 1]]
            (logged,) = sink.task.said("log")
            assert "which is not assigned" in str(logged["message"])

    asyncio.run(body())


def test_a_retry_waits_as_long_as_the_task_asks_and_gets_the_same_records(
    made: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        # Thirteen times with the wait that doubles would take more than this test may.
        async with scripted(made, tmp_path, "retry soon") as sink:
            sink.task.feed(0, 1)
            await sink.task.acked()
            assert sink.noted("put") == ["[('numbers', 0), ('numbers', 1)]"] * 13

    asyncio.run(body())


def test_a_stop_does_not_wait_for_the_retry_and_commits_nothing_of_it(
    made: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        async with scripted(made, tmp_path, "retry late") as sink:
            sink.task.feed(0, 1)
            await until(lambda: len(sink.noted("put")) == 1)
            await sink.task.stop()
        assert not any(host.was_signalled for host in sink.task.hosts)
        assert sink.noted("pre_commit") == ["[('numbers', 0)]"]
        assert sink.task.said("commit") == sink.task.said("failed") == []

    asyncio.run(body())


def test_commits_go_on_while_a_put_waits_for_its_next_try(
    made: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        async with scripted(made, tmp_path, "retry late", flush_interval_ms=20) as sink:
            sink.task.feed(0, 1)
            await until(lambda: len(sink.noted("pre_commit")) > 3)
            assert set(sink.noted("pre_commit")) == {"[('numbers', 0)]"}
            assert len(sink.noted("put")) == 1

    asyncio.run(body())


def test_a_put_that_goes_back_and_asks_for_a_retry_gets_the_feed_from_there(
    made: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        async with scripted(made, tmp_path, "go back and retry") as sink:
            sink.task.feed(0, 1)
            seek = await sink.task.hear("seek")
            assert seek["positions"] == [["numbers", 0, 0]]
            await sink.task.acked()
            sink.task.offset = 0
            sink.task.feed(0, 1, 2, epoch=1)
            await sink.task.acked()
            assert sink.noted("put")[-1] == "[('numbers', 0), ('numbers', 1), ('numbers', 2)]"
            assert len(sink.noted("put")) == 2

    asyncio.run(body())


def test_a_paused_partition_gets_nothing_while_the_other_goes_on_and_then_again(
    made: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        fields = {"partitions": [["numbers", 0, 0], ["other", 0, 0]]}
        async with scripted(made, tmp_path, "pause", **fields) as sink:
            sink.task.feed(0, 1)
            await sink.task.acked()
            pause = await sink.task.hear("pause")
            assert pause["paused"] == [["numbers", 0]]
            sink.task.feed(2)  # on its way already when the pause came
            await sink.task.acked()
            sink.task.offset = 0
            sink.task.feed(0, topic="other")
            await sink.task.acked()
            assert sink.noted("put") == [
                "[('numbers', 0), ('numbers', 1)]",
                "[('other', 0)]",
            ]
            seek = await sink.task.hear("seek")  # resumed: what was passed over comes again
            assert seek["paused"] == []
            assert seek["positions"] == [["numbers", 0, 2], ["other", 0, 1]]

    asyncio.run(body())


def test_a_put_that_pauses_its_partition_gets_no_more_of_what_has_come_already(
    made: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        fields = {
            "partitions": [["numbers", 0, 0], ["other", 0, 0]],
            "max_poll_records": 2,
            "paused": True,
        }
        async with scripted(made, tmp_path, "pause", **fields) as sink:
            await sink.task.hear("paused")
            sink.task.feed(0, topic="other")
            sink.task.offset = 0
            sink.task.feed(0, 1, 2, 3)
            sink.task.send("resume")  # now that both have come
            pause = await sink.task.hear("pause")
            assert pause["positions"] == [["numbers", 0, 1], ["other", 0, 1]]
            assert sink.noted("put") == ["[('other', 0), ('numbers', 0)]"]
            sink.task.offset = 1
            sink.task.feed(1, topic="other")
            seek = await sink.task.hear("seek")
            assert seek["positions"] == [["numbers", 0, 1], ["other", 0, 2]]
            await sink.task.stop()
        assert sink.noted("pre_commit")[-1] == "[('numbers', 1), ('other', 2)]"

    asyncio.run(body())


def test_a_foreign_partition_cannot_be_paused(made: Environment, tmp_path: Path) -> None:
    async def body() -> None:
        async with scripted(made, tmp_path, "pause a stranger") as sink:
            sink.task.feed(0)
            failed = await sink.task.hear("failed")
            error = failed["error"]
            assert isinstance(error, dict)
            assert error["class"] == "venvoy_api.errors.IllegalWorkerStateError"
            assert "SinkTasks may not pause partitions that are not assigned" in error["message"]

    asyncio.run(body())
