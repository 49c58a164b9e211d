"""Casts single values, with the rules of Java's number types."""

from __future__ import annotations

import re
import struct
from datetime import date, datetime, time
from decimal import Decimal as Number
from typing import TYPE_CHECKING, Any, Callable

from venvoy_api.errors import DataError
from venvoy_api.logical import Date, Time, Timestamp
from venvoy_api.schema import Schema, Type
from venvoy_api.values import to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CASTS", "cast_value"]

_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOAT32 = struct.Struct("<f")


def cast_value(schema: Schema | None, value: object, wanted: Type) -> Any:
    """Return the value as one of the type `wanted`; None stays None.

    `schema` is the value's own, or None. Raises DataError for what cannot be cast, or is out of
    range.
    """
    if value is None:
        return None
    if not isinstance(value, _INPUTS) or (
        schema is not None and schema.type in (Type.ARRAY, Type.MAP, Type.STRUCT)
    ):
        kind = type(value).__name__ if schema is None else schema.type.name
        raise DataError(f"Cast transformation does not support casting from {kind}")
    if wanted is not Type.STRING and isinstance(value, (date, time)):
        value = _stored(value)
    try:
        return CASTS[wanted](value)
    except (ValueError, OverflowError, ArithmeticError) as error:
        raise DataError(
            f"Value ({value!r}) was out of range for requested data type {wanted.name}"
        ) from error


def _stored(value: date | time) -> int:
    """Return the number that a logical type stores."""
    if isinstance(value, datetime):
        return Timestamp.from_logical(Timestamp.SCHEMA, value)
    if isinstance(value, time):
        return Time.from_logical(Time.SCHEMA, value)
    return Date.from_logical(Date.SCHEMA, value)


def _unexpected(value: object) -> DataError:
    return DataError(f"Unexpected type in Cast transformation: {type(value).__name__}")


def _to_integer(bits: int) -> Callable[[Any], int]:
    limit = 1 << (bits - 1)

    def cast(value: Any) -> int:
        if isinstance(value, str):
            if not _INTEGER.fullmatch(value):
                raise ValueError(value)
        elif not isinstance(value, (int, float, Number)):
            raise _unexpected(value)
        number = int(value)
        if not -limit <= number < limit:
            raise OverflowError(value)
        return number

    return cast


def _to_float64(value: Any) -> float:
    if isinstance(value, str):
        if "_" in value:
            raise ValueError(value)
    elif not isinstance(value, (int, float, Number)):
        raise _unexpected(value)
    return float(value)


def _to_float32(value: Any) -> float:
    rounded: float = _FLOAT32.unpack(_FLOAT32.pack(_to_float64(value)))[0]
    return rounded


def _to_boolean(value: Any) -> bool:
    if isinstance(value, str):
        return value.lower() == "true"
    if not isinstance(value, (int, float, Number)):
        raise _unexpected(value)
    return int(value) != 0


CASTS: Mapping[Type, Callable[[Any], Any]] = {
    Type.INT8: _to_integer(8),
    Type.INT16: _to_integer(16),
    Type.INT32: _to_integer(32),
    Type.INT64: _to_integer(64),
    Type.FLOAT32: _to_float32,
    Type.FLOAT64: _to_float64,
    Type.BOOLEAN: _to_boolean,
    Type.STRING: to_text,
}
"""How to cast to each type that is supported."""

_INPUTS = (bool, int, float, str, bytes, bytearray, memoryview, Number, date, time)
