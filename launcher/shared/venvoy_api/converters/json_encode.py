"""Connect values to values that `json` can write: one function per schema, made once.

`encoder(schema)` returns a function from a value of that schema to plain lists, dicts, strings and
numbers. It checks what a `Struct` has not checked already.
"""

from __future__ import annotations

from base64 import b64encode
from math import isfinite
from typing import TYPE_CHECKING, Any, Callable

from venvoy_api.errors import DataError
from venvoy_api.logical import Date, Decimal, Time, Timestamp
from venvoy_api.schema import Schema, Type
from venvoy_api.struct import Struct

if TYPE_CHECKING:
    import decimal

__all__ = ["Encode", "Encoding", "plain"]

Encode = Callable[[Any], Any]
"""From a value that is not None to what `json` writes for it."""


class Encoding:
    """How values are written: whether null gives way to defaults, and how decimals look.

    `number` is None to write decimals as base64 of their unscaled bytes, or turns a decimal into
    what is to be written in place of a number.
    """

    def __init__(
        self, *, replace_null: bool, number: Callable[[decimal.Decimal], Any] | None
    ) -> None:
        self._replace_null = replace_null
        self._number = number

    def encoder(self, schema: Schema) -> Encode:
        """Return the function for values of this schema, None included."""
        encode = self._present(schema)
        null = self._null(schema, encode)

        def encode_or_null(value: object) -> object:
            return null() if value is None else encode(value)

        return encode_or_null

    def _null(self, schema: Schema, encode: Encode) -> Callable[[], Any]:
        """Return what is written in place of None: the default, null, or an error."""
        if schema.default is not None and self._replace_null:
            default = encode(schema.default)
            return lambda: default
        if schema.optional:
            return lambda: None
        return _refuse_null

    def _present(self, schema: Schema) -> Encode:  # noqa: PLR0911  # a table
        logical = self._logical(schema)
        if logical is not None:
            return _checked(schema, logical)
        kind = schema.type
        if kind is Type.STRUCT:
            return self._struct(schema)
        if kind is Type.ARRAY:
            return self._array(schema)
        if kind is Type.MAP:
            return self._map(schema)
        if kind is Type.BYTES:
            return _checked(schema, _base64)
        if kind in (Type.FLOAT32, Type.FLOAT64):
            return _checked(schema, _float)
        return _checked(schema, None)

    def _logical(self, schema: Schema) -> Encode | None:
        name = schema.name
        if name == Decimal.LOGICAL_NAME and schema.type is Type.BYTES:
            return self._number or (lambda value: _base64(Decimal.from_logical(schema, value)))
        if name == Date.LOGICAL_NAME and schema.type is Type.INT32:
            return lambda value: Date.from_logical(schema, value)
        if name == Time.LOGICAL_NAME and schema.type is Type.INT32:
            return lambda value: Time.from_logical(schema, value)
        if name == Timestamp.LOGICAL_NAME and schema.type is Type.INT64:
            return lambda value: Timestamp.from_logical(schema, value)
        return None

    def _array(self, schema: Schema) -> Encode:
        encode = self.encoder(_inner(schema.value_schema))

        def encode_array(value: object) -> object:
            if not isinstance(value, (list, tuple)):
                schema.validate(value)
                raise DataError("not a list")  # cannot be: validate has refused it
            return [encode(item) for item in value]

        return encode_array

    def _map(self, schema: Schema) -> Encode:
        key_schema = _inner(schema.key_schema)
        encode_key, encode = self.encoder(key_schema), self.encoder(_inner(schema.value_schema))
        as_object = key_schema.type is Type.STRING

        def encode_map(value: object) -> object:
            if not isinstance(value, dict):
                schema.validate(value)
                raise DataError("not a dict")  # cannot be: validate has refused it
            pairs = [(encode_key(key), encode(item)) for key, item in value.items()]
            if not as_object:
                return pairs
            if None in value:
                raise DataError("a map with string keys cannot have the key None in JSON")
            return dict(pairs)

        return encode_map

    def _struct(self, schema: Schema) -> Encode:
        plan: list[tuple[str, Encode | None, Callable[[], Any]]] = []
        for field in schema.fields:
            encode = self._present(field.schema)
            null = self._null(field.schema, encode)
            plan.append((field.name, None if _as_is(field.schema) else encode, null))

        def encode_struct(value: object) -> object:
            if not isinstance(value, Struct) or value.schema != schema:
                schema.validate(value)
                raise DataError("Mismatching schema.")
            form: dict[str, Any] = {}
            for (name, encode, null), item in zip(plan, value.values()):
                if item is None:
                    try:
                        form[name] = null()
                    except DataError as error:
                        raise DataError(f'{error}, for field "{name}"') from None
                else:
                    form[name] = item if encode is None else encode(item)
            return form

        return encode_struct


def _inner(schema: Schema | None) -> Schema:
    if schema is None:
        raise DataError("ARRAY or MAP without inner schema")  # cannot be: Schema refuses it
    return schema


def _as_is(schema: Schema) -> bool:
    """Whether `json` writes such values as they are, given that `Struct.put` has checked them."""
    kinds = (Type.INT8, Type.INT16, Type.INT32, Type.INT64, Type.STRING, Type.BOOLEAN)
    return schema.type in kinds and schema.name not in (
        Date.LOGICAL_NAME,
        Time.LOGICAL_NAME,
        Timestamp.LOGICAL_NAME,
    )


def _checked(schema: Schema, encode: Encode | None) -> Encode:
    unfit = schema.unfit

    def encode_checked(value: object) -> object:
        if unfit(value) is not None:
            schema.validate(value)
        return value if encode is None else encode(value)

    return encode_checked


def _refuse_null() -> object:
    raise DataError(
        "Conversion error: null value for field that is required and has no default value"
    )


def _base64(value: Any) -> str:
    return b64encode(value).decode()


def _float(value: float) -> object:
    """Return the number, or Java's word in place of one that JSON does not have."""
    if isfinite(value):
        return float(value)
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124  # the test of NaN


def plain(value: object) -> object:
    """Return what `json` can write for a value without schema; raises DataError.

    Bytes become base64, structs objects, NaN and the infinities words. Dates and decimals are
    refused as in Kafka: without a schema nobody could read them back.
    """
    if isinstance(value, (str, int)) or value is None:
        return value
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _base64(value)
    if isinstance(value, Struct):
        return {name: plain(value.get(name)) for name in value}
    raise DataError(
        f"{type(value).__name__} {value!r} cannot be written as JSON without a schema; "
        "give the record a schema, or convert the value to text or a number"
    )
