"""What a serving host has besides its plugin: the control socket, the wish to stop, the streams."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import select
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import venvoy_api
from venvoy_host import logs
from venvoy_host.control import describe

if TYPE_CHECKING:
    from concurrent.futures import Future

    from venvoy_host.control import Control

__all__ = ["Session", "TerminatedError", "prepare_streams"]

_STDERR = 2


class TerminatedError(BaseException):
    """SIGTERM: the worker asked and waited; whatever the plugin is doing ends here.

    Not an Exception, so that a plugin's `except Exception` lets it pass.
    """


class Session:
    """Of one host process, which has one thread: a plugin may fork it, and a signal ends a wait.

    The control socket is read between calls of the plugin, and wakes every wait.
    """

    def __init__(self, control: Control) -> None:
        self.control = control
        self._is_stopping = False
        self._terminated = False
        self._is_paused = False
        self.wants_pause = False
        """Whether the worker wants no records moved, as of the last look at `is_stopping`."""
        self.is_healthy = False
        """Whether the first poll or put has succeeded, and the worker knows."""
        self.awaited: dict[int, Future[None]] = {}
        """Dead letters by number, whose `stored` somebody may wait for."""
        self._hearing = threading.RLock()  # re-entered by a signal that breaks into it
        prepare_streams()
        logs.install(control)
        signal.signal(signal.SIGTERM, self._terminate)
        # Hosts lead sessions of their own, so no terminal reaches them; this is for the stubborn.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.register_at_fork(after_in_child=self._leave)

    @property
    def is_stopping(self) -> bool:
        """Whether the loop should end; looks what the worker has said since the last time."""
        self.hear(0)
        return self._is_stopping

    def hear(self, timeout_s: float) -> None:
        """Take what the worker has said; wait for it so long. May be called from any thread."""
        if not select.select([self.control], [], [], timeout_s)[0]:
            return
        with self._hearing:
            while select.select([self.control], [], [], 0)[0]:
                message: dict[str, Any] | None = self.control.receive()
                if message is None:
                    os._exit(1)  # the worker is gone: nobody is left to work for
                self.take(message)

    def take(self, message: dict[str, Any]) -> None:
        """Take a message of the worker: a wish, to be granted between two calls of the plugin.

        What is true already is said again at once.
        """
        if logs.take(message):
            return
        if message["type"] == "stop":
            self._is_stopping = True
        elif message["type"] in ("pause", "resume"):
            self.wants_pause = message["type"] == "pause"
            if self.wants_pause is self._is_paused:
                self._tell()
        elif message["type"] == "stored":
            self._settle(message)

    def rest(self, seconds: float) -> bool:
        """Wait; False when a stop came before the time was up."""
        deadline = time.monotonic() + seconds
        while not self.is_stopping:
            left = deadline - time.monotonic()
            if left <= 0:
                return True
            select.select([self.control], [], [], left)
        return False

    def tell_healthy(self) -> None:
        """Tell the worker, once, that the task has done what it is there for without a fault."""
        if not self.is_healthy:
            self.is_healthy = True
            self.control.send({"type": "healthy"})

    def tell_retrying(self, error: BaseException) -> None:
        """Tell the worker what is tried again, as long as it waits for the task to be healthy."""
        if not self.is_healthy:
            self.control.send({"type": "retrying", "error": describe(error)})

    def agree(self) -> None:
        """Tell the worker that records rest, or move again, as it wants; call it once they do."""
        if self.wants_pause is not self._is_paused:
            self._is_paused = self.wants_pause
            self._tell()

    def _settle(self, message: dict[str, Any]) -> None:
        """Tell whoever waits for it that a dead letter is stored, or cannot be."""
        waiting = self.awaited.pop(message["number"], None)
        if waiting is None:
            return
        if message.get("error"):
            waiting.set_exception(venvoy_api.ConnectError(message["error"]))
        else:
            waiting.set_result(None)

    def _tell(self) -> None:
        self.control.send({"type": "paused" if self._is_paused else "resumed"})

    def _terminate(self, _number: int, _frame: object) -> None:
        self._is_stopping = True
        if not self._terminated:
            self._terminated = True
            raise TerminatedError

    def _leave(self) -> None:
        """In a fork that a plugin made: it is no host, and must not look like one."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        logs.replace_in_child()
        with contextlib.suppress(OSError):
            self.control.close_in_child()


def prepare_streams() -> None:
    """Make stdout and stderr line by line, and let a crash leave its stack on stderr.

    The interpreter's own two: in a fork of a zygote a plugin may have replaced them already.
    """
    for stream in (sys.__stdout__, sys.__stderr__):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    faulthandler.enable(_STDERR)
