"""What a connector's `errors.*` keys say: what is tolerated, tried again, logged, kept aside."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from launcher.configs.config_keys import ConfigValueError

__all__ = ["ErrorSettings"]

_DEAD_LETTER_TOPIC = "errors.deadletterqueue.topic.name"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSettings:
    """Kafka Connect's error handling (KIP-298), with Kafka's defaults.

    `retry_timeout_ms` is -1 for "for ever". `dead_letter_topic` is None when there is none, and
    `context_headers` says whether dead letters get the `__connect.errors.*` headers.
    """

    tolerates_all: bool = False
    retry_timeout_ms: int = 0
    retry_delay_max_ms: int = 60_000
    log_enable: bool = False
    log_include_messages: bool = False
    dead_letter_topic: str | None = None
    context_headers: bool = False

    @classmethod
    def of(cls, config: Mapping[str, str], *, connector: str) -> "ErrorSettings":
        """Read a connector's config.

        Raises:
            ConfigValueError: a key has a value that it cannot have.
        """
        reader = _Reader(config, f"`{connector}`")
        settings = cls._read(reader)
        for fault in reader.faults:
            raise fault
        return settings

    @classmethod
    def faults(
        cls, config: Mapping[str, str], *, connector: str, reads: Callable[[str], bool]
    ) -> tuple[ConfigValueError, ...]:
        """Return every fault; `reads` says whether the connector reads a topic.

        A sink that reads its own dead letters would never end.
        """
        reader = _Reader(config, f"`{connector}`")
        letters = cls._read(reader).dead_letter_topic
        if letters is not None and reads(letters):
            reader.fault(
                _DEAD_LETTER_TOPIC, f"is `{letters}`, which the sink reads", "dead-letters"
            )
        return tuple(reader.faults)

    @classmethod
    def _read(cls, reader: "_Reader") -> "ErrorSettings":
        return cls(
            tolerates_all=reader.choice("errors.tolerance", ("none", "all")) == "all",
            retry_timeout_ms=reader.number("errors.retry.timeout", 0, least=-1),
            retry_delay_max_ms=reader.number("errors.retry.delay.max.ms", 60_000, least=0),
            log_enable=reader.truth("errors.log.enable"),
            log_include_messages=reader.truth("errors.log.include.messages"),
            dead_letter_topic=reader.text(_DEAD_LETTER_TOPIC) or None,
            context_headers=reader.truth("errors.deadletterqueue.context.headers.enable"),
        )

    def as_message(self, *, connector: str, task: int) -> dict[str, object]:
        """Return what a host needs of it, for the start message."""
        return {
            "tolerance": "all" if self.tolerates_all else "none",
            "retry_timeout_ms": self.retry_timeout_ms,
            "retry_delay_max_ms": self.retry_delay_max_ms,
            "log_enable": self.log_enable,
            "log_include_messages": self.log_include_messages,
            "dead_letters": self.dead_letter_topic is not None,
            "connector": connector,
            "task": task,
        }


class _Reader:
    """Reads keys of one config; a key with a fault has its default."""

    def __init__(self, config: Mapping[str, str], where: str) -> None:
        self._config = config
        self._where = where
        self.faults: list[ConfigValueError] = []

    def text(self, key: str) -> str:
        return self._config.get(key, "").strip()

    def choice(self, key: str, values: tuple[str, ...]) -> str:
        text = self._config.get(key, values[0]).strip().lower()
        if text in values:
            return text
        self.fault(key, f"is `{text}`, not {' or '.join(values)}", values[0])
        return values[0]

    def truth(self, key: str) -> bool:
        return self.choice(key, ("false", "true")) == "true"

    def number(self, key: str, default: int, *, least: int) -> int:
        text = self._config.get(key, str(default)).strip()
        if re.fullmatch(r"-?[0-9]{1,18}", text) and int(text) >= least:
            return int(text)
        self.fault(key, f"is `{text}`, not a whole number of at least {least}", str(default))
        return default

    def fault(self, key: str, reason: str, value: str) -> None:
        remedy = f"write `{key}={value}`, or leave it out"
        self.faults.append(
            ConfigValueError(where=self._where, key=key, reason=reason, remedy=remedy)
        )
