"""Finds records by the name of their topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venvoy_api.builtin import BuiltIn
from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType
from venvoy_api.regex import RegexValidator, compile_regex
from venvoy_api.transformation import Predicate
from venvoy_api.validators import CompositeValidator, NonEmptyString

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.record import ConnectRecord

__all__ = ["TopicNameMatches"]

_CONFIG = ConfigDef().define(
    "pattern",
    ConfigType.STRING,
    validator=CompositeValidator(NonEmptyString(), RegexValidator()),
    documentation="A Java regular expression for matching against the name of a record's topic.",
)


class TopicNameMatches(BuiltIn, Predicate):
    """True for records whose whole topic name matches the regular expression `pattern`."""

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError."""
        self._matches = compile_regex("pattern", _CONFIG.parse(configs)["pattern"]).fullmatch

    def test(self, record: ConnectRecord) -> bool:
        """Whether the topic matches."""
        return self._matches(record.topic) is not None
