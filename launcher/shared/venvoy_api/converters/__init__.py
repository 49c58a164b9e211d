"""The converters that come with the API; every host has them."""

from __future__ import annotations

from venvoy_api.converters.boolean import BooleanConverter
from venvoy_api.converters.byte_array import ByteArrayConverter
from venvoy_api.converters.json_converter import JsonConverter
from venvoy_api.converters.number import (
    DoubleConverter,
    FloatConverter,
    IntegerConverter,
    LongConverter,
    ShortConverter,
)
from venvoy_api.converters.simple_header import SimpleHeaderConverter
from venvoy_api.converters.string import StringConverter

__all__ = [
    "BooleanConverter",
    "ByteArrayConverter",
    "DoubleConverter",
    "FloatConverter",
    "IntegerConverter",
    "JsonConverter",
    "LongConverter",
    "ShortConverter",
    "SimpleHeaderConverter",
    "StringConverter",
]
