"""Schemas as JSON and back, in the form that Kafka's JsonConverter gives them.

::

    {"type": "struct", "optional": false, "name": "...", "version": 1, "doc": "...",
     "parameters": {"scale": "2"}, "default": ...,
     "fields": [{"field": "id", "type": "int64", "optional": false}, ...],   struct
     "items": {...},                                                         array
     "keys": {...}, "values": {...}}                                         map

The types have the names of `Type`, but for `float` (FLOAT32) and `double` (FLOAT64).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from venvoy_api.errors import DataError
from venvoy_api.schema import Field, Schema, Type

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ValueTranslation", "schema_from_json", "schema_to_json"]

ValueTranslation = Callable[[Schema, Any], Any]
"""Translates a default value: given its schema and the value on the one side, gives the other."""

_TO_NAME = {**{kind: kind.value for kind in Type}, Type.FLOAT32: "float", Type.FLOAT64: "double"}
_FROM_NAME = {name: kind for kind, name in _TO_NAME.items()}


def schema_to_json(schema: Schema, to_json: ValueTranslation) -> dict[str, Any]:
    """Return the JSON form; `to_json` translates default values."""
    form: dict[str, Any] = {"type": _TO_NAME[schema.type]}
    if schema.key_schema is not None and schema.value_schema is not None:
        form["keys"] = schema_to_json(schema.key_schema, to_json)
        form["values"] = schema_to_json(schema.value_schema, to_json)
    elif schema.value_schema is not None:
        form["items"] = schema_to_json(schema.value_schema, to_json)
    elif schema.type is Type.STRUCT:
        form["fields"] = [
            {**schema_to_json(field.schema, to_json), "field": field.name}
            for field in schema.fields
        ]
    form["optional"] = schema.optional
    for part in ("name", "version", "doc"):
        value = getattr(schema, part)
        if value is not None:
            form[part] = value
    if schema.parameters:
        form["parameters"] = dict(schema.parameters)
    if schema.default is not None:
        form["default"] = to_json(schema, schema.default)
    return form


def schema_from_json(form: object, from_json: ValueTranslation) -> Schema | None:
    """Return the schema of a JSON form, None for null; raises DataError where it is malformed."""
    if form is None:
        return None
    if not isinstance(form, dict) or not isinstance(form.get("type"), str):
        raise DataError("Schema must contain 'type' field")
    kind = _FROM_NAME.get(form["type"])
    if kind is None:
        raise DataError(f"Unknown schema type: {form['type']}")
    parts: dict[str, Any] = {
        "optional": form.get("optional") is True,
        "name": _of_type(form, "name", str),
        "version": _of_type(form, "version", int),
        "doc": _of_type(form, "doc", str),
        "parameters": _parameters(form),
        **_inner(kind, form, from_json),
    }
    schema = Schema(kind, **parts)
    default = form.get("default")
    if default is None:
        return schema
    return Schema(kind, default=from_json(schema, default), **parts)


def _inner(kind: Type, form: Mapping[str, Any], from_json: ValueTranslation) -> dict[str, Any]:
    if kind is Type.ARRAY:
        return {"value_schema": _required(form, "items", "Array", "element", from_json)}
    if kind is Type.MAP:
        return {
            "key_schema": _required(form, "keys", "Map", "key", from_json),
            "value_schema": _required(form, "values", "Map", "value", from_json),
        }
    if kind is Type.STRUCT:
        return {"fields": _fields(form, from_json)}
    return {}


def _required(
    form: Mapping[str, Any], part: str, kind: str, what: str, from_json: ValueTranslation
) -> Schema:
    schema = schema_from_json(form.get(part), from_json)
    if schema is None:
        raise DataError(f"{kind} schema did not specify the {what} type")
    return schema


def _fields(form: Mapping[str, Any], from_json: ValueTranslation) -> list[Field]:
    forms = form.get("fields")
    if not isinstance(forms, list):
        raise DataError('Struct schema\'s "fields" argument is not an array.')
    fields: list[Field] = []
    for index, each in enumerate(forms):
        name = each.get("field") if isinstance(each, dict) else None
        schema = schema_from_json(each, from_json)
        if not isinstance(name, str) or schema is None:
            raise DataError("Struct schema's field name not specified properly")
        fields.append(Field(name, index, schema))
    return fields


def _parameters(form: Mapping[str, Any]) -> dict[str, str] | None:
    parameters = _of_type(form, "parameters", dict)
    if parameters is None:
        return None
    if not all(isinstance(value, str) for value in parameters.values()):
        raise DataError("Schema parameters must have string values.")
    return dict(parameters)


def _of_type(form: Mapping[str, Any], part: str, wanted: type) -> Any:
    """Return the part if it is of that type, else None: Kafka passes over others, too."""
    value = form.get(part)
    return value if isinstance(value, wanted) and not isinstance(value, bool) else None
