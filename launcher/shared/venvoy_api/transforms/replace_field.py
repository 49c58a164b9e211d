"""Drops and renames fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.errors import ConfigError
from venvoy_api.schema import Field
from venvoy_api.struct import Struct
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

    from venvoy_api.record import ConnectRecord
    from venvoy_api.schema import Schema

__all__ = ["ReplaceField"]


def _renames(name: str, mappings: object) -> dict[str, str]:
    """Return old name -> new name of `old:new` pairs; raises ConfigError."""
    renames: dict[str, str] = {}
    for mapping in mappings if isinstance(mappings, list) else ():
        old, _, new = mapping.partition(":")
        if not old or not new or ":" in new:
            raise ConfigError(name, mapping, f"Invalid rename mapping: {mapping}")
        renames[old.strip()] = new.strip()
    return renames


def _check_renames(name: str, value: object) -> None:
    _renames(name, value)


_CONFIG = with_replace_null(
    ConfigDef()
    .define(
        "exclude",
        ConfigType.LIST,
        "",
        importance=Importance.MEDIUM,
        documentation="Fields to exclude. This takes precedence over the fields to include.",
    )
    .define(
        "include",
        ConfigType.LIST,
        "",
        importance=Importance.MEDIUM,
        documentation="Fields to include. If specified, only these fields will be used.",
    )
    .define(
        "renames",
        ConfigType.LIST,
        "",
        LambdaValidator(_check_renames, "list of colon-delimited pairs, e.g. foo:bar,abc:xyz"),
        Importance.MEDIUM,
        "Field rename mappings.",
    )
)


class _ReplaceField(Operand):
    """Drops and renames the fields that are configured; see ReplaceField."""

    purpose = "field replacement"

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError."""
        settings = _CONFIG.parse(configs)
        self._exclude = frozenset(settings["exclude"])
        self._include = frozenset(settings["include"])
        self._renames = _renames("renames", settings["renames"])
        self._replace_null: bool = settings["replace.null.with.default"]
        self._schemas = SchemaCache(self._with_fields)

    def _keeps(self, name: str) -> bool:
        return name not in self._exclude and (not self._include or name in self._include)

    def _with_fields(self, schema: Schema) -> Schema:
        kept = [field for field in schema.fields if self._keeps(field.name)]
        fields = [
            Field(self._renames.get(field.name, field.name), index, field.schema)
            for index, field in enumerate(kept)
        ]
        return struct_schema(schema, fields)

    def change_plain(self, record: ConnectRecord, value: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002  # the interface's
        """Return the map with the fields that are kept."""
        new_name = self._renames.get
        return {new_name(name, name): item for name, item in value.items() if self._keeps(name)}

    def change_struct(self, record: ConnectRecord, schema: Schema, value: Struct) -> Struct:  # noqa: ARG002  # the interface's
        """Return the struct with the fields that are kept."""
        values = field_values(value, replace_null=self._replace_null)
        kept = [item for field, item in zip(schema.fields, values) if self._keeps(field.name)]
        return Struct.from_values(self._schemas(schema), kept)


class ReplaceField:
    """Drops or renames fields.

    Keys: `exclude` (fields to drop), `include` (drop all others), `renames` (`old:new,...`).
    Works on structs and on maps without schema; null passes as it is.
    """

    class Key(OnKey, _ReplaceField):
        """Drops or renames fields of the key."""

    class Value(OnValue, _ReplaceField):
        """Drops or renames fields of the value."""
