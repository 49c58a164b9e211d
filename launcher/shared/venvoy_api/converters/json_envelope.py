"""Reads `{"schema": ..., "payload": ...}`, and reads each schema only once.

Messages of one topic mostly begin with the same schema, byte for byte: what came before the first
payload is remembered, and a message that begins with it has only its payload parsed.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from venvoy_api.converters.json_decode import Decode, Decoding, InexactError
from venvoy_api.converters.json_schema import schema_from_json
from venvoy_api.errors import DataError
from venvoy_api.struct import SchemaAndValue

if TYPE_CHECKING:
    from venvoy_api.schema import Schema

__all__ = ["EnvelopeReader"]

_BEFORE = re.compile(r'\s*\{\s*"schema"\s*:\s*')
_BETWEEN = re.compile(r'\s*,\s*"payload"\s*:\s*')
_MAX_PREFIXES = 8


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_no_constant)
_exact_decoder = json.JSONDecoder(parse_constant=_no_constant, parse_float=Decimal)


class _Known:
    """A schema that was met, how to decode its payloads, and how to parse them."""

    __slots__ = ("decode", "parser", "schema")

    def __init__(self, schema: Schema | None, decode: Decode) -> None:
        self.schema = schema
        self.decode = decode
        self.parser = _decoder


class EnvelopeReader:
    """Reads messages; remembers `cache_size` schemas."""

    def __init__(self, decoding: Decoding, cache_size: int) -> None:
        self._decoding = decoding
        self._cache_size = cache_size
        self._known: dict[str, _Known] = {}
        self._prefixes: dict[str, _Known] = {}

    def read(self, text: str) -> SchemaAndValue:
        """Return the schema and value; raises DataError, or ValueError for what is no JSON."""
        for prefix, known in self._prefixes.items():
            if text.startswith(prefix):
                try:
                    payload, end = known.parser.raw_decode(text, len(prefix))
                    if text[end:].strip() == "}":
                        return SchemaAndValue(known.schema, known.decode(payload))
                except InexactError:
                    known.parser = _exact_decoder
                except json.JSONDecodeError:  # told as a fault of the whole message
                    pass
                break
        try:
            return self._read_whole(_decoder, text)
        except InexactError:
            return self._read_whole(_exact_decoder, text)

    def _read_whole(self, decoder: json.JSONDecoder, text: str) -> SchemaAndValue:
        envelope = decoder.decode(text)
        if not isinstance(envelope, dict) or envelope.keys() != {"schema", "payload"}:
            raise DataError(
                'JsonConverter with schemas.enable requires "schema" and "payload" fields and may '
                "not contain additional fields. If you are trying to deserialize plain JSON data, "
                "set schemas.enable=false in your converter configuration."
            )
        form = envelope["schema"]
        known = self._known_schema(form)
        value = known.decode(envelope["payload"])
        self._remember_prefix(text, decoder, form, known)
        return SchemaAndValue(known.schema, value)

    def _known_schema(self, form: object) -> _Known:
        key = json.dumps(form, sort_keys=True, default=str)
        known = self._known.get(key)
        if known is None:
            schema = schema_from_json(form, self._default)
            known = _Known(schema, _as_it_is if schema is None else self._decoding.decoder(schema))
            if len(self._known) >= self._cache_size:
                self._known.clear()
            self._known[key] = known
        return known

    def _default(self, schema: Schema, value: object) -> object:
        return self._decoding.decoder(schema)(value)

    def _remember_prefix(
        self, text: str, decoder: json.JSONDecoder, form: object, known: _Known
    ) -> None:
        """Remember the text before the payload, where the schema comes first and only once."""
        before = _BEFORE.match(text)
        if before is None:
            return
        found, end = decoder.raw_decode(text, before.end())
        between = _BETWEEN.match(text, end)
        if between is not None and found == form:
            if len(self._prefixes) >= _MAX_PREFIXES:
                self._prefixes.clear()
            self._prefixes[text[: between.end()]] = known


def _as_it_is(value: Any) -> Any:
    return value
