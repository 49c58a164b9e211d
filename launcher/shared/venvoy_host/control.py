"""The host's end of the control socket: a 4-byte big-endian length, then a JSON object.

Every message has a `type`. From the worker: `start`, `validate`, `inspect`, `task_configs` and
`stop` carry an `id` and are answered by `result` (`value`) or `error` (`error`) with the same `id`;
`pause` and `resume` are answered by `paused` and `resumed` once it is so. From the host, unasked:
`hello` first, then `log`, `failed`, `drained`, `commit`, `seek`, `pause` (of partitions, by a
sink), `caught_up`, `reconfigure`, `errors` (cumulative counts, by Kafka's names), `stopped`,
`retrying` (`error`) before it is healthy, whenever a retriable error is to be tried again,
`healthy` once, when the first poll or put has succeeded, and
`dead_letter` before any `commit` that covers its record: the worker answers `stored` with its
`number`. An `error` value is
{"class", "message", "traceback", "retriable"}.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import struct
import threading
import traceback
from typing import Any

import venvoy_api

__all__ = ["Control", "adopted", "class_name", "describe", "message_of", "stacktrace"]

_LENGTH = struct.Struct(">I")
_PROTOCOLS = [1]
_FEATURES = ["objects", "ack", "log", "pause", "errors", "dead_letters", "healthy", "retrying"]
_MAX_CHARACTERS = 64 * 1024


class Control:
    """Messages to and from the worker. `send` may be called from any thread."""

    def __init__(self, fd: int) -> None:
        self._socket = adopted(fd)
        self._lock = threading.Lock()
        self.send(
            {
                "type": "hello",
                "protocols": _PROTOCOLS,
                "features": _FEATURES,
                "api": venvoy_api.__version__,
                "python": platform.python_version(),
                "pid": os.getpid(),
            }
        )

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._socket.fileno()

    def send(self, message: dict[str, Any]) -> None:
        """Send one message; a worker that is gone is no error here, the reader sees to that."""
        data = json.dumps(message, separators=(",", ":"), default=str).encode("utf-8")
        with self._lock:
            try:
                self._socket.sendall(_LENGTH.pack(len(data)) + data)
            except OSError:  # gone, or closed in a fork
                return

    def receive(self) -> dict[str, Any] | None:
        """Wait for one message; None when the worker has closed its end."""
        head = self._exactly(_LENGTH.size)
        data = self._exactly(_LENGTH.unpack(head)[0]) if head else None
        return json.loads(data) if data is not None else None

    def answer(self, request: dict[str, Any], value: object) -> None:
        """Answer a request."""
        self.send({"type": "result", "id": request.get("id"), "value": value})

    def refuse(self, request: dict[str, Any], error: BaseException) -> None:
        """Answer a request with what went wrong."""
        self.send({"type": "error", "id": request.get("id"), "error": describe(error)})

    def close_in_child(self) -> None:
        """Let go of the socket in a fork that a plugin made, without a word to the worker."""
        os.close(self._socket.detach())

    def _exactly(self, size: int) -> bytes | None:
        pieces: list[bytes] = []
        while size:
            try:
                piece = self._socket.recv(min(size, 1 << 20))
            except ConnectionResetError:
                return None
            if not piece:
                return None
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


def adopted(fd: int) -> socket.socket:
    """Take over a socket that the worker handed down, under the lowest free number.

    It has the number that it had in the worker, which may be past what `select` takes; and a
    child of a plugin must not inherit it.
    """
    low = os.dup(fd)
    os.close(fd)
    return socket.socket(fileno=low)


def describe(error: BaseException) -> dict[str, Any]:
    """Return the error as it crosses to the worker; `cause` is what it was raised from, if any."""
    name = class_name(type(error))
    cause = error.__cause__
    return {
        "class": name,
        "message": message_of(error) or name,
        "traceback": stacktrace(error),
        "retriable": isinstance(error, venvoy_api.RetriableError),
        **({"cause": f"{class_name(type(cause))}: {message_of(cause)}"} if cause else {}),
    }


def class_name(kind: type) -> str:
    """Return a class's dotted name, without the module for the built-in ones."""
    name = kind.__qualname__
    return name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"


def message_of(error: BaseException) -> str:
    """Return what an error says, bounded: it may hold a whole record."""
    try:
        return _bounded(str(error))
    except Exception:  # noqa: BLE001  # a plugin's __str__
        return "it cannot say what"


def stacktrace(error: BaseException) -> str:
    """Return an error's traceback and those of its causes, bounded."""
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return _bounded("".join(_bounded(line) for line in lines))


def _bounded(text: str) -> str:
    """Return the text, or its beginning and its end."""
    if len(text) <= _MAX_CHARACTERS:
        return text
    half = _MAX_CHARACTERS // 2
    return f"{text[:half]} … {len(text) - 2 * half} characters left out … {text[-half:]}"
