"""The plugin path: places, and the locations that are their immediate children (design 3).

A bad place or location becomes a `Problem` and is skipped; it never hides its neighbours. The
order of files on a disk never matters: locations come in the order of places, then of names.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from manager.errors import VenvoyError
from manager.plugins.locations import Location, Problem, Shape
from manager.plugins.place_faults import (
    DanglingLinkError,
    LinkLoopError,
    MissingLocationError,
    MissingPlaceError,
    NestedLocationsError,
    NoMetadataError,
    NoPluginThereError,
    NotALocationError,
    PlaceIsLocationError,
    UnreadableError,
)

__all__ = [
    "Location",
    "Problem",
    "Scan",
    "Shape",
    "location_at",
    "locations_at",
    "parse_plugin_path",
    "scan",
]

# A file in a location that says "somebody meant this to be a plugin" when metadata is missing.
CODE_FILES = frozenset({"setup.py", "setup.cfg", "requirements.txt", "PKG-INFO"})
# Files in a place that look like plugins elsewhere, but are none here.
FOREIGN_SUFFIXES = (".zip", ".tar.gz", ".egg", ".pex", ".tgz")
_FILE_SHAPES = {".whl": Shape.WHEEL, ".pyz": Shape.BUNDLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What the plugin path holds, each location once, and what was wrong with the rest."""

    locations: tuple[Location, ...]
    problems: tuple[Problem, ...]


def parse_plugin_path(setting: str) -> tuple[Path, ...]:
    """Split a `plugin.path` setting at commas; blanks and empty elements are ignored."""
    return tuple(Path(part.strip()) for part in setting.split(",") if part.strip())


def scan(places: Sequence[Path]) -> Scan:
    """List the locations of `places`, earlier places first, then by name.

    Nothing is read but directories. The same place or location reached twice counts once, by
    the name that is not a link if there is one.
    """
    scanner = _Scanner()
    for index, place in enumerate(places):
        scanner.place(Path(os.path.normpath(place.absolute())), index)
    locations = sorted(scanner.found.values(), key=lambda one: (one.place_index, one.name))
    return Scan(locations=tuple(locations), problems=tuple(scanner.problems))


class _Scanner:
    """Collects locations by their real path, and problems in the order of the plugin path."""

    def __init__(self) -> None:
        self.found: dict[Path, Location] = {}
        self.problems: list[Problem] = []
        self.places: set[Path] = set()

    def report(self, error: VenvoyError, path: Path, *, warning: bool = False) -> None:
        self.problems.append(
            Problem(path=path, error=error, severity="warning" if warning else "error")
        )

    def place(self, place: Path, index: int) -> None:
        try:
            fault = _link_fault(place, ancestors=())
            if fault is not None:
                self.report(fault, place, warning=True)
                return
            real = place.resolve(strict=True)
            if real in self.places:
                return
            self.places.add(real)
            if place.is_dir():
                self.directory(place, index)
            else:
                self.file(place, place.parent, index)
        except FileNotFoundError:
            self.report(MissingPlaceError(path=place), place)
        except OSError as error:
            self.report(UnreadableError(path=place, reason=_reason(error)), place)

    def directory(self, place: Path, index: int) -> None:
        children = _visible(place)
        is_project = any(child.name == "pyproject.toml" for child in children)
        if is_project:  # its wheelhouse is not a location of its own
            children = [child for child in children if child.name != "wheels"]
        before = len(self.found)
        # Links last, so that a location is known by its own name rather than by a link to it.
        for child in sorted(children, key=lambda child: (child.is_symlink(), child.name)):
            self.child(child, place, index)
        if is_project and len(self.found) == before:
            self.report(PlaceIsLocationError(path=place), place)

    def child(self, child: Path, place: Path, index: int) -> None:
        try:
            real_place = place.resolve()
            fault = _link_fault(child, ancestors=(real_place, *real_place.parents))
            if fault is not None:
                self.report(fault, child, warning=True)
            elif not child.is_dir():
                self.file(child, place, index, quiet=True)
            else:
                shape = _directory_shape(child)
                if shape is not None:
                    self.add(child, shape, place, index)
                else:
                    self.shapeless(child)
        except OSError as error:
            self.report(UnreadableError(path=child, reason=_reason(error)), child)

    def file(self, file: Path, place: Path, index: int, *, quiet: bool = False) -> None:
        if file.suffix == ".whl":
            self.add(file, Shape.WHEEL, place, index)
        elif file.suffix == ".pyz":
            self.add(file, Shape.BUNDLE, place, index)
        elif not quiet:
            self.report(NotALocationError(path=file), file)
        elif file.name.endswith(FOREIGN_SUFFIXES):
            self.report(NotALocationError(path=file), file, warning=True)

    def add(self, path: Path, shape: Shape, place: Path, index: int) -> None:
        self.found.setdefault(
            path.resolve(), Location(path=path, shape=shape, place=place, place_index=index)
        )

    def shapeless(self, directory: Path) -> None:
        nested = tuple(sorted(child.name for child in _nested_locations(directory)))
        if nested:
            self.report(NestedLocationsError(path=directory, names=nested), directory)
        elif _holds_code(directory):
            self.report(NoMetadataError(path=directory), directory)


