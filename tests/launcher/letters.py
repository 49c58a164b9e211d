"""A topic `numbers` in a log, and what its sinks leave behind: dead letters, committed offsets."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from launcher.hosts.frames import RawRecord
from launcher.storage.sqlite_log import LogError, SqliteLog
from launcher.storage.topic_log import TopicLog
from manager.store.environments import Environment
from tests.launcher.faulty import environments
from tests.launcher.pipelines import run_plans, source

LETTERS = {
    "errors.tolerance": "all",
    "errors.deadletterqueue.topic.name": "letters",
    "errors.deadletterqueue.topic.replication.factor": "1",
}
WITH_HEADERS = {**LETTERS, "errors.deadletterqueue.context.headers.enable": "true"}


def with_numbers(tmp_path: Path, log_file: Path, count: int = 30) -> list[Environment]:
    """Environments, and a topic `numbers` from 0 in the log."""
    found = environments(tmp_path)
    counter = source(found[0].path, count=str(count), batch="10", headers="yes")
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
