"""The host's `logging`: every record goes to the worker as a control message, bounded."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from venvoy_host.control import Control

__all__ = ["ControlHandler", "framework_logger", "install", "prepare", "replace_in_child", "take"]

_MAX_CHARACTERS = 64 * 1024
_KEPT_RECORDS = 200


class ControlHandler(logging.Handler):
    """Sends {"type": "log", "level", "logger", "message", "time"} for each record.

    Without a control socket yet, in a zygote, it keeps the first ones: each fork sends them, as a
    host does that imports its plugin itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self._control: Control | None = None
        self._kept: list[dict[str, Any]] = []

    def connect(self, control: Control) -> None:
        """Send from now on, first what was kept."""
        self._control = control
        for message in self._kept:
            control.send(message)
        self._kept.clear()

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record, with its traceback if it has one."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  # a plugin's bad format string is its own affair
            self.handleError(record)
            return
        message = {
            "type": "log",
            "level": record.levelname,
            "logger": record.name,
            "message": text[:_MAX_CHARACTERS],
            "time": record.created,
        }
        if self._control is not None:
            self._control.send(message)
        elif len(self._kept) < _KEPT_RECORDS:
            self._kept.append(message)


class _FrameworkLogger(logging.Logger):
    """The host's own words: outside the tree that `logging.config` and `disable` reach (PU02)."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  # logging's name
        return level >= (self.level or logging.INFO)


_framework: list[logging.Logger] = []
_prepared: list[ControlHandler] = []


def framework_logger(name: str) -> logging.Logger:
    """Return a logger for the host itself; whatever a plugin does to `logging`, it is heard."""
    logger = _FrameworkLogger(name)
    _framework.append(logger)
    return logger


def prepare() -> None:
    """Make the root logger take records from INFO upwards; plugins may set more."""
    handler = ControlHandler()
    _prepared.append(handler)
    root = logging.getLogger()
    for logger in (root, *_framework):
        logger.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)


def install(control: Control) -> None:
    """Send records to the worker; in a fork of a zygote, by the handler that it prepared."""
    if not _prepared:
        prepare()
    for logger in _framework:  # also one that a module made since
        if _prepared[0] not in logger.handlers:
            logger.addHandler(_prepared[0])
    _prepared[0].connect(control)


def take(message: dict[str, Any]) -> bool:
    """Set a logger's level if that is what the worker says; False when it says something else."""
    if message["type"] != "log_level":
        return False
    name, level = message["logger"], message["level"]
    is_root = name == "root"
    logging.getLogger(None if is_root else name).setLevel(level)
    for logger in _framework:
        if is_root or f"{logger.name}.".startswith(f"{name}."):
            logger.setLevel(level)
    return True


def replace_in_child() -> None:
    """In a fork that a plugin made: log to stderr, which reaches the worker line by line."""
    for logger in (logging.getLogger(), *_framework):
        for handler in list(logger.handlers):
            if isinstance(handler, ControlHandler):
                logger.removeHandler(handler)
                logger.addHandler(logging.StreamHandler())
