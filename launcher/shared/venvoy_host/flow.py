"""A data socket: frames in both directions, and the window that bounds what is on its way.

A batch is on its way from its first frame until the ack of the whole batch: from a source until
the log has stored it, to a sink until `put` has returned. At most `Window.records` records and
`Window.size_bytes` bytes are on their way at a time; one batch always may, however large.
"""

from __future__ import annotations

import select
from collections import deque
from typing import TYPE_CHECKING

from venvoy_host import frames
from venvoy_host.control import adopted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venvoy_host.control import Control

__all__ = ["DataSocket", "PeerGoneError", "Window", "wait"]


class PeerGoneError(Exception):
    """The other end of a data socket has closed it."""


class Window:
    """Counts what is on its way."""

    def __init__(self, records: int, size_bytes: int) -> None:
        self.records = records
        self.size_bytes = size_bytes
        self._batches: dict[int, tuple[int, int]] = {}
        self._records = self._bytes = 0

    def take(self, batch: int, records: int, size_bytes: int) -> None:
        """A batch goes on its way."""
        self._batches[batch] = (records, size_bytes)
        self._records += records
        self._bytes += size_bytes

    def release(self, batch: int) -> None:
        """A batch has arrived."""
        records, size_bytes = self._batches.pop(batch, (0, 0))
        self._records -= records
        self._bytes -= size_bytes

    @property
    def is_full(self) -> bool:
        """Whether the next batch has to wait."""
        return self._records >= self.records or self._bytes >= self.size_bytes

    @property
    def is_empty(self) -> bool:
        """Whether nothing is on its way."""
        return not self._batches


class DataSocket:
    """One end of a data socket; used from one thread.

    While a write waits, arriving frames are read and kept, so two ends that write to each other
    cannot block for ever.
    """

    def __init__(self, fd: int) -> None:
        self._socket = adopted(fd)
        self._socket.setblocking(False)
        self._header = bytearray(frames.HEADER.size)
        self._body: bytearray | None = None
        self._filled = 0
        self._arrived: deque[frames.Frame] = deque()
        self.is_closed = False

    def fileno(self) -> int:
        """Return the descriptor, for select."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close this end: the other end reads what was written, then the end."""
        self._socket.close()
        self.is_closed = True

    def send(self, pieces: Sequence[bytes]) -> None:
        """Write a frame; raises PeerGoneError."""
        view = memoryview(b"".join(pieces))
        while view:
            view = view[self._send_some(view) :]

    def _send_some(self, view: memoryview) -> int:
        try:
            return self._socket.send(view)
        except BlockingIOError:
            readable = [] if self.is_closed else [self]
            if select.select(readable, [self], [])[0]:
                self._read()
            return 0
        except (BrokenPipeError, ConnectionResetError) as error:
            raise PeerGoneError from error

    def receive(self) -> frames.Frame | None:
        """Return the next frame that has arrived, or None; never waits."""
        if not self._arrived and not self.is_closed:
            self._read()
        return self._arrived.popleft() if self._arrived else None

    @property
    def has_arrived(self) -> bool:
        """Whether `receive` would return a frame without reading."""
        return bool(self._arrived)

    def _read(self) -> None:
        try:
            while self._read_some():
                pass
        except BlockingIOError:
            return
        except ConnectionResetError:
            self.is_closed = True

    def _read_some(self) -> bool:
        target = self._header if self._body is None else self._body
        if self._filled < len(target):
            size = self._socket.recv_into(memoryview(target)[self._filled :])
            if size == 0:
                self.is_closed = True
                return False
            self._filled += size
        if self._filled < len(target):
            return True
        if self._body is None:
            size = frames.HEADER.unpack(self._header)[17]
            if size > frames.MAX_BODY_BYTES:
                raise frames.FrameError(f"a frame of {size} bytes is larger than any")
            self._body, self._filled = bytearray(size), 0
            return True
        self._arrived.append(frames.parse(self._header, bytes(self._body)))
        self._body, self._filled = None, 0
        # Read no further ahead than one frame: the rest waits in the kernel, which is bounded.
        return False


def wait(sockets: Sequence[DataSocket], control: Control, timeout_s: float | None) -> bool:
    """Wait until a socket or the worker has something to say, or a socket has closed.

    Returns False when the time is up first. Reads nothing.
    """
    if any(one.has_arrived for one in sockets):
        return True
    watched: list[Control | DataSocket] = [control]
    watched += [one for one in sockets if not one.is_closed]
    return bool(select.select(watched, [], [], timeout_s)[0])
