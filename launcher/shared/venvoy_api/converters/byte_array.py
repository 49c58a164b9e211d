"""Passes bytes through as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venvoy_api.builtin import BuiltIn
from venvoy_api.config_def import ConfigDef
from venvoy_api.converter import Converter, HeaderConverter
from venvoy_api.converters.converter_type import with_converter_type
from venvoy_api.errors import DataError
from venvoy_api.schema import OPTIONAL_BYTES_SCHEMA, Type
from venvoy_api.struct import SchemaAndValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.headers import Headers
    from venvoy_api.schema import Schema

__all__ = ["ByteArrayConverter"]

_CONFIG = with_converter_type(ConfigDef())


class ByteArrayConverter(BuiltIn, Converter, HeaderConverter):
    """Stores bytes as they are, and gives them back with the schema OPTIONAL_BYTES."""

    def config(self) -> ConfigDef:
        """Return the one key that every converter has."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str], is_key: bool = False) -> None:  # Kafka's
        """Need nothing."""

    def from_connect_data(
        self,
        topic: str,  # noqa: ARG002  # the interface's
        headers: Headers | None,  # noqa: ARG002  # the interface's
        schema: Schema | None,
        value: object,
    ) -> bytes | None:
        """Return the bytes; raises DataError for any other schema or value."""
        if schema is not None and schema.type is not Type.BYTES:
            raise DataError(f"Invalid schema type for ByteArrayConverter: {schema.type.name}")
        if value is None or isinstance(value, bytes):
            return value
        if isinstance(value, (bytearray, memoryview)):
            return bytes(value)
        raise DataError(
            f"ByteArrayConverter is not compatible with objects of type {type(value).__name__}"
        )

    def to_connect_data(
        self,
        topic: str,  # noqa: ARG002  # the interface's
        headers: Headers | None,  # noqa: ARG002  # the interface's
        data: bytes | None,
    ) -> SchemaAndValue:
        """Return the bytes, or None for a null."""
        return SchemaAndValue(OPTIONAL_BYTES_SCHEMA, data)

    def from_connect_header(
        self,
        topic: str,
        key: str,  # noqa: ARG002  # the interface's
        schema: Schema | None,
        value: object,
    ) -> bytes | None:
        """Return the bytes, as for a value."""
        return self.from_connect_data(topic, None, schema, value)

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:  # noqa: ARG002  # the interface's
        """Return the bytes, as for a value."""
        return self.to_connect_data(topic, None, data)
