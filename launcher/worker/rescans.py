"""Re-reading the plugin path while the worker runs, and the environments this asks for.

What runs is never touched: a connector keeps what it was prepared with until it is started anew.
"""

import asyncio
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from launcher.interface.motion import BuildState, LocationState, RescanReport
from launcher.planning.plan import all_stages
from launcher.planning.workplace import Workplace
from launcher.tasks.threads import in_thread
from launcher.worker.builds import Builds
from launcher.worker.path_readings import (
    Found,
    Reading,
    Stamp,
    differences,
    plugin_text,
    read,
    stamp_at,
)
from launcher.worker.path_watch import PathWatch, Places, look_at
from launcher.worker.preparing import Prepared
from manager.errors import VenvoyError
from manager.plugins.locations import Shape
from manager.plugins.plugin_path import parse_plugin_path

__all__ = ["Rescans"]


class Rescans:
    """Reads the plugin path on request and on change, one reading at a time.

    `on_workplace` gets what was read; `lock_of` gives the lock of a location that is worked on;
    `in_use` returns what each connector runs with now; `tell` takes a text and a level.
    """

    def __init__(
        self,
        *,
        plugin_path: str,
        workplace: Workplace,
        on_workplace: Callable[[Workplace], None],
        lock_of: Callable[[Path], AbstractAsyncContextManager[None]],
        in_use: Callable[[], Mapping[str, Collection[Prepared]]],
        tell: Callable[[str, str], None],
    ) -> None:
        self._plugin_path = plugin_path
        self._reading = Reading(workplace=workplace, found={})
        self._on_workplace = on_workplace
        self._in_use = in_use
        self._tell = tell
        self._builds = Builds(
            lock_of=lock_of, on_stale=self._look_again, on_made=self._tell_outrun, tell=tell
        )
        self._told_outrun: dict[str, str | None] = {}
        self._current: asyncio.Task[RescanReport] | None = None
        self._next: asyncio.Task[RescanReport] | None = None
        self._asks_again = False
        self._places = tuple(place.absolute() for place in parse_plugin_path(plugin_path))
        self._places_read: Places = {}
        self._looking: set[asyncio.Task[None]] = set()
        self._watch: PathWatch | None = None
        self._is_closed = False

    async def begin(self, *, watch: bool) -> None:
        """Learn what is there, and watch it when that is wanted; nothing is made yet."""
        path, workplace = self._plugin_path, self._reading.workplace
        self._places_read = await in_thread(lambda: look_at(self._places))
        try:
            self._reading = await in_thread(lambda: read(path, workplace, anew=False))
        except OSError as error:
            self._tell(f"the plugin path could not be looked at: {error}", "WARNING")
        self._builds.know(self._reading)
        if not (watch and self._places):
            return
        loop = asyncio.get_running_loop()

        def in_loop(call: Callable[[], None]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(call)

        self._watch = PathWatch(
            self._places,
            read_last=lambda: self._places_read,
            on_change=lambda: in_loop(self._look_again),
            on_fault=lambda reason: in_loop(lambda: self._tell_unwatched(reason)),
        )
        self._watch.start()

    async def close(self) -> None:
        """Read and make nothing more."""
        self._is_closed = True
        watch = self._watch
        if watch is not None:
            await in_thread(watch.stop)
        tasks = [*self._looking, *(one for one in (self._current, self._next) if one is not None)]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._builds.close()

    async def rescan(self, *, again: bool = True) -> RescanReport:
        """Read the plugin path anew, then make environments behind it; see `MotionInterface`.

        Who asks while a reading goes on gets the next one: this one may have passed what is new.
        `again`: environments that could not be made are tried once more.

        Raises:
            VenvoyError: the store cannot be used.
        """
        self._asks_again |= again
        if self._next is None:
            self._next = asyncio.create_task(self._turn(self._current), name="rescan")
        return await asyncio.shield(self._next)

    async def refresh(self, paths: Collection[Path]) -> None:
        """Rescan if one of these locations is not as it was read; raises what `rescan` raises."""
        found = self._reading.found
        stamps = {path: found[path].stamp for path in paths if path in found}

        def has_changed(path: Path, stamp: Stamp) -> bool:
            now = stamp_at(path)
            return now is None or now.sources != stamp.sources

        known = [(path, stamp) for path, stamp in stamps.items() if stamp is not None]
        if await in_thread(lambda: any(has_changed(*one) for one in known)):
            await self.rescan(again=False)

    async def _turn(self, before: "asyncio.Task[RescanReport] | None") -> RescanReport:
        if before is not None:
            await asyncio.wait((before,))
        self._current, self._next = self._next, None
        again, self._asks_again = self._asks_again, False
        self._places_read = await in_thread(lambda: look_at(self._places))
        path, workplace = self._plugin_path, self._reading.workplace
        reading = await in_thread(lambda: read(path, workplace, anew=True))
        known, self._reading = self._reading, reading
        report = differences(known, reading)
        self._on_workplace(reading.workplace)
        self._tell_changes(report)
        self._builds.take(reading, again=again)
        self._tell_outrun()
        return report

    def _look_again(self) -> None:
        """Rescan because something has changed; nobody waits for it."""
        if self._is_closed or self._next is not None:
            return
        looking = asyncio.create_task(self._look(), name="rescan on change")
        self._looking.add(looking)
        looking.add_done_callback(self._looking.discard)

    async def _look(self) -> None:
        try:
            await self.rescan(again=False)
        except VenvoyError as error:
            self._tell(f"the plugin path could not be read again: {error.message}", "ERROR")
        except Exception:  # noqa: BLE001  # our bug must not end in silence
            self._tell(traceback.format_exc(), "ERROR")

    # -- what can be seen ---------------------------------------------------------------------

    def gone(self, in_use: Collection[Prepared]) -> tuple[str, ...]:
        """Return the locations that something runs from and that are not on the path any more."""
        paths = {path for prepared in in_use for path in _paths(prepared)}
        return tuple(sorted(str(path) for path in paths - self._reading.found.keys()))

    def changed(self, in_use: Collection[Prepared]) -> tuple[str, ...]:
        """Return the locations that something runs from in another environment than is there now.

        What cannot be made, or is not made yet, is not told: a restart would not come to it.
        """
        paths = {
            path
            for prepared in in_use
            for path in _paths(prepared)
            if self._builds.of(path).environment not in {None, _environment(prepared, path)}
        }
        return tuple(sorted(map(str, paths)))

    def locations(self) -> tuple[LocationState, ...]:
        """Return every location, sorted by path; see `MotionInterface`."""
        uses: dict[Path, list[tuple[str, Prepared]]] = {}
        for name, in_use in self._in_use().items():
            for prepared in in_use:
                for path in _paths(prepared):
                    uses.setdefault(path, []).append((name, prepared))
        found = self._reading.found
        states = [
            _gone(path, uses[path])
            if path not in found
            else self._state(found[path], uses.get(path, ()))
            for path in found.keys() | uses.keys()
        ]
        return tuple(sorted(states, key=lambda state: state.path))

    def _state(self, found: Found, users: Sequence[tuple[str, Prepared]]) -> LocationState:
        build = self._builds.of(found.path)
        state, environment = build.state, build.environment
        if state is None and users and found.content is not None:  # a connector has made it
            state = BuildState.READY
            environment = _environment(users[-1][1], found.path)
        fault = found.fault or build.fault
        others = {
            name
            for name, prepared in users
            if environment not in {None, _environment(prepared, found.path)}
        }
        same = {
            name
            for name, prepared in users
            if environment in {None, _environment(prepared, found.path)}
        }
        return LocationState(
            path=str(found.path),
            name=found.path.name,
            plugins=found.plugins,
            is_gone=False,
            build=state,
            environment=environment,
            problem=None if fault is None else fault.message,
            hint=None if fault is None else fault.hint or None,
            shadowed=found.shadowed,
            used_by=tuple(sorted(same)),
            used_as_it_was=tuple(sorted(others)),
            progress=build.progress,
        )

    # -- what is told -------------------------------------------------------------------------

    def _tell_unwatched(self, reason: str) -> None:
        remedy = "ask for each look with POST /connector-plugins/rescan"
        self._tell(f"the plugin path is not watched: {reason}\n    hint: {remedy}", "WARNING")

    def _tell_outrun(self) -> None:
        """Say of a location, once for each environment of it, that it is not what runs."""
        locations = {state.path: state for state in self.locations() if state.used_as_it_was}
        for path, state in locations.items():
            if self._told_outrun.get(path) != state.environment:
                names = ", ".join(state.used_as_it_was)
                text = f"`{path}`: its files have changed: a restart of {names} takes the new ones"
                self._tell(text, "INFO")
        self._told_outrun = {path: state.environment for path, state in locations.items()}

    def _tell_changes(self, report: RescanReport) -> None:
        for word, plugins in (("added", report.added), ("gone", report.removed)):
            if plugins:
                self._tell(f"plugins {word}: {', '.join(plugins)}", "INFO")
        for word, paths in (("changed", report.changed), ("mended", report.mended)):
            if paths:
                self._tell(f"locations {word}: {', '.join(paths)}", "INFO")
        for path in report.broken:
            fault = self._reading.found[Path(path)].fault
            if fault is not None:
                hint = f"\n    hint: {fault.hint}" if fault.hint else ""
                self._tell(f"{fault.message}{hint}", "WARNING")


def _paths(prepared: Prepared) -> set[Path]:
    """Return the locations of the plugin path that something runs from."""
    locations = (segment.location for segment in prepared.plan.segments)
    return {one.path for one in locations if not one.builtin and one.shape is not Shape.WORKER}


def _environment(prepared: Prepared, path: Path) -> str:
    return prepared.runtime.environments[path].digest


def _gone(path: Path, users: Sequence[tuple[str, Prepared]]) -> LocationState:
    """Return a location that is there no more, by what still runs from it."""
    plugins = {
        plugin_text(stage.plugin)
        for _, prepared in users
        for stage in all_stages(prepared.plan)
        if stage.plugin.location.path == path
    }
    return LocationState(
        path=str(path),
        name=path.name,
        plugins=tuple(sorted(plugins)),
        is_gone=True,
        build=BuildState.READY,
        environment=_environment(users[-1][1], path),
        problem="it is no longer on the plugin path; what runs from it goes on",
        hint="put it back, or move its connectors to a version that is installed",
        used_by=tuple(sorted({name for name, _ in users})),
    )
