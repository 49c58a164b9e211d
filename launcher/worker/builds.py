"""Environments made in the background, for locations that are new on the plugin path or changed."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from launcher.interface.motion import BuildState
from launcher.planning.failed_entry_points import failed_entry_points
from launcher.planning.workplace import Workplace
from launcher.tasks.threads import in_thread
from launcher.worker.path_readings import Found, Reading, Stamp, stamp_at
from manager.errors import VenvoyError
from manager.locks.sync_context import SyncContext
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Problem, Shape
from manager.plugins.plugin_path import location_at
from manager.sync import SyncedLocation, fault_of, sync_all, wheel_of

__all__ = ["Build", "Builds"]

REST_S = 0.5
"""For how long a location must not change before it counts as copied whole."""


@dataclass(slots=True, kw_only=True)
class Build:
    """How far the environment of one location is; `built` is what it was made of last."""

    state: BuildState | None = None
    environment: str | None = None
    fault: VenvoyError | None = None
    progress: str | None = None
    built: Stamp | None = None
    task: "asyncio.Task[None] | None" = None

    @property
    def is_under_way(self) -> bool:
        """Whether something is done about it now."""
        return self.task is not None and not self.task.done()


class Builds:
    """Makes environments, no more at a time than there are processors; one fails for itself.

    `lock_of` gives the lock of a location, which a connector that needs it takes, too. `on_stale`
    is called when a location is no longer as it was read, `on_made` when there is an environment
    more. `tell` takes a text and a level.
    """

    def __init__(
        self,
        *,
        lock_of: Callable[[Path], AbstractAsyncContextManager[None]],
        on_stale: Callable[[], None],
        on_made: Callable[[], None],
        tell: Callable[[str, str], None],
    ) -> None:
        self._lock_of = lock_of
        self._on_stale = on_stale
        self._on_made = on_made
        self._tell = tell
        self._slots = asyncio.Semaphore(os.cpu_count() or 1)
        self._builds: dict[Path, Build] = {}

    def of(self, path: Path) -> Build:
        """Return how far a location is."""
        return self._builds.get(path) or Build()

    def know(self, reading: Reading) -> None:
        """Take the first reading: what is not made there is made when a connector needs it."""
        for path, found in reading.found.items():
            build = self._builds[path] = Build(built=found.stamp)
            if found.known is not None:
                _settle(build, found.known)

    def take(self, reading: Reading, *, again: bool) -> None:
        """Begin what a later reading asks for; `again`: what failed before, too."""
        for path in self._builds.keys() - reading.found.keys():
            _cancel(self._builds.pop(path))
        for path, found in reading.found.items():
            build = self._builds.setdefault(path, Build())
            if build.state is BuildState.MAKING and build.is_under_way:
                continue  # it compares when it is done
            if found.known is not None:
                _cancel(build)
                _settle(build, found.known)
                build.built = found.stamp
            elif _is_wanted(found, build, again=again):
                _cancel(build)
                self._begin(reading.workplace, found, build)

    async def close(self) -> None:
        """Begin nothing more; what is being made is left to `end_threads`."""
        tasks = [build.task for build in self._builds.values() if build.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _begin(self, workplace: Workplace, found: Found, build: Build) -> None:
        build.state, build.fault, build.progress = BuildState.WAITING, None, None
        build.environment = None
        build.task = asyncio.create_task(
            self._bring_up(workplace, found, build), name=f"build {found.path}"
        )

    async def _bring_up(self, workplace: Workplace, found: Found, build: Build) -> None:
        """Wait until the location rests, then make its environment as it was read."""
        if await _rested(found.path) != found.stamp:
            build.built = None
            self._on_stale()
            return
        build.built = found.stamp
        content = found.content
        if content is None and not found.is_unbuilt:  # the reading has told why
            build.state = None
            return
        async with self._slots, self._lock_of(found.path):
            build.state = BuildState.MAKING
            context = _telling(workplace.context, build)
            outcome = await in_thread(
                lambda: (
                    _built(context, found.path) if content is None else _synced(context, content)
                )
            )
        build.progress = None
        if outcome is None:  # now it can be read
            build.built = None
            self._on_stale()
            return
        after = await in_thread(lambda: stamp_at(found.path))
        if after is None or build.built is None or after.sources != build.built.sources:
            build.built = None
            self._on_stale()
        else:
            build.built = replace(build.built, lock=after.lock)  # a sync may write it
        self._settle_and_tell(found.path, build, outcome)

    def _settle_and_tell(
        self, path: Path, build: Build, outcome: SyncedLocation | VenvoyError
    ) -> None:
        if isinstance(outcome, SyncedLocation):
            _settle(build, outcome)
            self._tell(
                f"`{path}`: its environment {outcome.environment.digest[:12]} is made", "INFO"
            )
            self._on_made()
        else:
            build.state, build.environment, build.fault = BuildState.FAILED, None, outcome
        if build.fault is not None:
            hint = f"\n    hint: {build.fault.hint}" if build.fault.hint else ""
            message = build.fault.message
            told = message if str(path) in message else f"`{path}`: {message}"
            self._tell(f"{told}{hint}", "WARNING")


def _telling(context: SyncContext, build: Build) -> SyncContext:
    """Return the context with its progress kept, too."""
    told = context.progress

    def progress(text: str) -> None:
        build.progress = text or None
        told(text)

    return replace(context, progress=progress)


def _synced(context: SyncContext, content: LocationContent) -> SyncedLocation | VenvoyError:
    (outcome,) = sync_all(context, (content,))
    return outcome.error if isinstance(outcome, Problem) else outcome


def _built(context: SyncContext, path: Path) -> VenvoyError | None:
    """Build a project's wheel; return what went wrong."""
    location = location_at(path)
    try:
        wheel_of(context, location)
    except Exception as error:  # noqa: BLE001  # no location may stop another
        return fault_of(context, location, error).error
    return None


def _is_wanted(found: Found, build: Build, *, again: bool) -> bool:
    """Say whether something is to be done about a location that has to be synced."""
    if found.stamp is None or _is_own(found):
        return False
    if build.is_under_way:
        return False  # it waits until the location rests, and compares with what was read
    has_failed = build.state is BuildState.FAILED
    return found.stamp != build.built or (again and has_failed)


def _is_own(found: Found) -> bool:
    return found.content is not None and found.content.location.shape is Shape.WORKER


def _settle(build: Build, synced: SyncedLocation) -> None:
    """Take what a sync left: it has failed when none of the plugins can be used."""
    faults = tuple(failed_entry_points(synced))
    is_usable = len(faults) < len(synced.verification.results) or not faults
    build.state = BuildState.READY if is_usable else BuildState.FAILED
    build.environment = synced.environment.digest
    build.fault = faults[0] if faults else None
    build.progress = None


def _cancel(build: Build) -> None:
    if build.task is not None:
        build.task.cancel()


async def _rested(path: Path) -> Stamp | None:
    """Return the location's stamp when it has not changed for a while; None: it is gone."""
    before = await in_thread(lambda: stamp_at(path))
    while True:
        await asyncio.sleep(REST_S)
        now = await in_thread(lambda: stamp_at(path))
        if now == before:
            return now
        before = now
