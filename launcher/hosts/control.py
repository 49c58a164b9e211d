"""The worker's end of a control socket: a 4-byte big-endian length, then a JSON object.

The messages are listed in `launcher/shared/venvoy_host/control.py`.
"""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from manager.errors import VenvoyError

__all__ = ["Control", "Message", "PluginError", "PluginFailedError"]

Message: TypeAlias = Mapping[str, object]
_LENGTH = struct.Struct(">I")
_MAX_BYTES = 64 * 1024 * 1024
_READ_BYTES = 64 * 1024
_DRAIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginError:
    """An exception inside a host, as it came over: class, message, Python traceback.

    `cause` is what it was raised from, with its class, or empty.
    """

    class_name: str
    text: str
    traceback: str
    cause: str = ""

    @classmethod
    def from_message(cls, value: object) -> "PluginError":
        """Take one from a message of type `error` or `failed`."""
        fields: Mapping[str, object] = value if isinstance(value, dict) else {}
        return cls(
            class_name=str(fields.get("class", "Exception")),
            text=str(fields.get("message", "")),
            traceback=str(fields.get("traceback", "")),
            cause=str(fields.get("cause", "")),
        )


class PluginFailedError(VenvoyError):
    """Plugin code raised; `task` says whose it was, `error.traceback` where."""

    code = "plugin-failed"

    def __init__(self, *, task: str, error: PluginError) -> None:
        super().__init__(task)
        self.task = task
        self.error = error

    @property
    def message(self) -> str:
        """The task, what was raised, and from what."""
        cause = f" ({self.error.cause})" if self.error.cause else ""
        return f"`{self.task}` failed: {self.error.class_name}: {self.error.text}{cause}"

    @property
    def hint(self) -> str:
        """Where in the plugin it was raised; in the host only when no plugin had a part in it."""
        lines = [line.strip() for line in self.error.traceback.splitlines() if "File " in line]
        places = [line for line in lines if "/venvoy_host/" not in line] or lines
        return f"it was raised at {places[-1]}" if places else "the plugin gave no traceback"


class Control(asyncio.Protocol):
    """Sends messages and requests; answers find their request, the rest goes to `on_message`.

    All that the host wrote before its end arrives, in particular its last word. It would not
    through a StreamReader: when a write fails, or the host leaves something unread behind, that
    one throws away what has come.
    """

    def __init__(
        self,
        *,
        owner: str,
        on_message: Callable[[Message], None],
        on_broken: Callable[[str], None],
    ) -> None:
        """Take who speaks, who hears, and who is told, once, that what came is no message of ours.

        What is said after that is not read: nobody could say what it means.
        """
        self._owner = owner
        self._on_message = on_message
        self._on_broken = on_broken
        self._is_broken = False
        self._transport: asyncio.WriteTransport | None = None
        self._requests: dict[int, asyncio.Future[object]] = {}
        self._last_id = 0
        self._arrived = bytearray()
        self._end: socket.socket
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self, end: socket.socket) -> None:
        """Begin to read; takes the socket over."""
        self._end = end
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_unix_connection(lambda: self, sock=end)

    def send(self, message: Message) -> None:
        """Send a message; a host that is gone is no error here."""
        if self._transport is not None and not self._transport.is_closing():
            data = json.dumps(message, separators=(",", ":")).encode()
            self._transport.write(_LENGTH.pack(len(data)) + data)

    async def request(self, kind: str, /, **fields: object) -> object:
        """Send a request and wait for its answer.

        Raises:
            PluginFailedError: the plugin raised.
            ConnectionResetError: the host went away without an answer.
        """
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError(self._owner)
        self._last_id += 1
        number = self._last_id
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._requests[number] = answer
        self.send({"type": kind, "id": number, **fields})
        try:
            return await answer
        finally:
            self._requests.pop(number, None)

    async def drain(self) -> None:
        """Wait until the host has closed its end, so that its last messages have been read.

        Not for ever: a child that a plugin forked and that left the group may hold a copy.
        """
        if self._transport is not None:
            await asyncio.wait((self._lost,), timeout=_DRAIN_S)

    async def close(self) -> None:
        """Close our end at once, whatever is not sent yet: the host has ended."""
        if self._transport is not None:
            self._transport.abort()
            await asyncio.wait((self._lost,))

    def data_received(self, data: bytes) -> None:
        """Take the messages that are whole now (asyncio calls it)."""
        if self._is_broken:
            return
        self._arrived += data
        try:
            self._take_whole()
        # A message may be anything: plugin code lives in the host, and may write to what it finds.
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            self._is_broken = True
            self._arrived.clear()
            self._on_broken(f"{type(error).__name__}: {error}")

    def _take_whole(self) -> None:
        while len(self._arrived) >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._arrived)
            if size > _MAX_BYTES:
                raise ValueError(f"a message of {size} bytes")
            end = _LENGTH.size + size
            if len(self._arrived) < end:
                return
            message = json.loads(self._arrived[_LENGTH.size : end])
            del self._arrived[:end]
            if not isinstance(message, dict):
                raise TypeError("a message that is no JSON object")
            self._take(message)

    def connection_lost(self, _error: Exception | None) -> None:
        """Take what the kernel still holds, then fail every request (asyncio calls it)."""
        try:
            with contextlib.suppress(OSError):
                while data := self._end.recv(_READ_BYTES):
                    self.data_received(data)
        finally:
            for answer in self._requests.values():
                if not answer.done():
                    answer.set_exception(ConnectionResetError(self._owner))
            self._lost.set_result(None)

    def _take(self, message: dict[str, object]) -> None:
        if message.get("type") not in ("result", "error"):
            self._on_message(message)
            return
        answer = self._requests.get(int(str(message.get("id") or 0)))
        if answer is None or answer.done():
            return
        if message["type"] == "result":
            answer.set_result(message.get("value"))
        else:
            error = PluginError.from_message(message.get("error"))
            answer.set_exception(PluginFailedError(task=self._owner, error=error))
