"""Whether a value is of a schema: one check per type, and one per logical type.

A check returns why the value does not fit, or None. They stand apart from `Schema` because the
check of STRUCT needs `Struct`, which itself needs `Schema`: `venvoy_api.struct` adds its own.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from venvoy_api.schema import Schema

__all__ = ["CHECKS", "LOGICAL_CHECKS", "Check", "accept"]

Check = Callable[["Schema", object], "str | None"]
"""Takes a schema and a value that is not None; returns why it does not fit, or None."""


def _not(expected: str, value: object) -> str:
    shown = repr(value)
    return f"expected {expected}, got {type(value).__name__} {shown[:80]}"


def accept(_schema: Schema, _value: object) -> str | None:
    """Fit for everything."""
    return None


def _integer(bits: int) -> Check:
    limit = 1 << (bits - 1)

    def check(_schema: Schema, value: object) -> str | None:
        if isinstance(value, int) and -limit <= value < limit and not isinstance(value, bool):
            return None
        return _not(f"int of {bits} bits", value)

    return check


def _float(_schema: Schema, value: object) -> str | None:
    if isinstance(value, (float, int)) and not isinstance(value, bool):
        return None
    return _not("float", value)


def _boolean(_schema: Schema, value: object) -> str | None:
    return None if isinstance(value, bool) else _not("bool", value)


def _string(_schema: Schema, value: object) -> str | None:
    return None if isinstance(value, str) else _not("str", value)


def _bytes(_schema: Schema, value: object) -> str | None:
    return None if isinstance(value, (bytes, bytearray, memoryview)) else _not("bytes", value)


def _array(schema: Schema, value: object) -> str | None:
    if not isinstance(value, (list, tuple)):
        return _not("list", value)
    inner = schema.value_schema
    if inner is None:  # cannot be: Schema refuses an ARRAY without it
        return None
    for index, item in enumerate(value):
        reason = inner.unfit(item)
        if reason is not None:
            return f"[{index}]: {reason}"
    return None


def _map(schema: Schema, value: object) -> str | None:
    if not isinstance(value, dict):
        return _not("dict", value)
    keys, values = schema.key_schema, schema.value_schema
    if keys is None or values is None:  # cannot be: Schema refuses a MAP without them
        return None
    for key, item in value.items():
        reason = keys.unfit(key) or values.unfit(item)
        if reason is not None:
            return f"[{key!r}]: {reason}"
    return None


def _decimal(_schema: Schema, value: object) -> str | None:
    return None if isinstance(value, Decimal) else _not("decimal.Decimal", value)


def _date(_schema: Schema, value: object) -> str | None:
    if isinstance(value, date) and not isinstance(value, datetime):
        return None
    return _not("datetime.date", value)


def _time(_schema: Schema, value: object) -> str | None:
    if isinstance(value, time) and value.tzinfo is None:
        return None
    return _not("datetime.time without a time zone", value)


def _timestamp(_schema: Schema, value: object) -> str | None:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return None
    return _not("datetime.datetime with a time zone", value)


CHECKS: dict[str, Check] = {
    "int8": _integer(8),
    "int16": _integer(16),
    "int32": _integer(32),
    "int64": _integer(64),
    "float32": _float,
    "float64": _float,
    "boolean": _boolean,
    "string": _string,
    "bytes": _bytes,
    "array": _array,
    "map": _map,
}
"""By the type's name."""

LOGICAL_CHECKS: dict[str, Check] = {
    "org.apache.kafka.connect.data.Decimal": _decimal,
    "org.apache.kafka.connect.data.Date": _date,
    "org.apache.kafka.connect.data.Time": _time,
    "org.apache.kafka.connect.data.Timestamp": _timestamp,
}
"""By the schema's name; they go before the type's."""
