"""This process as a subreaper: orphans below it become its children, hosts of zygotes among them.

Linux only, by prctl(2). What was adopted and is no host of ours is found by its parent and session:
a child that this process starts itself is known to `manager.proc` or shares our session.
"""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from manager import proc

__all__ = ["Subreaper"]

_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37
_PATIENCE_S = 5.0
_PAUSE_S = 0.005


class Subreaper:
    """Makes this process a subreaper until `close`; `is_one` says whether it could.

    `is_ours` says of a pid whether someone else sees to it.
    """

    def __init__(self, is_ours: Callable[[int], bool]) -> None:
        self._is_ours = is_ours
        self._before = ctypes.c_int()
        self._strangers: frozenset[int] = frozenset()
        self._strangers = frozenset(pid for pid, _ in self._adopted())
        try:
            prctl = ctypes.CDLL(None).prctl
            prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(self._before), 0, 0, 0)
            self.is_one = bool(prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
        except (AttributeError, OSError):
            self.is_one = False

    def reap(self) -> None:
        """Wait for adopted children that have ended."""
        for pid, state in self._adopted():
            if state == "Z":
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    def close(self) -> None:
        """End and reap whatever was adopted, and be what we were before."""
        if not self.is_one:
            return
        deadline = time.monotonic() + _PATIENCE_S
        while (left := self._adopted()) and time.monotonic() < deadline:
            for pid, _ in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            self.reap()
            time.sleep(_PAUSE_S)
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, self._before.value, 0, 0, 0)

    def _adopted(self) -> list[tuple[int, str]]:
        """Return pid and state of each child that nobody here started."""
        with proc.no_start() as started:
            children = [one for one in _processes() if one.parent == os.getpid()]
        session = os.getsid(0)
        known = started | self._strangers
        return [
            (one.pid, one.state)
            for one in children
            if one.session != session and one.pid not in known and not self._is_ours(one.pid)
        ]


class _Process(NamedTuple):
    pid: int
    state: str
    parent: int
    session: int


def _processes() -> Iterator[_Process]:
    """Yield every process, as proc(5) shows it; none without `/proc`."""
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_bytes().rpartition(b")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        pid = int(file.parent.name)
        yield _Process(pid, fields[0].decode(), int(fields[1]), int(fields[3]))
