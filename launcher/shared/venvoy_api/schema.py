"""Schemas: what kind of value a record's key, value or header is.

A schema is immutable; equal schemas compare equal, hash equal, and pickle to one object. Values
may also come without any schema (`None`): then they are plain Python values, as from JSON.

| type | Python value |
|---|---|
| INT8 INT16 INT32 INT64 | int, within the range |
| FLOAT32 FLOAT64 | float (an int is taken too) |
| BOOLEAN | bool |
| STRING | str |
| BYTES | bytes, bytearray or memoryview |
| ARRAY | list or tuple |
| MAP | dict |
| STRUCT | Struct of an equal schema |
| logical Decimal, Date, Time, Timestamp | see `venvoy_api.logical` |
"""

# positional, to keep pickles small

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from venvoy_api.errors import DataError, SchemaBuilderError
from venvoy_api.schema_checks import CHECKS, LOGICAL_CHECKS, accept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "BOOLEAN_SCHEMA",
    "BYTES_SCHEMA",
    "FLOAT32_SCHEMA",
    "FLOAT64_SCHEMA",
    "INT8_SCHEMA",
    "INT16_SCHEMA",
    "INT32_SCHEMA",
    "INT64_SCHEMA",
    "OPTIONAL_BOOLEAN_SCHEMA",
    "OPTIONAL_BYTES_SCHEMA",
    "OPTIONAL_FLOAT32_SCHEMA",
    "OPTIONAL_FLOAT64_SCHEMA",
    "OPTIONAL_INT8_SCHEMA",
    "OPTIONAL_INT16_SCHEMA",
    "OPTIONAL_INT32_SCHEMA",
    "OPTIONAL_INT64_SCHEMA",
    "OPTIONAL_STRING_SCHEMA",
    "STRING_SCHEMA",
    "Field",
    "Schema",
    "Type",
    "restore_schema",
]

_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})
_INTERNED_MAX = 1000


class Type(Enum):
    """The kinds of schema; the value is Kafka's name in JSON."""

    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    BOOLEAN = "boolean"
    STRING = "string"
    BYTES = "bytes"
    ARRAY = "array"
    MAP = "map"
    STRUCT = "struct"

    def is_primitive(self) -> bool:
        """Whether values of this type hold no others: neither ARRAY, MAP nor STRUCT."""
        return self not in (Type.ARRAY, Type.MAP, Type.STRUCT)


