"""Reads lists and maps out of text, and finds the schema that their items share.

::

    value  = list | map | string | scalar
    list   = "[" [ value { "," value } [ "," ] ] "]"
    map    = "{" [ value ":" value { "," value ":" value } [ "," ] ] "}"
    string = '"' any characters, with a backslash before '"' and backslash '"'
    scalar = null, true, false, a number, a day, a time or a moment

Anything else makes the whole text a string, as in Kafka's `Values`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Callable, Optional

from venvoy_api.schema import STRING_SCHEMA, Schema, Type
from venvoy_api.struct import NULL, SchemaAndValue

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ListReader", "common_schema"]

_SPACE = re.compile(r"\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
_SCALAR = re.compile(r"(?:\d{4}-\d\d-\d\dT)?\d\d\\?:\d\d\\?:\d\d\.\d{3}Z|[^,:\[\]{}\"]+", re.ASCII)
_NUMBERS = (Type.INT8, Type.INT16, Type.INT32, Type.INT64, Type.FLOAT32, Type.FLOAT64)
_MAX_DEPTH = 100

ReadScalar = Callable[[str], Optional[SchemaAndValue]]


class _NotAListError(Exception):
    """The text is not a list or map after all."""


class ListReader:
    """Reads one list or map from the whole of a text."""

    def __init__(self, text: str, read_scalar: ReadScalar) -> None:
        self._text = text
        self._read_scalar = read_scalar
        self._at = 0
        self._depth = 0

    def read(self) -> SchemaAndValue | None:
        """Return the list or map, or None if the text is not exactly one."""
        try:
            value = self._value()
        except _NotAListError:
            return None
        return value if self._at == len(self._text) else None

    def _skip(self, expected: str) -> bool:
        """Step over blanks, then `expected` and blanks if it is next; return whether it was."""
        self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # always matches
        if not self._text.startswith(expected, self._at):
            return False
        self._at = _SPACE.match(self._text, self._at + 1).end()  # type: ignore[union-attr]  # always matches
        return True

    def _require(self, expected: str) -> None:
        if not self._skip(expected):
            raise _NotAListError

    def _value(self) -> SchemaAndValue:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _NotAListError
        if self._skip("["):
            value = self._list()
        elif self._skip("{"):
            value = self._map()
        else:
            value = self._single()
        self._depth -= 1
        return value

    def _list(self) -> SchemaAndValue:
        items: list[SchemaAndValue] = []
        while not self._skip("]"):
            items.append(self._value())
            if not self._skip(","):
                self._require("]")
                break
        schema = common_schema(items)
        values = _aligned(items, schema)
        return SchemaAndValue(schema and Schema(Type.ARRAY, value_schema=schema), values)

    def _map(self) -> SchemaAndValue:
        keys: list[SchemaAndValue] = []
        items: list[SchemaAndValue] = []
        while not self._skip("}"):
            keys.append(self._value())
            if keys[-1].value is None or isinstance(keys[-1].value, (list, dict)):
                raise _NotAListError
            self._require(":")
            items.append(self._value())
            if not self._skip(","):
                self._require("}")
                break
        key_schema, schema = common_schema(keys), common_schema(items)
        values = dict(zip(_aligned(keys, key_schema), _aligned(items, schema)))
        if key_schema is None or schema is None:
            return SchemaAndValue(None, values)
        return SchemaAndValue(Schema(Type.MAP, key_schema=key_schema, value_schema=schema), values)

    def _single(self) -> SchemaAndValue:
        quoted = _QUOTED.match(self._text, self._at)
        if quoted is not None:
            self._at = quoted.end()
            text = _ESCAPED.sub(r"\1", quoted.group(1))
            value = self._read_scalar(text) if text[:1].isdigit() else None
            if value is not None and value.schema is not None and value.schema.name in _TEMPORAL:
                return value
            return SchemaAndValue(STRING_SCHEMA, text)
        scalar = _SCALAR.match(self._text, self._at)
        value = self._read_scalar(scalar.group().strip()) if scalar is not None else None
        if scalar is None or value is None:
            raise _NotAListError
        self._at = scalar.end()
        return value


_TEMPORAL = frozenset(
    f"org.apache.kafka.connect.data.{name}" for name in ("Date", "Time", "Timestamp")
)


def common_schema(items: Iterable[SchemaAndValue]) -> Schema | None:
    """Return the schema that fits all items (numbers widen, nulls make it optional), or None."""
    found: Schema | None = None
    optional = False
    for item in items:
        if item == NULL:
            optional = True
        elif item.schema is None:
            return None
        elif found is None:
            found = item.schema
        elif found != item.schema:
            found = _wider(found, item.schema)
            if found is None:
                return None
    if found is None or not optional:
        return found
    return Schema(
        found.type,
        optional=True,
        name=found.name,
        version=found.version,
        parameters=found.parameters,
        key_schema=found.key_schema,
        value_schema=found.value_schema,
    )


def _wider(one: Schema, other: Schema) -> Schema | None:
    if one.name is not None or other.name is not None:
        return None
    if one.type not in _NUMBERS or other.type not in _NUMBERS:
        return None
    return max(one, other, key=lambda schema: _NUMBERS.index(schema.type))


def _aligned(items: Iterable[SchemaAndValue], schema: Schema | None) -> list[Any]:
    """Return the values, integers as floats where the common schema is one of floats."""
    values = [item.value for item in items]
    if schema is None or schema.type not in (Type.FLOAT32, Type.FLOAT64):
        return values
    return [None if value is None else float(value) for value in values]
