"""Makes a key of fields of the value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from venvoy_api.builtin import BuiltIn
from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.errors import DataError
from venvoy_api.schema import Field, Schema, Type
from venvoy_api.struct import Struct
from venvoy_api.transformation import Transformation
from venvoy_api.transforms.operand import (
    NonEmptyList,
    SchemaCache,
    require_map,
    require_struct,
    with_replace_null,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.record import R

__all__ = ["ValueToKey"]

_PURPOSE = "copying fields from value to key"
_CONFIG = with_replace_null(
    ConfigDef().define(
        "fields",
        ConfigType.LIST,
        validator=NonEmptyList(),
        importance=Importance.HIGH,
        documentation="Field names on the record value to extract as the record key.",
    )
)


class ValueToKey(BuiltIn, Transformation):
    """Replaces the key by a struct or map with the `fields` of the value.

    Raises DataError for tombstones and other values without fields, and for a field that the
    value's schema does not have; what a map does not have becomes null.
    """

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError."""
        settings = _CONFIG.parse(configs)
        self._fields: list[str] = settings["fields"]
        replace_null: bool = settings["replace.null.with.default"]
        self._get: Callable[[Struct, str], Any] = (
            Struct.get if replace_null else Struct.get_without_default
        )
        self._schemas = SchemaCache(self._key_schema)

    def _key_schema(self, schema: Schema) -> Schema:
        fields: list[Field] = []
        for name in self._fields:
            field = schema.field(name)
            if field is None:
                raise DataError(f"Field does not exist: {name}")
            fields.append(Field(name, len(fields), field.schema))
        return Schema(Type.STRUCT, fields=fields)

    def apply(self, record: R) -> R | None:
        """Return the record with its new key."""
        if record.value_schema is None:
            value = require_map(record.value, _PURPOSE)
            plain = {name: value.get(name) for name in self._fields}
            return record.new_record(key_schema=None, key=plain)
        struct = require_struct(record.value, _PURPOSE)
        schema = self._schemas(struct.schema)
        get = self._get
        key = Struct.from_values(schema, [get(struct, name) for name in self._fields])
        return record.new_record(key_schema=schema, key=key)
