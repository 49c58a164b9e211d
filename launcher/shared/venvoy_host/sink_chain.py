"""A sink's records on their way through one segment: converted, made records, transformed.

Between segments they cross as one pickled tuple, in which a column holds bytes until its
converter has run; once all three have, `records` takes the place of the columns.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import venvoy_api
from venvoy_host import frames, objects, stages
from venvoy_host.frames import NO_TIMESTAMP, Flag, Frame
from venvoy_host.raw_headers import RawHeaders
from venvoy_host.record_columns import pack, unpack
from venvoy_host.tolerance import FAILED, Origin, Outcome, Step, Tolerance, looping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from venvoy_host.tolerance import Loop

__all__ = ["SinkBatch", "SinkChain", "origin_of"]

_NONE = venvoy_api.TimestampType.NO_TIMESTAMP_TYPE
_CREATE = venvoy_api.TimestampType.CREATE_TIME
_APPEND = venvoy_api.TimestampType.LOG_APPEND_TIME


class SinkBatch:
    """The records of one frame: `count` offsets from `first_offset`, also those filtered since.

    The columns have a row for each record that did not fail; `offsets` says which those are, None
    when they are all. `letters` are the dead letters of those that failed: they go with the batch
    to the host of the task, which sends them before it commits. `marks` has a row for each record
    between a predicate and its transformation in another environment, else it is None.
    """

    __slots__ = (
        "by_log",
        "converted",
        "count",
        "first_offset",
        "headers",
        "keys",
        "letters",
        "marks",
        "offsets",
        "partition",
        "records",
        "timestamps",
        "topic",
        "values",
    )

    topic: str
    partition: int
    first_offset: int
    count: int
    by_log: bool
    timestamps: list[int]
    keys: list[Any]
    values: list[Any]
    headers: list[Any] | None
    converted: list[str]
    offsets: list[int] | None
    letters: list[dict[str, Any]]
    marks: list[bool] | None
    records: list[Any] | None

    def __init__(self) -> None:
        self.converted, self.records = [], None
        self.offsets, self.letters, self.marks = None, [], None

    def dump(self) -> bytes:
        """Return the batch as it crosses to the next segment."""
        columns = None if self.records is None else pack(self.records)
        others = tuple(getattr(self, name) for name in _OTHERS)
        return objects.dumps((columns, others))

    @classmethod
    def load(cls, data: bytes) -> SinkBatch:
        """Take a batch that came from the segment before."""
        batch = cls()
        columns, others = objects.loads(data)
        for name, value in zip(_OTHERS, others):
            setattr(batch, name, value)
        batch.records = None if columns is None else unpack(columns)
        return batch

    @classmethod
    def from_frame(cls, frame: Frame) -> SinkBatch:
        """Take a frame of records from the worker."""
        batch = cls()
        batch.topic, batch.partition = frame.topic, frame.partition
        batch.first_offset, batch.count = frame.first_offset, frame.count
        batch.by_log = bool(frame.flags & Flag.LOG_APPEND_TIME)
        batch.keys, batch.values, batch.headers, batch.timestamps = frames.decode_columns(frame)
        return batch

    def keep(self, rows: list[int]) -> None:
        """Keep these rows of the columns only."""
        offsets = self.all_offsets
        self.offsets = [offsets[row] for row in rows]
        for name in ("keys", "values", "headers", "timestamps"):
            column = getattr(self, name)
            if column is not None:
                setattr(self, name, [column[row] for row in rows])

    @property
    def all_offsets(self) -> Sequence[int]:
        """The offset of each row."""
        if self.offsets is not None:
            return self.offsets
        return range(self.first_offset, self.first_offset + self.count)

    def make_records(self) -> None:
        """Make records of the columns, which are all converted; they take the columns' place."""
        self.records = _records(self)
        self.keys, self.values, self.headers, self.timestamps = [], [], None, []

    def origin(self, row: int) -> Origin:
        """Return where the record of a row was read."""
        offset = self.all_offsets[row]
        stamp = self.timestamps[row]
        kind = _APPEND if self.by_log else _CREATE
        known = None if stamp == NO_TIMESTAMP else stamp
        return Origin(self.topic, self.partition, offset, known, kind.value)


_OTHERS = tuple(name for name in SinkBatch.__slots__ if name != "records")


