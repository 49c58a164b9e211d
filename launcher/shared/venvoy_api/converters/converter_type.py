"""The configuration key that all built-in converters share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.converter import ConverterType
from venvoy_api.validators import ValidString

if TYPE_CHECKING:
    from venvoy_api.config_def import ConfigDef

__all__ = ["with_converter_type"]


def with_converter_type(definition: ConfigDef) -> ConfigDef:
    """Add `converter.type`, which the framework sets, and return the definition."""
    return definition.define(
        "converter.type",
        ConfigType.STRING,
        None,
        ValidString(*(kind.value for kind in ConverterType)),
        Importance.LOW,
        "How this converter will be used: key, value or header.",
    )
