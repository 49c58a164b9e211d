"""Following what is asked for: one thing after the other, each given up when another is asked."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

from manager.errors import InternalError, VenvoyError

__all__ = ["Following", "SupersededError"]

_T = TypeVar("_T")


class SupersededError(Exception):
    """Something else was asked for meanwhile."""


class Following:
    """Calls `reconcile` after each `wake`, and never twice at once.

    `reconcile` brings what is there to what is asked for; what waits in it for a plugin goes
    through `unless_superseded`. What it raises besides SupersededError ends no more than that one
    call, and `on_failure` hears it: a VenvoyError as it is, as of a storage that takes no more,
    anything else as a bug of ours.
    """

    def __init__(
        self,
        reconcile: Callable[[], Awaitable[None]],
        *,
        on_failure: Callable[[VenvoyError], None],
    ) -> None:
        self.lock = asyncio.Lock()
        """Held while anything is done to what is there."""
        self._reconcile = reconcile
        self._on_failure = on_failure
        self._is_closing = False
        self._changed = asyncio.Event()
        self._superseded = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_closing(self) -> bool:
        """Whether the next call is to leave nothing running."""
        return self._is_closing

    def begin(self, name: str, *, after: Callable[[], Awaitable[None]] | None) -> None:
        """Follow, once `after` has returned."""
        self._task = asyncio.create_task(self._follow(after), name=f"follow {name}")
        self.wake()

    def wake(self) -> None:
        """Look again what there is to do."""
        self._idle.clear()
        self._changed.set()

    def supersede(self) -> None:
        """Look again, and give up what waits for a plugin."""
        self._superseded.set()
        self.wake()

    async def settled(self) -> None:
        """Wait until nothing that was asked for is left to be done."""
        await self._idle.wait()

    async def close(self) -> None:
        """Reconcile a last time with `is_closing`, and follow no more."""
        self._is_closing = True
        self.supersede()
        if self._task is not None:
            await asyncio.wait((self._task,))

    async def unless_superseded(self, work: Coroutine[object, object, _T]) -> _T:
        """Do what waits for a plugin; SupersededError when something else is asked for."""
        working = asyncio.create_task(work)
        watching = asyncio.create_task(self._superseded.wait())
        try:
            await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise SupersededError
        finally:
            watching.cancel()
            working.cancel()
            await asyncio.wait((working, watching))
            if not working.cancelled():
                working.exception()  # it is heard, also when nobody waits for it any more

    async def _follow(self, after: Callable[[], Awaitable[None]] | None) -> None:
        if after is not None:
            await after()
        while True:
            if not self._changed.is_set():
                self._idle.set()
            await self._changed.wait()
            self._changed.clear()
            self._superseded.clear()
            is_last = self._is_closing  # what is asked meanwhile takes another turn
            try:
                async with self.lock:
                    await self._reconcile()
            except SupersededError:
                continue
            except VenvoyError as error:
                self._on_failure(error)
            except Exception:  # noqa: BLE001  # our bug ends this connector and no other
                self._on_failure(InternalError(what=traceback.format_exc()))
            if is_last:
                self._idle.set()
                return
