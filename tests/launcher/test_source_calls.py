"""What a source task is called with, and that what it polls is in the log exactly once."""

import asyncio
import os
import random
import signal
from pathlib import Path

import pytest

import venvoy_api
from launcher.hosts.frames import WireFrame, encode_ack
from launcher.planning.plan import PipelinePlan, StageRole
from launcher.tasks.report import RunState
from manager.store.environments import Environment
from tests.conftest import PYTHONS
from tests.launcher.faulty import chain, environments
from tests.launcher.lone_tasks import lone_task
from tests.launcher.pipelines import (
    PLUGINS,
    make_environment,
    plan,
    run_plans,
    stage,
    until,
    values,
)

NOTING = '''
import os, pathlib
from venvoy_api import *

class Noting(SourceConnector):
    def start(self, props): ...
    def stop(self): ...
    def task_class(self): return NotingTask
    def task_configs(self, max_tasks): return [{}]
    def config(self): return ConfigDef()

class NotingTask(SourceTask):
    """Polls three records, of two topics, twice; writes a line for each call."""
    def start(self, props):
        self.props, self.polls = props, 0
        self.note("start", self.context.transaction_context())
    def note(self, *words):
        with open(self.props["calls"], "a") as out:
            out.write(" ".join(map(str, words)) + chr(10))
    def poll(self):
        self.polls += 1
        if self.polls > 2:
            return None
        made = [SourceRecord({"p": 1}, {"n": 10 * self.polls + n}, topic, value=10 * self.polls + n)
            for n, topic in enumerate(("a", "b", "a"))]
        return made
    def commit_record(self, record, metadata):
        where = None if metadata is None else f"{metadata.topic}-{metadata.offset}"
        self.note("commit_record", record.value, where)
    def commit(self): self.note("commit")
    def stop(self): self.note("stop")

class Where(Transformation):
    """Tells in which process it runs."""
    def configure(self, configs):
        pathlib.Path(configs["file"]).write_text(str(os.getpid()))
    def apply(self, record): return record
'''


@pytest.fixture
def made(tmp_path: Path) -> list[Environment]:
    versions = [one for one in ("3.9", "3.11") if one in PYTHONS] * 2
    modules = {"acme.py": f"{PLUGINS}\n{NOTING}"}
    return [
        make_environment(tmp_path / name, modules, python=version)
        for name, version in zip(("one", "two"), versions, strict=False)
    ]


