"""Wraps the whole key or value in a field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.schema import Field, Schema, Type
from venvoy_api.struct import Struct
from venvoy_api.transforms.operand import OnKey, OnValue, SchemaCache, WholeOperand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.record import R

__all__ = ["HoistField"]

_CONFIG = ConfigDef().define(
    "field",
    ConfigType.STRING,
    importance=Importance.MEDIUM,
    documentation="Field name for the single field that will be created in the resulting Struct or "
    "Map.",
)


class _HoistField(WholeOperand):
    """Wraps the operand; see HoistField."""

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError."""
        self._field: str = _CONFIG.parse(configs)["field"]
        self._schemas = SchemaCache(self._wrapped)

    def _wrapped(self, schema: Schema) -> Schema:
        return Schema(Type.STRUCT, fields=[Field(self._field, 0, schema)])

    def apply(self, record: R) -> R | None:
        """Return the record with its operand wrapped, null too."""
        schema, value = self.operand(record)
        if schema is None:
            return self.replaced(record, None, {self._field: value})
        hoisted = self._schemas(schema)
        changed = Struct.from_values(hoisted, (value,))
        if value is None:
            changed.validate()
        return self.replaced(record, hoisted, changed)


class HoistField:
    """Wraps the whole key or value, null too, in a struct or map with the one field `field`."""

    class Key(OnKey, _HoistField):
        """Wraps the key."""

    class Value(OnValue, _HoistField):
        """Wraps the value."""
