"""Logical types: meanings given to plain types by a schema's name, as in Kafka Connect.

| schema | built on | Python value |
|---|---|---|
| `Decimal.schema(scale)` | BYTES | decimal.Decimal with exactly that many decimal places |
| `Date.SCHEMA` | INT32, days since 1970 | datetime.date |
| `Time.SCHEMA` | INT32, milliseconds since midnight | datetime.time without a time zone |
| `Timestamp.SCHEMA` | INT64, milliseconds since 1970 UTC | datetime.datetime with a time zone |

Records hold the Python value; converters store the plain one. Times finer than a millisecond are
cut off when they are stored. Timestamps come back in UTC. A datetime without a time zone is
refused, as nobody could say what moment it means.
"""

from __future__ import annotations

import datetime
import decimal
from typing import Final

from venvoy_api.errors import DataError
from venvoy_api.schema import Schema, Type
from venvoy_api.schema_builder import SchemaBuilder

__all__ = ["Date", "Decimal", "Time", "Timestamp"]

_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_MILLISECOND = datetime.timedelta(milliseconds=1)
_DAY_MS = 86_400_000
_EXACT = decimal.Context(
    prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[]
)


class Decimal:
    """Decimal numbers with a fixed number of decimal places."""

    LOGICAL_NAME: Final = "org.apache.kafka.connect.data.Decimal"
    SCALE_PARAMETER: Final = "scale"

    @classmethod
    def builder(cls, scale: int) -> SchemaBuilder:
        """Start a schema of decimals with `scale` decimal places (which may be negative)."""
        return (
            SchemaBuilder.bytes()
            .name(cls.LOGICAL_NAME)
            .parameter(cls.SCALE_PARAMETER, str(scale))
            .version(1)
        )

    @classmethod
    def schema(cls, scale: int) -> Schema:
        """Return the schema of decimals with `scale` decimal places."""
        return cls.builder(scale).build()

    @classmethod
    def scale(cls, schema: Schema) -> int:
        """Return the number of decimal places of that schema; raises DataError."""
        text = schema.parameters.get(cls.SCALE_PARAMETER)
        try:
            return int(text or "")
        except ValueError as error:
            raise DataError(f"Invalid Decimal schema: scale parameter {text!r}") from error

    @classmethod
    def from_logical(cls, schema: Schema, value: decimal.Decimal) -> bytes:
        """Return the unscaled number, big-endian two's complement as Java's BigInteger."""
        scale = cls.scale(schema)
        sign, digits, exponent = value.as_tuple()
        if not isinstance(exponent, int):
            raise DataError(f"Decimal value {value} is not a finite number")
        if exponent != -scale:
            raise DataError(
                "Decimal value has mismatching scale for given Decimal schema. "
                f"value {value} has scale {-exponent}, schema has scale {scale}"
            )
        unscaled = int("".join(map(str, digits)) or "0")
        if sign:
            unscaled = -unscaled
        length = (unscaled if unscaled >= 0 else ~unscaled).bit_length() // 8 + 1
        return unscaled.to_bytes(length, "big", signed=True)

    @classmethod
    def to_logical(cls, schema: Schema, value: bytes) -> decimal.Decimal:
        """Return the decimal of an unscaled number."""
        unscaled = int.from_bytes(value, "big", signed=True)
        return decimal.Decimal(unscaled).scaleb(-cls.scale(schema), _EXACT)


class Date:
    """Days, without time and time zone."""

    LOGICAL_NAME: Final = "org.apache.kafka.connect.data.Date"
    SCHEMA: Final = Schema(Type.INT32, name=LOGICAL_NAME, version=1)

    @classmethod
    def builder(cls) -> SchemaBuilder:
        """Start a schema of days."""
        return SchemaBuilder.int32().name(cls.LOGICAL_NAME).version(1)

    @staticmethod
    def from_logical(_schema: Schema, value: datetime.date) -> int:
        """Return the days since 1970-01-01."""
        return value.toordinal() - _EPOCH_DAY

    @staticmethod
    def to_logical(_schema: Schema, value: int) -> datetime.date:
        """Return the day; raises DataError outside of the years 1 to 9999."""
        try:
            return datetime.date.fromordinal(value + _EPOCH_DAY)
        except (ValueError, OverflowError) as error:
            raise DataError(f"Date {value} is outside of the years 1 to 9999") from error


class Time:
    """Times of day, without day and time zone."""

    LOGICAL_NAME: Final = "org.apache.kafka.connect.data.Time"
    SCHEMA: Final = Schema(Type.INT32, name=LOGICAL_NAME, version=1)

    @classmethod
    def builder(cls) -> SchemaBuilder:
        """Start a schema of times of day."""
        return SchemaBuilder.int32().name(cls.LOGICAL_NAME).version(1)

    @staticmethod
    def from_logical(_schema: Schema, value: datetime.time) -> int:
        """Return the milliseconds since midnight."""
        seconds = (value.hour * 60 + value.minute) * 60 + value.second
        return seconds * 1000 + value.microsecond // 1000

    @staticmethod
    def to_logical(_schema: Schema, value: int) -> datetime.time:
        """Return the time of day; raises DataError unless it is within one."""
        if not 0 <= value < _DAY_MS:
            raise DataError(f"Time values must be between 0 and {_DAY_MS - 1}, not {value}")
        return (_EPOCH + value * _MILLISECOND).time()


class Timestamp:
    """Moments in time."""

    LOGICAL_NAME: Final = "org.apache.kafka.connect.data.Timestamp"
    SCHEMA: Final = Schema(Type.INT64, name=LOGICAL_NAME, version=1)

    @classmethod
    def builder(cls) -> SchemaBuilder:
        """Start a schema of moments."""
        return SchemaBuilder.int64().name(cls.LOGICAL_NAME).version(1)

    @staticmethod
    def from_logical(_schema: Schema, value: datetime.datetime) -> int:
        """Return the milliseconds since 1970-01-01 UTC; raises DataError without time zone."""
        if value.tzinfo is None:
            raise DataError(f"Timestamp {value} has no time zone; add one with replace(tzinfo=...)")
        return (value - _EPOCH) // _MILLISECOND

    @staticmethod
    def to_logical(_schema: Schema, value: int) -> datetime.datetime:
        """Return the moment, in UTC; raises DataError outside of the years 1 to 9999."""
        try:
            return _EPOCH + value * _MILLISECOND
        except OverflowError as error:
            raise DataError(f"Timestamp {value} is outside of the years 1 to 9999") from error
