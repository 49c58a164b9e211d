"""Hosts that flood, swell or starve harm their own task and nobody else's."""

import asyncio
import os
import re
import struct
import time
from pathlib import Path
from typing import cast

import pytest

from launcher.hosts.control import PluginFailedError
from launcher.hosts.host_output import HostOutput
from launcher.planning.plan import PipelinePlan
from launcher.tasks.report import RunReport, RunState
from manager.store.environments import Environment
from tests.launcher.pipelines import (
    PLUGINS,
    Heard,
    lines_of,
    make_environment,
    plan,
    run_plans,
    sink,
    source,
    until,
    values,
)

HOSTILE = (
    PLUGINS
    + '''
import resource, sys

class Hostile(Counter):
    def task_class(self): return HostileTask

class HostileTask(CounterTask):
    """Does what `how` says in its first poll; then it counts."""
    def poll(self):
        how, self.props["how"] = self.props.get("how"), ""
        if how == "flood":
            while True:
                os.write(1, b"y\\n" * 10000)
        if how == "flood and end":
            for n in range(200000): print(n)
        if how == "large":
            size = int(self.props["size"])
            return [SourceRecord({"of": "large"}, {"n": 1}, "large", value="x" * size)]
        if how == "limit":
            resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
            self.kept = [bytes(2**20) for _ in range(2000)]
        return super().poll()
'''
)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return make_environment(tmp_path / "environment", {"acme.py": HOSTILE})


def hostile(at: Path, how: str, **config: str) -> PipelinePlan:
    """A source that does `how` once, then counts to 10 in the topic `hostile`."""
    keys = {"count": "10", "topic": "hostile", "how": how, **config}
    return plan("hostile", "acme:Hostile", at, config=keys)


def state_of(report: RunReport, name: str) -> RunState:
    (found,) = (one.state for one in report.connectors if one.name == name)
    return found


def dropped_in(lines: list[str]) -> int:
    """How many lines were not told, by what is said of them."""
    return sum(int(line.split()[1]) for line in lines if line.endswith("more than 500 a second"))


def test_endless_output_is_cut_and_the_others_run_on(
    environment: Environment, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    heard = Heard([], [])

    async def stop_after_all(stop: asyncio.Event) -> None:
        await until(lambda: len(lines_of(out)) == 5000 and dropped_in(told()) > 0, 60)
        stop.set()

    def told() -> list[str]:
        return [line for task, _, line in heard.lines if task == "hostile-0"]

    began_at = time.monotonic()
    report = run_plans(
        [
            hostile(environment.path, "flood"),
            source(environment.path, count="5000", batch="20"),
            sink(environment.path, out),
        ],
        [environment],
        tmp_path / "log.sqlite",
        heard=heard,
        meanwhile=stop_after_all,
        timeout_s=120,
        shutdown_timeout_s=0.5,
    )
    assert state_of(report, "counter") is RunState.COMPLETED
    assert state_of(report, "writer") is not RunState.FAILED
    assert state_of(report, "hostile") is RunState.STOPPED
    assert set(told()[:5000]) == {"y"}
    # How much is dropped besides is the machine's affair; how much is told is not.
    lines = told().count("y")
    assert lines <= 5000 + 500 * (time.monotonic() - began_at)
    assert dropped_in(told()) > lines


def test_of_much_output_the_end_is_kept_and_the_rest_is_counted(
    environment: Environment, tmp_path: Path
) -> None:
    heard = Heard([], [])
    report = run_plans(
        [hostile(environment.path, "flood and end")],
        [environment],
        tmp_path / "log.sqlite",
        heard=heard,
    )
    assert state_of(report, "hostile") is RunState.COMPLETED
    told = [line for task, _, line in heard.lines if task == "hostile-0"]
    numbers = [int(line) for line in told if line.isdigit()]
    assert numbers == sorted(set(numbers))
    assert numbers[:5000] == list(range(5000))
    assert len(numbers) + dropped_in(told) == 200_000


@pytest.mark.parametrize("ended", [b"", b"\n"])
def test_the_last_lines_are_known_though_they_are_not_told(ended: bytes) -> None:
    told: list[str] = []
    read_end, write_end = os.pipe()

    async def body() -> list[str]:
        output = HostOutput(os.fdopen(read_end, "rb", buffering=0), told.append)
        lines = [b"x" * 1000 + b" %d" % n for n in range(20_000)]
        with os.fdopen(write_end, "wb") as pipe:
            await asyncio.to_thread(pipe.write, b"\n".join(lines) + ended)
            await asyncio.to_thread(pipe.flush)
        output.close()
        return [line.split()[1] for line in output.last_lines]

    last = asyncio.run(body())
    assert last == [str(n) for n in range(19_960, 20_000)]
    assert len([line for line in told if line.startswith("x")]) + dropped_in(told) == 20_000


def test_a_record_of_100_mib_passes(environment: Environment, tmp_path: Path) -> None:
    size = 100 * 2**20
    out = tmp_path / "out.jsonl"
    report = run_plans(
        [
            hostile(environment.path, "large", size=str(size)),
            sink(environment.path, out, topic="large"),
            source(environment.path, count="100"),
        ],
        [environment],
        tmp_path / "log.sqlite",
        timeout_s=120,
    )
    assert {one.state for one in report.connectors} == {RunState.COMPLETED}
    assert len(values(tmp_path / "log.sqlite")) == 100
    (line,) = cast("list[list[object]]", lines_of(out))
    assert line[:3] == ["large", 0, None]
    assert line[3] == "x" * size


def test_a_memory_limit_fails_its_task_with_a_trace(
    environment: Environment, tmp_path: Path
) -> None:
    report = run_plans(
        [hostile(environment.path, "limit"), source(environment.path, count="100")],
        [environment],
        tmp_path / "log.sqlite",
    )
    assert state_of(report, "counter") is RunState.COMPLETED
    assert state_of(report, "hostile") is RunState.FAILED
    ((failure),) = report.failures
    assert isinstance(failure, PluginFailedError)
    assert failure.error.class_name == "MemoryError"
    assert "in poll" in failure.error.traceback


BREAKING = (
    HOSTILE
    + '''
class Breaking(Counter):
    def task_class(self): return BreakingTask

class BreakingTask(CounterTask):
    """Writes to the control socket what no host says."""
    def poll(self):
        import socket, struct
        for number in range(3, 64):
            try:
                end = socket.socket(fileno=os.dup(number))
                is_control = end.family == socket.AF_UNIX
            except OSError:
                continue
            if is_control:
                data = bytes.fromhex(self.props["bytes"])
                try:
                    end.send(data, socket.MSG_DONTWAIT)
                except OSError:
                    pass
        import time
        time.sleep(60)
'''
)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (struct.pack(">I", 3) + b"{a}", "JSONDecodeError: "),
        (struct.pack(">I", 2) + b"[]", "TypeError: a message that is no JSON object"),
        (b"\xff" * 64, "(ValueError: a message of 4294967295 bytes|b')"),
    ],
)
def test_a_host_that_breaks_the_protocol_is_told_as_such(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    environment = make_environment(tmp_path / "environment", {"acme.py": BREAKING})
    config = {"topic": "t", "count": "1", "bytes": data.hex()}
    breaking = plan("breaking", "acme:Breaking", environment.path, config=config)
    report = run_plans([breaking], [environment], tmp_path / "log.sqlite")
    (failure,) = (task.failure for one in report.connectors for task in one.tasks)
    assert failure is not None
    # Whichever of its two sockets is read first tells.
    assert re.match(rf"the host (of `breaking-0` )?broke the protocol: {reason}", failure.message)
