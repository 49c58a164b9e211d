"""A source's records on their way through one segment: transformed, converted, framed.

Between segments they cross as a pickled tuple (records, indices, keys, values, headers), in which
a column is None until its converter has run.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import venvoy_api
from venvoy_host import frames, objects, stages
from venvoy_host.frames import Flag

__all__ = ["Group", "SourceBatch", "SourceChain", "frame_batch"]

_FRAME_BYTES = 8 * 1024 * 1024


class SourceBatch:
    """Records with their place in the poll, and the columns that are converted already."""

    __slots__ = ("headers", "indices", "keys", "records", "values")

    def __init__(self, records: list[Any], indices: list[int]) -> None:
        self.records = records
        self.indices = indices
        self.keys: list[bytes | None] | None = None
        self.values: list[bytes | None] | None = None
        self.headers: list[bytes | None] | None = None

    def dump(self) -> bytes:
        """Return the batch as it crosses to the next segment."""
        parts = (self.records, self.indices, self.keys, self.values, self.headers)
        return objects.dumps(parts)

    @classmethod
    def load(cls, data: bytes) -> SourceBatch:
        """Take a batch that came from the segment before."""
        records, indices, keys, values, headers = objects.loads(data)
        batch = cls(records, indices)
        batch.keys, batch.values, batch.headers = keys, values, headers
        return batch


class Group(NamedTuple):
    """One frame's worth: the records of one topic and partition, by their place in the poll."""

    topic: str
    partition: int
    indices: list[int]
    timestamps: list[int]


class SourceChain:
    """The stages of one segment of a source."""

    def __init__(self, made: list[tuple[str, Any]]) -> None:
        self._stages = made

    def run(self, batch: SourceBatch) -> None:
        """Pass the batch through every stage."""
        for role, stage in self._stages:
            if role == "transformation":
                _transform(batch, stage)
            elif role == "key.converter":
                convert = stage.from_connect_data
                batch.keys = [
                    convert(one.topic, one.headers, one.key_schema, one.key)
                    for one in batch.records
                ]
                _require_bytes(role, stage, batch.keys)
            elif role == "value.converter":
                convert = stage.from_connect_data
                batch.values = [
                    convert(one.topic, one.headers, one.value_schema, one.value)
                    for one in batch.records
                ]
                _require_bytes(role, stage, batch.values)
            else:
                batch.headers = [_headers(stage, record) for record in batch.records]

    def close(self) -> None:
        """Close every stage."""
        stages.close_stages(self._stages)


def frame_batch(
    batch: SourceBatch, *, number: int, source_offsets: bytes, wants_metadata: bool
) -> tuple[list[list[bytes]], list[Group]]:
    """Return the frames of a converted batch, the last one flagged, and what each holds.

    A batch of which nothing is left is one frame without records: its source offsets count.
    """
    now = int(time.time() * 1000)
    asked = Flag.WANTS_METADATA if wants_metadata else 0
    made: list[list[bytes]] = []
    groups: list[Group] = []
    pieces = _pieces(batch)
    for place, (topic, partition, rows) in enumerate(pieces):
        is_last = place == len(pieces) - 1
        records = batch.records
        stamps = [records[row].timestamp for row in rows]
        stamps = [now if stamp is None else stamp for stamp in stamps]
        whole = len(rows) == len(records)
        made.append(
            frames.encode_records(
                topic,
                partition,
                keys=_rows(batch.keys, rows, whole),
                values=_rows(batch.values, rows, whole),
                headers=_rows(batch.headers, rows, whole) if batch.headers else None,
                timestamps=stamps,
                batch=number,
                flags=asked | (Flag.LAST if is_last else 0),
                source_offsets=source_offsets if is_last else b"",
            )
        )
        groups.append(Group(topic, partition, [batch.indices[row] for row in rows], stamps))
    if not made:
        made.append(
            frames.encode_records(
                "",
                0,
                keys=(),
                values=(),
                headers=None,
                timestamps=(),
                batch=number,
                flags=asked | Flag.LAST,
                source_offsets=source_offsets,
            )
        )
    return made, groups


def _pieces(batch: SourceBatch) -> list[tuple[str, int, list[int]]]:
    """Group the rows by topic and partition in order of first appearance, bounded in bytes."""
    groups: dict[tuple[str, int], list[int]] = {}
    for row, record in enumerate(batch.records):
        groups.setdefault((record.topic, record.partition or 0), []).append(row)
    pieces: list[tuple[str, int, list[int]]] = []
    for (topic, partition), rows in groups.items():
        pieces += [(topic, partition, part) for part in _bounded(batch, rows)]
    return pieces


def _bounded(batch: SourceBatch, rows: list[int]) -> list[list[int]]:
    values = batch.values or []
    keys = batch.keys or []
    sizes = [len(values[row] or b"") + len(keys[row] or b"") for row in rows]
    if sum(sizes) <= _FRAME_BYTES:
        return [rows]
    parts: list[list[int]] = [[]]
    filled = 0
    for row, size in zip(rows, sizes):
        if parts[-1] and filled + size > _FRAME_BYTES:
            parts.append([])
            filled = 0
        parts[-1].append(row)
        filled += size
    return parts


def _rows(column: list[Any] | None, rows: list[int], whole: bool) -> list[Any]:
    if column is None:
        raise venvoy_api.ConnectError("a segment ended before its records were converted")
    return column if whole else [column[row] for row in rows]


def _transform(batch: SourceBatch, transform: stages.Transform) -> None:
    apply = transform.apply
    changed = [apply(record) for record in batch.records]
    if any(record is None for record in changed):
        kept = [row for row, record in enumerate(changed) if record is not None]
        batch.indices = [batch.indices[row] for row in kept]
        changed = [changed[row] for row in kept]
    batch.records = changed


def _require_bytes(role: str, converter: Any, column: list[Any]) -> None:
    for item in column:
        if item is not None and not isinstance(item, bytes):
            raise venvoy_api.DataError(
                f"{role} {type(converter).__qualname__} returned {type(item).__name__}; "
                "from_connect_data must return bytes or None"
            )


def _headers(converter: Any, record: Any) -> bytes | None:
    headers = record.headers
    if not headers:
        return None
    convert = converter.from_connect_header
    return frames.encode_headers(
        (one.key, convert(record.topic, one.key, one.schema, one.value)) for one in headers
    )
