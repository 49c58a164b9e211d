"""Changes how moments are written: as text, as numbers, as Date, Time or Timestamp."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.date_format import DateFormat, date_format
from venvoy_api.errors import ConfigError, ConnectError, DataError
from venvoy_api.logical import Date, Time, Timestamp
from venvoy_api.schema import (
    INT64_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Field,
    Schema,
    Type,
)
from venvoy_api.struct import Struct
from venvoy_api.transforms.operand import (
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
from venvoy_api.validators import LambdaValidator, ValidString

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.record import R

__all__ = ["TimestampConverter"]

_PURPOSE = "converting timestamp formats"
_NO_FORMAT = (
    "TimestampConverter requires format option to be specified when using string timestamps"
)
_DAY_MS = 86_400_000
_INT64_LIMIT = 1 << 63
# Of how many nanoseconds each unit is; a millisecond is 1000000.
_PRECISIONS = {
    "nanoseconds": 1,
    "microseconds": 1000,
    "milliseconds": 1_000_000,
    "seconds": 1_000_000_000,
}
_MILLISECOND = _PRECISIONS["milliseconds"]
# Form of a moment -> its schema, required and optional.
_SCHEMAS: dict[str, tuple[Schema, Schema]] = {
    "string": (STRING_SCHEMA, OPTIONAL_STRING_SCHEMA),
    "unix": (INT64_SCHEMA, OPTIONAL_INT64_SCHEMA),
    "Date": (Date.SCHEMA, Date.builder().optional().build()),
    "Time": (Time.SCHEMA, Time.builder().optional().build()),
    "Timestamp": (Timestamp.SCHEMA, Timestamp.builder().optional().build()),
}
_TYPES: dict[str, type] = {
    "string": str,
    "unix": int,
    "Date": date,
    "Time": time,
    "Timestamp": datetime,
}
_BY_NAME = {
    Timestamp.LOGICAL_NAME: "Timestamp",
    Date.LOGICAL_NAME: "Date",
    Time.LOGICAL_NAME: "Time",
}
_BY_TYPE = {Type.STRING: "string", Type.INT64: "unix"}


def _check_format(name: str, value: object) -> None:
    if str(value).strip():
        date_format(name, value)


_CONFIG = with_replace_null(
    ConfigDef()
    .define(
        "field",
        ConfigType.STRING,
        "",
        importance=Importance.HIGH,
        documentation="The field containing the timestamp, or empty if the entire value is a "
        "timestamp",
    )
    .define(
        "target.type",
        ConfigType.STRING,
        validator=ValidString(*_SCHEMAS),
        importance=Importance.HIGH,
        documentation="The desired timestamp representation: string, unix, Date, Time, or "
        "Timestamp",
    )
    .define(
        "format",
        ConfigType.STRING,
        "",
        LambdaValidator(_check_format, "a pattern of SimpleDateFormat"),
        Importance.MEDIUM,
        "A SimpleDateFormat-compatible format for the timestamp. Used to generate the output when "
        "type=string or used to parse the input if the input is a string.",
    )
    .define(
        "unix.precision",
        ConfigType.STRING,
        "milliseconds",
        ValidString(*_PRECISIONS),
        Importance.LOW,
        "The desired Unix precision for the timestamp: seconds, milliseconds, microseconds, or "
        "nanoseconds. Used to generate the output when type=unix or used to parse the input if "
        "the input is a Long. Note: This SMT will cause precision loss during conversions from, "
        "and to, values with sub-millisecond components.",
    )
)


class _TimestampConverter(WholeOperand):
    """Converts the operand or one of its fields; see TimestampConverter."""

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError when texts are wanted without a format."""
        settings = _CONFIG.parse(configs)
        self._field: str = settings["field"]
        self._target: str = settings["target.type"]
        self._unit: int = _PRECISIONS[settings["unix.precision"]]
        self._replace_null: bool = settings["replace.null.with.default"]
        pattern: str = settings["format"]
        self._format: DateFormat | None = None
        if pattern.strip():
            self._format = date_format("format", pattern)
        elif self._target == "string":
            raise ConfigError("format", None, _NO_FORMAT)
        self._schemas = SchemaCache(self._with_field)

    def apply(self, record: R) -> R | None:
        """Return the record with the moment in its new form."""
        schema, value = self.operand(record)
        if not self._field:
            form = None if schema is None else _form_of(schema)
            changed = None if schema is None else _SCHEMAS[self._target][schema.optional]
            return self.replaced(record, changed, self._converted(value, form))
        if schema is None:
            return self.replaced(record, None, self._plain(value))
        changed = self._schemas(schema)
        if value is not None:
            value = self._struct(require_struct(value, _PURPOSE), schema, changed)
        return self.replaced(record, changed, value)

    def _plain(self, value: object) -> object:
        if value is None:
            return None
        fields = dict(require_map(value, _PURPOSE))
        fields[self._field] = self._converted(fields.get(self._field), None)
        return fields

    def _struct(self, value: Struct, schema: Schema, changed: Schema) -> Struct:
        values = field_values(value, replace_null=self._replace_null)
        field = schema.field(self._field)
        if field is not None:
            values[field.index] = self._converted(values[field.index], _form_of(field.schema))
        return Struct.from_values(changed, values)

    def _with_field(self, schema: Schema) -> Schema:
        fields = [
            Field(field.name, field.index, _SCHEMAS[self._target][field.schema.optional])
            if field.name == self._field
            else field
            for field in schema.fields
        ]
        changed = struct_schema(schema, fields)
        if schema.default is None:
            return changed
        default = self._struct(schema.default, schema, changed)
        return struct_schema(schema, fields, default=default)

    def _converted(self, value: Any, form: str | None) -> Any:
        if value is None:
            return None
        form = form or _looks_like(value)
        if not isinstance(value, _TYPES[form]) or isinstance(value, bool):
            raise DataError(
                f"Expected {form} timestamp to be a {_TYPES[form].__name__}, "
                f"but found {type(value).__name__}"
            )
        if form == self._target == "Timestamp":
            return value
        return self._written(self._milliseconds(value, form))

    def _milliseconds(self, value: Any, form: str) -> int:
        """Return the moment in milliseconds since 1970 UTC."""
        if form == "string":
            return self._parsed(value)
        if form == "unix":
            return _toward_zero(value * self._unit, _MILLISECOND)
        if form == "Date":
            return Date.from_logical(Date.SCHEMA, value) * _DAY_MS
        if form == "Time":
            return Time.from_logical(Time.SCHEMA, value)
        return Timestamp.from_logical(Timestamp.SCHEMA, value)

    def _parsed(self, text: str) -> int:
        if self._format is None:
            raise DataError(_NO_FORMAT)
        try:
            return self._format.parse(text)
        except ValueError as error:
            raise DataError(
                f"Could not parse timestamp: value ({text}) does not match pattern "
                f"({self._format.pattern})"
            ) from error

    def _written(self, milliseconds: int) -> object:
        """Return the moment in the form that is configured."""
        if self._target == "string" and self._format is not None:
            return self._format.format(milliseconds)
        if self._target == "Date":
            return Date.to_logical(Date.SCHEMA, milliseconds // _DAY_MS)
        if self._target == "Time":
            return Time.to_logical(Time.SCHEMA, milliseconds % _DAY_MS)
        if self._target == "Timestamp":
            return Timestamp.to_logical(Timestamp.SCHEMA, milliseconds)
        number = _toward_zero(milliseconds * _MILLISECOND, self._unit)
        if not -_INT64_LIMIT <= number < _INT64_LIMIT:
            raise DataError(f"Timestamp of {milliseconds} milliseconds does not fit 64 bits")
        return number


def _form_of(schema: Schema) -> str:
    form = _BY_NAME.get(schema.name or "") or _BY_TYPE.get(schema.type)
    if form is None:
        raise ConnectError(
            f"Schema {schema!r} does not correspond to a known timestamp type format"
        )
    return form


def _looks_like(value: object) -> str:
    """Return the form of a moment without schema."""
    for form in ("Timestamp", "Date", "Time", "unix", "string"):
        if isinstance(value, _TYPES[form]) and not isinstance(value, bool):
            return form
    raise DataError(
        f"TimestampConverter does not support {type(value).__name__} objects as timestamps"
    )


def _toward_zero(number: int, unit: int) -> int:
    """Return how many whole units the number has, as Java divides."""
    return number // unit if number >= 0 else -(-number // unit)


class TimestampConverter:
    """Changes the form of a moment: the whole key or value, or the field `field`.

    `target.type` is string, unix (a 64-bit number), Date, Time or Timestamp; texts are written
    and read by the pattern `format` (`venvoy_api.date_format`), numbers in `unix.precision`. Null
    stays null. Everything goes through milliseconds: what is finer is cut off.
    """

    class Key(OnKey, _TimestampConverter):
        """Converts the key."""

    class Value(OnValue, _TimestampConverter):
        """Converts the value."""