class SinkChain:
    """The stages of one segment of a sink."""

    def __init__(self, made: list[tuple[str, Any]], tolerance: Tolerance) -> None:
        self._stages = made
        self._tolerance = tolerance

    def run(self, batch: SinkBatch) -> None:
        """Pass the batch through every stage; make records once all is converted.

        Raises what ends the task, and StopError when a stop came meanwhile.
        """
        for role, stage in self._stages:
            if role == "transformation":
                self._transform(batch, stage)
                continue
            if role == "predicate":
                self._mark(batch, stage)
                continue
            self._convert(batch, role, stage)
            batch.converted.append(role)
            if set(batch.converted) >= set(stages.CONVERTER_ROLES):
                batch.make_records()
        if self._tolerance.letters:
            batch.letters += self._tolerance.letters
            self._tolerance.letters.clear()

    def close(self) -> None:
        """Close every stage."""
        stages.close_stages(self._stages)

    def _mark(self, batch: SinkBatch, mark: stages.Mark) -> None:
        records = batch.records or []
        marks = self._run(
            Step("TRANSFORMATION", mark.predicate, looping(mark.test), records, _finder(records))
        ).results
        batch.records = [one for one, item in zip(records, marks) if item is not FAILED]
        batch.marks = [item for item in marks if item is not FAILED]

    def _transform(self, batch: SinkBatch, transform: stages.Transform) -> None:
        records = batch.records or []
        loop, items = transform.loop(records, batch.marks)
        if transform.is_marked:
            batch.marks = None
        changed = self._run(
            Step("TRANSFORMATION", transform.transformation, loop, items, _finder(records))
        ).results
        batch.records = [one for one in changed if one is not None and one is not FAILED]

    def _convert(self, batch: SinkBatch, role: str, converter: Any) -> None:
        topic = batch.topic
        name = role.replace(".", "_").upper()
        column = _COLUMNS[role]
        items = getattr(batch, column)
        if items is None:  # no record of the frame has headers
            return
        if role == "header.converter":
            loop = looping(partial(_headers, converter, topic))
        else:
            raw = [venvoy_api.Headers()] * len(items)
            if batch.headers is not None:
                raw = [_raw(item) for item in batch.headers]
            loop, items = _converting(converter, topic), list(zip(raw, items))
        outcome = self._run(Step(name, converter, loop, items, batch.origin))
        setattr(batch, column, outcome.results)
        if outcome.failures:
            batch.keep([row for row, item in enumerate(outcome.results) if item is not FAILED])

    def _run(self, step: Step) -> Outcome:
        outcome = self._tolerance.run(step)
        if outcome.fatal is not None:
            raise outcome.fatal
        return outcome


_COLUMNS = {"key.converter": "keys", "value.converter": "values", "header.converter": "headers"}


def _finder(records: list[Any]) -> Callable[[int], Origin]:
    return lambda row: origin_of(records[row])


def _converting(converter: Any, topic: str) -> Loop:
    convert = converter.to_connect_data

    def loop(items: Iterator[Any], done: list[Any]) -> None:
        for headers, data in items:
            schema, value = convert(topic, headers, data)
            done.append((schema, value))

    return loop


def origin_of(record: Any) -> Origin:
    """Return where a sink's record was read."""
    return Origin(
        record.original_topic,
        record.original_partition,
        record.original_offset,
        record.timestamp,
        record.timestamp_type.value,
    )


def _headers(converter: Any, topic: str, data: bytes | None) -> list[tuple[Any, ...]] | None:
    if data is None:
        return None
    return [
        (key, *converter.to_connect_header(topic, key, value))
        for key, value in frames.decode_headers(data)
    ]


def _raw(data: Any) -> venvoy_api.Headers:
    """The headers as a converter of keys or values sees them: bytes, not yet converted."""
    return RawHeaders(data) if isinstance(data, bytes) else venvoy_api.Headers()


def _records(batch: SinkBatch) -> list[Any]:
    make = venvoy_api.SinkRecord
    header = venvoy_api.Header
    topic, partition = batch.topic, batch.partition
    kind = _APPEND if batch.by_log else _CREATE
    headers = batch.headers or [None] * len(batch.keys)
    return [
        make(
            topic,
            partition,
            key_schema,
            key,
            value_schema,
            value,
            place,
            None if stamp == NO_TIMESTAMP else stamp,
            _NONE if stamp == NO_TIMESTAMP else kind,
            [header(*one) for one in items] if items else None,
        )
        for place, (key_schema, key), (value_schema, value), items, stamp in zip(
            batch.all_offsets, batch.keys, batch.values, headers, batch.timestamps
        )
    ]
