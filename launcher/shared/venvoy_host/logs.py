"""The host's `logging`: every record goes to the worker as a control message, bounded."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from venvoy_host.control import Control

__all__ = ["ControlHandler", "framework_logger", "install", "replace_in_child"]

_MAX_CHARACTERS = 64 * 1024


class ControlHandler(logging.Handler):
    """Sends {"type": "log", "level", "logger", "message", "time"} for each record."""

    def __init__(self, control: Control) -> None:
        super().__init__()
        self._control = control

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record, with its traceback if it has one."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  # a plugin's bad format string is its own affair
            self.handleError(record)
            return
        self._control.send(
            {
                "type": "log",
                "level": record.levelname,
                "logger": record.name,
                "message": text[:_MAX_CHARACTERS],
                "time": record.created,
            }
        )


class _FrameworkLogger(logging.Logger):
    """The host's own words: outside the tree that `logging.config` and `disable` reach (PU02)."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  # logging's name
        return level >= logging.INFO


_framework: list[logging.Logger] = []


def framework_logger(name: str) -> logging.Logger:
    """Return a logger for the host itself; whatever a plugin does to `logging`, it is heard."""
    logger = _FrameworkLogger(name)
    _framework.append(logger)
    return logger


def install(control: Control) -> None:
    """Make the root logger send to the worker, from INFO upwards; plugins may set more."""
    root = logging.getLogger()
    handler = ControlHandler(control)
    for logger in (root, *_framework):
        logger.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)


def replace_in_child() -> None:
    """In a fork that a plugin made: log to stderr, which reaches the worker line by line."""
    for logger in (logging.getLogger(), *_framework):
        for handler in list(logger.handlers):
            if isinstance(handler, ControlHandler):
                logger.removeHandler(handler)
                logger.addHandler(logging.StreamHandler())
