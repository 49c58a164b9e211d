"""What plugin code writes to stdout and stderr: read line by line, bounded, never waited for."""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Callable
from typing import IO, Literal, TypeAlias

__all__ = ["HostOutput", "OutputStream"]

OutputStream: TypeAlias = Literal["stdout", "stderr"]
_MAX_LINE_BYTES = 64 * 1024
_KEPT_LINES = 40
_READ_BYTES = 64 * 1024


class HostOutput:
    """Reads one pipe of a host. A line is cut at 64 KiB; the last 40 lines are kept.

    `on_line` gets each line without its end, decoded as UTF-8 with replacements.
    """

    def __init__(self, pipe: IO[bytes], on_line: Callable[[str], None]) -> None:
        self._pipe = pipe
        self._on_line = on_line
        self._partial = bytearray()
        self._is_cut = False
        self.last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        os.set_blocking(pipe.fileno(), False)
        asyncio.get_running_loop().add_reader(pipe.fileno(), self._read)
        self._is_open = True

    def close(self) -> None:
        """Read what is left without waiting, then close the pipe.

        Whoever still holds the other end (a process that left the host's group) is not waited for.
        """
        for _ in range(1024):
            if not self._is_open or not self._read():
                break
        self._flush()
        self._stop()
        self._pipe.close()

    def _read(self) -> bool:
        """Read once; False when there was nothing or the other end is closed."""
        try:
            data = os.read(self._pipe.fileno(), _READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._stop()
            return False
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._extend(line)
            self._flush(ended=True)
        self._extend(rest)
        return True

    def _extend(self, data: bytes) -> None:
        room = _MAX_LINE_BYTES - len(self._partial)
        self._partial += data[:room]
        self._is_cut = self._is_cut or len(data) > room

    def _flush(self, *, ended: bool = False) -> None:
        if not self._partial and not ended:
            return
        text = self._partial.decode("utf-8", errors="replace").rstrip("\r")
        if self._is_cut:
            text += " … [cut]"
        self._partial.clear()
        self._is_cut = False
        self.last_lines.append(text)
        self._on_line(text)

    def _stop(self) -> None:
        if self._is_open:
            self._is_open = False
            with contextlib.suppress(OSError, ValueError):
                asyncio.get_running_loop().remove_reader(self._pipe.fileno())
