"""Lifts the fields of nested structs and maps to the top."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal as Number
from typing import TYPE_CHECKING, Any, NamedTuple

from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.errors import DataError
from venvoy_api.schema import Field, Schema, Type
from venvoy_api.struct import Struct
from venvoy_api.transforms.operand import OnKey, OnValue, Operand, SchemaCache

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from venvoy_api.record import ConnectRecord

__all__ = ["Flatten"]

_CONFIG = ConfigDef().define(
    "delimiter",
    ConfigType.STRING,
    ".",
    importance=Importance.MEDIUM,
    documentation="Delimiter to insert between field names from the input record when generating "
    "field names for the output record",
)
_PLAIN = (bool, int, float, str, bytes, bytearray, memoryview, list, tuple, date, time, Number)


class _Place(NamedTuple):
    """What becomes of one field: its default, and for a struct what becomes of its fields."""

    default: Any
    inner: tuple[_Place, ...] | None
    width: int


class _Flat(NamedTuple):
    """A flattened schema, and where its values come from."""

    schema: Schema
    places: tuple[_Place, ...]


class _Flatten(Operand):
    """Flattens the operand; see Flatten."""

    purpose = "flattening"

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError."""
        self._delimiter: str = _CONFIG.parse(configs)["delimiter"]
        self._schemas = SchemaCache(self._flattened)

    def _flattened(self, schema: Schema) -> _Flat:
        fields: list[Field] = []
        places = self._add_fields(
            fields, schema, "", optional=schema.optional, default=schema.default
        )
        flat = Schema(
            Type.STRUCT,
            name=schema.name,
            version=schema.version,
            doc=schema.doc,
            parameters=schema.parameters,
            fields=fields,
        )
        return _Flat(flat, places)

    def _add_fields(
        self,
        fields: list[Field],
        schema: Schema,
        prefix: str,
        *,
        optional: bool,
        default: Struct | None,
    ) -> tuple[_Place, ...]:
        """Add a struct's fields, flattened: optional where a struct around them is.

        `default` is the struct's, from its own schema or one around it.
        """
        places: list[_Place] = []
        for field in schema.fields:
            name, of = prefix + field.name, field.schema
            is_optional = optional or of.optional
            own_default = of.default
            if own_default is None and default is not None:
                own_default = default.get(field.name)
            if of.type is Type.STRUCT:
                before = len(fields)
                inner = self._add_fields(
                    fields,
                    of,
                    name + self._delimiter,
                    optional=is_optional,
                    default=own_default,
                )
                places.append(_Place(of.default, inner, len(fields) - before))
                continue
            if of.type is Type.MAP:
                raise DataError(
                    f"Flatten transformation does not support {of.type.name} for record with "
                    f"schemas (for field {name})."
                )
            leaf = _leaf(of, optional=is_optional, default=own_default)
            fields.append(Field(name, len(fields), leaf))
            places.append(_Place(of.default, None, 1))
        return tuple(places)

    def change_plain(self, record: ConnectRecord, value: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002  # the interface's
        """Return the map with the fields of its maps beside its own."""
        flat: dict[str, Any] = {}
        self._add_plain(flat, value, "")
        return flat

    def _add_plain(self, flat: dict[str, Any], value: dict[str, Any], prefix: str) -> None:
        for key, item in value.items():
            name = f"{prefix}{key}"
            if isinstance(item, dict):
                self._add_plain(flat, item, name + self._delimiter)
            elif item is None or isinstance(item, _PLAIN):
                flat[name] = item
            elif isinstance(item, Struct):
                raise DataError(
                    "Flatten transformation does not support Struct for record without schemas "
                    f"(for field {name})."
                )
            else:
                raise DataError(
                    "Flatten transformation was passed a value of type "
                    f"{type(item).__name__} which is not supported by Connect's data API"
                )

    def change_struct(self, record: ConnectRecord, schema: Schema, value: Struct) -> Struct:  # noqa: ARG002  # the interface's
        """Return the struct with the fields of its structs beside its own."""
        flat = self._schemas(schema)
        values: list[Any] = []
        _add_values(values, value.values(), flat.places)
        return Struct.from_values(flat.schema, values)


def _leaf(schema: Schema, *, optional: bool, default: object) -> Schema:
    """Return the schema of a flattened field: optional, with a default where it has got one."""
    if optional is schema.optional and default is schema.default:
        return schema
    return Schema(
        schema.type,
        optional=optional,
        default=default,
        name=schema.name,
        version=schema.version,
        doc=schema.doc,
        parameters=schema.parameters,
        value_schema=schema.value_schema,
    )


def _add_values(flat: list[Any], values: Iterable[Any], places: tuple[_Place, ...]) -> None:
    for (default, inner, width), value in zip(places, values):
        item = default if value is None else value
        if inner is None:
            flat.append(item)
        elif item is None:
            flat.extend([None] * width)
        else:
            _add_values(flat, item.values(), inner)


class Flatten:
    """Lifts the fields of nested structs or maps to the top, under names joined by `delimiter`.

    `{"a": {"b": 1}}` becomes `{"a.b": 1}`. Lists stay as they are. Fields of an optional struct
    become optional, and take its default. Maps inside of structs are a DataError; null passes as
    it is.
    """

    class Key(OnKey, _Flatten):
        """Flattens the key."""

    class Value(OnValue, _Flatten):
        """Flattens the value."""
