"""A sink's records on their way through one segment: converted, made records, transformed.

Between segments they cross as one pickled tuple, in which a column holds bytes until its
converter has run and `records` is None until all three have.
"""

from __future__ import annotations

from typing import Any

import venvoy_api
from venvoy_host import frames, objects, stages
from venvoy_host.frames import NO_TIMESTAMP, Flag, Frame

__all__ = ["SinkBatch", "SinkChain"]

_NONE = venvoy_api.TimestampType.NO_TIMESTAMP_TYPE
_CREATE = venvoy_api.TimestampType.CREATE_TIME
_APPEND = venvoy_api.TimestampType.LOG_APPEND_TIME


class SinkBatch:
    """The records of one frame: `count` offsets from `first_offset`, also those filtered since."""

    __slots__ = (
        "by_log",
        "converted",
        "count",
        "first_offset",
        "headers",
        "keys",
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
    records: list[Any] | None

    def dump(self) -> bytes:
        """Return the batch as it crosses to the next segment."""
        return objects.dumps(tuple(getattr(self, name) for name in self.__slots__))

    @classmethod
    def load(cls, data: bytes) -> SinkBatch:
        """Take a batch that came from the segment before."""
        batch = cls()
        for name, value in zip(cls.__slots__, objects.loads(data)):
            setattr(batch, name, value)
        return batch

    @classmethod
    def from_frame(cls, frame: Frame) -> SinkBatch:
        """Take a frame of records from the worker."""
        batch = cls()
        batch.topic, batch.partition = frame.topic, frame.partition
        batch.first_offset, batch.count = frame.first_offset, frame.count
        batch.by_log = bool(frame.flags & Flag.LOG_APPEND_TIME)
        batch.keys, batch.values, batch.headers, batch.timestamps = frames.decode_columns(frame)
        batch.converted, batch.records = [], None
        return batch


class SinkChain:
    """The stages of one segment of a sink."""

    def __init__(self, made: list[tuple[str, Any]]) -> None:
        self._stages = made

    def run(self, batch: SinkBatch) -> None:
        """Pass the batch through every stage; make records once all is converted."""
        for role, stage in self._stages:
            if role == "transformation":
                batch.records = [
                    changed
                    for changed in map(stage.apply, batch.records or ())
                    if changed is not None
                ]
                continue
            _convert(batch, role, stage)
            batch.converted.append(role)
            if set(batch.converted) >= set(stages.CONVERTER_ROLES):
                batch.records = _records(batch)

    def close(self) -> None:
        """Close every stage."""
        stages.close_stages(self._stages)


def _convert(batch: SinkBatch, role: str, converter: Any) -> None:
    topic = batch.topic
    if role == "header.converter":
        if batch.headers is not None:
            batch.headers = [_headers(converter, topic, data) for data in batch.headers]
        return
    convert = converter.to_connect_data
    column = batch.keys if role == "key.converter" else batch.values
    raw = [venvoy_api.Headers()] * batch.count
    if batch.headers is not None:
        raw = [_raw(item) for item in batch.headers]
    column[:] = [tuple(convert(topic, headers, data)) for headers, data in zip(raw, column)]


def _headers(converter: Any, topic: str, data: bytes | None) -> list[tuple[Any, ...]] | None:
    if data is None:
        return None
    return [
        (key, *converter.to_connect_header(topic, key, value))
        for key, value in frames.decode_headers(data)
    ]


def _raw(data: Any) -> venvoy_api.Headers:
    """The headers as a converter of keys or values sees them: bytes, not yet converted."""
    if not isinstance(data, bytes):
        return venvoy_api.Headers()
    pairs = frames.decode_headers(data)
    return venvoy_api.Headers([venvoy_api.Header(key, None, value) for key, value in pairs])


def _records(batch: SinkBatch) -> list[Any]:
    make = venvoy_api.SinkRecord
    header = venvoy_api.Header
    topic, partition, offset = batch.topic, batch.partition, batch.first_offset
    kind = _APPEND if batch.by_log else _CREATE
    headers = batch.headers or [None] * batch.count
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
        for place, ((key_schema, key), (value_schema, value), items, stamp) in enumerate(
            zip(batch.keys, batch.values, headers, batch.timestamps), offset
        )
    ]
