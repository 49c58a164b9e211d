"""A host's process: started by itself or forked by a zygote, and waited for exactly once."""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterable
from typing import IO, Protocol

from launcher.hosts.guardian_process import end_marked
from manager import proc
from manager.errors import InternalError

__all__ = [
    "ForkedProcess",
    "HostProcess",
    "SpawnedProcess",
    "end_left_behind",
    "exited",
    "is_stopped",
    "send_signal",
]

_UNKNOWN_END = 255
_REAPING_S = 1.0
_PAUSE_S = 0.005


class HostProcess(Protocol):
    """A child of this process that leads, or is about to lead, a session of its own."""

    @property
    def pid(self) -> int:
        """Its process id, which is also its group's."""
        ...

    @property
    def stdout(self) -> IO[bytes]:
        """Our end of its stdout; whoever reads it closes it."""
        ...

    @property
    def stderr(self) -> IO[bytes]:
        """Our end of its stderr; whoever reads it closes it."""
        ...

    def wait(self) -> int:
        """Wait for it and let go of its pid; return its code, negative for a signal."""
        ...


class SpawnedProcess:
    """One that `manager.proc` started."""

    def __init__(self, process: proc.Process) -> None:
        if process.stdout is None or process.stderr is None:
            raise InternalError(what="a host was started without pipes")
        self._process = process
        self.pid = process.pid
        self.stdout: IO[bytes] = process.stdout
        self.stderr: IO[bytes] = process.stderr

    def wait(self) -> int:
        """Wait for it and let go of its pid; return its code, negative for a signal."""
        return self._process.wait()


class ForkedProcess:
    """One that a zygote forked, and the kernel gave to us."""

    def __init__(self, *, pid: int, stdout: IO[bytes], stderr: IO[bytes]) -> None:
        self.pid = pid
        self.stdout = stdout
        self.stderr = stderr

    def wait(self) -> int:
        """Wait for it and let go of its pid; return its code, negative for a signal."""
        try:
            _, status = os.waitpid(self.pid, 0)
        except ChildProcessError:  # someone has SIGCHLD ignored, or waits for any child
            return _UNKNOWN_END
        return os.waitstatus_to_exitcode(status)


def send_signal(pid: int, number: signal.Signals) -> None:
    """Signal a host's group, or itself when it does not lead one yet; one that is gone is none."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
    except PermissionError:
        return


def is_stopped(pid: int) -> bool:
    """Say whether a process rests by SIGSTOP or the like, so that waiting for it is in vain."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            return file.read().rpartition(b")")[2].split()[0] == b"T"
    except (OSError, IndexError):
        return False


async def end_left_behind(mark: str, *, and_reap: Iterable[int] = ()) -> None:
    """Kill what still bears a mark, and reap what the kernel gave to us of it.

    `and_reap` are children of ours that may have ended already.
    """
    await asyncio.to_thread(_end_left_behind, mark, frozenset(and_reap))


def _end_left_behind(mark: str, besides: frozenset[int]) -> None:
    left = end_marked(mark) | besides
    deadline = time.monotonic() + _REAPING_S
    while left and time.monotonic() < deadline:
        left = {pid for pid in left if not _is_reaped(pid)}
        if left:
            time.sleep(_PAUSE_S)


def _is_reaped(pid: int) -> bool:
    """Reap it if it is our child; say whether nothing is left of it."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:  # not ours, or not yet: it has a parent that is about to end
        return not os.path.exists(f"/proc/{pid}")  # noqa: PTH110


async def exited(pid: int) -> None:
    """Wait until a child has ended, and leave it to be waited for: its pid stays taken."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def finish() -> None:
        if not ended.done():
            ended.set_result(None)

    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):  # an old kernel: a thread waits instead

        def wait() -> None:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            loop.call_soon_threadsafe(finish)

        threading.Thread(target=wait, name=f"wait for {pid}", daemon=True).start()
        await ended
        return
    loop.add_reader(descriptor, finish)
    try:
        await ended
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
