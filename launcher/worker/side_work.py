"""Work beside everything else: begun at once, in order, and waited for at the end."""

import asyncio
import traceback
from collections.abc import Callable, Coroutine

from manager.errors import VenvoyError

__all__ = ["SideWork"]


class SideWork:
    """Keeps what nobody waits for; `tell` hears why some of it failed."""

    def __init__(self, *, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._going_on: set[asyncio.Task[None]] = set()

    def add(self, work: Coroutine[object, object, None]) -> None:
        """Begin it, behind what was added before."""
        doing = asyncio.get_running_loop().create_task(work)
        self._going_on.add(doing)
        doing.add_done_callback(self._done)

    async def ended(self) -> None:
        """Wait until everything is done, also what is added meanwhile."""
        while self._going_on:
            await asyncio.wait(self._going_on)

    def _done(self, doing: "asyncio.Task[None]") -> None:
        self._going_on.discard(doing)
        error = None if doing.cancelled() else doing.exception()
        if isinstance(error, VenvoyError):
            self._tell(error.message)
        elif error is not None:
            self._tell("".join(traceback.format_exception(error)))
