"""Gives fields, or the whole key or value, another type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.errors import ConfigError
from venvoy_api.schema import Field, Schema, Type
from venvoy_api.struct import Struct
from venvoy_api.transforms.cast_value import CASTS, cast_value
from venvoy_api.transforms.operand import (
    OnKey,
    OnValue,
    Operand,
    SchemaCache,
    field_values,
    struct_schema,
    with_replace_null,
)
from venvoy_api.validators import LambdaValidator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.record import ConnectRecord, R

__all__ = ["Cast"]

_WHOLE = ""
"""Stands in the casts for the whole key or value."""


def _casts(name: str, spec: object) -> dict[str, Type]:
    """Return field -> type of `field:type` pairs, or of one type for everything."""
    pairs = spec if isinstance(spec, list) else []
    if not pairs:
        raise ConfigError(name, None, f"{name}: Must specify at least one field to cast.")
    casts: dict[str, Type] = {}
    for pair in pairs:
        field, colon, wanted = pair.rpartition(":")
        if colon and not field.strip():
            raise ConfigError(name, pair, f"Invalid cast mapping: {pair}")
        try:
            kind = Type[wanted.strip().upper()]
        except KeyError as error:
            raise ConfigError(
                name, pair, f"Invalid type found in casting spec: {wanted.strip()}"
            ) from error
        if kind not in CASTS:
            raise ConfigError(
                name,
                pair,
                f"Cast transformation does not support casting to {kind.name}; "
                f"supported types are {', '.join(each.name for each in CASTS)}",
            )
        casts[field.strip()] = kind
    if _WHOLE in casts and len(pairs) > 1:
        raise ConfigError(
            name,
            ",".join(pairs),
            "Cast transformations that specify a type to cast the entire value to may only specify "
            "a single cast in their spec",
        )
    return casts


def _check_casts(name: str, value: object) -> None:
    _casts(name, value)


_CONFIG = with_replace_null(
    ConfigDef().define(
        "spec",
        ConfigType.LIST,
        validator=LambdaValidator(
            _check_casts, "list of colon-delimited pairs, e.g. foo:bar,abc:xyz"
        ),
        importance=Importance.HIGH,
        documentation="Fields and the types to cast them to, field1:type,field2:type, or a single "
        "type to cast the entire value. Valid types are int8, int16, int32, int64, float32, "
        "float64, boolean, and string. Binary fields can only be cast to string.",
    )
)


class _Cast(Operand):
    """Casts what is configured; see Cast."""

    purpose = "cast types"

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError."""
        settings = _CONFIG.parse(configs)
        self._casts = _casts("spec", settings["spec"])
        self._whole = self._casts.get(_WHOLE)
        self._replace_null: bool = settings["replace.null.with.default"]
        self._schemas = SchemaCache(self._cast_schema)

    def apply(self, record: R) -> R | None:
        """Return the record with its operand cast."""
        if self._whole is None:
            return super().apply(record)
        schema, value = self.operand(record)
        if value is None:
            return record
        cast = cast_value(schema, value, self._whole)
        return self.replaced(record, None if schema is None else self._schemas(schema), cast)

    def _cast_schema(self, schema: Schema) -> Schema:
        if self._whole is not None:
            return _recast(schema, self._whole)
        fields = [
            Field(field.name, field.index, _recast(field.schema, self._casts[field.name]))
            if field.name in self._casts
            else field
            for field in schema.fields
        ]
        changed = struct_schema(schema, fields)
        if schema.default is None:
            return changed
        values = self._cast_values(schema, schema.default)
        return struct_schema(schema, fields, default=Struct.from_values(changed, values))

    def _cast_values(self, schema: Schema, value: Struct) -> list[Any]:
        values = field_values(value, replace_null=self._replace_null)
        for name, wanted in self._casts.items():
            field = schema.field(name)
            if field is not None:
                values[field.index] = cast_value(field.schema, values[field.index], wanted)
        return values

    def change_plain(self, record: ConnectRecord, value: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002  # the interface's
        """Return the map with its fields cast; fields that it does not have stay away."""
        changed = dict(value)
        for name, wanted in self._casts.items():
            if name in changed:
                changed[name] = cast_value(None, changed[name], wanted)
        return changed

    def change_struct(self, record: ConnectRecord, schema: Schema, value: Struct) -> Struct:  # noqa: ARG002  # the interface's
        """Return the struct with its fields cast."""
        return Struct.from_values(self._schemas(schema), self._cast_values(schema, value))


def _recast(schema: Schema, wanted: Type) -> Schema:
    """Return the schema of cast values: the type, optional or not, and the default, cast."""
    return Schema(
        wanted, optional=schema.optional, default=cast_value(schema, schema.default, wanted)
    )


class Cast:
    """Casts fields, or the whole key or value, to another type.

    Key: `spec`, as `field1:int32,field2:string`, or one type for the whole. From numbers,
    booleans and strings to any of int8, int16, int32, int64, float32, float64, boolean, string;
    from dates, times and timestamps to numbers (as they are stored) and strings (ISO 8601); from
    bytes to string (base64). Works on structs and on maps without schema; null passes as it is.

    A number out of the range of its new type is a DataError. (Kafka cuts its upper bits off.)
    """

    class Key(OnKey, _Cast):
        """Casts the key."""

    class Value(OnValue, _Cast):
        """Casts the value."""
