"""What plugin code writes to stdout and stderr: read line by line, bounded, never waited for."""

import asyncio
import contextlib
import os
import time
from collections import deque
from collections.abc import Callable
from typing import IO, Literal, TypeAlias

__all__ = ["HostOutput", "OutputStream"]

OutputStream: TypeAlias = Literal["stdout", "stderr"]
_MAX_LINE_BYTES = 64 * 1024
_KEPT_LINES = 40
_READ_BYTES = 16 * 1024
_READ_BYTES_WHEN_FULL = 64 * 1024
_PAUSE_S = 0.01
_NOTICE_S = 1.0
_BURST_LINES = 5000.0
_LINES_PER_S = 500.0
_BYTES_OF_A_LINE = 1024


class HostOutput:
    """Reads one pipe of a host. A line is cut at 64 KiB; the last 40 lines are kept.

    `on_line` gets each line without its end, decoded as UTF-8 with replacements. A host may write
    5,000 lines at once and 500 a second, a long line counting for one each KiB; of what is above
    that, `on_line` hears how much it was, and the reader takes its time, so that endless output
    slows its own host and nobody else.
    """

    def __init__(self, pipe: IO[bytes], on_line: Callable[[str], None]) -> None:
        self._pipe = pipe
        self._on_line = on_line
        self._loop = asyncio.get_running_loop()
        self._partial = bytearray()
        self._is_cut = False
        self._allowed = _BURST_LINES
        self._allowed_at = time.monotonic()
        self._dropped = 0
        self._notice: asyncio.TimerHandle | None = None
        self._resumption: asyncio.TimerHandle | None = None
        self.last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        os.set_blocking(pipe.fileno(), False)
        self._loop.add_reader(pipe.fileno(), self._read)
        self._is_open = True

    def drain(self) -> None:
        """Read what is there without waiting."""
        for _ in range(1024):
            if not self._is_open or not self._read():
                break

    def close(self) -> None:
        """Read what is left without waiting, then close the pipe.

        Whoever still holds the other end (a process that left the host's group) is not waited for.
        """
        self.drain()
        self._flush()
        self._tell_dropped()
        self._stop()
        self._pipe.close()

    def tell(self, line: str) -> None:
        """Let a line stand for one of this host's."""
        self.last_lines.append(line)
        self._on_line(line)

    def _read(self) -> bool:
        """Read once; False when there was nothing or the other end is closed."""
        self._refill()
        is_full = self._allowed < 1
        try:
            data = os.read(self._pipe.fileno(), _READ_BYTES_WHEN_FULL if is_full else _READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._stop()
            return False
        if is_full:
            data = self._skip(data)
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._extend(line)
            self._flush(ended=True)
        self._extend(rest)
        return True

    def _skip(self, data: bytes) -> bytes:
        """Drop all but the last lines, which are remembered but not told; rest for a moment."""
        if self._resumption is None:
            self._loop.remove_reader(self._pipe.fileno())
            self._resumption = self._loop.call_later(_PAUSE_S, self._resume)
        ended = data.count(b"\n")
        if ended <= _KEPT_LINES:
            return data
        self._dropped += ended - _KEPT_LINES
        self._later_tell_dropped()
        self._partial.clear()
        self._is_cut = False
        return b"\n".join(data.rsplit(b"\n", _KEPT_LINES + 1)[1:])

    def _resume(self) -> None:
        self._resumption = None
        if self._is_open:
            self._loop.add_reader(self._pipe.fileno(), self._read)

    def _refill(self) -> None:
        now = time.monotonic()
        self._allowed = min(_BURST_LINES, self._allowed + (now - self._allowed_at) * _LINES_PER_S)
        self._allowed_at = now

    def _extend(self, data: bytes) -> None:
        room = _MAX_LINE_BYTES - len(self._partial)
        self._partial += data[:room]
        if len(data) > room:
            self._is_cut = True
            self._charge(len(data) - room)

    def _charge(self, size_bytes: int) -> None:
        """Take a line of that size, or what was cut off one, from what may be written."""
        cost = size_bytes // _BYTES_OF_A_LINE
        self._allowed = max(self._allowed - cost, -_LINES_PER_S)

    def _flush(self, *, ended: bool = False) -> None:
        if not self._partial and not ended:
            return
        size_bytes = len(self._partial)
        text = self._partial.decode("utf-8", errors="replace").rstrip("\r")
        if self._is_cut:
            text += " … [cut]"
        self._partial.clear()
        self._is_cut = False
        self.last_lines.append(text)
        if self._allowed < 1:
            self._dropped += 1
            self._later_tell_dropped()
            return
        self._charge(size_bytes + _BYTES_OF_A_LINE)
        self._on_line(text)

    def _later_tell_dropped(self) -> None:
        if self._notice is None and self._is_open:
            self._notice = self._loop.call_later(_NOTICE_S, self._tell_dropped)

    def _tell_dropped(self) -> None:
        if self._notice is not None:
            self._notice.cancel()
            self._notice = None
        count, self._dropped = self._dropped, 0
        if count:
            self._on_line(f"… {count} lines dropped: more than {_LINES_PER_S:.0f} a second")

    def _stop(self) -> None:
        if self._is_open:
            self._is_open = False
            if self._resumption is not None:
                self._resumption.cancel()
            with contextlib.suppress(OSError, ValueError):
                self._loop.remove_reader(self._pipe.fileno())
