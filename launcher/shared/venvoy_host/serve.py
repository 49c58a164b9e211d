"""Modes `connector` and `task`: from the start message to the last word."""

from __future__ import annotations

import gc
import operator
from typing import Any

import venvoy_api
from venvoy_host import boot
from venvoy_host.connector import ConnectorServer
from venvoy_host.control import Control, describe
from venvoy_host.first import import_module
from venvoy_host.flow import DataSocket, PeerGoneError
from venvoy_host.loading import make
from venvoy_host.middle import MiddleLoop
from venvoy_host.session import Session, TerminatedError
from venvoy_host.sink import SinkLoop
from venvoy_host.sink_chain import SinkChain
from venvoy_host.source import SourceLoop
from venvoy_host.source_chain import SourceChain
from venvoy_host.stages import make_stages
from venvoy_host.tolerance import Tolerance

__all__ = ["main", "task_class"]

# A batch is some ten thousand objects that all live on for a while: Python's own 700 would have the
# collector look at each of them several times, at a fifth of the time that a chain takes.
_COLLECT_AFTER = 10_000


def main(mode: str, options: dict[str, str]) -> int:
    """Serve until the worker says stop; return the exit code."""
    control = Control(int(options["control"]))
    session = Session(control)
    if mode == "connector":
        try:
            ConnectorServer(control).run()
        except TerminatedError:
            return 0
        return 0
    names = [name for name in options if name in ("in", "out")]
    sockets = {name: DataSocket(int(options[name])) for name in names}
    request = _order(session)
    if request is None:
        return 1
    if request["type"] == "stop":  # the run ended before this task began
        control.send({"type": "stopped", "failed": False})
        return 0
    return _Task(session, request, sockets).run()


def _order(session: Session) -> dict[str, Any] | None:
    """Wait for the start message, or for `stop`; None when the worker is gone.

    A `pause` or `resume` ahead of it is newer than what the start says of it.
    """
    is_told = False
    while True:
        request = session.control.receive()
        if request is None or request["type"] in ("start", "stop"):
            break
        is_told = is_told or request["type"] in ("pause", "resume")
        session.take(request)
    if request is not None and not is_told:
        session.wants_pause = bool(request.get("paused", False))
    return request


class _Task:
    """One segment of one task: made, started, run, stopped; every failure told once."""

    def __init__(
        self, session: Session, request: dict[str, Any], sockets: dict[str, DataSocket]
    ) -> None:
        self.session = session
        self.control = session.control
        self.request = request
        self.sockets = sockets
        self.task: Any = None
        self.tolerance = Tolerance(session, request.get("errors"))
        self.chain: SourceChain | SinkChain | None = None
        self.loop: SourceLoop | SinkLoop | MiddleLoop | None = None

    def run(self) -> int:
        """Return the exit code."""
        failure = self._attempt(self._work)
        failure = self._attempt(self._close) or failure
        counts = self.loop.counts() if self.loop is not None else {}
        self.tolerance.tell(at_once=True)
        self.control.send({"type": "stopped", "failed": failure, **counts})
        return 1 if failure else 0

    def _attempt(self, step: Any) -> bool:
        """Do the step; tell the worker what went wrong. True when something did."""
        try:
            step()
        except (TerminatedError, PeerGoneError):
            return False  # the worker's own doing, or a neighbour's, which it knows better
        except BaseException as error:  # noqa: BLE001  # also SystemExit: the plugin's last word
            self.control.send({"type": "failed", "error": describe(error)})
            return True
        return False

    def _work(self) -> None:
        request = self.request
        gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])
        is_source = request["kind"] == "source"
        made = make_stages(request["stages"])
        tolerance = self.tolerance
        self.chain = SourceChain(made, tolerance) if is_source else SinkChain(made, tolerance)
        if request["task_class"] is None:
            ends = self.sockets["in"], self.sockets["out"]
            middle = MiddleLoop(self.session, request, self.chain, tolerance, *ends)
            self.loop = middle
            self.control.answer(request, None)
            middle.run()
            return
        self.task = make(task_class(request["task_class"]))
        if isinstance(self.chain, SourceChain):
            loop: SourceLoop | SinkLoop = SourceLoop(
                self.session, request, self.task, self.chain, tolerance, self.sockets["out"]
            )
        else:
            loop = SinkLoop(
                self.session, request, self.task, self.chain, tolerance, self.sockets["in"]
            )
        self.loop = loop
        loop.start()
        self.control.answer(request, None)
        loop.run()

    def _close(self) -> None:
        try:
            if self.task is not None:
                self.task.stop()
        finally:
            try:
                if self.chain is not None:
                    self.chain.close()
            finally:
                for one in self.sockets.values():
                    one.close()


def task_class(name: dict[str, str]) -> Any:
    """Import the class that a connector named for its tasks."""
    module = import_module(name["module"])
    boot.finder().assert_first()
    found = operator.attrgetter(name["qualname"])(module)
    if not isinstance(found, type) or not issubclass(
        found, (venvoy_api.SourceTask, venvoy_api.SinkTask)
    ):
        raise venvoy_api.ConnectError(f"{found!r} is not a task class")
    return found
