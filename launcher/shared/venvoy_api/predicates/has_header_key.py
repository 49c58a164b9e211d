"""Finds records that have a header of a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venvoy_api.builtin import BuiltIn
from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType
from venvoy_api.transformation import Predicate
from venvoy_api.validators import NonEmptyString

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.record import ConnectRecord

__all__ = ["HasHeaderKey"]

_CONFIG = ConfigDef().define(
    "name", ConfigType.STRING, validator=NonEmptyString(), documentation="The header name."
)


class HasHeaderKey(BuiltIn, Predicate):
    """True for records with at least one header of the configured `name`."""

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError."""
        self._name: str = _CONFIG.parse(configs)["name"]

    def test(self, record: ConnectRecord) -> bool:
        """Whether the record has such a header."""
        return self._name in record.headers
