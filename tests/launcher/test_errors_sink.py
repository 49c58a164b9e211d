"""Sinks whose stages fail on some records, or that report some: dead letters and commits."""

import asyncio
import json
import os
import random
import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from launcher.hosts.frames import RawRecord
from launcher.planning.plan import PipelinePlan
from launcher.storage.sqlite_log import LogError, SqliteLog
from launcher.storage.topic_log import TopicLog, TopicPartition
from launcher.tasks.report import RunState
from manager.store.environments import Environment
from tests.launcher.faulty import CLASSES, STAGES, TRANSFORMATION, chain, environments
from tests.launcher.pipelines import Heard, lines_of, run_plans, source, until

LETTERS = {
    "errors.tolerance": "all",
    "errors.deadletterqueue.topic.name": "letters",
    "errors.deadletterqueue.topic.replication.factor": "1",
}
WITH_HEADERS = {**LETTERS, "errors.deadletterqueue.context.headers.enable": "true"}


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


@pytest.fixture
def made(log_file: Path, tmp_path: Path) -> list[Environment]:
    """Environments, and a topic `numbers` from 0 to 29 in the log."""
    found = environments(tmp_path)
    counter = source(found[0].path, count="30", batch="10", headers="yes")
    assert run_plans([counter], found, log_file).failures == ()
    return found


def ask(log_file: Path, question: Callable[[SqliteLog], Awaitable[object]]) -> object:
    """Ask the log something while no run has it."""

    async def body() -> object:
        log = SqliteLog(log_file)
        try:
            return await question(log)
        finally:
            log.close()

    return asyncio.run(body())


def letters(log_file: Path) -> list[RawRecord]:
    """Every record of the dead letter topic."""

    async def question(log: SqliteLog) -> list[RawRecord]:
        end = (await log.ends(["letters"])).get(("letters", 0), 0)
        return [await log.record_at("letters", 0, offset) for offset in range(end)]

    found = ask(log_file, question)
    assert isinstance(found, list)
    return found


def committed(log_file: Path) -> object:
    """How far the sink's offsets have got."""

    async def question(log: SqliteLog) -> object:
        return (await log.sink_offsets("writer")).get(("numbers", 0))

    return ask(log_file, question)


def original(number: int) -> RawRecord:
    """A record of the topic as the converters of the source wrote it."""
    return RawRecord(
        key=str(number).encode(),
        value=json.dumps({"n": number}, separators=(",", ":")).encode(),
        headers=(("from", b"counter"),),
        timestamp=1000 + number,
    )


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


class _Full:
    """A log that has no room for dead letters."""

    def __init__(self, log: TopicLog) -> None:
        self._log = log

    async def append_record(self, topic: str, partition: int, record: RawRecord) -> int:
        raise LogError(file=Path("log"), reason="disk full")

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)


def full(log: TopicLog) -> TopicLog:
    return _Full(log)  # type: ignore[return-value]  # the rest by __getattr__


def test_a_dead_letter_that_cannot_be_stored_ends_the_task_uncommitted(
    made: list[Environment], log_file: Path, tmp_path: Path
) -> None:
    config = {"file": str(tmp_path / "out"), **LETTERS}
    plan = chain("sink", made, config, hosts=1, fault={"fail": "3"})
    (report,) = run_plans([plan], made, log_file, wrap=full).connectors
    assert report.state is RunState.FAILED
    assert "disk full" in report.failures[0].message
    assert committed(log_file) is None


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

    async def kill_a_host(_stop: asyncio.Event) -> None:
        await until(lambda: all(pid.exists() and pid.read_text() for pid in pids))
        await asyncio.sleep(dice.random() * 0.2)  # any moment: of a put, a letter, a commit
        os.kill(int(dice.choice(pids).read_text()), signal.SIGKILL)

    killed, reached = 0, 0
    for _ in range(5):
        for pid in pids:
            pid.unlink(missing_ok=True)
        (report,) = run_plans(
            [plan], made, log_file, meanwhile=kill_a_host, flush_interval_s=0.02, window_records=50
        ).connectors
        killed += report.state is RunState.FAILED
        now = committed(log_file)
        assert isinstance(now, int | None)
        assert (now or 0) >= reached
        reached = now or 0
        kept = {int(one.key or b"") for one in letters(log_file)}
        put = {int(line) for line in out.read_text().split()} if out.exists() else set()
        assert (put | kept) >= set(range(reached))
    assert killed >= 3
    assert run_plans([plan], made, log_file).failures == ()
    kept = {int(one.key or b"") for one in letters(log_file)}
    assert kept == bad | reported
    assert {int(line) for line in out.read_text().split()} == set(range(count)) - kept
