"""What goes where in an environment: one link per top-level entry of each wheel, where it can be.

A directory is linked whole while one wheel alone fills it. Where two wheels share a directory
(namespace packages, `__pycache__` of single modules, `share/man`), and where native libraries
must find others outside their wheel, it becomes a real directory, filled the same way one level
down. Two wheels with the same file and other content are an error: pip lets the last one win.
"""

import filecmp
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from manager.errors import VenvoyError
from manager.store.framework import is_framework
from manager.store.layout import StoredWheel
from manager.store.scripts import console_script, rewritten
from manager.store.skeletons import Skeleton
from manager.store.unpacking import BIN, DATA, INCLUDE, SITE

__all__ = ["FileCollisionError", "LinkPlan", "plan_links"]

_PYCACHE = "__pycache__"


class FileCollisionError(VenvoyError):
    """Two wheels of one environment bring the same file with other content."""

    code = "file-collision"

    def __init__(self, *, path: str, first: str, second: str) -> None:
        super().__init__(path, first, second)
        self.path = path
        self.first = first
        self.second = second

    @property
    def message(self) -> str:
        """The file and both wheels."""
        return f"`{self.path}` is in both {self.first} and {self.second}"

    @property
    def hint(self) -> str:
        """How to get rid of one."""
        return (
            "pin a version that does not bring it, or leave one of them out, in `[tool.venvoy]`:"
            " `override = [\"NAME; sys_platform == 'never'\"]`"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPlan:
    """All that an environment has beyond its skeleton; paths relative to its root.

    `directories` has parents before children; `files` are (path, content), all executable.
    """

    directories: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, bytes], ...]


def plan_links(wheels: Sequence[StoredWheel], skeleton: Skeleton, python: Path) -> LinkPlan:
    """Plan the links of an environment whose final interpreter is `python`.

    Reads the directories that wheels share, writes nothing. Raises `FileCollisionError`.
    """
    merge = _Merge(skeleton)
    for wheel in wheels:
        merge.add(wheel)
    merge.level("", ())
    files = _programs(wheels, python, taken={path for path, _ in merge.links})
    return LinkPlan(
        directories=tuple(merge.directories), links=tuple(merge.links), files=tuple(files)
    )


@dataclass(slots=True)
class _Merge:
    """The walk over what the wheels bring, side by side."""

    skeleton: Skeleton
    directories: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    _own: set[str] = field(default_factory=set)
    _real: set[str] = field(default_factory=set)
    _there: set[str] = field(default_factory=set)
    _mounts: dict[str, list[tuple[StoredWheel, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._there = set(self.skeleton.directories)
        self._own = {path for path, _ in self.skeleton.links}
        self._own |= {path for path, _, _ in self.skeleton.files} | {"receipt.json"}

    def add(self, wheel: StoredWheel) -> None:
        """Put a wheel's schemes where they belong."""
        receipt = wheel.receipt
        self._mount(self.skeleton.site, wheel, SITE)
        self._real.update(f"{self.skeleton.site}/{path}" for path in receipt.real_directories)
        if receipt.framework:  # its bytecode is left out one by one, too
            self._real.add(f"{self.skeleton.site}/{_PYCACHE}")
        if receipt.programs:
            self._mount("bin", wheel, BIN)
        if receipt.has_data:
            self._mount("", wheel, DATA)
        if receipt.has_headers:
            library = self.skeleton.site.split("/")[1]
            self._mount(f"include/site/{library}/{receipt.name}", wheel, INCLUDE)

    def _mount(self, place: str, wheel: StoredWheel, scheme: str) -> None:
        self._mounts.setdefault(place, []).append((wheel, f"{wheel.path}/{scheme}"))
        while place:
            self._real.add(place)
            place = place.rpartition("/")[0]

    def level(self, prefix: str, owners: Iterable[tuple[StoredWheel, str]]) -> None:
        """Lay out one real directory (its path, "" for the root) that `owners` fill."""
        found: dict[str, list[tuple[StoredWheel, str]]] = {}
        for owner, directory in (*owners, *self._mounts.get(prefix, ())):
            for name in self._names(prefix, owner, directory):
                found.setdefault(name, []).append((owner, f"{directory}/{name}"))
        start = f"{prefix}/" if prefix else ""
        for mount in self._mounts:
            if mount.startswith(start) and mount != prefix:
                found.setdefault(mount[len(start) :].split("/")[0], [])
        for name in sorted(found):
            self._entry(start + name, found[name])

    def _names(self, prefix: str, wheel: StoredWheel, directory: str) -> Iterable[str]:
        if directory == f"{wheel.path}/{SITE}":
            return (top for top in wheel.receipt.tops if top not in wheel.receipt.framework)
        if directory == f"{wheel.path}/{BIN}":
            written = {*wheel.receipt.rewritten, *(each.name for each in wheel.receipt.scripts)}
            return (name for name in wheel.receipt.programs if name not in written)
        names = os.listdir(directory)  # noqa: PTH208  # names are all we need
        if prefix in (self.skeleton.site, f"{self.skeleton.site}/{_PYCACHE}"):
            return (name for name in names if not is_framework(name))
        return names

    def _entry(self, path: str, owners: Sequence[tuple[StoredWheel, str]]) -> None:
        if path in self._own:
            raise FileCollisionError(
                path=path, first="the virtualenv itself", second=str(owners[0][0])
            )
        if len(owners) == 1 and path not in self._real and path not in self._there:
            self.links.append((path, owners[0][1]))
            return
        directories = [os.path.isdir(source) for _, source in owners]  # noqa: PTH112
        if all(directories):
            if path not in self._there:
                self.directories.append(path)
            self.level(path, owners)
        elif _same(path, owners):
            self.links.append((path, owners[0][1]))
        else:
            raise FileCollisionError(
                path=path,
                first=str(owners[0][0]),
                second=str(owners[1][0]) if len(owners) > 1 else "the virtualenv itself",
            )


def _same(path: str, owners: Sequence[tuple[StoredWheel, str]]) -> bool:
    if f"/{_PYCACHE}/" in path:  # its source is the same, or the collision is told of that
        return True
    first = owners[0][1]
    return (
        len(owners) > 1
        and all(
            os.path.isfile(first)  # noqa: PTH113
            and os.path.isfile(source)  # noqa: PTH113
            and filecmp.cmp(first, source, shallow=False)
            for _, source in owners[1:]
        )
    )


def _programs(
    wheels: Sequence[StoredWheel], python: Path, *, taken: set[str]
) -> list[tuple[str, bytes]]:
    """Return the programs to write: those of entry points, and scripts that ask for `#!python`."""
    written: dict[str, tuple[str, bytes]] = {}
    for wheel in wheels:
        own: Mapping[str, bytes] = {
            name: rewritten((wheel.path / BIN / name).read_bytes(), python)
            for name in wheel.receipt.rewritten
        } | {script.name: console_script(script, python) for script in wheel.receipt.scripts}
        for name, content in own.items():
            other = written.setdefault(name, (str(wheel), content))
            if other[1] != content or f"bin/{name}" in taken:
                raise FileCollisionError(path=f"bin/{name}", first=other[0], second=str(wheel))
    return [(f"bin/{name}", content) for name, (_, content) in sorted(written.items())]
