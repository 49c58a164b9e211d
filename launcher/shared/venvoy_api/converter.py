"""Converters turn keys and values into bytes and back; header converters do it for headers."""

# defaults of methods that plugins override

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from typing import TYPE_CHECKING

from venvoy_api.component import Configurable, Versioned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.headers import Headers
    from venvoy_api.schema import Schema
    from venvoy_api.struct import SchemaAndValue

__all__ = ["Converter", "ConverterType", "HeaderConverter"]


class ConverterType(Enum):
    """What a converter is used for; the value of the configuration key `converter.type`."""

    KEY = "key"
    VALUE = "value"
    HEADER = "header"


class Converter(Versioned, Configurable, ABC):
    """Turns the keys or the values of records into bytes and back.

    One object serves the keys or the values of one task, from one thread. `configs` has the keys
    below `key.converter.` or `value.converter.`, without that prefix.
    """

    def configure(self, configs: Mapping[str, str], is_key: bool) -> None:  # Kafka's
        """Take the configuration; `is_key` tells whether it converts keys."""

    @abstractmethod
    def from_connect_data(
        self, topic: str, headers: Headers | None, schema: Schema | None, value: object
    ) -> bytes | None:
        """Return the bytes to store, or None to store null; raises DataError if it cannot.

        `headers` are the record's, to read or to add to; None where there is no record.
        """

    @abstractmethod
    def to_connect_data(
        self, topic: str, headers: Headers | None, data: bytes | None
    ) -> SchemaAndValue:
        """Return the schema (None: without) and value of stored bytes; raises DataError.

        `data` is None for a null.
        """

    def close(self) -> None:
        """Release what was acquired."""


class HeaderConverter(Versioned, Configurable, ABC):
    """Turns the values of headers into bytes and back; otherwise as a Converter."""

    def configure(self, configs: Mapping[str, str], is_key: bool = False) -> None:  # Kafka's
        """Take the configuration; `is_key` is always False."""

    @abstractmethod
    def from_connect_header(
        self, topic: str, key: str, schema: Schema | None, value: object
    ) -> bytes | None:
        """Return the bytes to store for the header `key`, or None; raises DataError."""

    @abstractmethod
    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:
        """Return the schema (None: without) and value of stored bytes; raises DataError."""

    def close(self) -> None:
        """Release what was acquired."""
