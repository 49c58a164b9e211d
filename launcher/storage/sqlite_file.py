"""The worker's one SQLite file: a thread that owns the connection, its schema, its errors.

Batches that queue up while the thread writes go into one transaction with one fsync.
`synchronous=FULL`: what was answered survives a power failure, because sources tell foreign systems
to forget what was acked; with NORMAL the last transactions could be lost. A worker that is killed
leaves each transaction whole or not at all.
"""

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from manager.errors import VenvoyError

__all__ = ["SCHEMA_NUMBER", "ForeignLogError", "LogError", "LostFileError", "SqliteFile"]

SCHEMA_NUMBER = 3
"""What `PRAGMA user_version` says of a file that this venvoy writes."""

_STEPS = (
    """
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
""",
    """
CREATE TABLE worker (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE connectors (
    name TEXT PRIMARY KEY,
    config TEXT NOT NULL,
    target TEXT NOT NULL,
    applied TEXT,
    task_configs TEXT NOT NULL,
    password_keys TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE connector_statuses (
    connector TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    worker_id TEXT NOT NULL,
    version TEXT,
    trace TEXT,
    environment TEXT
) WITHOUT ROWID;
CREATE TABLE task_statuses (
    connector TEXT NOT NULL,
    task INTEGER NOT NULL,
    state TEXT NOT NULL,
    worker_id TEXT NOT NULL,
    version TEXT,
    trace TEXT,
    PRIMARY KEY (connector, task)
) WITHOUT ROWID;
CREATE TABLE connector_topics (
    connector TEXT NOT NULL,
    topic TEXT NOT NULL,
    PRIMARY KEY (connector, topic)
) WITHOUT ROWID;
""",
    """
ALTER TABLE connectors ADD COLUMN asked_by TEXT NOT NULL DEFAULT 'worker';
ALTER TABLE connectors ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connectors ADD COLUMN locked TEXT NOT NULL DEFAULT '{}';
ALTER TABLE connectors ADD COLUMN last_move TEXT;
ALTER TABLE connectors ADD COLUMN fallback TEXT;
CREATE TABLE generations (
    connector TEXT NOT NULL,
    number INTEGER NOT NULL,
    config TEXT NOT NULL,
    password_keys TEXT NOT NULL,
    versions TEXT NOT NULL,
    exact TEXT NOT NULL,
    plugin_digests TEXT NOT NULL,
    environment_digests TEXT NOT NULL,
    at INTEGER NOT NULL,
    asked_by TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (connector, number)
) WITHOUT ROWID;
""",
)
"""What makes each schema number out of the one before; the first makes 1 out of an empty file."""

_GROUP_MAX = 64
_NO_DATABASE = "file is not a database"  # SQLITE_NOTADB
_PRIVATE = 0o600  # connector configs may hold passwords
_ENDINGS = ("", "-wal", "-shm")  # the files of one SQLite database in WAL mode

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


class LostFileError(LogError):
    """A file of the log is open, and no longer at its path: nobody would find what is in it."""

    code = "lost-log-file"

    @property
    def message(self) -> str:
        """Which file, and what that means."""
        return (
            f"the log's file `{self.file}` {self.reason} while the worker uses it: what the worker "
            "stores is lost when it ends, so changes are refused until the file is back"
        )

    @property
    def hint(self) -> str:
        """What can be saved, and how to go on."""
        return (
            "move the file back if it was moved away; else save what "
            "`GET /connectors?expand=info` tells, stop the worker, and start it on a backup"
        )


class SqliteFile:
    """A connection in a thread of its own, and a lock beside the file: one worker at a time."""

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
        self._opened = tuple(_identities(file))
        self._thread = threading.Thread(target=self._work, name="venvoy-log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish what is queued and close the file. Call it once, when nobody awaits any more."""
        self._jobs.put(None)
        self._thread.join()
        self._connection.close()
        self._lock.release()

    def fault(self) -> LostFileError | None:
        """Return which file is gone or another than was opened; costs a `stat` for each."""
        for file, identity in self._opened:
            reason = _lost(file, identity)
            if reason is not None:
                return LostFileError(file=file, reason=reason)
        return None

    async def change(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do what somebody asked for and will rely on; LostFileError, and it is not done."""

        def work_and_look(connection: sqlite3.Connection) -> _T:
            made = work(connection)
            fault = self.fault()
            if fault is not None:
                raise fault
            return made

        return await self.do(work_and_look)

    async def do(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
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
                is_told = isinstance(error, LogError)
                told = error if is_told else LogError(file=self._file, reason=str(error))
                answer.set_exception(told)

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


def _identities(file: Path) -> Iterator[tuple[Path, tuple[int, int]]]:
    """Return the files of an open database, each with its device and inode."""
    for ending in _ENDINGS:
        path = Path(f"{file}{ending}")
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            yield path, (status.st_dev, status.st_ino)


def _lost(file: Path, identity: tuple[int, int]) -> str | None:
    """Return what became of an open file's path, None when it is there."""
    try:
        status = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "was removed"
    except OSError:  # what cannot be seen need not be gone
        return None
    is_it = (status.st_dev, status.st_ino) == identity
    return None if is_it else "was replaced by another file"


def _connected(file: Path) -> sqlite3.Connection:
    """Open the file, or make it, with its tables; raises sqlite3.Error and leaves nothing open."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, _PRIVATE))
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=1.0)
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest schema, in one transaction or not at all."""
    run = connection.execute
    (number,) = run("PRAGMA user_version").fetchone()
    if not 0 <= number <= SCHEMA_NUMBER:
        reason = f"it has format {number}, this venvoy reads up to {SCHEMA_NUMBER}"
        raise sqlite3.NotSupportedError(reason)
    if number == 0 and run("SELECT 1 FROM sqlite_master").fetchone():
        raise sqlite3.NotSupportedError("it is a database of something else")
    run("PRAGMA journal_mode = WAL")
    run("PRAGMA synchronous = FULL")
    run("PRAGMA busy_timeout = 1000")
    if number < SCHEMA_NUMBER:
        steps = "".join(_STEPS[number:])
        connection.executescript(f"BEGIN; {steps} PRAGMA user_version = {SCHEMA_NUMBER}; COMMIT;")
