"""Builds schemas step by step: `SchemaBuilder.struct().field("id", INT64_SCHEMA).build()`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from venvoy_api.errors import SchemaBuilderError
from venvoy_api.schema import Field, Schema, Type

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SchemaBuilder"]

_T = TypeVar("_T")


class SchemaBuilder:
    """Collects the parts of a schema; `build` returns it.

    Each part may be set once (SchemaBuilderError otherwise); every method but `build` returns the
    builder, so calls chain.
    """

    __slots__ = (
        "_default",
        "_doc",
        "_fields",
        "_key_schema",
        "_name",
        "_optional",
        "_parameters",
        "_type",
        "_value_schema",
        "_version",
    )

    def __init__(
        self,
        type: Type,  # noqa: A002  # Kafka's name
        *,
        key_schema: Schema | None = None,
        value_schema: Schema | None = None,
    ) -> None:
        self._type = type
        self._key_schema = key_schema
        self._value_schema = value_schema
        self._optional: bool | None = None
        self._default: object = None
        self._name: str | None = None
        self._version: int | None = None
        self._doc: str | None = None
        self._parameters: dict[str, str] = {}
        self._fields: list[Field] = []

    @classmethod
    def int8(cls) -> SchemaBuilder:
        """Start a schema of 8-bit integers."""
        return cls(Type.INT8)

    @classmethod
    def int16(cls) -> SchemaBuilder:
        """Start a schema of 16-bit integers."""
        return cls(Type.INT16)

    @classmethod
    def int32(cls) -> SchemaBuilder:
        """Start a schema of 32-bit integers."""
        return cls(Type.INT32)

    @classmethod
    def int64(cls) -> SchemaBuilder:
        """Start a schema of 64-bit integers."""
        return cls(Type.INT64)

    @classmethod
    def float32(cls) -> SchemaBuilder:
        """Start a schema of 32-bit floating point numbers."""
        return cls(Type.FLOAT32)

    @classmethod
    def float64(cls) -> SchemaBuilder:
        """Start a schema of 64-bit floating point numbers."""
        return cls(Type.FLOAT64)

    @classmethod
    def boolean(cls) -> SchemaBuilder:
        """Start a schema of truth values."""
        return cls(Type.BOOLEAN)

    @classmethod
    def string(cls) -> SchemaBuilder:
        """Start a schema of text."""
        return cls(Type.STRING)

    @classmethod
    def bytes(cls) -> SchemaBuilder:
        """Start a schema of bytes."""
        return cls(Type.BYTES)

    @classmethod
    def struct(cls) -> SchemaBuilder:
        """Start a schema of structs; add its fields with `field`."""
        return cls(Type.STRUCT)

    @classmethod
    def array(cls, value_schema: Schema) -> SchemaBuilder:
        """Start a schema of lists whose items are of `value_schema`."""
        return cls(Type.ARRAY, value_schema=value_schema)

    @classmethod
    def map(cls, key_schema: Schema, value_schema: Schema) -> SchemaBuilder:
        """Start a schema of dicts with such keys and values."""
        return cls(Type.MAP, key_schema=key_schema, value_schema=value_schema)

    def optional(self) -> SchemaBuilder:
        """Allow None."""
        self._optional = _once("optional", self._optional, new=True)
        return self

    def required(self) -> SchemaBuilder:
        """Refuse None; this is so from the start."""
        self._optional = _once("optional", self._optional, new=False)
        return self

    def default(self, value: object) -> SchemaBuilder:
        """Let `value` stand in for a missing one; it is checked by `build`."""
        self._default = _once("default", self._default, new=value)
        return self

    def name(self, name: str) -> SchemaBuilder:
        """Name the schema."""
        self._name = _once("name", self._name, new=name)
        return self

    def version(self, version: int) -> SchemaBuilder:
        """Number the schema."""
        self._version = _once("version", self._version, new=version)
        return self

    def doc(self, text: str) -> SchemaBuilder:
        """Describe the schema for people."""
        self._doc = _once("doc", self._doc, new=text)
        return self

    def parameter(self, name: str, value: str) -> SchemaBuilder:
        """Add one parameter, such as a decimal's `scale`."""
        self._parameters[name] = _once(f"parameter {name}", self._parameters.get(name), new=value)
        return self

    def parameters(self, parameters: Mapping[str, str]) -> SchemaBuilder:
        """Add several parameters."""
        for name, value in parameters.items():
            self.parameter(name, value)
        return self

    def field(self, name: str, schema: Schema) -> SchemaBuilder:
        """Add the next field of a struct."""
        if self._type is not Type.STRUCT:
            raise SchemaBuilderError(f"Cannot create fields on type {self._type.name}")
        if not name:
            raise SchemaBuilderError("fieldName cannot be empty")
        if any(field.name == name for field in self._fields):
            raise SchemaBuilderError(
                f"Cannot create field because of field name duplication {name}"
            )
        self._fields.append(Field(name, len(self._fields), schema))
        return self

    def build(self) -> Schema:
        """Return the schema; raises SchemaBuilderError when its parts do not fit."""
        return Schema(
            self._type,
            optional=bool(self._optional),
            default=self._default,
            name=self._name,
            version=self._version,
            doc=self._doc,
            parameters=self._parameters,
            fields=self._fields,
            key_schema=self._key_schema,
            value_schema=self._value_schema,
        )


def _once(part: str, before: _T | None, *, new: _T) -> _T:
    if before is not None:
        raise SchemaBuilderError(f"Invalid SchemaBuilder call: {part} has already been set.")
    return new
