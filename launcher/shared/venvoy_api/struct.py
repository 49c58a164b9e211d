"""Structs: values of a STRUCT schema, and a value together with its schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from venvoy_api.errors import DataError
from venvoy_api.schema import Field, Schema, Type
from venvoy_api.schema_checks import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["NULL", "SchemaAndValue", "Struct"]


class SchemaAndValue(NamedTuple):
    """A value and its schema; the schema is None for values without one."""

    schema: Schema | None
    value: Any


NULL = SchemaAndValue(None, None)
"""No value."""


class Struct:
    """A record of named fields, each of the schema that the struct's schema gives it.

    `Struct(schema, {"id": 1})` sets fields at once; `put` sets one and returns the struct.
    Fields are checked as they are set; `validate` checks that required ones are there. Not safe
    to change from two threads.
    """

    __slots__ = ("_schema", "_values")

    def __init__(self, schema: Schema, values: Mapping[str, object] | None = None) -> None:
        if schema.type is not Type.STRUCT:
            raise DataError(f"Not a struct schema: {schema!r}")
        self._schema = schema
        self._values: list[Any] = [None] * len(schema.fields)
        if values:
            for name, value in values.items():
                self.put(name, value)

    @classmethod
    def from_values(cls, schema: Schema, values: Iterable[object]) -> Struct:
        """Return a struct with these values, one per field in the schema's order, unchecked.

        The fast way for those who know that the values fit; `validate` checks them all.
        """
        struct = cls(schema)
        struct._values = list(values)  # its own class
        return struct

    def values(self) -> tuple[Any, ...]:
        """Return the values as they were set, in the schema's order, without defaults."""
        return tuple(self._values)

    @property
    def schema(self) -> Schema:
        """The schema, of type STRUCT."""
        return self._schema

    def _field(self, field: str | Field) -> Field:
        if isinstance(field, Field):
            field = field.name
        known = self._schema.field(field)
        if known is None:
            raise DataError(f"{field} is not a valid field name")
        return known

    def get(self, field: str | Field) -> Any:
        """Return the field's value, or its schema's default where it is None.

        Raises DataError for a name that the schema does not have.
        """
        known = self._field(field)
        value = self._values[known.index]
        return known.schema.default if value is None else value

    def get_without_default(self, field: str | Field) -> Any:
        """Return the field's value as it was set: None where it was not."""
        return self._values[self._field(field).index]

    def put(self, field: str | Field, value: object) -> Struct:
        """Set the field and return this struct; raises DataError when the value does not fit."""
        known = self._field(field)
        schema = known.schema
        reason = schema.unfit(value)
        if reason is not None and not (value is None and schema.default is not None):
            schema.validate(value, known.name)
        self._values[known.index] = value
        return self

    def __getitem__(self, field: str) -> Any:
        """Return what `get` returns."""
        return self.get(field)

    def __setitem__(self, field: str, value: object) -> None:
        """Do what `put` does."""
        self.put(field, value)

    def __iter__(self) -> Iterator[str]:
        """Go through the names of the fields, in the schema's order."""
        return (field.name for field in self._schema.fields)

    def validate(self) -> None:
        """Raise DataError unless every field holds a fitting value or has a default."""
        for field, value in zip(self._schema.fields, self._values):
            schema = field.schema
            if value is not None:
                schema.validate(value, field.name)
            elif schema.default is None and not schema.optional:
                schema.validate(None, field.name)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, defaults filled in; structs inside become dicts too."""
        return {field.name: _plain(self.get(field)) for field in self._schema.fields}

    def __eq__(self, other: object) -> bool:
        """Equal schema and equal values."""
        if not isinstance(other, Struct):
            return NotImplemented
        return self._values == other._values and self._schema == other._schema

    __hash__ = None  # type: ignore[assignment]  # a struct can change, so it is no key

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the schema (once per pickle) and the list of values."""
        return Struct, (self._schema,), self._values

    def __setstate__(self, values: list[Any]) -> None:
        """Take the values from a pickle."""
        self._values = list(values)

    def __repr__(self) -> str:
        """Show the fields that are set."""
        shown = ", ".join(
            f"{field.name}={value!r}"
            for field, value in zip(self._schema.fields, self._values)
            if value is not None
        )
        return f"Struct{{{shown}}}"


def _plain(value: Any) -> Any:
    if isinstance(value, Struct):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _struct(schema: Schema, value: object) -> str | None:
    if not isinstance(value, Struct):
        return f"expected Struct, got {type(value).__name__}"
    if value.schema is not schema and value.schema != schema:
        return "Struct schemas do not match"
    try:
        value.validate()
    except DataError as error:
        return str(error)
    return None


CHECKS["struct"] = _struct
