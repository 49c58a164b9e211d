"""What a sink task reports itself: on its way to the worker, and known once it is stored."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import venvoy_api
from venvoy_host.sink_chain import origin_of

if TYPE_CHECKING:
    from venvoy_host.session import Session
    from venvoy_host.tolerance import Tolerance

__all__ = ["Reporter"]

_TURN_S = 0.1


class Reporter(venvoy_api.ErrantRecordReporter):
    """Sends dead letters, numbered; the worker says `stored` when one is in its topic."""

    def __init__(self, session: Session, tolerance: Tolerance) -> None:
        self._session = session
        self._tolerance = tolerance
        self._lock = threading.Lock()
        self._number = 0

    def report(self, record: venvoy_api.SinkRecord, error: BaseException) -> Future[None]:
        """Take a record; the future is done once it is stored, or at once if it is only logged."""
        future = _Stored(self._session)
        with self._lock:
            letter = self._tolerance.report(
                "TASK_PUT", venvoy_api.SinkTask, error, origin_of(record)
            )
            if letter is not None:
                self._send(letter, future)
        if letter is None:
            future.set_result(None)
        return future

    def send(self, letter: dict[str, Any]) -> None:
        """Send a letter that a stage caused."""
        with self._lock:
            self._send(letter, None)

    def _send(self, letter: dict[str, Any], future: Future[None] | None) -> None:
        self._number += 1
        if future is not None:
            self._session.awaited[self._number] = future
        self._session.control.send({"type": "dead_letter", "number": self._number, **letter})


class _Stored(Future):  # type: ignore[type-arg]  # Future[None] is no class on Python 3.9
    """A future whose `result` reads the worker's answers: the host has no thread for that."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.set_running_or_notify_cancel()  # it cannot be called off
        self._session = session

    def result(self, timeout: float | None = None) -> None:
        """Wait until the record is stored.

        Raises `concurrent.futures.TimeoutError`, and ConnectError when it cannot be stored.
        """
        self._wait(timeout)
        super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait likewise; return why the record cannot be stored, or None."""
        self._wait(timeout)
        return super().exception(0)

    def _wait(self, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.done():
            left = _TURN_S if deadline is None else min(_TURN_S, deadline - time.monotonic())
            if left <= 0:
                return
            self._session.hear(left)