def test_records_are_committed_in_order_once_they_are_stored_and_then_the_offsets(
    made: list[Environment], tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    config = {"calls": str(calls)}
    noting = plan("noting", "acme:Noting", made[0].path, config=config)

    async def body() -> None:
        async with lone_task(
            noting, made, task_class="NotingTask", config=config, flush_interval_ms=20
        ) as task:
            first = [await task.next_frame() for _ in range(2)]
            second = [await task.next_frame() for _ in range(2)]
            await asyncio.sleep(0.2)  # ten intervals, in which nothing may be committed
            assert calls.read_text().splitlines() == ["start None"]
            _acknowledge(task.writer, first, 0)
            await until(lambda: "commit\n" in calls.read_text())
            task.hosts[0].control.send({"type": "stop"})
            await asyncio.sleep(0.2)  # time in which a stop that does not wait would be over
            _acknowledge(task.writer, second, 5)
            await task.stop()
        assert calls.read_text().splitlines() == [
            "start None",
            "commit_record 10 a-0",
            "commit_record 11 b-1",
            "commit_record 12 a-1",
            "commit",
            "commit_record 20 a-5",
            "commit_record 21 b-6",
            "commit_record 22 a-6",
            "commit",
            "stop",
        ]

    asyncio.run(body())


def _acknowledge(writer: asyncio.StreamWriter, batch: list[WireFrame], first: int) -> None:
    """Say that a batch is stored, its frames from one offset after the other."""
    places = [(frame.topic, 0, first + place) for place, frame in enumerate(batch)]
    writer.write(encode_ack(batch[0].batch, places))


def test_a_batch_that_fails_keeps_what_was_sent_before(tmp_path: Path) -> None:
    found = environments(tmp_path)
    config = {"count": "5000", "batch": "5000"}
    for hosts, stored in ((1, 2500), (3, 2000)):
        log_file = tmp_path / f"log{hosts}.sqlite"
        failing = chain("source", found, config, hosts=hosts, fault={"fail": "2500"})
        (report,) = run_plans([failing], found, log_file).connectors
        assert report.state is RunState.FAILED
        assert len(values(log_file)) == stored
        healed = chain("source", found, config, hosts=hosts)
        assert run_plans([healed], found, log_file).failures == ()
        assert [one["n"] for one in values(log_file)] == list(range(5000))  # type: ignore[index]


def long_source(
    made: list[Environment], tmp_path: Path, *, hosts: int, endless: bool
) -> PipelinePlan:
    """A source of 4000 records, slow enough to be hit in the midst of them.

    Each host tells its process id. An `endless` one waits for more behind the last record.
    """
    places = [made[0].path] if hosts == 1 else [made[0].path, made[1].path, made[0].path]
    between = [
        stage(
            StageRole.TRANSFORMATION,
            "acme:Where",
            at=place,
            config={"file": str(tmp_path / f"pid{number}")},
        )
        for number, place in enumerate(places)
    ]
    config = {
        "count": "4000",
        "batch": "7",
        "pause_s": "0.001",
        "polled_file": str(tmp_path / "polled"),
        "endless": str(endless).lower(),
    }
    found = plan("counter", "acme:Counter", made[0].path, config=config, between=between)
    assert len(found.segments) == hosts
    return found


@pytest.mark.parametrize("hosts", [1, 3])
def test_a_source_that_is_killed_at_any_moment_is_in_the_log_exactly_once(
    made: list[Environment], tmp_path: Path, hosts: int
) -> None:
    log_file, polled = tmp_path / "log.sqlite", tmp_path / "polled"
    dice = random.Random(hosts)
    source = long_source(made, tmp_path, hosts=hosts, endless=True)

    async def kill_a_host(_stop: asyncio.Event) -> None:
        pids = [tmp_path / f"pid{number}" for number in range(hosts)]
        await until(
            lambda: polled.exists() and all(pid.exists() and pid.read_text() for pid in pids)
        )
        await asyncio.sleep(dice.random() * 0.2)  # any moment: of a poll, a batch, an ack
        os.kill(int(dice.choice(pids).read_text()), signal.SIGKILL)

    for _ in range(6):
        for file in (polled, *tmp_path.glob("pid*")):
            file.unlink(missing_ok=True)
        (report,) = run_plans([source], made, log_file, meanwhile=kill_a_host).connectors
        numbers = [one["n"] for one in values(log_file)]  # type: ignore[index]
        assert numbers == list(range(len(numbers)))
        assert report.state is RunState.FAILED
        assert "SIGKILL" in report.failures[0].message
    ending = long_source(made, tmp_path, hosts=hosts, endless=False)
    assert run_plans([ending], made, log_file).failures == ()
    assert [one["n"] for one in values(log_file)] == list(range(4000))  # type: ignore[index]


def test_a_source_connector_says_what_it_can_promise() -> None:
    class Plain(venvoy_api.SourceConnector):
        def start(self, props: object) -> None: ...
        def stop(self) -> None: ...
        def task_class(self) -> type[venvoy_api.SourceTask]:
            return venvoy_api.SourceTask

        def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
            return [{}] * max_tasks

        def config(self) -> venvoy_api.ConfigDef:
            return venvoy_api.ConfigDef()

    connector = Plain()
    unsupported = venvoy_api.ConnectorTransactionBoundaries.UNSUPPORTED
    assert connector.exactly_once_support({}) is None
    assert connector.can_define_transaction_boundaries({}) is unsupported
    assert connector.alter_offsets({}, [({"p": 1}, {"n": 2})]) is False
