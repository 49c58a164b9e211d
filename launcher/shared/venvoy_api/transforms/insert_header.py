"""Adds a header with a fixed value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venvoy_api.builtin import BuiltIn
from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.headers import Header
from venvoy_api.transformation import Transformation
from venvoy_api.validators import NonNullValidator
from venvoy_api.values import parse_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.record import R

__all__ = ["InsertHeader"]

_CONFIG = (
    ConfigDef()
    .define(
        "header",
        ConfigType.STRING,
        validator=NonNullValidator(),
        importance=Importance.HIGH,
        documentation="The name of the header.",
    )
    .define(
        "value.literal",
        ConfigType.STRING,
        validator=NonNullValidator(),
        importance=Importance.HIGH,
        documentation="The literal value that is to be set as the header value on all records.",
    )
)


class InsertHeader(BuiltIn, Transformation):
    """Adds the header `header` with `value.literal`, beside those of the same name.

    The literal's type and schema are those it looks like (`venvoy_api.values`): `12` is an INT8.
    """

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError."""
        settings = _CONFIG.parse(configs)
        schema, value = parse_text(settings["value.literal"])
        self._header = Header(settings["header"], schema, value)

    def apply(self, record: R) -> R | None:
        """Return the record with the header behind its others."""
        return record.new_record(headers=[*record.headers, self._header])
