"""Puts one field in place of the whole key or value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.errors import DataError
from venvoy_api.transforms.field_path import FieldPath, with_field_syntax
from venvoy_api.transforms.operand import (
    OnKey,
    OnValue,
    SchemaCache,
    WholeOperand,
    require_map,
    require_struct,
    with_replace_null,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.record import R
    from venvoy_api.schema import Schema

__all__ = ["ExtractField"]

_PURPOSE = "field extraction"
_CONFIG = with_replace_null(
    with_field_syntax(
        ConfigDef().define(
            "field",
            ConfigType.STRING,
            importance=Importance.MEDIUM,
            documentation="Field name to extract.",
        )
    )
)


class _ExtractField(WholeOperand):
    """Extracts a field; see ExtractField."""

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError."""
        settings = _CONFIG.parse(configs)
        self._name: str = settings["field"]
        self._path = FieldPath.from_settings("field", settings)
        self._replace_null: bool = settings["replace.null.with.default"]
        self._schemas = SchemaCache(self._field_schema)

    def _field_schema(self, schema: Schema) -> Schema:
        field = self._path.field(schema)
        if field is None:
            raise DataError(f"Unknown field: {self._name}")
        return field.schema

    def apply(self, record: R) -> R | None:
        """Return the record with the field as its operand; raises DataError if it has no such."""
        schema, value = self.operand(record)
        if schema is None:
            if value is not None:
                value = self._path.of_map(require_map(value, _PURPOSE))
            return self.replaced(record, None, value)
        struct = None if value is None else require_struct(value, _PURPOSE)
        extracted = self._schemas(schema)
        if struct is not None:
            value = self._path.of_struct(struct, replace_null=self._replace_null)
        return self.replaced(record, extracted, value)


class ExtractField:
    """Puts the field `field` in place of the whole key or value.

    With `field.syntax.version` V2 the field may be inside of others: `a.b`, and with backticks
    around names with dots. A null, and a field that a map does not have, become null; a field
    that a schema does not have is a DataError.
    """

    class Key(OnKey, _ExtractField):
        """Extracts from the key."""

    class Value(OnValue, _ExtractField):
        """Extracts from the value."""
