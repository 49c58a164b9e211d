"""Vendoring: everything that a location will ever need, brought into its wheelhouse.

1. every wheel of the lock, for each of its targets;
2. what a project, and each dependency that exists as a source only, is built with: recorded once
   and written into the lock;
3. a project is built again with nothing but the wheelhouse, which proves that it suffices.

What was there before and is right stays as it is, so that a second run has nothing to do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bundler.build_recording import (
    RecordedRequirement,
    fetch_build_requirements,
    merged,
    record_project,
    record_source,
)
from bundler.wheelhouse import (
    WantedWheel,
    add_to_wheelhouse,
    builds_are_locked,
    locked_wheels,
    missing_wheels,
    superfluous_wheels,
    wanted_wheels,
    wheelhouse_of,
)
from manager.fs import staging
from manager.interpreters.interpreter import Interpreter
from manager.locks.build_requirements import (
    build_pins,
    declared_build_requirements,
    locked_build_requirements,
    with_build_requirements,
    with_source_pins,
)
from manager.locks.building import build_in
from manager.locks.fetching import fetch
from manager.locks.keeping import good_lock, targets_of
from manager.locks.locking import own_wheels
from manager.locks.locks import Lock, LockedWheel, write_lock
from manager.locks.pip import PipSettings
from manager.locks.sync_context import SyncContext, interpreter_for, pip_for
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Location, Shape

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

__all__ = ["Vendored", "vendor_location"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendored:
    """A location that needs no network: what was added and removed, and what its lock says now.

    `superfluous` are wheels that nothing names and that were left, as no pruning was asked for.
    """

    location: Location
    lock: Lock
    added: tuple[Path, ...]
    removed: tuple[Path, ...]
    superfluous: tuple[Path, ...]
    wheels: int
    size_bytes: int
    lock_changed: bool


def vendor_location(
    context: SyncContext, content: LocationContent, *, prune: bool = False
) -> Vendored:
    """Bring every wheel of every target into the location's `wheels/`.

    `prune` removes wheels that nothing names any more. Raises what locking and building raise,
    `MissingWheelsError` for all that cannot be had, `NoWheelhouseError`, and `StaleLockError`
    when frozen.
    """
    wheelhouse_of(content.location)
    with staging(context.store.root) as room:
        return _Vendoring(context, content, room).vendored(prune=prune)


class _Vendoring:
    """One location being vendored; `room` is scratch space."""

    def __init__(self, context: SyncContext, content: LocationContent, room: Path) -> None:
        self.context = context
        self.content = content
        self.location = content.location
        self.room = room
        self.interpreter = interpreter_for(context, content)
        self.is_project = content.location.shape is Shape.PROJECT
        own = own_wheels(content)
        self.before, state, _ = good_lock(context, content, self.interpreter, own)
        self.lock = self.before
        self.remade = state != "fresh"

    def vendored(self, *, prune: bool) -> Vendored:
        added = list(add_to_wheelhouse(self.wheels(), self.location))
        added += add_to_wheelhouse(self.builds(), self.location)
        changed = self.lock != self.before
        if changed:
            if self.is_project:
                self.prove()
            write_lock(self.location.lock_file, self.lock)
        wanted = self.wanted()
        superfluous = superfluous_wheels(wanted, self.location)
        for file in superfluous if prune else ():
            file.unlink()
        return Vendored(
            location=self.location,
            lock=self.lock,
            added=tuple(sorted(added)),
            removed=superfluous if prune else (),
            superfluous=() if prune else superfluous,
            wheels=len(wanted),
            size_bytes=_size_bytes(wanted, self.location),
            lock_changed=changed or self.remade,
        )

    def wheels(self) -> Mapping[str, Path]:
        """Return the files of the locked wheels that the wheelhouse lacks, by file name."""
        wanted = [one for one in self.wanted() if not one.for_builds]
        missing = {one.sha256 for one in missing_wheels(wanted, self.location)}
        if not missing:
            return {}
        count = f"{len(missing)} wheel{'' if len(missing) == 1 else 's'}"
        self.context.progress(f"{self.location.name}: fetching {count}")
        wheels = [one for one in self.locked() if one.sha256 in missing]
        found = fetch(
            wheels,
            location=self.location,
            store=self.context.store,
            pip=self.pip(self.interpreter),
            scratch_dir=self.room / "fetch",
            unpacked_will_do=False,
        )
        names = {wheel.sha256: wheel.filename for wheel in wheels}
        return {names[sha256]: file for file, sha256 in found}

    def builds(self) -> Mapping[str, Path]:
        """Complete the lock's build requirements; return the files the wheelhouse lacks."""
        locked = locked_build_requirements(self.lock)
        declared = declared_build_requirements(self.location)
        known = builds_are_locked(self.lock, self.location)
        found: list[RecordedRequirement] = []
        if known:
            wanted = [one for one in self.wanted() if one.for_builds]
            gone = {one.sha256 for one in missing_wheels(wanted, self.location)}
            lacking = [one for one in locked if one.sha256 in gone]
            if lacking:
                found += fetch_build_requirements(
                    lacking,
                    self.location,
                    store=self.context.store,
                    pip=self.pip(self.interpreter),
                    room=self.room,
                )
        else:
            found += self.project_requirements()
        pins: dict[NormalizedName, Sequence[str]] = {}
        for wheel in self.sources(unpinned=known):
            recorded = self.source_requirements(wheel)
            pins[wheel.name] = [one.requirement.pin for one in recorded]
            found += recorded
        if found:
            requirements = [*(locked if known else ()), *(one.requirement for one in found)]
            lock = with_source_pins(self.lock, pins)
            self.lock = with_build_requirements(lock, declared, merged(requirements))
        elif not known:
            self.lock = with_build_requirements(self.lock, declared, ())
        still = missing_wheels(self.wanted(), self.location)
        lacking_names = {one.filename for one in still}
        files = {one.requirement.filename: one.file for one in found}
        return {name: file for name, file in files.items() if name in lacking_names}

    def project_requirements(self) -> list[RecordedRequirement]:
        """Build the project on each Python of the lock that is installed, for the record."""
        found: list[RecordedRequirement] = []
        chosen = targets_of(self.context, self.lock, self.interpreter)
        by_minor = {each.minor: each for each in chosen if isinstance(each, Interpreter)}
        for minor, each in sorted(by_minor.items()):
            self.context.progress(f"{self.location.name}: recording its build on Python {minor}")
            room = self.room / f"project-{minor}"
            found += record_project(self.location, pip=self.pip(each), room=room)
        return found

    def source_requirements(self, wheel: LockedWheel) -> tuple[RecordedRequirement, ...]:
        self.context.progress(f"{self.location.name}: recording the build of {wheel.name}")
        room = self.room / f"source-{wheel.sha256[:12]}"
        return record_source(wheel, self.location, pip=self.pip(self.interpreter), room=room)

    def prove(self) -> None:
        """Build the project from its wheelhouse alone; raises `BuildError`."""
        self.context.progress(f"{self.location.name}: proving that its wheelhouse suffices")
        room = self.room / "proof"
        room.mkdir()
        pip = replace(
            self.pip(self.interpreter),
            offline=True,
            find_links=self.location.wheelhouse_dirs,
        )
        build_in(room, self.location, pip=pip, pins=build_pins(self.lock, self.interpreter.minor))

    def wanted(self) -> tuple[WantedWheel, ...]:
        return wanted_wheels(self.lock, self.content, self.interpreter)

    def locked(self) -> tuple[LockedWheel, ...]:
        return locked_wheels(self.lock, self.content, self.interpreter)

    def sources(self, *, unpinned: bool) -> list[LockedWheel]:
        """Return the wheels that were built from an sdist; `unpinned`: nobody recorded how."""
        return [
            wheel
            for wheel in self.locked()
            if wheel.built_from is not None
            and wheel.built_from.sha256
            and not (unpinned and wheel.built_from.pins)
        ]

    def pip(self, interpreter: Interpreter) -> PipSettings:
        return pip_for(self.context, self.location, self.content.settings, interpreter)


def _size_bytes(wanted: Sequence[WantedWheel], location: Location) -> int:
    total = 0
    for name in {one.filename for one in wanted}:
        files = (directory / name for directory in location.wheelhouse_dirs)
        total += next((file.stat().st_size for file in files if file.is_file()), 0)
    return total