def location_at(path: Path) -> Location:
    """Return the location that a path names, as if its parent were a place.

    Raises `MissingLocationError`, or a fault that says what is there instead of a plugin.
    """
    path = path.absolute()
    if not path.exists():
        raise MissingLocationError(path=path)
    shape = _directory_shape(path) if path.is_dir() else _FILE_SHAPES.get(path.suffix)
    if shape is None:
        raise _no_location(path)
    return Location(path=path, shape=shape, place=path.parent, place_index=0)


def locations_at(paths: Iterable[Path]) -> Scan:
    """Return the locations that paths name directly, in that order, each once."""
    found: dict[Path, Location] = {}
    problems: list[Problem] = []
    for index, named in enumerate(paths):
        path = Path(os.path.normpath(named.absolute()))
        try:
            location = location_at(path)
        except VenvoyError as error:
            problems.append(Problem(path=path, error=error, severity="error"))
        except OSError as error:
            fault = UnreadableError(path=path, reason=_reason(error))
            problems.append(Problem(path=path, error=fault, severity="error"))
        else:
            found.setdefault(location.path.resolve(), replace(location, place_index=index))
    return Scan(locations=tuple(found.values()), problems=tuple(problems))


def _no_location(path: Path) -> VenvoyError:
    """Say what is at a path that is no location."""
    if not path.is_dir():
        return NotALocationError(path=path)
    nested = tuple(sorted(child.name for child in _nested_locations(path)))
    if nested:
        return NestedLocationsError(path=path, names=nested)
    return NoMetadataError(path=path) if _holds_code(path) else NoPluginThereError(path=path)


def _visible(directory: Path) -> list[Path]:
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries]
    return [
        directory / name for name in names if not name.startswith(".") and name != "__pycache__"
    ]


def _directory_shape(directory: Path) -> Shape | None:
    if (directory / "pyproject.toml").is_file():
        return Shape.PROJECT
    wheels = (*directory.glob("*.whl"), *directory.glob("wheels/*.whl"))
    return Shape.WHEELS if wheels else None


def _nested_locations(directory: Path) -> Iterator[Path]:
    for child in _visible(directory):
        try:
            if child.suffix == ".pyz" or (child.is_dir() and _directory_shape(child) is not None):
                yield child
        except OSError:  # a grandchild that cannot be read is nobody's plugin
            continue


def _holds_code(directory: Path) -> bool:
    for child in _visible(directory):
        if child.suffix == ".py" or child.name in CODE_FILES or child.name.endswith(".tar.gz"):
            return True
        if (child / "__init__.py").is_file():
            return True
    return False


def _link_fault(path: Path, *, ancestors: Sequence[Path]) -> VenvoyError | None:
    """Why a link leads nowhere, or None; a link to a directory above itself is a loop too."""
    if not path.is_symlink():
        return None
    target = str(path.readlink())
    try:
        real = path.resolve(strict=True)
    except FileNotFoundError:
        return DanglingLinkError(path=path, target=target)
    except (OSError, RuntimeError):  # RuntimeError: how Python before 3.13 says ELOOP here
        return LinkLoopError(path=path, target=target)
    return LinkLoopError(path=path, target=target) if real in ancestors else None


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
