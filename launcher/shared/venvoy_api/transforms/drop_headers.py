"""Removes headers by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venvoy_api.builtin import BuiltIn
from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.transformation import Transformation
from venvoy_api.transforms.operand import NonEmptyList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.record import R

__all__ = ["DropHeaders"]

_CONFIG = ConfigDef().define(
    "headers",
    ConfigType.LIST,
    validator=NonEmptyList(),
    importance=Importance.HIGH,
    documentation="The name of the headers to be removed.",
)


class DropHeaders(BuiltIn, Transformation):
    """Removes every header whose name is among `headers`."""

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError."""
        self._names = frozenset(_CONFIG.parse(configs)["headers"])

    def apply(self, record: R) -> R | None:
        """Return the record without those headers; one that has none of them as it is."""
        names = self._names
        kept = [header for header in record.headers if header.key not in names]
        return record if len(kept) == len(record.headers) else record.new_record(headers=kept)
