"""The levels of loggers, the worker's and the plugins', as `/admin/loggers` shows and sets them.

A name means the same logger in the worker and in every host: `root`, `acme_csv.reader`. Levels have
Kafka's names (log4j's); Python's are understood. They last until the worker ends, as in Kafka.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from launcher.hosts.control import Message
from launcher.interface.faults import NotFoundError
from launcher.interface.views import LoggerLevel

__all__ = ["ROOT", "WORKER_LOGGER", "LoggerLevels"]

ROOT = "root"
WORKER_LOGGER = "venvoy"
"""The worker's own words, and the hosts' (`venvoy.sink`, …)."""

_NUMBERS = {
    "OFF": logging.CRITICAL + 10,
    "FATAL": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARN": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
    "TRACE": 5,
    "ALL": 1,
}
_SYNONYMS = {"CRITICAL": "FATAL", "WARNING": "WARN", "NOTSET": "ALL"}
_MAX_SEEN = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    name: str
    last_modified: int | None = None

    def as_view(self) -> LoggerLevel:
        return LoggerLevel(level=self.name, last_modified=self.last_modified)


class LoggerLevels:
    """Holds the levels that were set. `broadcast` takes a message for every host that runs.

    In this process the levels are set on `logging`'s loggers, too, once one is changed; whoever
    listens to them sets the root's first level.
    """

    def __init__(self, broadcast: Callable[[Message], None] = lambda _message: None) -> None:
        self.broadcast = broadcast
        self._levels = {ROOT: _Level(name="INFO")}
        self._seen = {WORKER_LOGGER: None}

    def all(self) -> Mapping[str, LoggerLevel]:
        """Return the loggers that have a level of their own, and `root`; by name."""
        return {name: self._levels[name].as_view() for name in sorted(self._levels)}

    def get(self, name: str) -> LoggerLevel:
        """Return the level that holds for a logger, its own or the nearest one above it.

        Raises:
            NotFoundError: no logger of that name has spoken or was given a level.
        """
        if name not in self._levels and name not in self._seen:
            raise NotFoundError(f"Logger {name} not found.")
        return self._effective(name).as_view()

    def set(self, name: str, level: str) -> tuple[str, ...]:
        """Set the level of a logger and of all known ones below it; return their names, sorted.

        Raises:
            NotFoundError: there is no such level.
        """
        wanted = _SYNONYMS.get(level.upper(), level.upper())
        if wanted not in _NUMBERS:
            raise NotFoundError(
                f"invalid log level '{level}'.", remedy=f"one of {', '.join(_NUMBERS)}"
            )
        below = (
            known
            for known in (*self._levels, *self._seen)
            if name == ROOT or known.startswith(f"{name}.")
        )
        names = tuple(sorted({name, *below}))
        now = int(time.time() * 1000)
        for each in sorted(names, key=_depth):
            known = self._effective(each)
            if each in self._levels and known.name == wanted:
                continue
            self._levels[each] = _Level(name=wanted, last_modified=now)
            logging.getLogger(None if each == ROOT else each).setLevel(_NUMBERS[wanted])
            self.broadcast(self._message(each))
        return names

    def saw(self, name: str) -> None:
        """Remember that a plugin's logger has spoken, so that it can be asked for."""
        if len(self._seen) < _MAX_SEEN:
            self._seen.setdefault(name or ROOT)

    def is_told(self, name: str, level: str) -> bool:
        """Return whether a record of a logger, at a level of Python's or Kafka's, is to be told."""
        named = _SYNONYMS.get(level.upper(), level.upper())
        number = _NUMBERS.get(named, logging.INFO)  # a plugin's own level
        return number >= _NUMBERS[self._effective(name).name]

    def messages(self) -> tuple[Message, ...]:
        """Return what a new host must be told: every level that was set, from the root down."""
        changed = (name for name, level in self._levels.items() if level.last_modified is not None)
        return tuple(self._message(name) for name in sorted(changed, key=_depth))

    def _effective(self, name: str) -> _Level:
        while name not in self._levels:
            name, dot, _ = name.rpartition(".")
            if not dot:
                return self._levels[ROOT]
        return self._levels[name]

    def _message(self, name: str) -> Message:
        number = _NUMBERS[self._levels[name].name]
        return {"type": "log_level", "logger": name, "level": number}


def _depth(name: str) -> tuple[int, str]:
    return (0 if name == ROOT else name.count(".") + 1, name)
