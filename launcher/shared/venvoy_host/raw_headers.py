"""The headers of a stored record before their converter has run, for the converters that look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import venvoy_api
from venvoy_host import frames

if TYPE_CHECKING:
    from venvoy_api import Header

__all__ = ["RawHeaders"]


class RawHeaders(venvoy_api.Headers):
    """Headers whose values are bytes; taken apart only when somebody looks: hardly any do."""

    __slots__ = ("_data", "_decoded")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._decoded: list[Header] | None = None

    @property
    def _headers(self) -> list[Header]:
        if self._decoded is None:
            pairs = frames.decode_headers(self._data)
            self._decoded = [venvoy_api.Header(key, None, value) for key, value in pairs]
        return self._decoded

    @_headers.setter
    def _headers(self, headers: list[Header]) -> None:
        self._decoded = headers
