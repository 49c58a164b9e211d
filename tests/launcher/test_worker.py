"""Whole runs: sources into the log, the log into sinks, in hosts of their own."""

import asyncio
from pathlib import Path

import pytest

from launcher.plan import StageRole
from launcher.report import RunState
from manager.environments import Environment
from manager.errors import ProblemsError
from tests.launcher.pipelines import (
    Heard,
    lines_of,
    make_environment,
    plan,
    run_plans,
    sink,
    source,
    stage,
    until,
    values,
)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return make_environment(tmp_path / "environment")


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


def test_a_source_and_a_sink_run_to_their_end(
    environment: Environment, log_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    plans = [source(environment.path, headers="yes"), sink(environment.path, out)]
    report = run_plans(plans, [environment], log_file)
    assert [one.state for one in report.connectors] == [RunState.COMPLETED] * 2
    assert report.failures == ()
    assert [(one.records_in, one.records_out) for one in report.connectors] == [(100, 100)] * 2
    assert lines_of(out) == [
        ["numbers", n, str(n), {"n": n}, 1000 + n, [["from", "counter"]]] for n in range(100)
    ]


def test_print_on_stdout_breaks_nothing_X10(log_file: Path, tmp_path: Path) -> None:
    pass
