"""Turns values into text and reads text as strings."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from venvoy_api.builtin import BuiltIn
from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.converter import Converter, HeaderConverter
from venvoy_api.converters.converter_type import with_converter_type
from venvoy_api.errors import ConfigError, DataError
from venvoy_api.schema import OPTIONAL_STRING_SCHEMA
from venvoy_api.struct import SchemaAndValue
from venvoy_api.validators import LambdaValidator
from venvoy_api.values import to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.headers import Headers
    from venvoy_api.schema import Schema

__all__ = ["StringConverter"]

_ENCODING = "converter.encoding"


def _known_encoding(name: str, value: object) -> None:
    try:
        "".encode(codecs.lookup(str(value)).name)
    except LookupError as error:
        raise ConfigError(name, value, "no such text encoding") from error


_CONFIG = with_converter_type(
    ConfigDef().define(
        _ENCODING,
        ConfigType.STRING,
        "UTF-8",
        LambdaValidator(_known_encoding, "a text encoding"),
        Importance.HIGH,
        "The name of the text encoding of strings in bytes.",
    )
)


class StringConverter(BuiltIn, Converter, HeaderConverter):
    """Stores the text of a value, and gives text back with the schema OPTIONAL_STRING.

    A str is stored as it is; other values as `venvoy_api.values.to_text` writes them. Key:
    `converter.encoding`, UTF-8 by default.
    """

    _encoding = "utf-8"

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str], is_key: bool = False) -> None:  # noqa: ARG002  # Kafka's
        """Take the encoding."""
        self._encoding = codecs.lookup(_CONFIG.parse(configs)[_ENCODING]).name

    def from_connect_data(
        self,
        topic: str,  # noqa: ARG002  # the interface's
        headers: Headers | None,  # noqa: ARG002  # the interface's
        schema: Schema | None,
        value: object,
    ) -> bytes | None:
        """Return the text in bytes; raises DataError for what the encoding cannot hold."""
        text = value if isinstance(value, str) else to_text(value, schema)
        if text is None:
            return None
        try:
            return text.encode(self._encoding)
        except UnicodeEncodeError as error:
            raise DataError(f"Text cannot be written as {self._encoding}: {error}") from error

    def to_connect_data(
        self,
        topic: str,  # noqa: ARG002  # the interface's
        headers: Headers | None,  # noqa: ARG002  # the interface's
        data: bytes | None,
    ) -> SchemaAndValue:
        """Return the text of the bytes; raises DataError if they are none in the encoding."""
        if data is None:
            return _NULL
        try:
            return SchemaAndValue(OPTIONAL_STRING_SCHEMA, data.decode(self._encoding))
        except UnicodeDecodeError as error:
            raise DataError(f"Bytes are not text in {self._encoding}: {error}") from error

    def from_connect_header(
        self,
        topic: str,
        key: str,  # noqa: ARG002  # the interface's
        schema: Schema | None,
        value: object,
    ) -> bytes | None:
        """Return the text in bytes, as for a value."""
        return self.from_connect_data(topic, None, schema, value)

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:  # noqa: ARG002  # the interface's
        """Return the text, as for a value."""
        return self.to_connect_data(topic, None, data)


_NULL = SchemaAndValue(OPTIONAL_STRING_SCHEMA, None)
