"""What one reading of the plugin path found, and how two readings differ."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from launcher.interface.motion import RescanReport
from launcher.planning.workplace import Workplace, open_workplace
from manager.errors import VenvoyError
from manager.plugins.catalog import Catalog, Plugin
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Location, Problem, Shape
from manager.plugins.plugin_path import location_at, parse_plugin_path, scan
from manager.sync import SyncedLocation, known_location
from manager.sync_forecast import UnbuiltProjectError
from manager.synced import sources_stamp

__all__ = ["Found", "Reading", "Stamp", "differences", "plugin_text", "read", "stamp_at"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """The files of a location by their sizes and times, its lock apart: a sync writes that."""

    sources: str
    lock: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing of the plugin path: a location, a child that is none, or a place with a fault.

    `content` is None when nothing of it can be used, `stamp` when it is no location; `known` is
    what its last sync left, None when it has to be synced. `is_unbuilt`: only a build of it can
    tell what it is.
    """

    path: Path
    fault: VenvoyError | None = None
    is_broken: bool = False
    is_unbuilt: bool = False
    content: LocationContent | None = None
    stamp: Stamp | None = None
    known: SyncedLocation | None = None
    plugins: tuple[str, ...] = ()
    shadowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The plugin path at one moment, by path."""

    workplace: Workplace
    found: Mapping[Path, Found]


def read(plugin_path: str, workplace: Workplace, *, anew: bool) -> Reading:
    """Look at the plugin path; `anew`: `workplace` is of before, and is opened again like it was.

    Raises what `open_workplace` raises. The running API stays, also when another one is on disk.
    """
    places = parse_plugin_path(plugin_path)
    stamps = dict(_stamps(scan(places).locations))
    if anew:
        context = workplace.context
        opened = open_workplace(
            plugin_path,
            progress=context.progress,
            offline=context.offline,
            frozen=context.frozen,
            builds=False,
        )
        if opened.context.api.digest != context.api.digest:
            opened = replace(opened, context=replace(opened.context, api=context.api))
        workplace = opened
    roots = {Path(os.path.normpath(place.absolute())) for place in places}
    return Reading(workplace=workplace, found=_found(workplace, stamps, roots))


def stamp_of(location: Location) -> Stamp:
    """Return the location's files as they are now; nothing is read but their status."""
    try:
        status = location.lock_file.stat()
    except OSError:
        return Stamp(sources=sources_stamp(location), lock=(-1, 0))
    return Stamp(sources=sources_stamp(location), lock=(status.st_size, status.st_mtime_ns))


def stamp_at(path: Path) -> Stamp | None:
    """Return the stamp of the location at a path, None when there is none that can be read."""
    try:
        return stamp_of(location_at(path))
    except (VenvoyError, OSError):
        return None


def plugin_text(plugin: Plugin) -> str:
    """Return `class version`."""
    return f"{plugin.class_name} {plugin.version}"


def differences(before: Reading, after: Reading) -> RescanReport:
    """Return what the later reading has that the earlier had not, and the other way round."""
    plugins_before, plugins_after = _plugins(before), _plugins(after)
    old, new = before.found, after.found
    broken = {path for path, found in new.items() if found.is_broken}
    was_broken = {path for path, found in old.items() if found.is_broken}
    changed = (
        path
        for path in old.keys() & new.keys() - broken - was_broken
        if _sources(old[path]) != _sources(new[path])
    )
    return RescanReport(
        added=tuple(sorted(plugins_after - plugins_before)),
        removed=tuple(sorted(plugins_before - plugins_after)),
        broken=_sorted(broken - was_broken),
        mended=_sorted((was_broken - broken) & new.keys()),
        locations=sum(one.stamp is not None or one.content is not None for one in new.values()),
        changed=_sorted(changed),
    )


def _sources(found: Found) -> str | None:
    return None if found.stamp is None else found.stamp.sources


def _sorted(paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(sorted(map(str, paths)))


def _plugins(reading: Reading) -> set[str]:
    found = reading.workplace.catalog.plugins
    return {plugin_text(plugin) for plugin in found if not plugin.location.builtin}


def _stamps(locations: Iterable[Location]) -> Iterator[tuple[Path, Stamp]]:
    for location in locations:
        with contextlib.suppress(OSError):  # the reading tells what cannot be looked at
            yield location.path, stamp_of(location)


def _found(
    workplace: Workplace, stamps: Mapping[Path, Stamp], places: set[Path]
) -> Mapping[Path, Found]:
    catalog = workplace.catalog
    contents = {one.location.path: one for one in catalog.locations}
    faults: dict[Path, list[Problem]] = {path: [] for path in (*contents, *stamps)}
    for problem in (*catalog.broken, *catalog.warnings):  # errors first
        owner = _owner(problem.path, faults.keys(), places)
        faults.setdefault(owner, []).append(problem)
    return {
        path: _one(workplace, path, contents.get(path), stamps.get(path), problems)
        for path, problems in faults.items()
    }


def _owner(path: Path, locations: Iterable[Path], places: set[Path]) -> Path:
    """Return the location, or the child of a place, that a problem's path is of."""
    known = set(locations)
    for one in (path, *path.parents):
        if one in known or one in places or one.parent in places:
            return one
    return path


def _one(
    workplace: Workplace,
    path: Path,
    content: LocationContent | None,
    stamp: Stamp | None,
    problems: list[Problem],
) -> Found:
    """Put together what is known of a path; a warning is told only of what cannot be used."""
    is_unbuilt = any(isinstance(problem.error, UnbuiltProjectError) for problem in problems)
    problems = [one for one in problems if not isinstance(one.error, UnbuiltProjectError)]
    is_broken = any(problem.severity == "error" for problem in problems)
    is_told = bool(problems) and (is_broken or content is None)
    is_isolated = content is not None and content.location.shape is not Shape.WORKER
    known = known_location(workplace.context, content) if content and is_isolated else None
    return Found(
        path=path,
        fault=problems[0].error if is_told else None,
        is_broken=is_broken,
        is_unbuilt=is_unbuilt,
        content=content,
        stamp=stamp,
        known=known,
        plugins=_sorted_texts(_of(workplace.catalog, path)),
        shadowed=_sorted_texts(
            one.plugin for one in workplace.catalog.shadowed if one.plugin.location.path == path
        ),
    )


def _of(catalog: Catalog, path: Path) -> Iterator[Plugin]:
    return (plugin for plugin in catalog.plugins if plugin.location.path == path)


def _sorted_texts(plugins: Iterable[Plugin]) -> tuple[str, ...]:
    return tuple(sorted({plugin_text(plugin) for plugin in plugins}))
