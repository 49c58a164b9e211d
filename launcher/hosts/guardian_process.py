"""The guardian: a small process that ends what a killed worker leaves behind.

Started as a script by `launcher.hosts.guardian`, in a session of its own; standard library only. It
reads lines from the descriptor named in argv: `+123` a process group lives, `-123` it is gone. The
end of the pipe means that the worker is gone: every group that is left gets SIGKILL, then every
process that bears a mark of this worker, wherever it went; and, of a worker that was killed, what
was below it a moment before, be it without a mark. The worker itself ends a host's by `end_marked`.
"""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from functools import partial

__all__ = ["BYE", "MARK", "end_marked", "main"]

MARK = "VENVOY_HOST"
"""The variable that every host has: `<worker>.<host>`; its children inherit it."""

BYE = b"."
"""The last byte of a worker that ends in order: what is below it is no business of ours then."""

_PAUSE_S = 0.002
_PATIENCE_S = 5.0
_LOOKS = 5
_LOOK_S = 3.0
_READ_BYTES = 64 * 1024


def main(descriptor: int, worker: str) -> None:
    """Read until the worker is gone, then end what is left of it."""
    parent = os.getppid()
    groups: set[int] = set()
    below: dict[int, bytes] = {}
    rest = b""
    look_at = time.monotonic() + _LOOK_S
    while True:
        left_s = max(0.0, look_at - time.monotonic())
        if not select.select([descriptor], [], [], left_s)[0]:
            below = _below(parent)
            look_at = time.monotonic() + _LOOK_S
            continue
        data = os.read(descriptor, _READ_BYTES)
        if not data:
            break
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    end_marked(f"{worker}.")
    if rest != BYE:
        for pid, beginning in below.items():
            _kill_if(pid, partial(_began, pid, beginning))


def _below(ancestor: int) -> dict[int, bytes]:
    """Return every process below one, but ourselves, and when it began; none without `/proc`."""
    children: dict[int, list[int]] = {}
    beginnings: dict[int, bytes] = {}
    for pid in _pids():
        fields = _fields(pid)
        if fields and pid != os.getpid():
            children.setdefault(int(fields[1]), []).append(pid)
            beginnings[pid] = fields[19]
    found: list[int] = []
    parents = [ancestor]
    while parents:
        below = children.pop(parents.pop(), [])
        found += below
        parents += below
    return {pid: beginnings[pid] for pid in found}


def _fields(pid: int) -> list[bytes]:
    """Return the fields of `/proc/PID/stat` from the state on; none of a process that is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return []


def _began(pid: int, beginning: bytes) -> bool:
    """Say whether a process began then: its pid may be another's by now."""
    return _fields(pid)[19:20] == [beginning]


def end_marked(mark: str) -> set[int]:
    """Kill every process whose mark begins so, until none is left; return the pids.

    A process that the kernel cannot end is given up after 5 s. Without `/proc` there are none.
    """
    wanted = f"\0{MARK}={mark}".encode()
    ended: set[int] = set()
    silent_before: set[int] | None = None
    vain = 0
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        found, silent = _look(wanted)
        for pid in found:
            _kill_if(pid, partial(_bears, pid, wanted))
        ended |= found
        vain = 0 if found else vain + 1
        # One that fell silent since may have left a child that was not listed yet.
        is_calm = silent_before is not None and silent <= silent_before
        if vain and (is_calm or vain > _LOOKS) and not any(map(_is_in_exec, silent)):
            break
        silent_before = silent
        time.sleep(_PAUSE_S)
    return ended


def _look(wanted: bytes) -> tuple[set[int], set[int]]:
    """Return the processes that bear the mark, and those that have no variables to show.

    The latter have just gone, or are zombies, threads of the kernel, programs without any, or in
    the middle of an `exec`.
    """
    found: set[int] = set()
    silent: set[int] = set()
    for pid in _pids():
        variables = _variables(pid)
        if not variables:
            silent.add(pid)
        elif wanted in variables:
            found.add(pid)
    return found, silent


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    except OSError:
        return []


def _bears(pid: int, wanted: bytes) -> bool:
    return wanted in _variables(pid)


def _variables(pid: int) -> bytes:
    """Return the variables of a process, a NUL before each, or none; of another user's a NUL."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            variables = file.read()
    except PermissionError:
        return b"\0"
    except OSError:  # it is gone
        return b""
    return b"\0" + variables if variables else b""


def _is_in_exec(pid: int) -> bool:
    """Say whether it has its new program, but no place for variables yet (field 50 of its stat)."""
    try:
        os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115
    except OSError:
        return False
    return _fields(pid)[47:48] == [b"0"]


def _kill_if(pid: int, is_it: Callable[[], bool]) -> None:
    """Kill it if it is still the one that was seen: a descriptor cannot be given to another."""
    with contextlib.ExitStack() as opened, contextlib.suppress(ProcessLookupError, PermissionError):
        try:
            descriptor = os.pidfd_open(pid)
        except (AttributeError, OSError):  # an old kernel, or it is gone
            if is_it():
                os.kill(pid, signal.SIGKILL)
            return
        opened.callback(os.close, descriptor)
        if is_it():
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
