"""The embedded log: topics, source offsets and sink offsets in one SQLite file.

One thread owns the connection. Batches that queue up while it writes go into one transaction with
one fsync. `synchronous=FULL`: an ack means that the records survive a power failure, because
sources tell foreign systems to forget what was acked; with NORMAL the last transactions could be
lost. A batch's records and source offsets are in the same transaction, so each record of a source
is in the log exactly once.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from launcher.hosts.frames import StoredFrame, with_first_offset
from launcher.storage.topic_log import Append, SourceOffset, TopicPartition
from manager.errors import VenvoyError

__all__ = ["ForeignLogError", "LogError", "SqliteLog"]

_SCHEMA_NUMBER = 1
_SCHEMA = """
CREATE TABLE topics (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    UNIQUE (topic, partition)
);
CREATE TABLE frames (
    topic_id INTEGER NOT NULL REFERENCES topics (id),
    first_offset INTEGER NOT NULL,
    count INTEGER NOT NULL,
    frame BLOB NOT NULL,
    PRIMARY KEY (topic_id, first_offset)
);
CREATE TABLE source_offsets (
    connector TEXT NOT NULL,
    partition TEXT NOT NULL,
    offset TEXT NOT NULL,
    PRIMARY KEY (connector, partition)
) WITHOUT ROWID;
CREATE TABLE sink_offsets (
    connector TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    PRIMARY KEY (connector, topic, partition)
) WITHOUT ROWID;
"""
_GROUP_MAX = 64
_NO_DATABASE = "file is not a database"  # SQLITE_NOTADB

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """Work for the log's thread, and whom to tell how it ended (None: well)."""

    work: Callable[[sqlite3.Connection], None]
    finish: Callable[[Exception | None], None]


class LogError(VenvoyError):
    """The log's file cannot be used."""

    code = "log"

    def __init__(self, *, file: Path, reason: str) -> None:
        super().__init__(file)
        self.file = file
        self.reason = reason

    @property
    def message(self) -> str:
        """The file and what SQLite says."""
        return f"the log `{self.file}` cannot be used: {self.reason}"

    @property
    def hint(self) -> str:
        """What to look at."""
        return "check its directory's rights and free space, and that no other worker uses it"


class ForeignLogError(LogError):
    """The log's file is something else, or of another venvoy."""

    code = "foreign-log"

    @property
    def hint(self) -> str:
        """What to do instead."""
        return "name another file in `storage.file`, or use the venvoy that wrote this one"


