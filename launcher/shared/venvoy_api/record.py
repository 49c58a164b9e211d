"""Records: what sources produce, transformations change and sinks take.

Records are values: treat them as immutable and make changed ones with `new_record`. Only the
headers may be changed in place, on a record that one owns.
"""

# positional calls are the fast ones

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from venvoy_api.headers import Headers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from venvoy_api.headers import Header
    from venvoy_api.schema import Schema

__all__ = [
    "ConnectRecord",
    "R",
    "RecordMetadata",
    "SinkRecord",
    "SourceRecord",
    "TimestampType",
    "TopicPartition",
]

_SAME: Any = object()  # stands for "as in the old record" in new_record

R = TypeVar("R", bound="ConnectRecord")
"""A kind of record: SourceRecord or SinkRecord."""


class TopicPartition(NamedTuple):
    """One partition of a topic."""

    topic: str
    partition: int


class RecordMetadata(NamedTuple):
    """Where a source's record was stored: the topic's partition, its offset, its timestamp (ms)."""

    topic: str
    partition: int
    offset: int
    timestamp: int | None


class TimestampType(Enum):
    """What the timestamp of a sink record tells."""

    NO_TIMESTAMP_TYPE = "NoTimestampType"
    CREATE_TIME = "CreateTime"
    LOG_APPEND_TIME = "LogAppendTime"


class ConnectRecord:
    """What source and sink records share.

    `topic` is where the record goes to or comes from; `partition` is the topic's partition (None
    in a source record: the framework chooses by key); a schema of None means that key or value
    come without schema; `timestamp` is in milliseconds since 1970 UTC, or None. A record whose
    value is None is a tombstone.
    """

    __slots__ = (
        "_headers",
        "key",
        "key_schema",
        "partition",
        "timestamp",
        "topic",
        "value",
        "value_schema",
    )

    topic: str
    partition: int | None
    key_schema: Schema | None
    key: Any
    value_schema: Schema | None
    value: Any
    timestamp: int | None

    @property
    def headers(self) -> Headers:
        """The record's own headers, empty if it has none."""
        headers = self._headers
        if headers is None:
            headers = self._headers = Headers()
        return headers

    _headers: Headers | None

    def new_record(  # the parameters are the attributes
        self: R,
        *,
        topic: str = _SAME,
        partition: int | None = _SAME,
        key_schema: Schema | None = _SAME,
        key: object = _SAME,
        value_schema: Schema | None = _SAME,
        value: object = _SAME,
        timestamp: int | None = _SAME,
        headers: Headers | Iterable[Header] | None = _SAME,
    ) -> R:
        """Return a record with these attributes changed, everything else kept.

        Headers that are not given are copied, so the two records may change theirs apart. The
        source partition and offset, or the sink offset and original coordinates, stay.
        """
        raise NotImplementedError

    def _parts(self) -> tuple[Any, ...]:
        """Return the arguments that make an equal record, in order."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        """Equal in every attribute, and of the same class."""
        if type(other) is not type(self) or not isinstance(other, ConnectRecord):
            return NotImplemented
        return self._parts() == other._parts()

    __hash__ = None  # type: ignore[assignment]  # values need not be hashable

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a call with positional arguments: one tuple, no names."""
        return type(self), self._parts()

    def __repr__(self) -> str:
        """Topic, partition, key and value."""
        return (
            f"{type(self).__name__}(topic={self.topic!r}, partition={self.partition!r}, "
            f"key={self.key!r}, value={self.value!r}, timestamp={self.timestamp!r})"
        )


def _own(headers: Headers | Iterable[Header] | None) -> Headers | None:
    if headers is None or isinstance(headers, Headers):
        return headers
    return Headers(headers)


