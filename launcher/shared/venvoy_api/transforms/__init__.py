"""The transformations that come with the API; every host has them.

InsertField, ReplaceField and Cast come in two forms each: `.Key` changes the key, `.Value` the
value of a record. In a configuration they are called as in Kafka: `InsertField$Value`.
"""

from __future__ import annotations

from venvoy_api.transforms.cast import Cast
from venvoy_api.transforms.filter import Filter
from venvoy_api.transforms.insert_field import InsertField
from venvoy_api.transforms.regex_router import RegexRouter
from venvoy_api.transforms.replace_field import ReplaceField

__all__ = ["Cast", "Filter", "InsertField", "RegexRouter", "ReplaceField"]
