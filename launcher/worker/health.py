"""Whether what a connector has started is well: each task's first poll or put succeeded."""

import asyncio
from collections.abc import Callable, Collection

from launcher.hosts.control import PluginError
from manager.errors import VenvoyError

__all__ = ["Health"]


class Health:
    """Of a connector (None) and its tasks, by their numbers; each told once for each start."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self._on_change = on_change
        self._well: set[int] = set()
        self._resting: set[int] = set()
        self._failures: dict[int | None, VenvoyError] = {}
        self._retried: dict[int, PluginError] = {}
        self._changed = asyncio.Event()

    @property
    def failure(self) -> VenvoyError | None:
        """What went wrong first, if anything did."""
        return next(iter(self._failures.values()), None)

    def well(self, task: int) -> None:
        """Take note that a task has proved healthy."""
        self._well.add(task)
        self._tell()

    def retries(self, task: int, error: PluginError) -> None:
        """Take note of what a task tries again, before it has proved healthy."""
        self._retried[task] = error

    def retried(self, task: int) -> PluginError | None:
        """Return what a task has tried again last."""
        return self._retried.get(task)

    def waits_for(self, tasks: int) -> tuple[int, ...]:
        """Return which of that many tasks are neither well nor at rest."""
        return tuple(one for one in range(tasks) if one not in self._well | self._resting)

    def rests(self, task: int) -> None:
        """Take note that a task has started, and is paused before it could prove healthy."""
        self._resting.add(task)
        self._changed.set()

    def fail(self, error: VenvoyError, *, task: int | None = None) -> None:
        """Take note that a task failed, or the connector."""
        self._failures.setdefault(task, error)
        self._tell()

    def forget(self, tasks: Collection[int | None]) -> None:
        """Know nothing of these any more: they are started anew."""
        for task in tasks:
            if task is not None:
                self._well.discard(task)
                self._resting.discard(task)
                self._retried.pop(task, None)
            self._failures.pop(task, None)

    def forget_all(self) -> None:
        """Know nothing any more: everything is started anew."""
        self._well.clear()
        self._resting.clear()
        self._retried.clear()
        self._failures.clear()

    def is_well(self, tasks: int) -> bool:
        """Whether that many tasks, which are all there are, have proved healthy."""
        return not self._failures and self._well >= set(range(tasks))

    async def settled(self, tasks: Callable[[], int]) -> None:
        """Wait until all are well, as far as they do not rest, or something has failed."""
        while not self._failures and self.waits_for(tasks()):
            self._changed.clear()
            await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._on_change()