class SourceRecord(ConnectRecord):
    """A record that a source task hands out.

    `source_partition` says which part of the foreign system it was read from, `source_offset` how
    far reading has got with it; both are flat mappings of JSON values (or None: the position is
    not kept). After a restart the task finds the last committed offset of a partition through
    `SourceTaskContext.offset_storage_reader`. Give the rest by keyword.
    """

    __slots__ = ("source_offset", "source_partition")

    source_partition: Mapping[str, Any] | None
    source_offset: Mapping[str, Any] | None

    def __init__(
        self,
        source_partition: Mapping[str, object] | None,
        source_offset: Mapping[str, object] | None,
        topic: str,
        partition: int | None = None,
        key_schema: Schema | None = None,
        key: object = None,
        value_schema: Schema | None = None,
        value: object = None,
        timestamp: int | None = None,
        headers: Headers | Iterable[Header] | None = None,
    ) -> None:
        self.source_partition = source_partition
        self.source_offset = source_offset
        self.topic = topic
        self.partition = partition
        self.key_schema = key_schema
        self.key = key
        self.value_schema = value_schema
        self.value = value
        self.timestamp = timestamp
        self._headers = None if headers is None else _own(headers)

    def new_record(
        self,
        *,
        topic: str = _SAME,
        partition: int | None = _SAME,
        key_schema: Schema | None = _SAME,
        key: object = _SAME,
        value_schema: Schema | None = _SAME,
        value: object = _SAME,
        timestamp: int | None = _SAME,
        headers: Headers | Iterable[Header] | None = _SAME,
    ) -> SourceRecord:
        """Return a record with these attributes changed, everything else kept."""
        if headers is _SAME:
            own = self._headers
            headers = None if own is None else own.duplicate()
        return SourceRecord(
            self.source_partition,
            self.source_offset,
            self.topic if topic is _SAME else topic,
            self.partition if partition is _SAME else partition,
            self.key_schema if key_schema is _SAME else key_schema,
            self.key if key is _SAME else key,
            self.value_schema if value_schema is _SAME else value_schema,
            self.value if value is _SAME else value,
            self.timestamp if timestamp is _SAME else timestamp,
            headers,
        )

    def _parts(self) -> tuple[Any, ...]:
        return (
            self.source_partition,
            self.source_offset,
            self.topic,
            self.partition,
            self.key_schema,
            self.key,
            self.value_schema,
            self.value,
            self.timestamp,
            self._headers or None,
        )


class SinkRecord(ConnectRecord):
    """A record that a sink task is given.

    `offset` is its place in the topic's partition. Transformations may change topic and partition;
    `original_topic`, `original_partition` and `original_offset` always tell where it was read,
    and are what `SinkTask.pre_commit` speaks of.
    """

    __slots__ = (
        "offset",
        "original_offset",
        "original_partition",
        "original_topic",
        "timestamp_type",
    )

    partition: int
    offset: int
    timestamp_type: TimestampType
    original_topic: str
    original_partition: int
    original_offset: int

    def __init__(
        self,
        topic: str,
        partition: int,
        key_schema: Schema | None,
        key: object,
        value_schema: Schema | None,
        value: object,
        offset: int,
        timestamp: int | None = None,
        timestamp_type: TimestampType = TimestampType.NO_TIMESTAMP_TYPE,
        headers: Headers | Iterable[Header] | None = None,
        original_topic: str | None = None,
        original_partition: int | None = None,
        original_offset: int | None = None,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.key_schema = key_schema
        self.key = key
        self.value_schema = value_schema
        self.value = value
        self.offset = offset
        self.timestamp = timestamp
        self.timestamp_type = timestamp_type
        self._headers = None if headers is None else _own(headers)
        self.original_topic = topic if original_topic is None else original_topic
        self.original_partition = partition if original_partition is None else original_partition
        self.original_offset = offset if original_offset is None else original_offset

    def new_record(
        self,
        *,
        topic: str = _SAME,
        partition: int | None = _SAME,
        key_schema: Schema | None = _SAME,
        key: object = _SAME,
        value_schema: Schema | None = _SAME,
        value: object = _SAME,
        timestamp: int | None = _SAME,
        headers: Headers | Iterable[Header] | None = _SAME,
    ) -> SinkRecord:
        """Return a record with these attributes changed, everything else kept."""
        if headers is _SAME:
            own = self._headers
            headers = None if own is None else own.duplicate()
        return SinkRecord(
            self.topic if topic is _SAME else topic,
            self.partition if partition is _SAME or partition is None else partition,
            self.key_schema if key_schema is _SAME else key_schema,
            self.key if key is _SAME else key,
            self.value_schema if value_schema is _SAME else value_schema,
            self.value if value is _SAME else value,
            self.offset,
            self.timestamp if timestamp is _SAME else timestamp,
            self.timestamp_type,
            headers,
            self.original_topic,
            self.original_partition,
            self.original_offset,
        )

    def _parts(self) -> tuple[Any, ...]:
        return (
            self.topic,
            self.partition,
            self.key_schema,
            self.key,
            self.value_schema,
            self.value,
            self.offset,
            self.timestamp,
            self.timestamp_type,
            self._headers or None,
            self.original_topic,
            self.original_partition,
            self.original_offset,
        )
