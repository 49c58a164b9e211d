"""A source's records on their way through one segment: transformed, converted, framed.

Between segments they cross as a pickled tuple (records, indices, keys, values, headers, marks), in
which a column is None until its converter has run. `marks` is None but between a predicate and its
transformation.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import venvoy_api
from venvoy_host import frames, objects, stages
from venvoy_host.frames import Flag
from venvoy_host.record_columns import pack, unpack
from venvoy_host.tolerance import FAILED, Outcome, Step, Tolerance, looping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from venvoy_host.tolerance import Loop

__all__ = ["Group", "SourceBatch", "SourceChain", "frame_batch"]

_FRAME_BYTES = 8 * 1024 * 1024
_BYTES_OR_NONE = frozenset((bytes, type(None)))


class SourceBatch:
    """Records with their place in the poll, and the columns that are converted already.

    `end` is the place in the poll of the record that ended the task: it and all behind it are out.
    """

    __slots__ = ("end", "headers", "indices", "keys", "marks", "records", "values")

    def __init__(self, records: list[Any], indices: list[int]) -> None:
        self.records = records
        self.indices = indices
        self.keys: list[bytes | None] | None = None
        self.values: list[bytes | None] | None = None
        self.headers: list[bytes | None] | None = None
        self.marks: list[bool] | None = None
        self.end: int | None = None

    def keep(self, rows: list[int]) -> None:
        """Keep these rows only."""
        self.records = [self.records[row] for row in rows]
        self.indices = [self.indices[row] for row in rows]
        for name in ("keys", "values", "headers", "marks"):
            column = getattr(self, name)
            if column is not None:
                setattr(self, name, [column[row] for row in rows])

    def dump(self) -> bytes:
        """Return the batch as it crosses to the next segment."""
        records = pack(self.records)
        parts = (records, self.indices, self.keys, self.values, self.headers, self.marks)
        return objects.dumps(parts)

    @classmethod
    def load(cls, data: bytes) -> SourceBatch:
        """Take a batch that came from the segment before."""
        records, indices, keys, values, headers, marks = objects.loads(data)
        batch = cls(unpack(records), indices)
        batch.keys, batch.values, batch.headers, batch.marks = keys, values, headers, marks
        return batch


class Group(NamedTuple):
    """One frame's worth: the records of one topic and partition, by their place in the poll."""

    topic: str
    partition: int
    indices: list[int]
    timestamps: list[int]


class SourceChain:
    """The stages of one segment of a source."""

    def __init__(self, made: list[tuple[str, Any]], tolerance: Tolerance) -> None:
        self._stages = made
        self._tolerance = tolerance

    def run(self, batch: SourceBatch) -> Exception | None:
        """Pass the batch through every stage; return what ends the task, if anything does.

        Then the batch holds what came before the record that failed, also through every stage.
        Raises StopError when a stop came meanwhile.
        """
        fatal: Exception | None = None
        for role, stage in self._stages:
            if role == "transformation":
                failure = self._transform(batch, stage)
            elif role == "predicate":
                failure = self._mark(batch, stage)
            else:
                failure = self._convert(batch, role, stage)
            fatal = failure or fatal
        return fatal

    def close(self) -> None:
        """Close every stage."""
        stages.close_stages(self._stages)

    def _mark(self, batch: SourceBatch, mark: stages.Mark) -> Exception | None:
        records = batch.records
        place = records.__getitem__
        step = Step("TRANSFORMATION", mark.predicate, looping(mark.test), records, place)
        outcome = self._tolerance.run(step)
        _end(batch, outcome)
        batch.marks = outcome.results
        if outcome.failures:
            batch.keep([row for row, item in enumerate(outcome.results) if item is not FAILED])
        return outcome.fatal

    def _transform(self, batch: SourceBatch, transform: stages.Transform) -> Exception | None:
        records = batch.records
        loop, items = transform.loop(records, batch.marks)
        if transform.is_marked:
            batch.marks = None
        place = records.__getitem__
        outcome = self._tolerance.run(
            Step("TRANSFORMATION", transform.transformation, loop, items, place)
        )
        changed = outcome.results
        _end(batch, outcome)
        if outcome.failures or any(record is None for record in changed):
            kept = [
                row
                for row, record in enumerate(changed)
                if record is not None and record is not FAILED
            ]
            batch.indices = [batch.indices[row] for row in kept]
            changed = [changed[row] for row in kept]
        batch.records = changed
        return outcome.fatal

    def _convert(self, batch: SourceBatch, role: str, converter: Any) -> Exception | None:
        records = batch.records
        column, looped = _COLUMNS[role]
        name, place = role.replace(".", "_").upper(), records.__getitem__
        step = Step(name, converter, looped(converter), records, place)
        outcome = self._tolerance.run(step)
        outcome = self._require_bytes(role, step, outcome)
        _end(batch, outcome)
        setattr(batch, column, outcome.results)
        if outcome.failures:
            batch.keep([row for row, item in enumerate(outcome.results) if item is not FAILED])
        return outcome.fatal

    def _require_bytes(self, role: str, step: Step, outcome: Outcome) -> Outcome:
        if _BYTES_OR_NONE.issuperset(map(type, outcome.results)):
            return outcome
        for row, item in enumerate(outcome.results):
            if item is None or isinstance(item, bytes) or item is FAILED:
                continue
            error = venvoy_api.DataError(
                f"{role} {type(step.plugin).__qualname__} returned {type(item).__name__}; "
                "from_connect_data must return bytes or None"
            )
            outcome = self._tolerance.refuse(outcome, row, error, step)
            if outcome.fatal is not None:
                break
        return outcome


def _keys(converter: Any) -> Loop:
    convert = converter.from_connect_data

    def loop(records: Iterator[Any], done: list[Any]) -> None:
        for one in records:
            key = convert(one.topic, one.headers, one.key_schema, one.key)
            done.append(key)

    return loop


def _values(converter: Any) -> Loop:
    convert = converter.from_connect_data

    def loop(records: Iterator[Any], done: list[Any]) -> None:
        for one in records:
            value = convert(one.topic, one.headers, one.value_schema, one.value)
            done.append(value)

    return loop


_COLUMNS: dict[str, tuple[str, Callable[[Any], Loop]]] = {
    "key.converter": ("keys", _keys),
    "value.converter": ("values", _values),
    "header.converter": ("headers", lambda converter: looping(partial(_headers, converter))),
}


def _end(batch: SourceBatch, outcome: Outcome) -> None:
    """Take out the record that ended the task, and all behind it."""
    if outcome.fatal is not None:
        count = len(outcome.results)
        batch.end = batch.indices[count]
        batch.keep(list(range(count)))


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


def _headers(converter: Any, record: Any) -> bytes | None:
    headers = record.headers
    if not headers:
        return None
    convert = converter.from_connect_header
    return frames.encode_headers(
        (one.key, convert(record.topic, one.key, one.schema, one.value)) for one in headers
    )
