r"""Values as text and back, without a schema: what headers look like, as Kafka's `Values` does it.

Text tells its type by its looks: `null`, `true`, `false`, numbers (the smallest type that holds
them), `2024-02-29`, `14:34:54.346Z`, `2024-02-29T14:34:54.346Z`, `[1,2]`, `{"a":1}`. Everything
else is a string. Inside of lists and maps strings are quoted, with `\` before quotes and
backslashes.

Three things differ from Kafka, which loses data there: text that only begins like a number or a
list is a string as a whole; quoted strings lose their escapes when they are read; lists and maps
of mixed or unknown types have no schema (in Kafka: one without a type for its items).
"""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import date, datetime, time, timezone
from decimal import Decimal as Number
from typing import TYPE_CHECKING

from venvoy_api.errors import DataError
from venvoy_api.logical import Date, Decimal, Time, Timestamp
from venvoy_api.schema import (
    BOOLEAN_SCHEMA,
    FLOAT32_SCHEMA,
    FLOAT64_SCHEMA,
    INT8_SCHEMA,
    INT16_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    STRING_SCHEMA,
)
from venvoy_api.struct import NULL, SchemaAndValue, Struct
from venvoy_api.value_list import ListReader

if TYPE_CHECKING:
    from venvoy_api.schema import Schema

__all__ = ["parse_scalar", "parse_temporal", "parse_text", "to_text"]

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?")
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d\.\d{3})Z", re.ASCII)
_TIME = re.compile(r"(\d\d:\d\d:\d\d\.\d{3})Z", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LITERALS = {
    "null": NULL,
    "true": SchemaAndValue(BOOLEAN_SCHEMA, True),
    "false": SchemaAndValue(BOOLEAN_SCHEMA, False),
}
_INTEGERS = ((INT8_SCHEMA, 7), (INT16_SCHEMA, 15), (INT32_SCHEMA, 31), (INT64_SCHEMA, 63))
_INT64_DIGITS = 19
_FLOAT32_MAX = 3.4028235677973366e38
_FLOAT64_MAX = 1.7976931348623157e308


def parse_text(text: str) -> SchemaAndValue:
    """Return the schema and value that the text looks like; nothing is refused."""
    stripped = text.strip()
    if stripped[:1] in ("[", "{"):
        parsed = ListReader(stripped, parse_scalar).read()
    else:
        parsed = parse_scalar(stripped)
    return SchemaAndValue(STRING_SCHEMA, text) if parsed is None else parsed


def parse_scalar(text: str) -> SchemaAndValue | None:
    """Return what the text is if it is a literal, a time or a number, else None."""
    literal = _LITERALS.get(text)
    if literal is not None:
        return literal
    if not text or text[0] not in "+-0123456789":
        return None
    return parse_temporal(text) or _parse_number(text)


def parse_temporal(text: str) -> SchemaAndValue | None:
    r"""Return the day, time or moment that the text is, else None; `\\:` counts as a colon."""
    text = text.replace("\\:", ":")
    try:
        if _DATE.fullmatch(text):
            return SchemaAndValue(Date.SCHEMA, date.fromisoformat(text))
        if _TIME.fullmatch(text):
            return SchemaAndValue(Time.SCHEMA, time.fromisoformat(text[:-1]))
        if _TIMESTAMP.fullmatch(text):
            moment = datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc)
            return SchemaAndValue(Timestamp.SCHEMA, moment)
    except ValueError:  # looks like one, but there is no such day or time
        pass
    return None


def _parse_number(text: str) -> SchemaAndValue | None:
    if not _NUMBER.fullmatch(text):
        return None
    number = Number(text)
    if number.adjusted() < _INT64_DIGITS and number == number.to_integral_value():
        integer = int(number)
        for schema, bits in _INTEGERS:
            if -(1 << bits) <= integer < 1 << bits:
                return SchemaAndValue(schema, integer)
    exponent = number.as_tuple().exponent
    if exponent != 0:
        value = float(number)
        if abs(value) < _FLOAT32_MAX:
            return SchemaAndValue(FLOAT32_SCHEMA, value)
        if abs(value) <= _FLOAT64_MAX:
            return SchemaAndValue(FLOAT64_SCHEMA, value)
    return SchemaAndValue(Decimal.schema(-int(exponent)), number)


def to_text(value: object, schema: Schema | None = None) -> str | None:  # noqa: ARG001  # as in Kafka
    """Return the value as text that `parse_text` reads; None stays None, a str stays as it is.

    Bytes become base64. Raises DataError for objects that no record may hold.
    """
    if value is None:
        return None
    return value if isinstance(value, str) else _text(value)


def _text(value: object) -> str:  # noqa: PLR0911  # a table
    """Return the text of a value inside of others: strings are quoted."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Number)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{_text(key)}:{_text(item)}' for key, item in value.items())}}}"
    if isinstance(value, Struct):
        return _text({name: value.get(name) for name in value})
    if isinstance(value, (date, time)):
        return _temporal_text(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b64encode(value).decode()
    raise DataError(f"Failed to serialize unexpected value type {type(value).__name__}: {value!r}")


def _temporal_text(value: date | time) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise DataError(f"{value!r} has no time zone, so nobody can say what moment it means")
        utc = value.astimezone(timezone.utc).replace(tzinfo=None)
        return utc.isoformat(timespec="milliseconds") + "Z"
    if isinstance(value, time):
        return value.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    return value.isoformat()
