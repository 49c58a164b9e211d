"""Runs that are stopped: what is done, what is kept, what is closed."""

import asyncio
from pathlib import Path

import pytest

from launcher.tasks.report import RunState
from manager.store.environments import Environment
from tests.launcher.pipelines import (
    PLUGINS,
    lines_of,
    make_environment,
    open_files,
    plan,
    run_plans,
    sink,
    source,
    until,
    values,
)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return make_environment(tmp_path / "environment")


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


def test_a_stop_is_graceful_and_offsets_are_committed(
    environment: Environment, log_file: Path, tmp_path: Path
) -> None:
    out, polled = tmp_path / "out.jsonl", tmp_path / "polled"

    async def stop_after_some(stop: asyncio.Event) -> None:
        await until(lambda: out.exists() and out.read_bytes().count(b"\n") > 50)
        stop.set()

    plans = [
        source(
            environment.path,
            count="1000000",
            pause_s="0.01",
            endless="true",
            polled_file=str(polled),
        ),
        sink(environment.path, out),
    ]
    report = run_plans(plans, [environment], log_file, meanwhile=stop_after_some)
    assert [one.state for one in report.connectors] == [RunState.STOPPED] * 2
    assert report.failures == ()
    run_plans([sink(environment.path, out)], [environment], log_file)
    count = int(polled.read_text())
    assert [one["n"] for one in values(log_file)] == list(range(count))  # type: ignore[index]
    assert [line[3]["n"] for line in lines_of(out)] == list(range(count))  # type: ignore[index]


@pytest.mark.parametrize("fault", ["hang", "stubborn"])
def test_a_source_that_does_not_listen_is_ended_in_steps(
    environment: Environment, log_file: Path, tmp_path: Path, fault: str
) -> None:
    stopped, polling = tmp_path / "stopped", tmp_path / "polling"

    async def stop_soon(stop: asyncio.Event) -> None:
        await until(polling.exists)
        stop.set()

    made = source(
        environment.path,
        fault=fault,
        fault_at="1",
        stopped_file=str(stopped),
        polling_file=str(polling),
    )
    report = run_plans(
        [made],
        [environment],
        log_file,
        meanwhile=stop_soon,
        shutdown_timeout_s=0.3,
    )
    assert report.connectors[0].state is RunState.STOPPED
    assert stopped.exists() is (fault == "hang")  # SIGTERM lets it stop, SIGKILL does not


@pytest.mark.parametrize("step", ["validate", "start", "task_configs"])
def test_a_connector_that_hangs_does_not_hold_a_stop(
    log_file: Path, tmp_path: Path, step: str
) -> None:
    reached = tmp_path / "reached"
    hanging = f"""
import pathlib, time
import acme

class Hanging(acme.Counter):
    def {step}(self, *arguments):
        pathlib.Path({str(reached)!r}).touch()
        time.sleep(3600)
"""
    modules = {"acme.py": PLUGINS, "hanging.py": hanging}
    environment = make_environment(tmp_path / "environment", modules)

    async def stop_soon(stop: asyncio.Event) -> None:
        await until(reached.exists)
        stop.set()

    made = plan("hangs", "hanging:Hanging", environment.path, config={"count": "1"})
    report = run_plans(
        [made, source(environment.path)],
        [environment],
        log_file,
        meanwhile=stop_soon,
        shutdown_timeout_s=0.2,
    )
    assert report.connectors[0].state is RunState.STOPPED
    assert [(f.message, getattr(f, "error", "")) for f in report.failures] == []


@pytest.mark.parametrize("turns", [1, 3, 5, 10, 20])
def test_a_stop_while_hosts_start_leaves_nothing_open(
    environment: Environment, log_file: Path, tmp_path: Path, turns: int
) -> None:
    async def stop_after_turns(stop: asyncio.Event) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        stop.set()

    before = open_files()
    plans = [source(environment.path), sink(environment.path, tmp_path / "out")]
    report = run_plans(plans, [environment], log_file, meanwhile=stop_after_turns)
    assert report.failures == ()
    assert open_files() - before == set()
