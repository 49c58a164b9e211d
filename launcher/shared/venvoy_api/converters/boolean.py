"""Turns truth values into one byte and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venvoy_api.builtin import BuiltIn
from venvoy_api.config_def import ConfigDef
from venvoy_api.converter import Converter, HeaderConverter
from venvoy_api.converters.converter_type import with_converter_type
from venvoy_api.errors import DataError
from venvoy_api.schema import OPTIONAL_BOOLEAN_SCHEMA, Type
from venvoy_api.struct import SchemaAndValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.headers import Headers
    from venvoy_api.schema import Schema

__all__ = ["BooleanConverter"]

_CONFIG = with_converter_type(ConfigDef())
_VALUES = {
    None: SchemaAndValue(OPTIONAL_BOOLEAN_SCHEMA, None),
    b"\x00": SchemaAndValue(OPTIONAL_BOOLEAN_SCHEMA, False),
    b"\x01": SchemaAndValue(OPTIONAL_BOOLEAN_SCHEMA, True),
}


class BooleanConverter(BuiltIn, Converter, HeaderConverter):
    """Stores True as the byte 1, False as 0, and gives them back with OPTIONAL_BOOLEAN."""

    def config(self) -> ConfigDef:
        """Return the one key that every converter has."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str], is_key: bool = False) -> None:  # noqa: ARG002  # Kafka's
        """Check `converter.type`; raises ConfigError."""
        _CONFIG.parse(configs)

    def from_connect_data(
        self,
        topic: str,  # noqa: ARG002  # the interface's
        headers: Headers | None,  # noqa: ARG002  # the interface's
        schema: Schema | None,
        value: object,
    ) -> bytes | None:
        """Return the byte; raises DataError for any other schema or value."""
        if schema is not None and schema.type is not Type.BOOLEAN:
            raise DataError(f"Invalid schema type for BooleanConverter: {schema.type.name}")
        if value is None:
            return None
        if not isinstance(value, bool):
            raise DataError(
                f"BooleanConverter is not compatible with objects of type {type(value).__name__}"
            )
        return b"\x01" if value else b"\x00"

    def to_connect_data(
        self,
        topic: str,  # noqa: ARG002  # the interface's
        headers: Headers | None,  # noqa: ARG002  # the interface's
        data: bytes | None,
    ) -> SchemaAndValue:
        """Return the truth value, None for a null; raises DataError for other bytes."""
        known = _VALUES.get(data)
        if known is not None:
            return known
        size = len(data or b"")
        reason = f"Size of data received is {size}, not 1"
        if size == 1:
            reason = f"Unexpected byte received: {data!r}"
        raise DataError(f"Failed to deserialize boolean: {reason}")

    def from_connect_header(
        self,
        topic: str,
        key: str,  # noqa: ARG002  # the interface's
        schema: Schema | None,
        value: object,
    ) -> bytes | None:
        """Return the byte, as for a value."""
        return self.from_connect_data(topic, None, schema, value)

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:  # noqa: ARG002  # the interface's
        """Return the truth value, as for a value."""
        return self.to_connect_data(topic, None, data)
