"""Puts nothing, or the same, in place of what fields hold."""

from __future__ import annotations

from datetime import date, datetime, time, timezone
from decimal import Context, Inexact, InvalidOperation
from decimal import Decimal as Number
from typing import TYPE_CHECKING, Any, Callable

from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.errors import DataError
from venvoy_api.logical import Decimal
from venvoy_api.struct import Struct
from venvoy_api.transforms.operand import (
    NonEmptyList,
    OnKey,
    OnValue,
    Operand,
    field_values,
    with_replace_null,
)
from venvoy_api.validators import NonEmptyString

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.record import ConnectRecord
    from venvoy_api.schema import Schema

__all__ = ["MaskField"]

_CONFIG = with_replace_null(
    ConfigDef()
    .define(
        "fields",
        ConfigType.LIST,
        validator=NonEmptyList(),
        importance=Importance.HIGH,
        documentation="Names of fields to mask.",
    )
    .define(
        "replacement",
        ConfigType.STRING,
        None,
        NonEmptyString(),
        Importance.LOW,
        "Custom value replacement, that will be applied to all 'fields' values (numeric or "
        "non-empty string values only).",
    )
)
_EXACT = Context(prec=1000, traps=[Inexact, InvalidOperation])
_NULLS: dict[type, Callable[[], object]] = {
    bool: bool,
    int: int,
    float: float,
    Number: Number,
    str: str,
    datetime: lambda: datetime(1970, 1, 1, tzinfo=timezone.utc),
    date: lambda: date(1970, 1, 1),
    time: time,
    list: list,
    tuple: list,
    dict: dict,
}
_FROM_TEXT: dict[type, Callable[[str], object]] = {
    int: lambda text: int(Number(text)),
    float: float,
    Number: Number,
    str: str,
}


class _MaskField(Operand):
    """Masks the fields that are configured; see MaskField."""

    purpose = "mask fields"

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError."""
        settings = _CONFIG.parse(configs)
        self._fields = tuple(dict.fromkeys(settings["fields"]))
        self._replacement: str | None = settings["replacement"]
        self._replace_null: bool = settings["replace.null.with.default"]

    def _masked(self, value: object, schema: Schema | None) -> object:
        if value is None:
            return None
        if self._replacement is None:
            mask = _null_like(value)
        else:
            mask = _replacement_like(value, self._replacement)
        return mask if schema is None else _fitted(mask, schema, self._replacement)

    def change_plain(self, record: ConnectRecord, value: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002  # the interface's
        """Return the map with its fields masked; one that it does not have becomes null."""
        changed = dict(value)
        for name in self._fields:
            changed[name] = self._masked(value.get(name), None)
        return changed

    def change_struct(self, record: ConnectRecord, schema: Schema, value: Struct) -> Struct:  # noqa: ARG002  # the interface's
        """Return the struct with its fields masked."""
        values = field_values(value, replace_null=self._replace_null)
        for name in self._fields:
            field = schema.field(name)
            if field is not None:
                values[field.index] = self._masked(values[field.index], field.schema)
        return Struct.from_values(schema, values)


def _of_kind(table: Mapping[type, Callable[..., object]], value: object) -> Any:
    """Return the entry for the value's type or the nearest one above it, or None."""
    found = table.get(type(value))
    if found is not None:
        return found
    return next((table[kind] for kind in type(value).__mro__ if kind in table), None)


def _null_like(value: object) -> object:
    make = _of_kind(_NULLS, value)
    if make is None:
        raise DataError(f"Cannot mask value of type: {type(value).__name__}")
    return make()


def _replacement_like(value: object, text: str) -> object:
    convert = None if isinstance(value, (bool, datetime)) else _of_kind(_FROM_TEXT, value)
    if convert is None:
        raise DataError(
            f"Cannot mask value of type {type(value).__name__} with custom replacement."
        )
    try:
        return convert(text)
    except (ValueError, ArithmeticError) as error:
        raise DataError(f"Unable to convert {text} ({type(text).__name__}) to number") from error


def _fitted(mask: object, schema: Schema, text: str | None) -> object:
    """Return the mask as the schema wants it: a decimal with its number of places."""
    if isinstance(mask, Number):
        places = Number(1).scaleb(-Decimal.scale(schema))
        try:
            return mask.quantize(places, context=_EXACT)
        except ArithmeticError as error:
            raise DataError(f"Unable to convert {text} to a number of {places}") from error
    reason = None if text is None else schema.unfit(mask)
    if reason is not None:
        raise DataError(f"Unable to convert {text} to {schema.type.name}: {reason}")
    return mask


class MaskField:
    """Masks the `fields` of the key or value: zero, false, an empty text, list or map, 1970-01-01.

    With `replacement` numbers and texts become that instead, and other types are a DataError. A
    null, also of the whole, passes as it is.
    """

    class Key(OnKey, _MaskField):
        """Masks fields of the key."""

    class Value(OnValue, _MaskField):
        """Masks fields of the value."""
