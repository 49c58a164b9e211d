"""Turns records into rows: the key's columns, then the value's, each with its type."""

import datetime
import decimal
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Optional

from sqlalchemy import types

from acme_sql.settings import Settings
from venvoy_api import (
    ConnectError,
    Date,
    Decimal,
    Schema,
    SinkRecord,
    Struct,
    Time,
    Timestamp,
    Type,
)

__all__ = ["Column", "Row", "row_of"]

# One object for each type, so that equal columns compare equal.
BY_TYPE: Mapping[Type, types.TypeEngine[Any]] = {
    Type.INT8: types.SmallInteger(),
    Type.INT16: types.SmallInteger(),
    Type.INT32: types.Integer(),
    Type.INT64: types.BigInteger(),
    Type.FLOAT32: types.Float(),
    Type.FLOAT64: types.Float(),
    Type.BOOLEAN: types.Boolean(),
    Type.STRING: types.Text(),
    Type.BYTES: types.LargeBinary(),
    Type.ARRAY: (JSON := types.JSON(none_as_null=True)),
    Type.MAP: JSON,
    Type.STRUCT: JSON,
}
BY_LOGICAL_NAME: Mapping[str, types.TypeEngine[Any]] = {
    Date.LOGICAL_NAME: types.Date(),
    Time.LOGICAL_NAME: types.Time(),
    Timestamp.LOGICAL_NAME: types.DateTime(),
}
# In this order: a bool is an int, a datetime is a date.
BY_PYTHON_TYPE: tuple[tuple[type, types.TypeEngine[Any]], ...] = (
    (bool, types.Boolean()),
    (int, types.BigInteger()),
    (float, types.Float()),
    (str, types.Text()),
    (bytes, types.LargeBinary()),
    (decimal.Decimal, types.Numeric()),
    (datetime.datetime, types.DateTime()),
    (datetime.date, types.Date()),
    (datetime.time, types.Time()),
    (Mapping, JSON),
    (list, JSON),
    (Struct, JSON),
)


@dataclass(frozen=True)
class Column:
    """A column as a record knows it: used when its table is created."""

    name: str
    type: types.TypeEngine[Any]
    nullable: bool


@dataclass(frozen=True)
class Row:
    """One record as a row; `key` names the columns of the primary key, first in `columns`.

    `deleted`: the row with this key is to go; there are no other columns then.
    """

    key: tuple[str, ...]
    columns: tuple[Column, ...]
    values: Mapping[str, object]
    deleted: bool = False


Fields = dict[str, tuple[Optional[Schema], Any]]


def row_of(record: SinkRecord, settings: Settings) -> Row:
    """Return the row of a record; raises ConnectError that tells where the record is."""
    deleted = record.value is None and settings.delete_enabled
    try:
        value = {} if deleted else _fields("value", record.value_schema, record.value)
        key = _key(record, value, settings)
        columns = tuple(_column(name, *field) for name, field in {**key, **value}.items())
    except ConnectError as error:
        where = f"{record.topic}-{record.partition} at offset {record.offset}"
        raise ConnectError(f"The record {where} cannot be written: {error}") from error
    values = {name: _stored(content) for name, (_, content) in {**value, **key}.items()}
    return Row(tuple(key), columns, values, deleted)


def _key(record: SinkRecord, value: Fields, settings: Settings) -> Fields:
    if settings.pk_mode == "none":
        return {}
    fields = settings.pk_fields
    if settings.pk_mode == "record_value":
        return _chosen("value", value, fields)
    if isinstance(record.key, (Struct, Mapping)):
        key = _fields("key", record.key_schema, record.key)
        return _chosen("key", key, fields or tuple(key))
    if record.key is None:
        raise ConnectError("it has no key, and pk.mode is record_key.")
    if len(fields) != 1:
        raise ConnectError("its key is a plain value, so pk.fields must name one column.")
    return {fields[0]: (record.key_schema, record.key)}


def _chosen(place: str, fields: Fields, names: tuple[str, ...]) -> Fields:
    for name in names:
        if name not in fields:
            raise ConnectError(f"its {place} has no field {name}, which pk.fields names.")
        if fields[name][1] is None:
            raise ConnectError(f"its {name} is null, and belongs to the primary key.")
    return {name: fields[name] for name in names}


def _fields(place: str, schema: Optional[Schema], content: object) -> Fields:
    if isinstance(content, Struct):
        return {each.name: (each.schema, content.get(each.name)) for each in content.schema.fields}
    if isinstance(content, Mapping):
        inner = schema.value_schema if schema is not None else None
        return {str(name): (inner, each) for name, each in content.items()}
    if content is None:
        raise ConnectError(
            f"its {place} is null; set delete.enabled=true if that is to delete the row."
        )
    raise ConnectError(f"its {place} is neither a struct nor a mapping: {content!r}.")


def _column(name: str, schema: Optional[Schema], content: object) -> Column:
    if schema is None:
        return Column(name, _type_of_value(name, content), nullable=True)
    if schema.name == Decimal.LOGICAL_NAME:
        return Column(name, _decimal(Decimal.scale(schema)), schema.optional)
    kind = BY_LOGICAL_NAME.get(schema.name or "") or BY_TYPE[schema.type]
    return Column(name, kind, schema.optional)


@cache
def _decimal(scale: int) -> types.TypeEngine[Any]:
    return types.Numeric(38, scale)


def _type_of_value(name: str, content: object) -> types.TypeEngine[Any]:
    if content is None:
        return BY_TYPE[Type.STRING]
    for kind, column_type in BY_PYTHON_TYPE:
        if isinstance(content, kind):
            return column_type
    raise ConnectError(f"its field {name} is a {type(content).__name__}, which is no column.")


def _stored(content: object) -> object:
    """Return what the driver takes: times in UTC without a time zone, structs as dicts."""
    if isinstance(content, Struct):
        return content.to_dict()
    if isinstance(content, datetime.datetime) and content.tzinfo is not None:
        return content.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    if isinstance(content, (bytearray, memoryview)):
        return bytes(content)
    return content
