"""JSON values to Connect values: one function per schema, made once.

`decoder(schema)` returns a function from what `json` read to a value of that schema. It checks
everything, as JSON comes from outside.
"""

from __future__ import annotations

import binascii
import decimal
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Callable

from venvoy_api.errors import DataError
from venvoy_api.logical import Date, Decimal, Time, Timestamp
from venvoy_api.schema import Schema, Type
from venvoy_api.struct import Struct

if TYPE_CHECKING:
    from venvoy_api.schema import Field

__all__ = ["Decode", "Decoding", "InexactError"]

Decode = Callable[[Any], Any]
"""From what `json` read to a value."""

_WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_EXACT = decimal.Context(prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)


class InexactError(Exception):
    """A decimal was read as a float: read the JSON again with `parse_float=Decimal`."""


class Decoding:
    """How values are read: whether null gives way to defaults."""

    def __init__(self, *, replace_null: bool) -> None:
        self._replace_null = replace_null

    def decoder(self, schema: Schema) -> Decode:
        """Return the function for values of this schema, null included."""
        decode = self._present(schema)
        default = schema.default if self._replace_null else None
        optional = schema.optional

        def decode_or_null(value: object) -> object:
            if value is not None:
                return decode(value)
            if default is None and not optional:
                raise DataError(f"Invalid null value for required {schema.type.name} field")
            return default

        return decode_or_null

    def _present(self, schema: Schema) -> Decode:  # noqa: PLR0911  # a table
        logical = _logical(schema)
        if logical is not None:
            return logical
        kind = schema.type
        if kind is Type.STRUCT:
            return self._struct(schema)
        if kind is Type.ARRAY:
            return self._array(schema)
        if kind is Type.MAP:
            return self._map(schema)
        if kind is Type.BYTES:
            return _base64
        if kind in (Type.FLOAT32, Type.FLOAT64):
            return _float
        if kind in (Type.STRING, Type.BOOLEAN):
            return _checked(schema)
        return _integer(schema)

    def _array(self, schema: Schema) -> Decode:
        decode = self.decoder(_inner(schema.value_schema))

        def decode_array(value: object) -> object:
            if not isinstance(value, list):
                raise DataError(
                    f"Arrays should be encoded as JSON arrays, but found {_kind(value)}"
                )
            return [decode(item) for item in value]

        return decode_array

    def _map(self, schema: Schema) -> Decode:
        key_schema = _inner(schema.key_schema)
        decode_key, decode = self.decoder(key_schema), self.decoder(_inner(schema.value_schema))

        def decode_object(value: object) -> object:
            if not isinstance(value, dict):
                raise DataError(
                    "Maps with string fields should be encoded as JSON objects, "
                    f"but found {_kind(value)}"
                )
            return {key: decode(item) for key, item in value.items()}

        def decode_pairs(value: object) -> object:
            if not isinstance(value, list):
                raise DataError(
                    "Maps with non-string fields should be encoded as JSON array of tuples, "
                    f"but found {_kind(value)}"
                )
            pairs: dict[Any, Any] = {}
            for pair in value:
                if not isinstance(pair, list) or len(pair) != 2:  # noqa: PLR2004  # a pair
                    raise DataError(f"Found invalid map entry instead of a pair: {pair!r}")
                pairs[decode_key(pair[0])] = decode(pair[1])
            return pairs

        return decode_object if key_schema.type is Type.STRING else decode_pairs

    def _struct(self, schema: Schema) -> Decode:
        plan: list[tuple[Field, Decode]] = [
            (field, self.decoder(field.schema)) for field in schema.fields
        ]

        def decode_struct(value: object) -> object:
            if not isinstance(value, dict):
                raise DataError(
                    f"Structs should be encoded as JSON objects, but found {_kind(value)}"
                )
            get = value.get
            values: list[object] = []
            for field, decode in plan:
                try:
                    values.append(decode(get(field.name)))
                except DataError as error:  # noqa: PERF203  # the field is named
                    raise DataError(f'field "{field.name}": {error}') from error
            return Struct.from_values(schema, values)

        return decode_struct


def _kind(value: object) -> str:
    """Return JSON's word for the type of a value."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _inner(schema: Schema | None) -> Schema:
    if schema is None:
        raise DataError("ARRAY or MAP without inner schema")  # cannot be: Schema refuses it
    return schema


def _logical(schema: Schema) -> Decode | None:
    name = schema.name
    if name == Decimal.LOGICAL_NAME and schema.type is Type.BYTES:
        return lambda value: _decimal(schema, value)
    if name in (Date.LOGICAL_NAME, Time.LOGICAL_NAME) and schema.type is Type.INT32:
        number = _integer(Schema(Type.INT32))
        of = Date.to_logical if name == Date.LOGICAL_NAME else Time.to_logical
        return lambda value: of(schema, number(value))
    if name == Timestamp.LOGICAL_NAME and schema.type is Type.INT64:
        number = _integer(Schema(Type.INT64))
        return lambda value: Timestamp.to_logical(schema, number(value))
    return None


def _checked(schema: Schema) -> Decode:
    unfit = schema.unfit

    def decode(value: object) -> object:
        if unfit(value) is not None:
            schema.validate(value)
        return value

    return decode


def _integer(schema: Schema) -> Decode:
    unfit = schema.unfit

    def decode(value: object) -> object:
        if unfit(value) is None:
            return value
        if isinstance(value, (float, decimal.Decimal)) and value == value // 1:
            value = int(value)
        schema.validate(value)
        return value

    return decode


def _float(value: object) -> object:
    if isinstance(value, (float, int, decimal.Decimal)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and value in _WORDS:
        return _WORDS[value]
    raise DataError(f"expected a number, got {_kind(value)} {value!r}")


def _base64(value: object) -> bytes:
    if not isinstance(value, str):
        raise DataError(f"Invalid bytes field: expected base64, got {_kind(value)}")
    try:
        return b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError(f"Invalid bytes field: {error}") from error


def _decimal(schema: Schema, value: object) -> decimal.Decimal:
    """Return the decimal of base64 or of a number, with the schema's places where that is exact."""
    if isinstance(value, str):
        return Decimal.to_logical(schema, _base64(value))
    if isinstance(value, float):
        raise InexactError
    if isinstance(value, bool) or not isinstance(value, (int, decimal.Decimal)):
        raise DataError(f"Invalid type for Decimal: expected base64 or number, got {_kind(value)}")
    number = decimal.Decimal(value)
    scale = Decimal.scale(schema)
    if number.adjusted() + scale > 10_000:  # noqa: PLR2004  # more digits than anybody stores
        raise DataError(f"Decimal {number} is too large for scale {scale}")
    scaled = number.quantize(decimal.Decimal(1).scaleb(-scale), context=_EXACT)
    return scaled if scaled == number else number