class SqliteLog:
    """A `TopicLog` in one file, and a lock beside it: one worker at a time. Close it."""

    def __init__(self, file: Path) -> None:
        """Open the file, or make it; raises LogError."""
        self._file = file
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = FileLock(f"{file}.lock", timeout=0)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            self._connection = _connected(file)
        except Timeout as error:
            raise LogError(file=file, reason="another worker uses it") from error
        except (sqlite3.Error, OSError) as error:
            self._lock.release()
            foreign = isinstance(error, sqlite3.NotSupportedError) or str(error) == _NO_DATABASE
            kind = ForeignLogError if foreign else LogError
            raise kind(file=file, reason=str(error)) from error
        self._thread = threading.Thread(target=self._work, name="venvoy-log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish what is queued and close the file. Call it once, when nobody awaits any more."""
        self._jobs.put(None)
        self._thread.join()
        self._connection.close()
        self._lock.release()

    async def append(self, batch: Append) -> tuple[tuple[str, int, int], ...]:
        """Store a batch; see `TopicLog`."""
        return await self._do(lambda connection: _append(connection, batch))

    async def read(
        self, topic: str, partition: int, offset: int, *, max_bytes: int
    ) -> tuple[StoredFrame, ...]:
        """Return frames from `offset` on; see `TopicLog`."""
        return await self._do(
            lambda connection: _read(connection, topic, partition, offset, max_bytes)
        )

    async def ends(self, topics: Sequence[str]) -> Mapping[TopicPartition, int]:
        """Return the ends of partitions; see `TopicLog`."""
        return await self._do(lambda connection: _ends(connection, topics))

    async def source_offsets(self, connector: str) -> tuple[SourceOffset, ...]:
        """Return a source's offsets; see `TopicLog`."""
        return await self._do(lambda connection: _source_offsets(connection, connector))

    async def sink_offsets(self, connector: str) -> Mapping[TopicPartition, int]:
        """Return a sink's offsets; see `TopicLog`."""
        return await self._do(lambda connection: _sink_offsets(connection, connector))

    async def commit_sink_offsets(
        self, connector: str, offsets: Mapping[TopicPartition, int]
    ) -> None:
        """Keep a sink's offsets; see `TopicLog`."""
        await self._do(lambda connection: _commit_sink_offsets(connection, connector, offsets))

    async def _do(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run in the log's thread; done when the transaction that it was in is on disk."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_T] = loop.create_future()
        kept: list[_T] = []

        def work_and_keep(connection: sqlite3.Connection) -> None:
            kept[:] = [work(connection)]

        def finish(error: Exception | None) -> None:
            if answer.done():
                return
            if error is None:
                answer.set_result(kept[0])
            else:
                answer.set_exception(LogError(file=self._file, reason=str(error)))

        def finish_soon(error: Exception | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(finish, error)

        self._jobs.put(_Job(work=work_and_keep, finish=finish_soon))
        return await answer

    def _work(self) -> None:
        """Take jobs in groups, each group one transaction, until the end is asked for."""
        is_open = True
        while is_open:
            job = self._jobs.get()
            group = []
            while job is not None:
                group.append(job)
                if len(group) >= _GROUP_MAX:
                    break
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            is_open = job is not None
            if group:
                self._transact(group)

    def _transact(self, group: list[_Job]) -> None:
        """Run a group; when it fails, run each job alone, so that none fails another."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in group:
                job.work(connection)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  # a dead thread would leave every caller waiting
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            if len(group) == 1:
                group[0].finish(error)
                return
            for job in group:
                self._transact([job])
            return
        for job in group:
            job.finish(None)


def _connected(file: Path) -> sqlite3.Connection:
    """Open the file, or make it, with its tables; raises sqlite3.Error and leaves nothing open."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=1.0)
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    run = connection.execute
    run("PRAGMA journal_mode = WAL")
    run("PRAGMA synchronous = FULL")
    run("PRAGMA busy_timeout = 1000")
    (number,) = run("PRAGMA user_version").fetchone()
    if number == 0:
        connection.executescript(
            f"BEGIN; {_SCHEMA} PRAGMA user_version = {_SCHEMA_NUMBER}; COMMIT;"
        )
    elif number != _SCHEMA_NUMBER:
        reason = f"it has format {number}, this venvoy reads {_SCHEMA_NUMBER}"
        raise sqlite3.NotSupportedError(reason)


def _append(connection: sqlite3.Connection, batch: Append) -> tuple[tuple[str, int, int], ...]:
    placed = []
    for frame in batch.frames:
        if not frame.count:  # nothing was left of the batch but its offsets
            continue
        topic_id, first = _topic(connection, frame.topic, frame.partition)
        connection.execute(
            "INSERT INTO frames VALUES (?, ?, ?, ?)",
            (topic_id, first, frame.count, with_first_offset(frame.data, first)),
        )
        connection.execute(
            "UPDATE topics SET next_offset = ? WHERE id = ?", (first + frame.count, topic_id)
        )
        placed.append((frame.topic, frame.partition, first))
    connection.executemany(
        "INSERT OR REPLACE INTO source_offsets VALUES (?, ?, ?)",
        [(batch.connector, *pair) for pair in batch.source_offsets],
    )
    return tuple(placed)


def _topic(connection: sqlite3.Connection, topic: str, partition: int) -> tuple[int, int]:
    """Return the row and the next offset of a partition, which is made if it is new."""
    query = "SELECT id, next_offset FROM topics WHERE topic = ? AND partition = ?"
    row = connection.execute(query, (topic, partition)).fetchone()
    if row is None:
        connection.execute(
            "INSERT INTO topics (topic, partition, next_offset) VALUES (?, ?, 0)",
            (topic, partition),
        )
        row = connection.execute(query, (topic, partition)).fetchone()
    topic_id, next_offset = row
    return topic_id, next_offset


def _read(
    connection: sqlite3.Connection, topic: str, partition: int, offset: int, max_bytes: int
) -> tuple[StoredFrame, ...]:
    topic_id, end = _end(connection, topic, partition)
    if offset >= end:
        return ()
    rows = connection.execute(
        "SELECT first_offset, count, frame FROM frames WHERE topic_id = ? AND first_offset >= "
        "(SELECT max(first_offset) FROM frames WHERE topic_id = ? AND first_offset <= ?) "
        "ORDER BY first_offset",
        (topic_id, topic_id, offset),
    )
    found: list[StoredFrame] = []
    size = 0
    for first, count, data in rows:
        size += len(data)
        if found and size > max_bytes:
            break
        found.append(
            StoredFrame(
                topic=topic, partition=partition, first_offset=first, count=count, data=data
            )
        )
    return tuple(found)


def _end(connection: sqlite3.Connection, topic: str, partition: int) -> tuple[int, int]:
    row = connection.execute(
        "SELECT id, next_offset FROM topics WHERE topic = ? AND partition = ?", (topic, partition)
    ).fetchone()
    return (-1, 0) if row is None else (row[0], row[1])


def _ends(connection: sqlite3.Connection, topics: Sequence[str]) -> dict[TopicPartition, int]:
    marks = ", ".join("?" * len(topics))
    rows = connection.execute(
        f"SELECT topic, partition, next_offset FROM topics WHERE topic IN ({marks})",  # noqa: S608  # question marks only
        tuple(topics),
    )
    return {(topic, partition): end for topic, partition, end in rows}


def _source_offsets(connection: sqlite3.Connection, connector: str) -> tuple[SourceOffset, ...]:
    rows = connection.execute(
        "SELECT partition, offset FROM source_offsets WHERE connector = ? ORDER BY partition",
        (connector,),
    )
    return tuple((partition, offset) for partition, offset in rows)


def _sink_offsets(connection: sqlite3.Connection, connector: str) -> dict[TopicPartition, int]:
    rows = connection.execute(
        "SELECT topic, partition, offset FROM sink_offsets WHERE connector = ?", (connector,)
    )
    return {(topic, partition): offset for topic, partition, offset in rows}


def _commit_sink_offsets(
    connection: sqlite3.Connection, connector: str, offsets: Mapping[TopicPartition, int]
) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO sink_offsets VALUES (?, ?, ?, ?)",
        [(connector, *place, offset) for place, offset in offsets.items()],
    )
