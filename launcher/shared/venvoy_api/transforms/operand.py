"""What a transformation works on: the key or the value of a record."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Callable

from venvoy_api.builtin import BuiltIn
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.errors import DataError
from venvoy_api.schema import Schema, Type
from venvoy_api.transformation import Transformation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venvoy_api.config_def import ConfigDef
    from venvoy_api.record import ConnectRecord, R
    from venvoy_api.schema import Field
    from venvoy_api.struct import Struct

__all__ = ["OnKey", "OnValue", "Operand", "SchemaCache", "field_values", "struct_schema"]

_REPLACE_NULL = "replace.null.with.default"


class Operand(BuiltIn, Transformation):
    """A transformation of the key or of the value; OnKey and OnValue say which.

    Subclasses write `change_plain` and `change_struct`, or override `apply`. A null operand
    passes as it is.
    """

    purpose = ""
    """What the messages call the transformation, such as "field replacement"."""

    @abstractmethod
    def operand(self, record: ConnectRecord) -> tuple[Schema | None, Any]:
        """Return the schema and the value that the transformation works on."""

    @abstractmethod
    def replaced(self, record: R, schema: Schema | None, value: object) -> R:
        """Return the record with another operand."""

    def apply(self, record: R) -> R | None:
        """Return the record with its operand changed; raises DataError unless map or struct."""
        schema, value = self.operand(record)
        if value is None:
            return record
        if schema is None:
            if not isinstance(value, dict):
                raise DataError(
                    f"Only Map objects supported in absence of schema for [{self.purpose}], "
                    f"found: {type(value).__name__}"
                )
            return self.replaced(record, None, self.change_plain(record, value))
        if schema.type is not Type.STRUCT:
            raise DataError(
                f"Only Struct objects supported for [{self.purpose}], found: {schema.type.name}"
            )
        changed = self.change_struct(record, schema, value)
        return self.replaced(record, changed.schema, changed)

    @abstractmethod
    def change_plain(self, record: ConnectRecord, value: dict[str, Any]) -> dict[str, Any]:
        """Return the map, changed; the given one stays as it is."""

    @abstractmethod
    def change_struct(self, record: ConnectRecord, schema: Schema, value: Struct) -> Struct:
        """Return the struct, changed; the given one stays as it is."""


class OnKey(Operand):
    """Works on the key."""

    def operand(self, record: ConnectRecord) -> tuple[Schema | None, Any]:
        """Return the key."""
        return record.key_schema, record.key

    def replaced(self, record: R, schema: Schema | None, value: object) -> R:
        """Return the record with another key."""
        return record.new_record(key_schema=schema, key=value)


class OnValue(Operand):
    """Works on the value."""

    def operand(self, record: ConnectRecord) -> tuple[Schema | None, Any]:
        """Return the value."""
        return record.value_schema, record.value

    def replaced(self, record: R, schema: Schema | None, value: object) -> R:
        """Return the record with another value."""
        return record.new_record(value_schema=schema, value=value)


class SchemaCache:
    """Remembers what was made of a schema, for the last 16 or so."""

    MAX = 16

    def __init__(self, make: Callable[[Schema], Schema]) -> None:
        self._make = make
        self._made: dict[Schema, Schema] = {}

    def __call__(self, schema: Schema) -> Schema:
        """Return what `make` returns for the schema."""
        made = self._made.get(schema)
        if made is None:
            made = self._make(schema)
            if len(self._made) >= self.MAX:
                self._made.clear()
            self._made[schema] = made
        return made


def struct_schema(schema: Schema, fields: Sequence[Field], *, default: object = None) -> Schema:
    """Return a struct schema with other fields, the rest of it kept (but for the default)."""
    return Schema(
        Type.STRUCT,
        optional=schema.optional,
        default=default,
        name=schema.name,
        version=schema.version,
        doc=schema.doc,
        parameters=schema.parameters,
        fields=fields,
    )


def field_values(value: Struct, *, replace_null: bool) -> list[Any]:
    """Return the struct's values in order; with `replace_null` defaults stand in for None."""
    values = list(value.values())
    if replace_null and None in values:
        for index, field in enumerate(value.schema.fields):
            if values[index] is None:
                values[index] = field.schema.default
    return values


def with_replace_null(definition: ConfigDef) -> ConfigDef:
    """Add the key `replace.null.with.default` (KIP-1040) and return the definition."""
    return definition.define(
        _REPLACE_NULL,
        ConfigType.BOOLEAN,
        True,  # a default
        importance=Importance.MEDIUM,
        documentation="Put a field's default in place of null where its schema has one.",
    )
