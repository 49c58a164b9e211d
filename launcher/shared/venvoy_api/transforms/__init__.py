"""The transformations that come with the API; every host has them.

Those that work on fields or schemas come in two forms each: `.Key` changes the key, `.Value` the
value of a record. In a configuration they are called as in Kafka: `InsertField$Value`.
"""

from __future__ import annotations

from venvoy_api.transforms.cast import Cast
from venvoy_api.transforms.drop_headers import DropHeaders
from venvoy_api.transforms.extract_field import ExtractField
from venvoy_api.transforms.filter import Filter
from venvoy_api.transforms.flatten import Flatten
from venvoy_api.transforms.header_from import HeaderFrom
from venvoy_api.transforms.hoist_field import HoistField
from venvoy_api.transforms.insert_field import InsertField
from venvoy_api.transforms.insert_header import InsertHeader
from venvoy_api.transforms.mask_field import MaskField
from venvoy_api.transforms.regex_router import RegexRouter
from venvoy_api.transforms.replace_field import ReplaceField
from venvoy_api.transforms.set_schema_metadata import SetSchemaMetadata
from venvoy_api.transforms.timestamp_converter import TimestampConverter
from venvoy_api.transforms.timestamp_router import TimestampRouter
from venvoy_api.transforms.value_to_key import ValueToKey

__all__ = [
    "Cast",
    "DropHeaders",
    "ExtractField",
    "Filter",
    "Flatten",
    "HeaderFrom",
    "HoistField",
    "InsertField",
    "InsertHeader",
    "MaskField",
    "RegexRouter",
    "ReplaceField",
    "SetSchemaMetadata",
    "TimestampConverter",
    "TimestampRouter",
    "ValueToKey",
]
