"""Sources whose stages fail on some records: tried again, passed over, or the end of the task."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from launcher.hosts.control import PluginFailedError
from launcher.tasks.report import RunState
from tests.launcher.faulty import STAGES, chain, environments
from tests.launcher.lone_tasks import LoneTask, lone_task
from tests.launcher.pipelines import Heard, lines_of, run_plans, until, values

CONFIG = {"count": "40", "batch": "8", "headers": "yes"}
TOLERANT = {**CONFIG, "errors.tolerance": "all"}


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


def numbers(log_file: Path) -> list[int]:
    """The number of each record in the log."""
    found: list[Any] = values(log_file)
    return [one["n"] for one in found]


@pytest.mark.parametrize("failing", STAGES)
@pytest.mark.parametrize("hosts", [1, 3])
def test_what_fails_in_a_stage_is_passed_over_and_its_offset_counts(
    log_file: Path, tmp_path: Path, hosts: int, failing: str
) -> None:
    made, acked = environments(tmp_path), tmp_path / "acked"
    config = {**TOLERANT, "acked_file": str(acked)}
    fault = {"fail": "0 11 12 39"}
    plan = chain("source", made, config, hosts=hosts, failing=failing, fault=fault)
    (report,) = run_plans([plan], made, log_file).connectors
    assert report.failures == ()
    kept = [n for n in range(40) if n not in (0, 11, 12, 39)]
    assert numbers(log_file) == kept
    assert lines_of(acked) == [
        [n, ["numbers", kept.index(n)] if n in kept else None] for n in range(40)
    ]
    (again,) = run_plans([plan], made, log_file).connectors
    assert (again.records_in, again.records_out) == (0, 0)


@pytest.mark.parametrize("failing", STAGES)
@pytest.mark.parametrize("hosts", [1, 3])
def test_without_tolerance_the_first_failure_ends_the_task_and_names_its_cause(
    log_file: Path, tmp_path: Path, hosts: int, failing: str
) -> None:
    made = environments(tmp_path)
    plan = chain("source", made, CONFIG, hosts=hosts, failing=failing, fault={"fail": "21"})
    (report,) = run_plans([plan], made, log_file).connectors
    assert report.state is RunState.FAILED
    (failure,) = report.failures
    assert isinstance(failure, PluginFailedError)
    assert failure.error.text == "Tolerance exceeded in error handler"
    assert failure.message.endswith("Tolerance exceeded in error handler (ValueError: bad 21)")
    assert "ValueError: bad 21" in failure.error.traceback
    assert "faulty.py" in failure.hint
    # What came before is stored: up to the record where one host has it all, else up to the batch.
    stored = numbers(log_file)
    assert stored == list(range(21 if hosts == 1 else 16))
    healed = chain("source", made, CONFIG, hosts=hosts, failing=failing)
    run_plans([healed], made, log_file)
    assert numbers(log_file) == list(range(40))


@pytest.mark.parametrize("hosts", [1, 3])
def test_a_retriable_failure_is_tried_again_and_nothing_else_is_seen_twice(
    log_file: Path, tmp_path: Path, hosts: int
) -> None:
    made, seen = environments(tmp_path), tmp_path / "seen"
    config = {**CONFIG, "errors.retry.timeout": "-1", "errors.retry.delay.max.ms": "1"}
    fault = {"fail": "3 5", "how": "retriable", "times": "2", "seen": str(seen)}
    plan = chain("source", made, config, hosts=hosts, fault=fault)
    (report,) = run_plans([plan], made, log_file).connectors
    assert report.failures == ()
    assert numbers(log_file) == list(range(40))
    tried = [int(line) for line in seen.read_text().split()]
    assert tried == sorted([*range(40), 3, 3, 5, 5])


@pytest.mark.parametrize("tolerance", ["none", "all"])
def test_a_retriable_failure_that_lasts_is_a_failure(
    log_file: Path, tmp_path: Path, tolerance: str
) -> None:
    made = environments(tmp_path)
    config = {**CONFIG, "errors.tolerance": tolerance, "errors.retry.timeout": "1"}
    fault = {"fail": "9", "how": "retriable"}
    (report,) = run_plans(
        [chain("source", made, config, hosts=1, fault=fault)], made, log_file
    ).connectors
    if tolerance == "all":
        assert report.failures == ()
        assert numbers(log_file) == [n for n in range(40) if n != 9]
    else:
        assert "(venvoy_api.errors.RetriableError: not yet 9)" in report.failures[0].message
        assert numbers(log_file) == list(range(9))


@pytest.mark.parametrize("hosts", [1, 3])
def test_a_stop_breaks_the_wait_for_the_next_try_and_loses_nothing(
    log_file: Path, tmp_path: Path, hosts: int
) -> None:
    made, seen = environments(tmp_path), tmp_path / "seen"
    config = {**CONFIG, "errors.retry.timeout": "-1", "errors.tolerance": "all"}
    fault = {"fail": "20", "how": "retriable", "seen": str(seen)}

    async def stop_while_waiting(stop: asyncio.Event) -> None:
        await until(lambda: seen.exists() and seen.read_text().split().count("20") > 1)
        stop.set()

    stuck = chain("source", made, config, hosts=hosts, fault=fault)
    (report,) = run_plans([stuck], made, log_file, meanwhile=stop_while_waiting).connectors
    assert report.state is RunState.STOPPED
    assert report.failures == ()
    assert numbers(log_file) == list(range(16))
    run_plans([chain("source", made, config, hosts=hosts)], made, log_file)
    assert numbers(log_file) == list(range(40))


def test_a_stage_that_raises_stop_iteration_cuts_nothing_off(
    log_file: Path, tmp_path: Path
) -> None:
    made = environments(tmp_path)
    plan = chain("source", made, TOLERANT, hosts=1, fault={"fail": "2", "how": "end"})
    (report,) = run_plans([plan], made, log_file).connectors
    assert report.failures == ()
    assert numbers(log_file) == [n for n in range(40) if n != 2]


def test_a_converter_that_returns_no_bytes_fails_on_that_record_only(
    log_file: Path, tmp_path: Path
) -> None:
    made = environments(tmp_path)
    fault = {"fail": "2 3", "how": "odd"}
    plan = chain("source", made, TOLERANT, hosts=1, failing="KEY_CONVERTER", fault=fault)
    (report,) = run_plans([plan], made, log_file).connectors
    assert report.failures == ()
    assert numbers(log_file) == [n for n in range(40) if n not in (2, 3)]


@pytest.mark.parametrize("messages", ["false", "true"])
def test_errors_are_logged_with_the_record_only_when_asked(
    log_file: Path, tmp_path: Path, messages: str
) -> None:
    made, heard = environments(tmp_path), Heard([], [])
    config = {**TOLERANT, "errors.log.enable": "true", "errors.log.include.messages": messages}
    plan = chain("source", made, config, hosts=3, fault={"fail": "7"})
    run_plans([plan], made, log_file, heard=heard)
    (event,) = [one for one in heard.events if one.logger == "venvoy.errors"]
    assert (event.subject, event.level) == ("counter-0.1", "ERROR")
    assert event.text.startswith(
        "Error encountered in task counter-0. Executing stage 'TRANSFORMATION' with class "
        "'faulty.Faulty'"
    )
    assert "ValueError: bad 7" in event.text
    assert ("'n': 7" in event.text) is (messages == "true")
    assert ("{'task': '0'} at {'next': 8}" in event.text) is (messages == "true")


SETTINGS = {
    "tolerance": "all",
    "retry_timeout_ms": -1,
    "retry_delay_max_ms": 1,
    "log_enable": True,
    "log_include_messages": False,
    "dead_letters": False,
    "connector": "counter",
    "task": 0,
}


def _last_counts(task: LoneTask) -> dict[str, object]:
    """What a host has told of its errors last."""
    return dict([{}, *task.said("errors")][-1])


async def _store(task: LoneTask, count: int) -> None:
    while count:
        frame = await task.next_frame()
        task.acknowledge(frame)
        count -= frame.count


@pytest.mark.parametrize("hosts", [1, 3])
def test_a_host_counts_what_failed_by_kafkas_names(tmp_path: Path, hosts: int) -> None:
    made = environments(tmp_path)
    config = {**CONFIG, "task": "0"}
    fault = {"fail": "1", "how": "retriable", "times": "3"}
    plan = chain("source", made, config, hosts=hosts, failing="KEY_CONVERTER", fault=fault)

    async def body() -> None:
        async with lone_task(
            plan, made, task_class="CounterTask", config=config, errors=SETTINGS
        ) as task:
            await _store(task, 40)
            # Also without anything more going wrong; the first word may come between two tries.
            await until(lambda: _last_counts(task).get("total-retries") == 3, 60)
            told = _last_counts(task)
            await task.stop()
            assert told.pop("last-error-timestamp", 0)
            assert told == {
                "type": "errors",
                "total-record-failures": 3,
                "total-record-errors": 0,
                "total-records-skipped": 0,
                "total-retries": 3,
                "total-errors-logged": 0,
            }

    asyncio.run(body())


def test_the_last_counts_are_told_before_the_last_word(tmp_path: Path) -> None:
    made = environments(tmp_path)
    config = {**CONFIG, "task": "0"}
    plan = chain("source", made, config, hosts=1, fault={"fail": "0 1 39"})

    async def body() -> None:
        async with lone_task(
            plan, made, task_class="CounterTask", config=config, errors=SETTINGS
        ) as task:
            await _store(task, 37)
            await task.stop()
            kinds = [message["type"] for _, message in task.heard if message["type"] != "log"]
            told = task.said("errors")[-1]
            assert kinds.index("stopped") > max(
                place for place, kind in enumerate(kinds) if kind == "errors"
            )
            assert told["total-record-failures"] == told["total-record-errors"] == 3
            assert told["total-records-skipped"] == told["total-errors-logged"] == 3

    asyncio.run(body())


def test_a_failure_that_carries_a_whole_record_is_told_in_bounds(
    log_file: Path, tmp_path: Path
) -> None:
    made = environments(tmp_path)
    fault = {"fail": "0"}
    plan = chain("source", made, CONFIG, hosts=1, fault=fault)
    file = next(made[0].path.glob("lib/python3.*/site-packages/faulty.py"))
    text = file.read_text().replace('f"bad {number}"', '"x" * 80_000_000')
    file.write_text(text)
    (report,) = run_plans([plan], made, log_file).connectors
    (failure,) = report.failures
    assert isinstance(failure, PluginFailedError)
    assert "characters left out" in failure.error.traceback
    assert len(json.dumps(failure.error.traceback)) < 1_000_000
