"""Turns numbers into bytes and back: big-endian, of a fixed size, as Kafka's serializers do."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, ClassVar

from venvoy_api.builtin import BuiltIn
from venvoy_api.config_def import ConfigDef
from venvoy_api.converter import Converter, HeaderConverter
from venvoy_api.converters.converter_type import with_converter_type
from venvoy_api.errors import DataError
from venvoy_api.schema import (
    OPTIONAL_FLOAT32_SCHEMA,
    OPTIONAL_FLOAT64_SCHEMA,
    OPTIONAL_INT16_SCHEMA,
    OPTIONAL_INT32_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    Schema,
)
from venvoy_api.struct import SchemaAndValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.headers import Headers

__all__ = [
    "DoubleConverter",
    "FloatConverter",
    "IntegerConverter",
    "LongConverter",
    "ShortConverter",
]

_CONFIG = with_converter_type(ConfigDef())


class _NumberConverter(BuiltIn, Converter, HeaderConverter):
    """Stores numbers of one type, and gives them back with that type's optional schema."""

    _name: ClassVar[str]
    _schema: ClassVar[Schema]
    _codec: ClassVar[struct.Struct]
    _types: ClassVar[tuple[type, ...]] = (int,)

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
        """Return the bytes; raises DataError for other types, and numbers out of range."""
        if value is None:
            return None
        if schema is not None and schema.type is not self._schema.type:
            raise DataError(f"Failed to serialize to {self._name} (was {schema.type.name})")
        if not isinstance(value, self._types) or isinstance(value, bool):
            raise DataError(f"Failed to serialize to {self._name} (was {type(value).__name__})")
        try:
            return self._codec.pack(value)
        except (struct.error, OverflowError) as error:
            raise DataError(f"Failed to serialize to {self._name}: {value} is too large") from error

    def to_connect_data(
        self,
        topic: str,  # noqa: ARG002  # the interface's
        headers: Headers | None,  # noqa: ARG002  # the interface's
        data: bytes | None,
    ) -> SchemaAndValue:
        """Return the number, None for a null; raises DataError for bytes of another size."""
        if data is None:
            return SchemaAndValue(self._schema, None)
        if len(data) != self._codec.size:
            raise DataError(
                f"Failed to deserialize {self._name}: Size of data received is {len(data)}, "
                f"not {self._codec.size}"
            )
        return SchemaAndValue(self._schema, self._codec.unpack(data)[0])

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
        """Return the number, as for a value."""
        return self.to_connect_data(topic, None, data)


class ShortConverter(_NumberConverter):
    """Stores integers of 16 bits, and gives them back with the schema OPTIONAL_INT16."""

    _name = "short"
    _schema = OPTIONAL_INT16_SCHEMA
    _codec = struct.Struct(">h")


class IntegerConverter(_NumberConverter):
    """Stores integers of 32 bits, and gives them back with the schema OPTIONAL_INT32."""

    _name = "integer"
    _schema = OPTIONAL_INT32_SCHEMA
    _codec = struct.Struct(">i")


class LongConverter(_NumberConverter):
    """Stores integers of 64 bits, and gives them back with the schema OPTIONAL_INT64."""

    _name = "long"
    _schema = OPTIONAL_INT64_SCHEMA
    _codec = struct.Struct(">q")


class FloatConverter(_NumberConverter):
    """Stores floats of 32 bits, and gives them back with the schema OPTIONAL_FLOAT32."""

    _name = "float"
    _schema = OPTIONAL_FLOAT32_SCHEMA
    _codec = struct.Struct(">f")
    _types = (float, int)


class DoubleConverter(_NumberConverter):
    """Stores floats of 64 bits, and gives them back with the schema OPTIONAL_FLOAT64."""

    _name = "double"
    _schema = OPTIONAL_FLOAT64_SCHEMA
    _codec = struct.Struct(">d")
    _types = (float, int)