class Field:
    """One field of a struct schema: its name, its position from 0, its schema."""

    __slots__ = ("index", "name", "schema")

    name: str
    index: int
    schema: Schema

    def __init__(self, name: str, index: int, schema: Schema) -> None:
        self.name = name
        self.index = index
        self.schema = schema

    def __eq__(self, other: object) -> bool:
        """Equal name, position and schema."""
        if not isinstance(other, Field):
            return NotImplemented
        return self.name == other.name and self.index == other.index and self.schema == other.schema

    def __hash__(self) -> int:
        """Hash of name, position and schema."""
        return hash((self.name, self.index, self.schema))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a call."""
        return Field, (self.name, self.index, self.schema)

    def __repr__(self) -> str:
        """Name, position and schema."""
        return f"Field({self.name!r}, {self.index}, {self.schema!r})"


class Schema:
    """The kind of a value, with what is known about it. Immutable.

    `type` is the kind; `optional` allows None; `default` stands in for a missing value (None: no
    default); `name` and `version` identify the schema (a logical type is known by its name);
    `doc` is for people; `parameters` are further strings, such as a decimal's scale. `fields`
    (STRUCT), `value_schema` (ARRAY, MAP) and `key_schema` (MAP) describe what is inside and are
    empty or None elsewhere; `fields_with_default` are those of the fields whose schema has one.

    `SchemaBuilder` builds one step by step. Raises SchemaBuilderError when parts do not fit.
    """

    __slots__ = (
        "_by_name",
        "_check",
        "_hash",
        "default",
        "doc",
        "fields",
        "fields_with_default",
        "key_schema",
        "name",
        "optional",
        "parameters",
        "type",
        "value_schema",
        "version",
    )

    type: Type
    optional: bool
    default: Any
    name: str | None
    version: int | None
    doc: str | None
    parameters: Mapping[str, str]
    fields: tuple[Field, ...]
    fields_with_default: tuple[Field, ...]
    key_schema: Schema | None
    value_schema: Schema | None

    def __init__(
        self,
        type: Type,  # noqa: A002  # Kafka's name
        *,
        optional: bool = False,
        default: object = None,
        name: str | None = None,
        version: int | None = None,
        doc: str | None = None,
        parameters: Mapping[str, str] | None = None,
        fields: Sequence[Field] = (),
        key_schema: Schema | None = None,
        value_schema: Schema | None = None,
    ) -> None:
        self.type = type
        self.optional = optional
        self.default = None
        self.name = name
        self.version = version
        self.doc = doc
        self.parameters = MappingProxyType(dict(parameters)) if parameters else _NO_PARAMETERS
        self.fields = tuple(fields)
        self.fields_with_default = tuple(
            field for field in self.fields if field.schema.default is not None
        )
        self.key_schema = key_schema
        self.value_schema = value_schema
        self._by_name = {field.name: field for field in self.fields}
        self._hash: int | None = None
        self._check = LOGICAL_CHECKS.get(name or "") or CHECKS.get(type.value, accept)
        self._require_sound_shape()
        if default is not None:
            self._set_default(default)

    def _require_sound_shape(self) -> None:
        kind = self.type
        if self.fields and kind is not Type.STRUCT:
            raise SchemaBuilderError(f"Cannot have fields on a schema of type {kind.name}")
        if len(self._by_name) != len(self.fields):
            raise SchemaBuilderError("Cannot create field because of field name duplication")
        if (self.value_schema is not None) is not (kind in (Type.ARRAY, Type.MAP)):
            raise SchemaBuilderError(f"A value schema belongs to ARRAY and MAP, not {kind.name}")
        if (self.key_schema is not None) is not (kind is Type.MAP):
            raise SchemaBuilderError(f"A key schema belongs to MAP, not {kind.name}")

    def _set_default(self, default: object) -> None:
        try:
            self.validate(default)
        except DataError as error:
            raise SchemaBuilderError(f"Invalid default value: {error}") from error
        self.default = default

    def field(self, name: str) -> Field | None:
        """Return the field of that name, or None; raises DataError unless this is a STRUCT."""
        if self.type is not Type.STRUCT:
            raise DataError(f"Cannot look up fields on non-struct type {self.type.name}")
        return self._by_name.get(name)

    def unfit(self, value: object) -> str | None:
        """Return why `value` is not of this schema, or None when it is."""
        if value is None:
            return None if self.optional else "null used for a required value"
        return self._check(self, value)

    def validate(self, value: object, field: str | None = None) -> None:
        """Raise DataError unless `value` is of this schema; `field` is named in the message."""
        reason = self.unfit(value)
        if reason is not None:
            where = f' for field "{field}"' if field is not None else ""
            name = f' "{self.name}"' if self.name else ""
            raise DataError(
                f"Invalid value{where}: {reason}, schema{name} of type {self.type.name}"
            )

    def _parts(self) -> tuple[Any, ...]:
        """Everything that equality looks at, the cheap parts first."""
        return (
            self.type,
            self.optional,
            self.name,
            self.version,
            self.doc,
            self.fields,
            self.key_schema,
            self.value_schema,
            self.parameters,
            self.default,
        )

    def __eq__(self, other: object) -> bool:
        """Equal in every part, documentation and default included (as Kafka's ConnectSchema)."""
        if self is other:
            return True
        if not isinstance(other, Schema):
            return NotImplemented
        return hash(self) == hash(other) and self._parts() == other._parts()

    def __hash__(self) -> int:
        """Computed once, then remembered; the default is left out, as it may be a list."""
        known = self._hash
        if known is None:
            known = self._hash = hash(
                (*self._parts()[:8], tuple(sorted(self.parameters.items())) or None)
            )
        return known

    def __copy__(self) -> Schema:
        """Itself: a schema never changes."""
        return self

    def __deepcopy__(self, _memo: object) -> Schema:
        """Itself: a schema never changes."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a call of `restore_schema` without trailing defaults."""
        parts: list[Any] = [
            self.type.value,
            self.optional,
            self.name,
            self.version,
            tuple((field.name, field.schema) for field in self.fields) or None,
            self.key_schema,
            self.value_schema,
            dict(self.parameters) or None,
            self.doc,
            self.default,
        ]
        while parts[-1] is None:
            parts.pop()
        return restore_schema, tuple(parts)

    def __repr__(self) -> str:
        """Name the type and, where they are set, the name, version and optionality."""
        parts = [self.type.name]
        if self.name:
            parts.append(f"name={self.name!r}")
        if self.version is not None:
            parts.append(f"version={self.version}")
        if self.optional:
            parts.append("optional=True")
        if self.fields:
            parts.append(f"fields={[field.name for field in self.fields]}")
        return f"Schema({', '.join(parts)})"


_interned: dict[Schema, Schema] = {}


def restore_schema(
    type_name: str,
    optional: bool = False,  # positional, to keep pickles small
    name: str | None = None,
    version: int | None = None,
    fields: tuple[tuple[str, Schema], ...] | None = None,
    key_schema: Schema | None = None,
    value_schema: Schema | None = None,
    parameters: Mapping[str, str] | None = None,
    doc: str | None = None,
    default: object = None,
) -> Schema:
    """Return the schema that was pickled with these parts: the same object for equal schemas.

    Converters remember by identity what they made of a schema, so the schemas that arrive with
    every batch must not be new objects each time. At most 1000 are remembered.
    """
    schema = Schema(
        Type(type_name),
        optional=optional,
        default=default,
        name=name,
        version=version,
        doc=doc,
        parameters=parameters,
        fields=[Field(field, index, of) for index, (field, of) in enumerate(fields or ())],
        key_schema=key_schema,
        value_schema=value_schema,
    )
    known = _interned.get(schema)
    if known is None:
        if len(_interned) >= _INTERNED_MAX:
            _interned.clear()
            _remember_constants()
        known = _interned[schema] = schema
    return known


INT8_SCHEMA = Schema(Type.INT8)
INT16_SCHEMA = Schema(Type.INT16)
INT32_SCHEMA = Schema(Type.INT32)
INT64_SCHEMA = Schema(Type.INT64)
FLOAT32_SCHEMA = Schema(Type.FLOAT32)
FLOAT64_SCHEMA = Schema(Type.FLOAT64)
BOOLEAN_SCHEMA = Schema(Type.BOOLEAN)
STRING_SCHEMA = Schema(Type.STRING)
BYTES_SCHEMA = Schema(Type.BYTES)
OPTIONAL_INT8_SCHEMA = Schema(Type.INT8, optional=True)
OPTIONAL_INT16_SCHEMA = Schema(Type.INT16, optional=True)
OPTIONAL_INT32_SCHEMA = Schema(Type.INT32, optional=True)
OPTIONAL_INT64_SCHEMA = Schema(Type.INT64, optional=True)
OPTIONAL_FLOAT32_SCHEMA = Schema(Type.FLOAT32, optional=True)
OPTIONAL_FLOAT64_SCHEMA = Schema(Type.FLOAT64, optional=True)
OPTIONAL_BOOLEAN_SCHEMA = Schema(Type.BOOLEAN, optional=True)
OPTIONAL_STRING_SCHEMA = Schema(Type.STRING, optional=True)
OPTIONAL_BYTES_SCHEMA = Schema(Type.BYTES, optional=True)


def _remember_constants() -> None:
    constants = [value for value in globals().values() if isinstance(value, Schema)]
    _interned.update(zip(constants, constants))


_remember_constants()
