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
_living: "set[Subreaper]" = set()
_before = ctypes.c_int()


class Subreaper:
    """Makes this process a subreaper until the last one's `close`; `is_one`: whether it could.

    `is_ours` says of a pid whether someone else sees to it; those of all that live are asked.
    """

    def __init__(self, is_ours: Callable[[int], bool]) -> None:
        self.is_ours = is_ours
        self._strangers = frozenset(pid for pid, _ in self._adopted(frozenset()))
        try:
            prctl = ctypes.CDLL(None).prctl
            if not _living:
                prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(_before), 0, 0, 0)
            self.is_one = bool(prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
        except (AttributeError, OSError):
            self.is_one = False
        if self.is_one:
            _living.add(self)

    def reap(self) -> None:
        """Wait for adopted children that have ended."""
        for pid, state in self._adopted(self._strangers):
            if state == "Z":
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    def close(self) -> None:
        """The last one: end and reap whatever was adopted, and be what we were before."""
        _living.discard(self)
        if _living or not self.is_one:
            return
        deadline = time.monotonic() + _PATIENCE_S
        while (left := self._adopted(self._strangers)) and time.monotonic() < deadline:
            for pid, _ in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            self.reap()
            time.sleep(_PAUSE_S)
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, _before.value, 0, 0, 0)

    def _adopted(self, strangers: frozenset[int]) -> list[tuple[int, str]]:
        """Return pid and state of each child that nobody here started."""
        with proc.no_start() as started:
            children = [one for one in _processes() if one.parent == os.getpid()]
        session = os.getsid(0)
        known = started | strangers
        asked = {self, *_living}
        return [
            (one.pid, one.state)
            for one in children
            if one.session != session
            and one.pid not in known
            and not any(each.is_ours(one.pid) for each in asked)
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
