"""Copies or moves fields into headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.errors import ConfigError, DataError
from venvoy_api.headers import Header
from venvoy_api.schema import Field, Schema
from venvoy_api.struct import Struct
from venvoy_api.transforms.operand import (
    NonEmptyList,
    OnKey,
    OnValue,
    SchemaCache,
    WholeOperand,
    field_values,
    require_map,
    require_struct,
    struct_schema,
    with_replace_null,
)
from venvoy_api.validators import ValidString

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.record import R

__all__ = ["HeaderFrom"]

_CONFIG = with_replace_null(
    ConfigDef()
    .define(
        "fields",
        ConfigType.LIST,
        validator=NonEmptyList(),
        importance=Importance.HIGH,
        documentation="Field names in the record whose values are to be copied or moved to "
        "headers.",
    )
    .define(
        "headers",
        ConfigType.LIST,
        validator=NonEmptyList(),
        importance=Importance.HIGH,
        documentation="Header names, in the same order as the field names listed in the fields "
        "configuration property.",
    )
    .define(
        "operation",
        ConfigType.STRING,
        validator=ValidString("move", "copy"),
        importance=Importance.HIGH,
        documentation="Either move if the fields are to be moved to the headers (removed from the "
        "key/value), or copy if the fields are to be copied to the headers (retained in the "
        "key/value).",
    )
)


class _HeaderFrom(WholeOperand):
    """Copies or moves fields of the operand; see HeaderFrom."""

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError unless every field has its header."""
        settings = _CONFIG.parse(configs)
        self._fields: list[str] = settings["fields"]
        self._headers: list[str] = settings["headers"]
        if len(self._fields) != len(self._headers):
            raise ConfigError(
                "headers",
                None,
                "'fields' config must have the same number of elements as 'headers' config.",
            )
        self._moves = settings["operation"] == "move"
        self._purpose = f"header {settings['operation']}"
        self._replace_null: bool = settings["replace.null.with.default"]
        self._schemas = SchemaCache(self._rest)

    def _rest(self, schema: Schema) -> Schema:
        kept = [field for field in schema.fields if field.name not in self._fields]
        fields = [Field(field.name, index, field.schema) for index, field in enumerate(kept)]
        return struct_schema(schema, fields)

    def apply(self, record: R) -> R | None:
        """Return the record with the fields as headers; raises DataError unless it has fields."""
        schema, value = self.operand(record)
        if schema is None:
            return self._apply_plain(record, require_map(value, self._purpose))
        return self._apply_struct(record, schema, require_struct(value, self._purpose))

    def _apply_plain(self, record: R, value: dict[str, Any]) -> R:
        rest = value
        if self._moves:
            rest = {name: item for name, item in value.items() if name not in self._fields}
        added = zip(self._headers, self._fields)
        headers = [Header(header, None, value.get(name)) for header, name in added]
        return _with_headers(self.replaced(record, None, rest), headers)

    def _apply_struct(self, record: R, schema: Schema, value: Struct) -> R:
        values = field_values(value, replace_null=self._replace_null)
        headers: list[Header] = []
        for header, name in zip(self._headers, self._fields):
            field = schema.field(name)
            if field is None:
                raise DataError(f"Field does not exist: {name}")
            headers.append(Header(header, field.schema, values[field.index]))
        if not self._moves:
            return _with_headers(self.replaced(record, schema, value), headers)
        kept = [
            item for field, item in zip(schema.fields, values) if field.name not in self._fields
        ]
        rest = self._schemas(schema)
        return _with_headers(self.replaced(record, rest, Struct.from_values(rest, kept)), headers)


def _with_headers(record: R, headers: list[Header]) -> R:
    """Add headers to a record that was just made, so that its headers are its own."""
    own = record.headers
    for header in headers:
        own.append(header)
    return record


class HeaderFrom:
    """Copies or moves (`operation`) the `fields` of the key or value into the `headers`.

    The two lists name them in the same order; a header is added beside others of its name. What a
    map does not have becomes a header without value; what a schema does not have, a null and
    values without fields are a DataError.
    """

    class Key(OnKey, _HeaderFrom):
        """Takes fields of the key."""

    class Value(OnValue, _HeaderFrom):
        """Takes fields of the value."""
