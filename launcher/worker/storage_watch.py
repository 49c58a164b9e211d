"""Whether what the worker stores would be found again, looked at now and then."""

import asyncio
import contextlib
from collections.abc import Callable

from manager.errors import VenvoyError

__all__ = ["StorageWatch"]

_EVERY_S = 5.0


class StorageWatch:
    """Tells once when the storage is lost, and once when it is back.

    `fault` says what is wrong with it now; `tell` takes a text and a level.
    """

    def __init__(
        self,
        fault: Callable[[], VenvoyError | None],
        *,
        tell: Callable[[str, str], None],
        every_s: float = _EVERY_S,
    ) -> None:
        self._fault = fault
        self._tell = tell
        self._every_s = every_s
        self._is_lost = False
        self._looking: asyncio.Task[None] | None = None

    def look(self) -> VenvoyError | None:
        """Return what is wrong now."""
        fault = self._fault()
        if fault is not None and not self._is_lost:
            self._tell(f"{fault.message}\n    hint: {fault.hint}", "ERROR")
        elif fault is None and self._is_lost:
            self._tell("the log's files are back: changes are taken again", "WARNING")
        self._is_lost = fault is not None
        return fault

    def begin(self) -> None:
        """Look on and on, also when nobody asks."""
        self._looking = asyncio.create_task(self._look_on(), name="storage watch")

    async def close(self) -> None:
        """Look no more by itself."""
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking

    async def _look_on(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(self._every_s)
