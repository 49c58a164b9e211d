"""The embedded log: topics, source offsets and sink offsets in the worker's SQLite file.

A batch's records and source offsets are in the same transaction, so each record of a source is in
the log exactly once.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from launcher.hosts.frames import (
    RawRecord,
    StoredFrame,
    WireFrame,
    cut_record,
    encode_record,
    with_first_offset,
)
from launcher.storage.sqlite_file import ForeignLogError, LogError, SqliteFile
from launcher.storage.topic_log import Append, SourceOffset, TopicPartition
from manager.errors import InternalError

__all__ = ["ForeignLogError", "LogError", "SqliteLog"]


class SqliteLog:
    """A `TopicLog` in one file, and a lock beside it: one worker at a time. Close it."""

    def __init__(self, file: Path) -> None:
        """Open the file, or make it; raises LogError."""
        self.file = SqliteFile(file)

    def close(self) -> None:
        """Finish what is queued and close the file. Call it once, when nobody awaits any more."""
        self.file.close()

    async def append(self, batch: Append) -> tuple[tuple[str, int, int], ...]:
        """Store a batch; see `TopicLog`."""
        return await self.file.do(lambda connection: _append(connection, batch))

    async def read(
        self, topic: str, partition: int, offset: int, *, max_bytes: int
    ) -> tuple[StoredFrame, ...]:
        """Return frames from `offset` on; see `TopicLog`."""
        return await self.file.do(
            lambda connection: _read(connection, topic, partition, offset, max_bytes)
        )

    async def ends(self, topics: Sequence[str]) -> Mapping[TopicPartition, int]:
        """Return the ends of partitions; see `TopicLog`."""
        return await self.file.do(lambda connection: _ends(connection, topics))

    async def source_offsets(self, connector: str) -> tuple[SourceOffset, ...]:
        """Return a source's offsets; see `TopicLog`."""
        return await self.file.do(lambda connection: _source_offsets(connection, connector))

    async def sink_offsets(self, connector: str) -> Mapping[TopicPartition, int]:
        """Return a sink's offsets; see `TopicLog`."""
        return await self.file.do(lambda connection: _sink_offsets(connection, connector))

    async def commit_sink_offsets(
        self, connector: str, offsets: Mapping[TopicPartition, int]
    ) -> None:
        """Keep a sink's offsets; see `TopicLog`."""
        await self.file.do(lambda connection: _set_sink_offsets(connection, connector, offsets))

    async def append_record(self, topic: str, partition: int, record: RawRecord) -> int:
        """Store one record that no host has encoded; see `TopicLog`."""
        frame = encode_record(topic, partition, record)
        return await self.file.do(lambda connection: _append_frame(connection, frame)[2])

    async def record_at(self, topic: str, partition: int, offset: int) -> RawRecord:
        """Return one record; see `TopicLog`."""
        for frame in await self.read(topic, partition, offset, max_bytes=1):
            return cut_record(frame.data, offset - frame.first_offset)
        raise InternalError(what=f"there is no record {offset} in {topic}-{partition}")

    async def topic_names(self) -> tuple[str, ...]:
        """Return every topic; see `TopicLog`."""
        return await self.file.do(_topic_names)

    async def set_source_offsets(
        self, connector: str, offsets: Sequence[tuple[str, str | None]]
    ) -> None:
        """Change a source's offsets; see `TopicLog`."""
        await self.file.change(
            lambda connection: _set_source_offsets(connection, connector, offsets)
        )

    async def delete_source_offsets(self, connector: str) -> None:
        """Forget a source's offsets; see `TopicLog`."""
        await self.file.change(
            lambda connection: _run(
                connection, "DELETE FROM source_offsets WHERE connector = ?", connector
            )
        )

    async def set_sink_offsets(
        self, connector: str, offsets: Mapping[TopicPartition, int | None]
    ) -> None:
        """Change a sink's offsets; see `TopicLog`."""
        await self.file.change(lambda connection: _set_sink_offsets(connection, connector, offsets))

    async def delete_sink_offsets(self, connector: str) -> None:
        """Forget a sink's offsets; see `TopicLog`."""
        await self.file.change(
            lambda connection: _run(
                connection, "DELETE FROM sink_offsets WHERE connector = ?", connector
            )
        )


def _append(connection: sqlite3.Connection, batch: Append) -> tuple[tuple[str, int, int], ...]:
    placed = tuple(
        _append_frame(connection, frame)
        for frame in batch.frames
        if frame.count  # else nothing was left of the batch but its offsets
    )
    _set_source_offsets(connection, batch.connector, batch.source_offsets)
    return placed


def _append_frame(connection: sqlite3.Connection, frame: WireFrame) -> tuple[str, int, int]:
    topic_id, first = _topic(connection, frame.topic, frame.partition)
    connection.execute(
        "INSERT INTO frames VALUES (?, ?, ?, ?)",
        (topic_id, first, frame.count, with_first_offset(frame.data, first)),
    )
    connection.execute(
        "UPDATE topics SET next_offset = ? WHERE id = ?", (first + frame.count, topic_id)
    )
    return frame.topic, frame.partition, first


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


def _set_source_offsets(
    connection: sqlite3.Connection, connector: str, offsets: Sequence[tuple[str, str | None]]
) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO source_offsets VALUES (?, ?, ?)",
        [(connector, *pair) for pair in offsets if pair[1] is not None],
    )
    connection.executemany(
        "DELETE FROM source_offsets WHERE connector = ? AND partition = ?",
        [(connector, partition) for partition, offset in offsets if offset is None],
    )


def _set_sink_offsets(
    connection: sqlite3.Connection, connector: str, offsets: Mapping[TopicPartition, int | None]
) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO sink_offsets VALUES (?, ?, ?, ?)",
        [(connector, *place, offset) for place, offset in offsets.items() if offset is not None],
    )
    connection.executemany(
        "DELETE FROM sink_offsets WHERE connector = ? AND topic = ? AND partition = ?",
        [(connector, *place) for place, offset in offsets.items() if offset is None],
    )


def _topic_names(connection: sqlite3.Connection) -> tuple[str, ...]:
    return tuple(name for (name,) in connection.execute("SELECT DISTINCT topic FROM topics"))


def _run(connection: sqlite3.Connection, statement: str, *values: str) -> None:
    connection.execute(statement, values)
