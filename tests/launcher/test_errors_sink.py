"""Sinks whose stages fail on some records: dead letters, and what is committed."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from launcher.hosts.frames import RawRecord
from launcher.storage.topic_log import TopicLog, TopicPartition
from launcher.tasks.report import RunState
from manager.store.environments import Environment
from tests.launcher.faulty import CLASSES, STAGES, TRANSFORMATION, chain
from tests.launcher.letters import (
    LETTERS,
    WITH_HEADERS,
    committed,
    full,
    letters,
    original,
    with_numbers,
)
from tests.launcher.pipelines import Heard, lines_of, run_plans, until


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


@pytest.fixture
def made(log_file: Path, tmp_path: Path) -> list[Environment]:
    return with_numbers(tmp_path, log_file)


@pytest.mark.parametrize("failing", STAGES)
@pytest.mark.parametrize("hosts", [1, 3])
def test_what_fails_in_a_stage_becomes_a_dead_letter_as_it_was(
    made: list[Environment], log_file: Path, tmp_path: Path, hosts: int, failing: str
) -> None:
    out = tmp_path / "out.jsonl"
    config = {"file": str(out), **WITH_HEADERS}
    bad = [0, 14, 15, 29]
    fault = {"fail": " ".join(map(str, bad))}
    plan = chain("sink", made, config, hosts=hosts, failing=failing, fault=fault)
    report = run_plans([plan], made, log_file)
    assert report.failures == ()
    assert [line[1] for line in lines_of(out)] == [n for n in range(30) if n not in bad]  # type: ignore[index]
    assert committed(log_file) == 30
    found = letters(log_file)
    plain = [
        RawRecord(key=one.key, value=one.value, headers=one.headers[:1], timestamp=one.timestamp)
        for one in found
    ]
    assert plain == [original(n) for n in bad]
    for number, letter in zip(bad, found, strict=True):
        told = dict(letter.headers[1:])
        trace = told.pop("__connect.errors.exception.stacktrace") or b""
        assert trace.startswith(b"Traceback")
        assert trace.endswith(b"ValueError: bad %d\n" % number)
        assert told == {
            "__connect.errors.topic": b"numbers",
            "__connect.errors.partition": b"0",
            "__connect.errors.offset": str(number).encode(),
            "__connect.errors.connector.name": b"writer",
            "__connect.errors.task.id": b"0",
            "__connect.errors.stage": failing.encode(),
            "__connect.errors.class.name": CLASSES[failing].replace(":", ".").encode(),
            "__connect.errors.exception.class.name": b"ValueError",
            "__connect.errors.exception.message": b"bad %d" % number,
        }
    assert run_plans([plan], made, log_file).failures == ()
    assert len(letters(log_file)) == len(bad)  # they count as done


@pytest.mark.parametrize("hosts", [1, 3])
def test_without_context_headers_a_dead_letter_is_the_record_alone(
    made: list[Environment], log_file: Path, tmp_path: Path, hosts: int
) -> None:
    config = {"file": str(tmp_path / "out"), **LETTERS}
    plan = chain("sink", made, config, hosts=hosts, fault={"fail": "3"})
    assert run_plans([plan], made, log_file).failures == ()
    assert letters(log_file) == [original(3)]


@pytest.mark.parametrize("failing", STAGES)
@pytest.mark.parametrize("hosts", [1, 3])
def test_without_tolerance_the_first_failure_ends_the_task(
    made: list[Environment], log_file: Path, tmp_path: Path, hosts: int, failing: str
) -> None:
    config = {"file": str(tmp_path / "out"), **LETTERS, "errors.tolerance": "none"}
    plan = chain("sink", made, config, hosts=hosts, failing=failing, fault={"fail": "21"})
    (report,) = run_plans([plan], made, log_file).connectors
    assert report.state is RunState.FAILED
    (failure,) = report.failures
    assert failure.message.endswith("Tolerance exceeded in error handler (ValueError: bad 21)")
    assert letters(log_file) == []
    reached = committed(log_file)
    assert reached is None or int(str(reached)) <= 21
    healed = chain("sink", made, config, hosts=hosts, failing=failing)
    assert run_plans([healed], made, log_file).failures == ()
    seen = {line[1] for line in lines_of(tmp_path / "out")}  # type: ignore[index]
    assert seen == set(range(30))


def test_a_whole_frame_of_failures_is_passed_over(
    made: list[Environment], log_file: Path, tmp_path: Path
) -> None:
    config = {"file": str(tmp_path / "out"), **LETTERS}
    fault = {"fail": " ".join(map(str, range(30)))}
    plan = chain("sink", made, config, hosts=1, failing="KEY_CONVERTER", fault=fault)
    assert run_plans([plan], made, log_file).failures == ()
    assert letters(log_file) == [original(n) for n in range(30)]
    assert committed(log_file) == 30


class _Slow:
    """A log that stores dead letters only when `gate` opens, and notes what it stored in order."""

    def __init__(self, log: TopicLog) -> None:
        self._log = log
        self.gate = asyncio.Event()
        self.stored: list[str] = []

    async def append_record(self, topic: str, partition: int, record: RawRecord) -> int:
        await self.gate.wait()
        offset = await self._log.append_record(topic, partition, record)
        self.stored.append("letter")
        return offset

    async def commit_sink_offsets(
        self, connector: str, offsets: Mapping[TopicPartition, int]
    ) -> None:
        self.stored.append("commit")
        await self._log.commit_sink_offsets(connector, offsets)

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)


@pytest.mark.parametrize("hosts", [1, 3])
def test_no_commit_runs_ahead_of_a_dead_letter(
    made: list[Environment], log_file: Path, tmp_path: Path, hosts: int
) -> None:
    out = tmp_path / "out"
    logs: list[_Slow] = []

    def wrap(log: TopicLog) -> TopicLog:
        logs.append(_Slow(log))
        return logs[0]  # type: ignore[return-value]  # the rest by __getattr__

    async def open_late(_stop: asyncio.Event) -> None:
        await until(lambda: len(lines_of(out)) == 27)
        await asyncio.sleep(0.3)  # time in which a commit that does not wait would be stored
        logs[0].gate.set()

    config = {"file": str(out), **LETTERS}
    plan = chain("sink", made, config, hosts=hosts, fault={"fail": "1 2 29"})
    report = run_plans(
        [plan], made, log_file, wrap=wrap, meanwhile=open_late, flush_interval_s=0.05
    )
    assert report.failures == ()
    assert logs[0].stored[:3] == ["letter"] * 3
    assert "commit" in logs[0].stored
    assert committed(log_file) == 30


def test_a_dead_letter_that_cannot_be_stored_ends_the_task_uncommitted(
    made: list[Environment], log_file: Path, tmp_path: Path
) -> None:
    config = {"file": str(tmp_path / "out"), **LETTERS}
    plan = chain("sink", made, config, hosts=1, fault={"fail": "3"})
    (report,) = run_plans([plan], made, log_file, wrap=full).connectors
    assert report.state is RunState.FAILED
    assert "disk full" in report.failures[0].message
    assert committed(log_file) is None


def test_the_log_names_the_place_of_a_sinks_record_when_asked(
    made: list[Environment], log_file: Path, tmp_path: Path
) -> None:
    heard = Heard([], [])
    config = {
        "file": str(tmp_path / "out"),
        "errors.tolerance": "all",
        "errors.log.enable": "true",
        "errors.log.include.messages": "true",
    }
    plan = chain("sink", made, config, hosts=3, failing="VALUE_CONVERTER", fault={"fail": "12"})
    assert run_plans([plan], made, log_file, heard=heard).failures == ()
    (event,) = [one for one in heard.events if one.logger == "venvoy.errors"]
    assert event.text.startswith(
        "Error encountered in task writer-0. Executing stage 'VALUE_CONVERTER' with class "
        "'faulty.Values', where consumed record is {topic='numbers', partition=0, offset=12, "
        "timestamp=1012, timestampType=CreateTime}."
    )


def test_a_retriable_failure_in_a_sink_is_tried_again(
    made: list[Environment], log_file: Path, tmp_path: Path
) -> None:
    out, seen = tmp_path / "out", tmp_path / "seen"
    config = {
        "file": str(out),
        "errors.retry.timeout": "60000",
        "errors.retry.delay.max.ms": "1",
    }
    fault = {"fail": "9", "how": "retriable", "times": "2", "seen": str(seen)}
    plan = chain("sink", made, config, hosts=3, failing="VALUE_CONVERTER", fault=fault)
    assert run_plans([plan], made, log_file).failures == ()
    assert [line[1] for line in lines_of(out)] == list(range(30))  # type: ignore[index]
    tried = [int(line) for line in seen.read_text().split()]
    assert tried == sorted([*range(30), 9, 9])


@pytest.mark.parametrize("hosts", [1, 3])
def test_a_stop_breaks_the_wait_of_a_sink_and_commits_what_was_put(
    made: list[Environment], log_file: Path, tmp_path: Path, hosts: int
) -> None:
    out, seen = tmp_path / "out", tmp_path / "seen"
    config = {"file": str(out), **LETTERS, "errors.retry.timeout": "-1"}
    fault = {"fail": "15", "how": "retriable", "seen": str(seen)}

    async def stop_while_waiting(stop: asyncio.Event) -> None:
        await until(lambda: seen.exists() and seen.read_text().split().count("15") > 1)
        stop.set()

    stuck = chain("sink", made, config, hosts=hosts, fault=fault)
    (report,) = run_plans([stuck], made, log_file, meanwhile=stop_while_waiting).connectors
    assert (report.state, report.failures) == (RunState.STOPPED, ())
    assert committed(log_file) in (None, 10)
    healed = chain("sink", made, config, hosts=hosts, failing=TRANSFORMATION)
    assert run_plans([healed], made, log_file).failures == ()
    assert {line[1] for line in lines_of(out)} == set(range(30))  # type: ignore[index]
    assert letters(log_file) == []
