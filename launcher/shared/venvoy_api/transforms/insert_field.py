"""Adds fields that tell where a record comes from, or a fixed value."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.errors import ConfigError, DataError
from venvoy_api.logical import Timestamp
from venvoy_api.record import SinkRecord
from venvoy_api.schema import (
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_INT32_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Field,
)
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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.record import ConnectRecord
    from venvoy_api.schema import Schema

__all__ = ["InsertField"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_HOW = "Suffix with ! to make this a required field, or ? to keep it optional (the default)."
# Key of the configuration -> schema of the field, required and optional.
_FIELDS: dict[str, tuple[Schema, Schema]] = {
    "topic.field": (STRING_SCHEMA, OPTIONAL_STRING_SCHEMA),
    "partition.field": (INT32_SCHEMA, OPTIONAL_INT32_SCHEMA),
    "offset.field": (INT64_SCHEMA, OPTIONAL_INT64_SCHEMA),
    "timestamp.field": (Timestamp.SCHEMA, Timestamp.builder().optional().build()),
    "static.field": (STRING_SCHEMA, OPTIONAL_STRING_SCHEMA),
}
_WHAT = {
    "topic.field": "the topic",
    "partition.field": "the topic's partition",
    "offset.field": "the offset (only in sinks)",
    "timestamp.field": "the record's timestamp",
    "static.field": "static.value",
}


def _definition() -> ConfigDef:
    definition = ConfigDef()
    for key, what in _WHAT.items():
        text = f"Name of the field for {what}. {_HOW}"
        definition.define(key, ConfigType.STRING, None, documentation=text)
    definition.define(
        "static.value",
        ConfigType.STRING,
        None,
        importance=Importance.MEDIUM,
        documentation="The value of static.field.",
    )
    return with_replace_null(definition)


_CONFIG = _definition()


class _InsertField(Operand):
    """Adds the fields that are configured; see InsertField."""

    purpose = "field insertion"

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError when it names no field."""
        settings = _CONFIG.parse(configs)
        self._replace_null: bool = settings["replace.null.with.default"]
        self._static_value: str | None = settings["static.value"]
        self._names: dict[str, str] = {}
        self._added: list[tuple[str, Schema]] = []
        for key, (required, optional) in _FIELDS.items():
            spec = settings[key]
            if spec is None:
                continue
            if key == "static.field" and self._static_value is None:
                what = f"No value specified for static field: {spec}"
                raise ConfigError("static.value", None, what)
            name = spec[:-1] if spec[-1:] in ("!", "?") else spec
            self._names[key] = name
            self._added.append((name, required if spec.endswith("!") else optional))
        if not self._names:
            raise ConfigError(
                "topic.field", None, f"No field insertion configured: set one of {', '.join(_WHAT)}"
            )
        self._schemas = SchemaCache(self._with_fields)

    def _with_fields(self, schema: Schema) -> Schema:
        fields = list(schema.fields)
        for name, of in self._added:
            fields.append(Field(name, len(fields), of))
        return struct_schema(schema, fields)

    def _inserted(self, record: ConnectRecord, *, plain: bool) -> list[Any]:
        """Return the values of the added fields in order; None: there is none."""
        values: list[Any] = []
        for key in self._names:
            if key == "topic.field":
                values.append(record.topic)
            elif key == "partition.field":
                values.append(record.partition)
            elif key == "offset.field":
                values.append(_offset(record))
            elif key == "timestamp.field":
                at = record.timestamp
                values.append(at if plain or at is None else _EPOCH + timedelta(milliseconds=at))
            else:
                values.append(self._static_value)
        return values

    def change_plain(self, record: ConnectRecord, value: dict[str, Any]) -> dict[str, Any]:
        """Return the map with the fields; the timestamp is in milliseconds."""
        changed = dict(value)
        pairs = zip(self._names.values(), self._inserted(record, plain=True))
        changed.update((name, inserted) for name, inserted in pairs if inserted is not None)
        return changed

    def change_struct(self, record: ConnectRecord, schema: Schema, value: Struct) -> Struct:
        """Return the struct with the fields; the timestamp is a Timestamp."""
        inserted = self._inserted(record, plain=False)
        values = field_values(value, replace_null=self._replace_null) + inserted
        changed = Struct.from_values(self._schemas(schema), values)
        if None in inserted:
            changed.validate()
        return changed


def _offset(record: ConnectRecord) -> int:
    if not isinstance(record, SinkRecord):
        raise DataError(
            "Offset insertion is only supported for sink connectors, "
            f"record is of type: {type(record).__name__}"
        )
    return record.offset


class InsertField:
    """Adds fields with the topic, partition, offset or timestamp of a record, or a fixed value.

    Keys: `topic.field`, `partition.field`, `offset.field` (sinks only), `timestamp.field`,
    `static.field` with `static.value`; each names a field, with `!` behind it for a required one.
    Works on structs and on maps without schema; null passes as it is.
    """

    class Key(OnKey, _InsertField):
        """Adds the fields to the key."""

    class Value(OnValue, _InsertField):
        """Adds the fields to the value."""
