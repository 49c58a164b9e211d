"""Pause and resume inside hosts: no poll, no put, but commits go on."""

import asyncio
from pathlib import Path

import pytest

from launcher.planning.plan import PipelinePlan, StageRole
from manager.store.environments import Environment
from tests.conftest import PYTHONS
from tests.launcher.lone_tasks import LoneTask, lone_task
from tests.launcher.pipelines import PLUGINS, lines_of, make_environment, plan, stage, until

CONFIG = {"count": "1000000", "batch": "3", "pause_s": "0.01", "task": "0"}


def environments(tmp_path: Path) -> list[Environment]:
    """Two environments, on the oldest Python and on another."""
    versions = [one for one in ("3.9", "3.11") if one in PYTHONS] * 2
    return [
        make_environment(tmp_path / name, {"acme.py": PLUGINS}, python=version)
        for name, version in zip(("one", "two"), versions, strict=False)
    ]


def source_plan(made: list[Environment], *, hosts: int) -> PipelinePlan:
    places = [made[1].path, made[0].path] if hosts == 3 else [made[0].path]
    tags = [stage(StageRole.TRANSFORMATION, "acme:Tag", at=place) for place in places]
    chain = plan("counter", "acme:Counter", made[0].path, config=CONFIG, between=tags)
    assert len(chain.segments) == hosts
    return chain


def sink_plan(made: list[Environment], out: Path, *, hosts: int, calls: Path) -> PipelinePlan:
    places = [made[0].path, made[1].path] if hosts == 3 else [made[0].path]
    tags = [stage(StageRole.TRANSFORMATION, "acme:Tag", at=place) for place in places]
    chain = plan(
        "writer",
        "acme:Writer",
        made[0].path,
        config={"file": str(out), "calls": str(calls), "task": "0"},
        between=tags,
        topics=("numbers",),
    )
    assert len(chain.segments) == hosts
    return chain


async def _take_all(task: LoneTask, taken: list[int]) -> None:
    """Be a log: store and acknowledge whatever comes."""
    while True:
        frame = await task.next_frame()
        taken.append(frame.count)
        task.acknowledge(frame)


@pytest.mark.parametrize("hosts", [1, 3])
def test_a_paused_source_does_not_poll_until_it_is_resumed(tmp_path: Path, hosts: int) -> None:
    made = environments(tmp_path)
    polled = tmp_path / "polled"

    async def body() -> None:
        chain = source_plan(made, hosts=hosts)
        config = {**CONFIG, "polled_file": str(polled)}
        async with lone_task(chain, made, task_class="CounterTask", config=config) as task:
            taken: list[int] = []
            storing = asyncio.create_task(_take_all(task, taken))
            await until(lambda: len(taken) > 3)
            task.send("pause")
            await task.hear("paused", hosts)
            at_pause = int(polled.read_text())
            await until(lambda: sum(taken) == at_pause)  # what was polled still arrives
            await asyncio.sleep(0.3)  # time in which a source that is not held would poll on
            assert int(polled.read_text()) == at_pause
            assert task.said("resumed") == []
            task.send("resume")
            await task.hear("resumed", hosts)
            await until(lambda: sum(taken) > at_pause)
            storing.cancel()

    asyncio.run(body())


def test_a_source_may_start_paused_and_stop_while_it_is(tmp_path: Path) -> None:
    made = environments(tmp_path)[:1]
    polling, stopped = tmp_path / "polling", tmp_path / "stopped"
    config = {**CONFIG, "polling_file": str(polling), "stopped_file": str(stopped)}

    async def body() -> None:
        chain = source_plan(made, hosts=1)
        async with lone_task(
            chain, made, task_class="CounterTask", config=config, paused=True
        ) as task:
            await task.hear("paused")
            task.send("pause")  # said twice, answered twice
            await task.hear("paused", 2)
            await task.stop()
            assert task.said("stopped")[0]["failed"] is False
            assert [host.was_signalled for host in task.hosts] == [False]

    asyncio.run(body())
    assert stopped.exists()
    assert not polling.exists()


def test_a_pause_during_a_poll_takes_effect_after_it(tmp_path: Path) -> None:
    made = environments(tmp_path)[:1]
    polling = tmp_path / "polling"
    config = {**CONFIG, "polling_file": str(polling), "pause_s": "1"}

    async def body() -> None:
        chain = source_plan(made, hosts=1)
        async with lone_task(chain, made, task_class="CounterTask", config=config) as task:
            await until(polling.exists)
            task.send("pause")
            await task.hear("paused")
            assert (await task.next_frame()).count == 3  # the poll's own records were sent

    asyncio.run(body())


@pytest.mark.parametrize("hosts", [1, 3])
def test_a_paused_sink_is_not_given_records_but_commits(tmp_path: Path, hosts: int) -> None:
    made = environments(tmp_path)
    out, calls = tmp_path / "out.jsonl", tmp_path / "calls"

    async def body() -> None:
        chain = sink_plan(made, out, hosts=hosts, calls=calls)
        async with lone_task(chain, made, task_class="WriterTask", flush_interval_ms=100) as task:
            task.feed(0, 1, 2)
            await task.acked()
            task.send("pause")
            await task.hear("paused", hosts)
            assert task.said("commit")[-1]["offsets"] == [["numbers", 0, 3]]
            flushes = calls.read_text().count("flush")
            task.feed(3, 4)
            await until(lambda: calls.read_text().count("flush") > flushes + 2)
            assert len(lines_of(out)) == 3
            task.send("resume")
            await task.hear("resumed", hosts)
            await task.acked()
            assert [line[1] for line in lines_of(out)] == [0, 1, 2, 3, 4]  # type: ignore[index]
            await task.stop()
            assert calls.read_text().splitlines()[-2:] == ["close", "stop"]

    asyncio.run(body())


def test_a_paused_sink_whose_put_is_to_be_retried_waits_and_can_be_stopped(tmp_path: Path) -> None:
    made = environments(tmp_path)[:1]
    out, calls = tmp_path / "out.jsonl", tmp_path / "calls"

    async def body() -> None:
        chain = sink_plan(made, out, hosts=1, calls=calls)
        config = {"file": str(out), "calls": str(calls), "task": "0", "fault": "unready"}
        async with lone_task(chain, made, task_class="WriterTask", config=config) as task:
            task.feed(0, 1, 2)
            await until(lambda: calls.exists() and "put" in calls.read_text())
            task.send("pause")
            await task.hear("paused")
            puts = calls.read_text().count("put")
            task.send("resume")
            await task.hear("resumed")
            await until(lambda: calls.read_text().count("put") > puts)
            task.send("pause")
            await task.hear("paused", 2)
            await task.stop()
            assert task.said("stopped")[0]["failed"] is False
            assert task.said("commit") == []

    asyncio.run(body())


@pytest.mark.parametrize(("first", "paused"), [("pause", False), ("resume", True)])
def test_what_is_said_before_the_start_is_newer_than_the_start_message(
    tmp_path: Path, first: str, paused: bool
) -> None:
    made = environments(tmp_path)[:1]
    polling = tmp_path / "polling"
    config = {**CONFIG, "polling_file": str(polling)}

    async def body() -> None:
        chain = source_plan(made, hosts=1)
        async with lone_task(
            chain, made, task_class="CounterTask", config=config, before=first, paused=paused
        ) as task:
            if first == "pause":
                await task.hear("paused")
                assert not polling.exists()
            else:
                await until(polling.exists)
                assert task.said("paused") == []

    asyncio.run(body())
