"""JSON with or without schemas: Kafka's JsonConverter."""

from __future__ import annotations

import json
import re
from os import urandom
from typing import TYPE_CHECKING, Any

from venvoy_api.builtin import BuiltIn
from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.converter import Converter, HeaderConverter
from venvoy_api.converters.converter_type import with_converter_type
from venvoy_api.converters.json_decode import Decoding
from venvoy_api.converters.json_encode import Encoding, plain
from venvoy_api.converters.json_envelope import EnvelopeReader
from venvoy_api.converters.json_schema import schema_to_json
from venvoy_api.errors import DataError
from venvoy_api.struct import NULL, SchemaAndValue
from venvoy_api.validators import CaseInsensitiveValidString, Range

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal as Number

    from venvoy_api.converters.json_encode import Encode
    from venvoy_api.headers import Headers
    from venvoy_api.schema import Schema

__all__ = ["JsonConverter"]

_CONFIG = with_converter_type(
    ConfigDef()
    .define(
        "schemas.enable",
        ConfigType.BOOLEAN,
        True,  # a default
        importance=Importance.HIGH,
        documentation="Store each value with its schema, and expect it when reading.",
    )
    .define(
        "schemas.cache.size",
        ConfigType.INT,
        1000,
        Range.at_least(0),
        Importance.HIGH,
        "How many schemas are remembered at most.",
    )
    .define(
        "decimal.format",
        ConfigType.STRING,
        "BASE64",
        CaseInsensitiveValidString("BASE64", "NUMERIC"),
        Importance.LOW,
        "How decimals are written; both forms are read. BASE64 is exact for every reader, NUMERIC "
        "writes a JSON number.",
    )
    .define(
        "replace.null.with.default",
        ConfigType.BOOLEAN,
        True,  # a default
        importance=Importance.LOW,
        documentation="Put the default in place of null where the schema has one.",
    )
)
_write = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=True, separators=(",", ":"), default=plain
).encode

# A number that `json` cannot write is written as a string between marks, and unquoted afterwards.
_MARK = f"\ue000{urandom(8).hex()}:"
_MARKED = re.compile(f'"{_MARK}([^"]*)"')


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


class JsonConverter(BuiltIn, Converter, HeaderConverter):
    """Stores JSON: `{"schema": ..., "payload": ...}`, or, with `schemas.enable=false`, a value.

    Without schemas plain Python values go in and come out: dict, list, str, int, float, bool,
    None. Keys of dicts become strings. `venvoy_api.converters.json_schema` draws the schemas;
    logical types are written as their plain ones. A null without schema is stored as null.

    Keys: `schemas.enable` (true), `schemas.cache.size` (1000), `decimal.format` (BASE64 or
    NUMERIC), `replace.null.with.default` (true). Usable before `configure`, with the defaults.
    """

    def __init__(self) -> None:
        self.configure({})

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str], is_key: bool = False) -> None:  # noqa: ARG002  # Kafka's
        """Take the configuration; raises ConfigError."""
        settings = _CONFIG.parse(configs)
        replace_null = bool(settings["replace.null.with.default"])
        numeric = str(settings["decimal.format"]).upper() == "NUMERIC"
        self._schemas_enable = bool(settings["schemas.enable"])
        self._cache_size = max(int(settings["schemas.cache.size"]), 1)
        self._numeric = numeric
        self._encoding = Encoding(replace_null=replace_null, number=_mark if numeric else None)
        self._encoders: dict[Schema, tuple[str, Encode]] = {}
        self._reader = EnvelopeReader(Decoding(replace_null=replace_null), self._cache_size)
        self._read = json.JSONDecoder(parse_constant=_no_constant).decode

    def from_connect_data(
        self,
        topic: str,  # noqa: ARG002  # the interface's
        headers: Headers | None,  # noqa: ARG002  # the interface's
        schema: Schema | None,
        value: object,
    ) -> bytes | None:
        """Return the JSON in UTF-8; raises DataError for a value that is not of the schema."""
        try:
            if schema is None:
                if value is None:
                    return None
                text = _written(value)
                if self._schemas_enable:
                    text = f'{{"schema":null,"payload":{text}}}'
                return text.encode()
            prefix, encode = self._encoders.get(schema) or self._make_encoder(schema)
            text = _write(encode(value))
            if self._numeric:
                text = _MARKED.sub(r"\1", text)
            if self._schemas_enable:
                text = f"{prefix}{text}}}"
            return text.encode()
        except (ValueError, TypeError, RecursionError) as error:
            raise DataError(
                f"Converting the value to JSON failed due to serialization error: {error}"
            ) from error

    def _make_encoder(self, schema: Schema) -> tuple[str, Encode]:
        """Return (and remember) what comes before a payload of this schema, and its encoder."""
        form = schema_to_json(schema, lambda of, default: self._encoding.encoder(of)(default))
        text = _write(form)
        if self._numeric:
            text = _MARKED.sub(r"\1", text)
        made = (f'{{"schema":{text},"payload":', self._encoding.encoder(schema))
        if len(self._encoders) >= self._cache_size:
            self._encoders.clear()
        self._encoders[schema] = made
        return made

    def to_connect_data(
        self,
        topic: str,  # noqa: ARG002  # the interface's
        headers: Headers | None,  # noqa: ARG002  # the interface's
        data: bytes | None,
    ) -> SchemaAndValue:
        """Return the schema and value; raises DataError for what is no JSON, or no envelope."""
        if data is None or not (self._schemas_enable or data.strip()):
            return NULL  # an empty message without schema is null (KAFKA-10477)
        try:
            text = data.decode()
            if self._schemas_enable:
                return self._reader.read(text)
            return SchemaAndValue(None, self._read(text))
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"Converting JSON to a value failed due to serialization error: {error}"
            ) from error

    def from_connect_header(
        self,
        topic: str,
        key: str,  # noqa: ARG002  # the interface's
        schema: Schema | None,
        value: object,
    ) -> bytes | None:
        """Return the JSON, as for a value."""
        return self.from_connect_data(topic, None, schema, value)

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:  # noqa: ARG002  # the interface's
        """Return the schema and value, as for a value."""
        return self.to_connect_data(topic, None, data)


def _written(value: Any) -> str:
    """Return the JSON of a value without schema: the fast way, or the one that knows NaN."""
    try:
        return _write(value)
    except ValueError:
        return _write(plain(value))


def _mark(value: Number) -> str:
    if not value.is_finite():
        raise DataError(f"Decimal value {value} is not a finite number")
    return f"{_MARK}{value}"
