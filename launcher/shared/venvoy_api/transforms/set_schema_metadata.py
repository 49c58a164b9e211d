"""Names and numbers the schema of the key or value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.errors import ConfigError, DataError
from venvoy_api.schema import Schema
from venvoy_api.struct import Struct
from venvoy_api.transforms.operand import (
    OnKey,
    OnValue,
    SchemaCache,
    WholeOperand,
    field_values,
    with_replace_null,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.record import R

__all__ = ["SetSchemaMetadata"]

_CONFIG = with_replace_null(
    ConfigDef()
    .define(
        "schema.name",
        ConfigType.STRING,
        None,
        importance=Importance.HIGH,
        documentation="Schema name to set.",
    )
    .define(
        "schema.version",
        ConfigType.INT,
        None,
        importance=Importance.HIGH,
        documentation="Schema version to set.",
    )
)


class _SetSchemaMetadata(WholeOperand):
    """Sets the name and version of the operand's schema; see SetSchemaMetadata."""

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError when it sets nothing."""
        settings = _CONFIG.parse(configs)
        self._name: str | None = settings["schema.name"]
        self._version: int | None = settings["schema.version"]
        self._replace_null: bool = settings["replace.null.with.default"]
        if self._name is None and self._version is None:
            raise ConfigError(
                "schema.name", None, "schema.name: Neither schema name nor version configured"
            )
        self._schemas = SchemaCache(self._renamed)

    def _renamed(self, schema: Schema) -> Schema:
        changed = self._with_default(schema, None)
        if schema.default is None:
            return changed
        return self._with_default(schema, self._moved(schema.default, changed))

    def _with_default(self, schema: Schema, default: object) -> Schema:
        return Schema(
            schema.type,
            optional=schema.optional,
            default=default,
            name=schema.name if self._name is None else self._name,
            version=schema.version if self._version is None else self._version,
            doc=schema.doc,
            parameters=schema.parameters,
            fields=schema.fields,
            key_schema=schema.key_schema,
            value_schema=schema.value_schema,
        )

    def _moved(self, value: object, schema: Schema) -> Any:
        """Return the value under its new schema: only structs know theirs."""
        if not isinstance(value, Struct):
            return value
        return Struct.from_values(schema, field_values(value, replace_null=self._replace_null))

    def apply(self, record: R) -> R | None:
        """Return the record under its new schema; raises DataError for values without one."""
        schema, value = self.operand(record)
        if schema is None:
            if value is None:
                return record
            raise DataError("Schema required for [updating schema metadata]")
        changed = self._schemas(schema)
        return self.replaced(record, changed, self._moved(value, changed))


class SetSchemaMetadata:
    """Sets `schema.name`, `schema.version` or both in the schema of the key or value.

    Tombstones without schema pass as they are; other values without schema are a DataError.
    """

    class Key(OnKey, _SetSchemaMetadata):
        """Sets them in the key's schema."""

    class Value(OnValue, _SetSchemaMetadata):
        """Sets them in the value's schema."""
