"""Sends records to other topics, by a regular expression over the topic's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venvoy_api.builtin import BuiltIn
from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.regex import RegexValidator, compile_regex, template_of
from venvoy_api.transformation import Transformation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.record import R

__all__ = ["RegexRouter"]

_CONFIG = (
    ConfigDef()
    .define(
        "regex",
        ConfigType.STRING,
        validator=RegexValidator(),
        importance=Importance.HIGH,
        documentation="Regular expression to use for matching.",
    )
    .define(
        "replacement",
        ConfigType.STRING,
        importance=Importance.HIGH,
        documentation="Replacement string; $1 or ${name} stand for what a group matched.",
    )
)


class RegexRouter(BuiltIn, Transformation):
    """Renames records whose whole topic matches `regex`: its first find becomes `replacement`.

    Both are written as in Java: groups `(?<name>...)`, references `$1` and `${name}`. As Kafka's
    it asks whether the whole topic matches and then replaces the first find, which may be shorter:
    of `prod-eu` `(prod|prod-eu)` finds `prod`, and `new` makes `new-eu` of it.
    """

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError."""
        settings = _CONFIG.parse(configs)
        self._regex = compile_regex("regex", settings["regex"])
        self._template = template_of("replacement", self._regex, settings["replacement"])
        self._known: dict[str, str | None] = {}

    def apply(self, record: R) -> R | None:
        """Return the record with its new topic; others pass as they are."""
        topic = record.topic
        try:
            renamed = self._known[topic]
        except KeyError:
            renamed = None
            found = self._regex.search(topic)
            if found is not None and self._regex.fullmatch(topic):
                replaced = found.expand(self._template)
                renamed = f"{topic[: found.start()]}{replaced}{topic[found.end() :]}"
            self._known[topic] = renamed
        return record if renamed is None else record.new_record(topic=renamed)
