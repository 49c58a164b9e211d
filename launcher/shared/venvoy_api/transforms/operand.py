"""What a transformation works on: the key or the value of a record."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Callable, Generic, TypeVar

from venvoy_api.builtin import BuiltIn
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.errors import ConfigError, DataError
from venvoy_api.schema import Schema, Type
from venvoy_api.struct import Struct
from venvoy_api.transformation import Transformation
from venvoy_api.validators import Validator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venvoy_api.config_def import ConfigDef
    from venvoy_api.record import ConnectRecord, R
    from venvoy_api.schema import Field

__all__ = [
    "NonEmptyList",
    "OnKey",
    "OnValue",
    "Operand",
    "SchemaCache",
    "WholeOperand",
    "field_values",
    "require_map",
    "require_struct",
    "struct_schema",
    "with_replace_null",
]

_REPLACE_NULL = "replace.null.with.default"
_T = TypeVar("_T")


class WholeOperand(BuiltIn, Transformation):
    """A transformation of the key or of the value; OnKey and OnValue say which."""

    @abstractmethod
    def operand(self, record: ConnectRecord) -> tuple[Schema | None, Any]:
        """Return the schema and the value that the transformation works on."""

    @abstractmethod
    def replaced(self, record: R, schema: Schema | None, value: object) -> R:
        """Return the record with another operand."""


class Operand(WholeOperand):
    """A transformation of the fields of the key or of the value.

    Subclasses write `change_plain` and `change_struct`, or override `apply`. A null operand
    passes as it is.
    """

    purpose = ""
    """What the messages call the transformation, such as "field replacement"."""

    def apply(self, record: R) -> R | None:
        """Return the record with its operand changed; raises DataError unless map or struct."""
        schema, value = self.operand(record)
        if value is None:
            return record
        if schema is None:
            fields = require_map(value, self.purpose)
            return self.replaced(record, None, self.change_plain(record, fields))
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


class OnKey(WholeOperand):
    """Works on the key."""

    def operand(self, record: ConnectRecord) -> tuple[Schema | None, Any]:
        """Return the key."""
        return record.key_schema, record.key

    def replaced(self, record: R, schema: Schema | None, value: object) -> R:
        """Return the record with another key."""
        return record.new_record(key_schema=schema, key=value)


class OnValue(WholeOperand):
    """Works on the value."""

    def operand(self, record: ConnectRecord) -> tuple[Schema | None, Any]:
        """Return the value."""
        return record.value_schema, record.value

    def replaced(self, record: R, schema: Schema | None, value: object) -> R:
        """Return the record with another value."""
        return record.new_record(value_schema=schema, value=value)


def require_map(value: object, purpose: str) -> dict[str, Any]:
    """Return the value if it is a map without schema; raises DataError."""
    if isinstance(value, dict):
        return value
    raise DataError(
        f"Only Map objects supported in absence of schema for [{purpose}], found: {_kind(value)}"
    )


def require_struct(value: object, purpose: str) -> Struct:
    """Return the value if it is a struct; raises DataError."""
    if isinstance(value, Struct):
        return value
    raise DataError(f"Only Struct objects supported for [{purpose}], found: {_kind(value)}")


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__


class NonEmptyList(Validator):
    """A list with at least one item."""

    def ensure_valid(self, name: str, value: object) -> None:
        """Refuse the empty list."""
        if not value:
            raise ConfigError(name, value, "Empty list")

    def __str__(self) -> str:
        """Return `non-empty list`."""
        return "non-empty list"


class SchemaCache(Generic[_T]):
    """Remembers what was made of a schema, for the last 16 or so."""

    MAX = 16

    def __init__(self, make: Callable[[Schema], _T]) -> None:
        self._make = make
        self._made: dict[Schema, _T] = {}

    def __call__(self, schema: Schema) -> _T:
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
    if replace_null:
        for field in value.schema.fields_with_default:
            if values[field.index] is None:
                values[field.index] = field.schema.default
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
