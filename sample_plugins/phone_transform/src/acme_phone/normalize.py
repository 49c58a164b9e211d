"""The transformation, in a form for keys and a form for values."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Optional, TypeVar

from acme_phone.number import normalized
from acme_phone.settings import CONFIG, Settings
from venvoy_api import (
    ConfigDef,
    ConnectRecord,
    DataError,
    Schema,
    SchemaAndValue,
    SchemaBuilder,
    Struct,
    Transformation,
    Type,
)

__all__ = ["NormalizePhone"]

R = TypeVar("R", bound=ConnectRecord)


class _Normalize(Transformation):
    """Normalizes the number in one part of a record."""

    def config(self) -> ConfigDef:
        """Return the keys of this transformation."""
        return CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError."""
        self._settings = Settings.of(configs)
        self._schemas: dict[Schema, Schema] = {}

    @abstractmethod
    def apply(self, record: R) -> R:
        """Return the record with its number in the configured form; raises DataError."""

    def _changed(self, schema: Optional[Schema], content: Any) -> SchemaAndValue:
        """Return the key or value and its schema as they are to be. Null stays null."""
        field = self._settings.field
        if schema is not None:
            known = self._schemas.get(schema)
            if known is None:
                known = self._schemas[schema] = self._new_schema(schema)
        else:
            known = None
        if content is None:
            return SchemaAndValue(known, None)
        if field is None:
            return SchemaAndValue(known, self._number("it", content, self._settings.region))
        return SchemaAndValue(known, self._with_number(field, content, known))

    def _with_number(self, field: str, content: Any, schema: Optional[Schema]) -> object:
        fields = _fields(content)
        if field not in fields:
            raise DataError(f"There is no field {field}; there are: {', '.join(fields)}.")
        region = fields.get(self._settings.region_field or "") or self._settings.region
        fields[field] = self._number(field, fields[field], region)
        return fields if schema is None or schema.type is Type.MAP else Struct(schema, fields)

    def _number(self, name: str, text: object, region: Optional[str]) -> Optional[str]:
        if text is None:
            return None
        if not isinstance(text, str):
            raise DataError(f"A number must be a string, but {name} is {text!r}.")
        settings = self._settings
        number = normalized(text, region, form=settings.format, check=settings.check)
        if number is not None or settings.on_invalid == "null":
            return number
        if settings.on_invalid == "keep":
            return text
        country = f" in {region}" if region is not None else ", and no region is given"
        raise DataError(f"{name} is no telephone number: {text!r}{country}.")

    def _new_schema(self, schema: Schema) -> Schema:
        """Return the schema with an optional number if `on.invalid` makes nulls."""
        if self._settings.on_invalid != "null" or schema.type is Type.MAP:
            return schema
        if self._settings.field is None:
            return _optional(schema)
        if schema.type is not Type.STRUCT:
            raise DataError(f"The field {self._settings.field} needs a struct, not {schema!r}.")
        builder = SchemaBuilder.struct()
        for field in schema.fields:
            is_number = field.name == self._settings.field
            builder.field(field.name, _optional(field.schema) if is_number else field.schema)
        return _like(builder, schema, optional=schema.optional)


def _fields(content: Any) -> dict[str, Any]:
    if isinstance(content, Struct):
        return {field.name: content.get(field.name) for field in content.schema.fields}
    if isinstance(content, Mapping):
        return dict(content)
    raise DataError(f"A field can be found in a struct or a mapping, not in {content!r}.")


def _optional(schema: Schema) -> Schema:
    return schema if schema.optional else _like(SchemaBuilder(schema.type), schema, optional=True)


def _like(builder: SchemaBuilder, schema: Schema, *, optional: bool) -> Schema:
    """Finish a schema with the name, version, parameters and text of another."""
    if schema.name is not None:
        builder.name(schema.name)
    if schema.version is not None:
        builder.version(schema.version)
    if schema.doc is not None:
        builder.doc(schema.doc)
    for name, value in schema.parameters.items():
        builder.parameter(name, value)
    return (builder.optional() if optional else builder).build()


class NormalizePhone:
    """Writes a telephone number in one form: choose `Key` or `Value`."""

    class Key(_Normalize):
        """Normalizes the number in the key."""

        def apply(self, record: R) -> R:
            """Return the record with its key changed; raises DataError."""
            schema, key = self._changed(record.key_schema, record.key)
            return record.new_record(key_schema=schema, key=key)

    class Value(_Normalize):
        """Normalizes the number in the value."""

        def apply(self, record: R) -> R:
            """Return the record with its value changed; a tombstone is kept. Raises DataError."""
            if record.value is None:
                return record
            schema, value = self._changed(record.value_schema, record.value)
            return record.new_record(value_schema=schema, value=value)
