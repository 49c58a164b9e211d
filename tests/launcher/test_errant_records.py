"""Sinks that report records which they cannot take, and sinks that are killed meanwhile."""

import asyncio
import os
import random
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from launcher.planning.plan import PipelinePlan
from launcher.tasks.report import RunState
from manager.store.environments import Environment
from tests.launcher.faulty import chain
from tests.launcher.letters import (
    LETTERS,
    WITH_HEADERS,
    ask,
    committed,
    full,
    letters,
    with_numbers,
)
from tests.launcher.pipelines import Heard, run_plans, source, until


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


@pytest.fixture
def made(log_file: Path, tmp_path: Path) -> list[Environment]:
    return with_numbers(tmp_path, log_file)


def picky(
    made: list[Environment], out: Path, config: Mapping[str, str], *, hosts: int = 1
) -> list[PipelinePlan]:
    """The plan of the sink that reports 4 and 7."""
    settings = {"file": str(out), "report": "4 7", **config}
    return [chain("sink", made, settings, hosts=hosts, target="faulty:Picky")]


@pytest.mark.parametrize("hosts", [1, 3])
@pytest.mark.parametrize("waits", ["", "yes", "in a thread"])
def test_a_sink_reports_records_and_knows_when_they_are_stored(
    made: list[Environment], log_file: Path, tmp_path: Path, hosts: int, waits: str
) -> None:
    out = tmp_path / "out"
    config = WITH_HEADERS | ({"wait": waits} if waits else {})
    report = run_plans(picky(made, out, config, hosts=hosts), made, log_file)
    assert report.failures == ()
    words = [str(n) for n in range(30)]
    words[4], words[7] = ("stored 4", "stored 7") if waits else ("", "")
    assert out.read_text().splitlines() == [word for word in words if word]
    assert [one.key for one in letters(log_file)] == [b"4", b"7"]
    told = dict(letters(log_file)[0].headers)
    assert told["__connect.errors.stage"] == b"TASK_PUT"
    assert told["__connect.errors.class.name"] == b"venvoy_api.task.SinkTask"
    assert told["__connect.errors.exception.message"] == b"picky about 4"
    assert committed(log_file) == 30


def test_a_reported_record_that_cannot_be_stored_is_told_to_who_waits(
    made: list[Environment], log_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    plans = picky(made, out, {**LETTERS, "wait": "yes"})
    (report,) = run_plans(plans, made, log_file, wrap=full).connectors
    assert report.state is RunState.FAILED
    assert "disk full" in report.failures[0].message
    assert "refused 4" in out.read_text()
    assert committed(log_file) is None


def test_without_tolerance_a_report_fails_the_task_also_when_it_is_hidden(
    made: list[Environment], log_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    plans = picky(made, out, {**LETTERS, "errors.tolerance": "none"})
    (report,) = run_plans(plans, made, log_file).connectors
    assert report.state is RunState.FAILED
    assert report.failures[0].message.endswith(
        "Tolerance exceeded in error handler (ValueError: picky about 4)"
    )
    assert "refused 4: Tolerance exceeded in error handler" in out.read_text()
    assert committed(log_file) is None
    assert letters(log_file) == []


def test_there_is_a_reporter_only_where_something_hears_it(
    made: list[Environment], log_file: Path, tmp_path: Path
) -> None:
    out, heard = tmp_path / "out", Heard([], [])
    tolerant = {"errors.tolerance": "all"}
    assert run_plans(picky(made, out, tolerant), made, log_file).failures == ()
    assert out.read_text().count("nobody to report to") == 2
    again = tmp_path / "again"
    plans = picky(made, again, {**tolerant, "errors.log.enable": "true", "wait": "yes"})
    dropped = ask(log_file, lambda log: log.delete_sink_offsets("writer"))
    assert dropped is None
    assert run_plans(plans, made, log_file, heard=heard).failures == ()
    assert again.read_text().count("stored") == 2
    told = [one.text for one in heard.events if one.logger == "venvoy.errors"]
    assert len(told) == 2
    assert "Executing stage 'TASK_PUT' with class 'venvoy_api.task.SinkTask'." in told[0]


@pytest.mark.parametrize("hosts", [1, 3])
def test_a_sink_that_is_killed_at_any_moment_has_put_reported_or_kept_every_record(
    made: list[Environment], log_file: Path, tmp_path: Path, hosts: int
) -> None:
    count = 600
    run_plans([source(made[0].path, count=str(count), batch="20")], made, log_file)
    out, dice = tmp_path / "out", random.Random(hosts)
    pids = [tmp_path / "stage", tmp_path / "task"]
    bad, reported = set(range(0, count, 7)), set(range(1, count, 7))
    config = {
        "file": str(out),
        "report": " ".join(map(str, sorted(reported))),
        "pid_file": str(pids[1]),
        "pause_s": "0.01",
        "consumer.override.max.poll.records": "10",
        **LETTERS,
    }
    fault = {"fail": " ".join(map(str, sorted(bad))), "pid_file": str(pids[0])}
    plan = chain("sink", made, config, hosts=hosts, fault=fault, target="faulty:Picky")

    # Beside a source that does not end, the sink waits for more when it has put everything.
    endless = source(made[0].path, "endless", count="0", endless="true", topic="others")

    async def kill_a_host(stop: asyncio.Event) -> None:
        await until(lambda: all(pid.exists() and pid.read_text() for pid in pids))
        await asyncio.sleep(dice.random() * 0.2)  # any moment: of a put, a letter, a commit
        os.kill(int(dice.choice(pids).read_text()), signal.SIGKILL)
        await until(lambda: any(one.level == "ERROR" for one in heard.events))
        stop.set()

    reached = 0
    for _ in range(5):
        for pid in pids:
            pid.unlink(missing_ok=True)
        heard = Heard([], [])
        report, _ = run_plans(
            [plan, endless],
            made,
            log_file,
            heard=heard,
            meanwhile=kill_a_host,
            flush_interval_s=0.02,
            window_records=50,
        ).connectors
        assert report.state is RunState.FAILED
        assert "SIGKILL" in report.failures[0].message
        now = committed(log_file)
        assert isinstance(now, int | None)
        assert (now or 0) >= reached
        reached = now or 0
        kept = {int(one.key or b"") for one in letters(log_file)}
        put = {int(line) for line in out.read_text().split()} if out.exists() else set()
        assert (put | kept) >= set(range(reached))
    assert run_plans([plan], made, log_file).failures == ()
    kept = {int(one.key or b"") for one in letters(log_file)}
    assert kept == bad | reported
    assert {int(line) for line in out.read_text().split()} == set(range(count)) - kept
