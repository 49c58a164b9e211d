"""The environment of a location: found, or made in a thread while the worker goes on."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from launcher.interface.faults import RefusedError
from launcher.planning.workplace import Workplace
from launcher.tasks.threads import in_thread
from manager.plugins.locations import Location, Problem, Shape
from manager.store.environments import Environment
from manager.store.own_environment import own_environment
from manager.sync import known_location, sync_all

__all__ = ["Environments"]


class Environments:
    """Makes each environment once, however many ask for it. Failures are not remembered."""

    def __init__(self, workplace: Callable[[], Workplace]) -> None:
        self._workplace = workplace
        self._making: dict[Path, asyncio.Task[Environment]] = {}

    @property
    def being_made(self) -> tuple[Path, ...]:
        """The locations whose environments are in the making."""
        return tuple(self._making)

    async def of(self, location: Location) -> Environment:
        """Return the location's environment; raises what its sync raises.

        The API's own plugins have none, and run in the worker's interpreter. Whoever is cancelled
        while waiting leaves the making to go on for the others.
        """
        workplace = self._workplace()
        if location.builtin or location.shape is Shape.WORKER:
            return own_environment(workplace.interpreter)
        making = self._making.get(location.path)
        if making is None:
            making = asyncio.create_task(in_thread(lambda: _made(workplace, location)))
            self._making[location.path] = making
            making.add_done_callback(lambda done: self._forget(location.path, done))
        return await asyncio.shield(making)

    def _forget(self, path: Path, done: "asyncio.Task[Environment]") -> None:
        self._making.pop(path, None)
        if not done.cancelled():
            done.exception()  # so that a failure that nobody waits for any more is no noise


def _made(workplace: Workplace, location: Location) -> Environment:
    content = workplace.content(location.path)
    if content is None:
        raise RefusedError(
            f"`{location.path}` is no longer on the plugin path", remedy="ask once more"
        )
    known = known_location(workplace.context, content)
    if known is not None:
        return known.environment
    (synced,) = sync_all(workplace.context, (content,))
    if isinstance(synced, Problem):
        raise synced.error
    return synced.environment
