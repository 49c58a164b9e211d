"""Wheelhouses: the directory of wheels below a location, filled by hash and held complete.

A wheelhouse holds, under its own file name, every wheel that the lock names for any target, and
what builds need. A file with the right name and another hash counts as missing.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from manager.digests import file_sha256
from manager.errors import UnwritableError, UsageError, VenvoyError
from manager.fs import fsync_directory, write_file_atomically
from manager.interpreters.interpreter import Interpreter
from manager.locks.build_requirements import (
    declared_build_requirements,
    declared_in,
    locked_build_requirements,
)
from manager.locks.locks import Lock, LockedWheel, every_wheel, select_wheels
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Location, Shape

__all__ = [
    "NoWheelhouseError",
    "WantedWheel",
    "add_to_wheelhouse",
    "builds_are_locked",
    "locked_wheels",
    "missing_wheels",
    "superfluous_wheels",
    "wanted_wheels",
    "wheelhouse_of",
]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class WantedWheel:
    """A file that a wheelhouse has to hold; `for_builds` tells build requirements apart."""

    filename: str
    sha256: str
    for_builds: bool


class NoWheelhouseError(VenvoyError):
    """A location is a single file, and wheels beside it would be locations of their own."""

    code = "no-wheelhouse"

    def __init__(self, *, location: Path) -> None:
        super().__init__(location)
        self.location = location

    @property
    def message(self) -> str:
        """The file."""
        return f"`{self.location}` is a single wheel and has no directory for what it needs"

    @property
    def hint(self) -> str:
        """What to make of it."""
        directory = self.location.parent / self.location.name.split("-")[0]
        return f"move it into a directory of its own, `{directory}`, which then is the location"


def wheelhouse_of(location: Location) -> Path:
    """Return where the wheels of a location go, whether or not it exists.

    Raises `NoWheelhouseError` for a single wheel, `UsageError` for the worker's own environment.
    """
    if location.shape is Shape.WORKER:
        raise UsageError(
            what="the plugin path is empty, and the worker's own environment has no wheelhouse",
            remedy="name a place that holds plugins: `--plugin-path /opt/plugins`",
        )
    if location.is_file:
        raise NoWheelhouseError(location=location.path)
    return location.path / "wheels"


def locked_wheels(
    lock: Lock, content: LocationContent, interpreter: Interpreter
) -> tuple[LockedWheel, ...]:
    """Return the wheels of a lock that a location needs, without a project's own.

    A lock of ours names those of its targets and no others; one of another tool may name wheels
    for all the world, and those for `interpreter` are taken. Raises `SourceOnlyError`,
    `InvalidLockError`, `LockTargetError`.
    """
    is_project = content.location.shape is Shape.PROJECT
    project = content.distributions[0].name if is_project else None
    if lock.is_ours:
        return every_wheel(lock, project=project)
    return select_wheels(lock, interpreter, project=project)


def wanted_wheels(
    lock: Lock, content: LocationContent, interpreter: Interpreter
) -> tuple[WantedWheel, ...]:
    """Return what the wheelhouse of a location has to hold; raises as `locked_wheels`."""
    wanted = {
        wheel.sha256: WantedWheel(filename=wheel.filename, sha256=wheel.sha256, for_builds=False)
        for wheel in locked_wheels(lock, content, interpreter)
    }
    for one in locked_build_requirements(lock):
        wheel = WantedWheel(filename=one.filename, sha256=one.sha256, for_builds=True)
        wanted.setdefault(one.sha256, wheel)
    return tuple(sorted(wanted.values()))


def builds_are_locked(lock: Lock, location: Location) -> bool:
    """Whether the lock holds what the project is built with, as it asks for it now."""
    if location.shape is not Shape.PROJECT:
        return True
    return declared_in(lock) == declared_build_requirements(location)


def missing_wheels(wanted: Iterable[WantedWheel], location: Location) -> tuple[WantedWheel, ...]:
    """Return the wheels that are not in the location's wheelhouse with just that content."""
    return tuple(one for one in wanted if not _is_there(one, location))


def superfluous_wheels(wanted: Iterable[WantedWheel], location: Location) -> tuple[Path, ...]:
    """Return the wheels in `wheels/` that nothing names, by name."""
    kept = {one.filename for one in wanted}
    house = wheelhouse_of(location)
    return tuple(sorted(file for file in house.glob("*.whl") if file.name not in kept))


def add_to_wheelhouse(files: Mapping[str, Path], location: Location) -> tuple[Path, ...]:
    """Copy wheels (by the file name they get) into the wheelhouse; each appears at once, whole.

    Raises `UnwritableError`.
    """
    house = wheelhouse_of(location)
    added = []
    try:
        house.mkdir(exist_ok=True)
        for name, file in sorted(files.items()):
            write_file_atomically(house / name, file.read_bytes())
            added.append(house / name)
        fsync_directory(house)
    except OSError as error:
        raise UnwritableError(path=house, reason=error.strerror or str(error)) from error
    return tuple(added)


def _is_there(wanted: WantedWheel, location: Location) -> bool:
    files = [directory / wanted.filename for directory in location.wheelhouse_dirs]
    return any(file_sha256(file) == wanted.sha256 for file in files if os.path.isfile(file))  # noqa: PTH113
