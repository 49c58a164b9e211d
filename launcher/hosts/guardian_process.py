"""The guardian: a small process that ends what a killed worker leaves behind.

Started as a script by `launcher.hosts.guardian`, in a session of its own; standard library only. It
reads lines from the descriptor named in argv: `+123` a process group lives, `-123` it is gone. The
end of the pipe means that the worker is gone: every group that is left gets SIGKILL, and then every
process that bears a mark of this worker, wherever it went. The worker itself ends a host's by
`end_marked`, too.
"""

import contextlib
import os
import signal
import sys
import time

__all__ = ["MARK", "end_marked", "main"]

MARK = "VENVOY_HOST"
"""The variable that every host has: `<worker>.<host>`; its children inherit it."""

_PAUSE_S = 0.005
_PATIENCE_S = 5.0
_LOOKS = 10


def main(descriptor: int, worker: str) -> None:
    """Read until the worker is gone, then end the groups and the marked that are left."""
    groups: set[int] = set()
    with os.fdopen(descriptor, encoding="ascii") as lines:
        for line in lines:
            group = int(line[1:])
            if line[0] == "+":
                groups.add(group)
            else:
                groups.discard(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    end_marked(f"{worker}.")


def end_marked(mark: str) -> set[int]:
    """Kill every process whose mark begins so, until none is left; return the pids.

    A process that the kernel cannot end is given up after 5 s. Without `/proc` there are none.
    """
    ended: set[int] = set()
    deadline = time.monotonic() + _PATIENCE_S
    wanted = f"\0{MARK}={mark}".encode()
    looks = 0
    while time.monotonic() < deadline and looks < _LOOKS:
        found, unclear = _look(wanted)
        for pid in found:
            _kill(pid, wanted)
        ended |= found
        if not found and not unclear:
            break
        looks = 0 if found else looks + 1
        time.sleep(_PAUSE_S)
    return ended


def _look(wanted: bytes) -> tuple[set[int], bool]:
    """Return the processes that bear the mark, and whether there are some that do not tell.

    In the middle of an `exec` a process has no variables for a moment, though it had and will.
    """
    found: set[int] = set()
    unclear = False
    for pid in _pids():
        variables = _variables(pid)
        if wanted in variables:
            found.add(pid)
        elif not variables:
            unclear = unclear or _is_program(pid)
    return found, unclear


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    except OSError:
        return []


def _variables(pid: int) -> bytes:
    """Return the variables of a process, a NUL before each, or none; of another user's a NUL."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            variables = file.read()
    except OSError:
        return b"\0"
    return b"\0" + variables if variables else b""


def _is_program(pid: int) -> bool:
    """Say whether it runs one: a zombie and a thread of the kernel do not."""
    try:
        os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115
    except OSError:
        return False
    return True


def _kill(pid: int, wanted: bytes) -> None:
    """Kill it if it is still the one that was seen: a descriptor cannot be given to another."""
    with contextlib.suppress(OSError):
        descriptor = os.pidfd_open(pid)
        try:
            if wanted in _variables(pid):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        finally:
            os.close(descriptor)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
