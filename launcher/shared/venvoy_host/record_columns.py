"""Records as columns on their way between segments: cheaper to pickle than one object each."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import venvoy_api

__all__ = ["Columns", "pack", "unpack"]

Columns = Any
"""What `pack` makes: records' attributes column by column, as plain values and API types."""

_HEADERS = "_headers"  # without making empty ones for records that have none
_ATTRIBUTES: dict[type, tuple[str, ...]] = {
    venvoy_api.SourceRecord: (
        "source_partition",
        "source_offset",
        "topic",
        "partition",
        "key_schema",
        "key",
        "value_schema",
        "value",
        "timestamp",
        _HEADERS,
    ),
    venvoy_api.SinkRecord: (
        "topic",
        "partition",
        "key_schema",
        "key",
        "value_schema",
        "value",
        "offset",
        "timestamp",
        "timestamp_type",
        _HEADERS,
        "original_topic",
        "original_partition",
        "original_offset",
    ),
}  # in the order of the class's arguments


def pack(records: list[Any]) -> Columns:
    """Return the records as columns; records of other classes stay what they are."""
    kind = type(records[0]) if records else None
    names = _ATTRIBUTES.get(kind) if kind is not None else None
    if names is None or any(type(one) is not kind for one in records):
        return records
    columns: list[Any] = list(zip(*map(attrgetter(*names), records)))
    place = names.index(_HEADERS)
    if any(columns[place]):
        columns[place] = [_plain(headers) for headers in columns[place]]
    else:
        columns[place] = None
    return kind, columns


def unpack(packed: Columns) -> list[Any]:
    """Return the records."""
    if isinstance(packed, list):
        return packed
    kind, columns = packed
    place = _ATTRIBUTES[kind].index(_HEADERS)
    headers = columns[place]
    if headers is None:
        columns[place] = [None] * len(columns[0])
    else:
        columns[place] = [_restored(one) for one in headers]
    return list(map(kind, *columns))


def _plain(headers: Any) -> list[tuple[Any, ...]] | None:
    return [(one.key, one.schema, one.value) for one in headers] if headers else None


def _restored(headers: list[tuple[Any, ...]] | None) -> Any:
    header = venvoy_api.Header
    return None if headers is None else venvoy_api.Headers([header(*one) for one in headers])
