"""Writes header values as text and reads them by their looks: the default for headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venvoy_api.builtin import BuiltIn
from venvoy_api.converter import HeaderConverter
from venvoy_api.errors import DataError
from venvoy_api.schema import BYTES_SCHEMA
from venvoy_api.struct import NULL, SchemaAndValue
from venvoy_api.values import parse_text, to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.schema import Schema

__all__ = ["SimpleHeaderConverter"]


class SimpleHeaderConverter(BuiltIn, HeaderConverter):
    """Stores header values as UTF-8 text, and infers type and schema when reading.

    So a string that looks like a number comes back as one: `"12"` becomes 12 (INT8), as in Kafka.
    Use JsonConverter or StringConverter for headers where that matters. `venvoy_api.values` tells
    the rules. Bytes that are no UTF-8 come back as bytes.
    """

    def configure(self, configs: Mapping[str, str], is_key: bool = False) -> None:  # Kafka's
        """Need nothing."""

    def from_connect_header(
        self,
        topic: str,  # noqa: ARG002  # the interface's
        key: str,
        schema: Schema | None,
        value: object,
    ) -> bytes | None:
        """Return the value's text; raises DataError for objects that no record may hold."""
        text = to_text(value, schema)
        try:
            return None if text is None else text.encode()
        except UnicodeEncodeError as error:
            raise DataError(f"Header {key} cannot be written as UTF-8: {error}") from error

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:  # noqa: ARG002  # the interface's
        """Return what the text looks like."""
        if data is None:
            return NULL
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return SchemaAndValue(BYTES_SCHEMA, data)
        return parse_text(text)
