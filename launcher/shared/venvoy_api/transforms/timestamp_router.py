"""Sends records to other topics, by their timestamp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venvoy_api.builtin import BuiltIn
from venvoy_api.config_def import ConfigDef
from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.date_format import date_format
from venvoy_api.errors import DataError
from venvoy_api.transformation import Transformation
from venvoy_api.validators import LambdaValidator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.record import R

__all__ = ["TimestampRouter"]

_KNOWN_MAX = 1000
_FORMAT = "timestamp.format"


def _check_format(name: str, value: object) -> None:
    date_format(name, value)


_CONFIG = (
    ConfigDef()
    .define(
        "topic.format",
        ConfigType.STRING,
        "${topic}-${timestamp}",
        importance=Importance.HIGH,
        documentation="Format string which can contain ${topic} and ${timestamp} as placeholders "
        "for the topic and timestamp, respectively.",
    )
    .define(
        _FORMAT,
        ConfigType.STRING,
        "yyyyMMdd",
        LambdaValidator(_check_format, "a pattern of SimpleDateFormat"),
        Importance.HIGH,
        "Format string for the timestamp that is compatible with java.text.SimpleDateFormat.",
    )
)


class TimestampRouter(BuiltIn, Transformation):
    """Renames the topic of each record to `topic.format`, by its topic and timestamp in UTC.

    `timestamp.format` is a pattern of SimpleDateFormat (`venvoy_api.date_format`).
    """

    def config(self) -> ConfigDef:
        """Return the keys."""
        return _CONFIG

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raises ConfigError."""
        settings = _CONFIG.parse(configs)
        self._topic_format: str = settings["topic.format"]
        self._format = date_format(_FORMAT, settings[_FORMAT])
        self._known: dict[tuple[str, int], str] = {}

    def apply(self, record: R) -> R | None:
        """Return the record with its new topic; raises DataError if it has no timestamp."""
        timestamp = record.timestamp
        if timestamp is None:
            raise DataError(f"Timestamp missing on record: {record!r}")
        place = (record.topic, timestamp // self._format.unit_ms)
        topic = self._known.get(place)
        if topic is None:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            topic = self._known[place] = self._topic(record.topic, timestamp)
        return record.new_record(topic=topic)

    def _topic(self, topic: str, timestamp: int) -> str:
        named = self._topic_format.replace("${topic}", topic)
        return named.replace("${timestamp}", self._format.format(timestamp))
