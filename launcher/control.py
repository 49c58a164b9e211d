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
_DRAIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginError:
    """An exception inside a host, as it came over: class, message, Python traceback."""

    class_name: str
    text: str
    traceback: str

    @classmethod
    def from_message(cls, value: object) -> "PluginError":
        """Take one from a message of type `error` or `failed`."""
        fields: Mapping[str, object] = value if isinstance(value, dict) else {}
        return cls(
            class_name=str(fields.get("class", "Exception")),
            text=str(fields.get("message", "")),
            traceback=str(fields.get("traceback", "")),
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
        """The task and what was raised."""
        return f"`{self.task}` failed: {self.error.class_name}: {self.error.text}"

    @property
    def hint(self) -> str:
        """Where in the plugin it was raised."""
        places = [line.strip() for line in self.error.traceback.splitlines() if "File " in line]
        return f"it was raised at {places[-1]}" if places else "the plugin gave no traceback"


class Control:
    """Sends messages and requests; answers find their request, the rest goes to `on_message`."""

    def __init__(self, *, owner: str, on_message: Callable[[Message], None]) -> None:
        self._owner = owner
        self._on_message = on_message
        self._writer: asyncio.StreamWriter | None = None
        self._requests: dict[int, asyncio.Future[object]] = {}
        self._last_id = 0
        self._reading: asyncio.Task[None] | None = None

    async def open(self, end: socket.socket) -> None:
        """Begin to read; takes the socket over."""
        reader, self._writer = await asyncio.open_unix_connection(sock=end)
        self._reading = asyncio.create_task(self._read(reader), name=f"control of {self._owner}")

    def send(self, message: Message) -> None:
        """Send a message; a host that is gone is no error here."""
        if self._writer is not None and not self._writer.is_closing():
            data = json.dumps(message, separators=(",", ":")).encode()
            self._writer.write(_LENGTH.pack(len(data)) + data)

    async def request(self, kind: str, /, **fields: object) -> object:
        """Send a request and wait for its answer.

        Raises:
            PluginFailedError: the plugin raised.
            ConnectionResetError: the host went away without an answer.
        """
        self._last_id += 1
        number = self._last_id
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._requests[number] = answer
        if self._reading is None or self._reading.done():
            raise ConnectionResetError(self._owner)
        self.send({"type": kind, "id": number, **fields})
        try:
            return await answer
        finally:
            self._requests.pop(number, None)

    async def drain(self) -> None:
        """Wait until the host has closed its end, so that its last messages have been read.

        Not for ever: a child that a plugin forked and that left the group may hold a copy.
        """
        if self._reading is not None:
            await asyncio.wait([self._reading], timeout=_DRAIN_S)

    async def close(self) -> None:
        """Close our end at once, whatever is not sent yet: the host has ended."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        if self._writer is not None:
            self._writer.transport.abort()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                if size > _MAX_BYTES:
                    return
                self._take(json.loads(await reader.readexactly(size)))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return
        finally:
            for answer in self._requests.values():
                if not answer.done():
                    answer.set_exception(ConnectionResetError(self._owner))

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
