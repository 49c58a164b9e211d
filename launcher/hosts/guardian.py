"""The worker's side of the guardian, which ends hosts and their children when the worker dies.

PDEATHSIG ends a host itself; what the host has started survives that, so the groups, and the mark
that all of this worker's processes bear, are told to a process that outlives the worker by a
moment. Also SIGKILL of the worker leaves nothing behind.
"""

import contextlib
import itertools
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from launcher.hosts.guardian_process import BYE
from manager import proc

__all__ = ["Guardian"]

_SCRIPT = Path(__file__).with_name("guardian_process.py")


class Guardian:
    """Knows the process groups that live. Use as a context manager."""

    def __init__(self, *, parent_environment: Mapping[str, str]) -> None:
        self._worker = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        read_end, self._write_end = os.pipe()
        try:
            self._process = proc.start(
                [sys.executable, "-I", "-S", _SCRIPT, str(read_end), self._worker],
                env=proc.child_environment(parent_environment),
                cwd=None,
                pass_fds=(read_end,),
            )
        finally:
            os.close(read_end)

    def __enter__(self) -> "Guardian":
        """Return itself."""
        return self

    def __exit__(self, *_details: object) -> None:
        """Let the guardian end; what was not taken back, or bears a mark of ours, is killed."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._write_end, BYE)
        os.close(self._write_end)
        self._process.communicate()

    def new_mark(self) -> str:
        """Return a mark for one process and all that it starts; all have the same length."""
        return f"{self._worker}.{next(self._numbers):010}"

    def add(self, group: int) -> None:
        """A process group lives now."""
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        """A process group has been ended."""
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # someone killed the guardian: PDEATHSIG is left
            os.write(self._write_end, line.encode("ascii"))
