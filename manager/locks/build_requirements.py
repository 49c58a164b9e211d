"""Build requirements: what was installed to build a wheel, written into the lock.

::

    [tool.venvoy.build]
    requires = ["flit_core>=3.11,<4"]          what the project's pyproject.toml asks for
    [[tool.venvoy.build.wheels]]
    name, version, file, size, sha256          a wheel in the wheelhouse
    pythons = ["3.11"]                         the interpreters that build with it

pip installs them into an environment of its own for each build, the backend may ask for more on
the way, and all of that stands in pip's log.
"""

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from packaging.pylock import Package, Pylock
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from manager.locks.locks import TOOL, Lock
from manager.plugins.locations import Location, Shape
from manager.plugins.toml_tables import read_toml

__all__ = [
    "BuildRequirement",
    "build_pins",
    "changed_build",
    "declared_build_requirements",
    "declared_in",
    "installed_in",
    "locked_build_requirements",
    "with_build_requirements",
    "with_earlier_builds",
    "with_source_pins",
]

_INSTALLED: Final = re.compile(r"^\S+ Successfully installed (?P<what>.+)$", re.MULTILINE)
_DEFAULT: Final = ("setuptools>=40.8.0",)
"""What PEP 518 has for a project that declares nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class BuildRequirement:
    """One wheel that builds need; `pythons` are minor versions, `3.11`."""

    name: NormalizedName
    version: str
    filename: str
    sha256: str
    size_bytes: int
    pythons: tuple[str, ...]

    @property
    def pin(self) -> str:
        """The requirement that only this version meets."""
        return f"{self.name}=={self.version}"


def installed_in(log: str) -> tuple[tuple[NormalizedName, str], ...]:
    """Return what pip's log says was installed for builds: names and versions, sorted."""
    found = set()
    for line in _INSTALLED.finditer(log):
        for word in line["what"].split():
            name, _, version = word.rpartition("-")
            found.add((canonicalize_name(name), str(Version(version))))
    return tuple(sorted(found))


def declared_build_requirements(location: Location) -> tuple[str, ...]:
    """Return `build-system.requires` of a project, sorted; none of another shape."""
    if location.shape is not Shape.PROJECT:
        return ()
    table = read_toml(location.settings_file).table("build-system")
    requires = None if table is None else table.values.get("requires")
    if not isinstance(requires, list):
        return _DEFAULT
    return tuple(sorted(map(str, requires)))


def locked_build_requirements(lock: Lock) -> tuple[BuildRequirement, ...]:
    """Return the build requirements that a lock holds."""
    rows = _table(lock).get("wheels")
    found = []
    for row in cast("Iterable[Mapping[str, object]]", rows if isinstance(rows, list) else ()):
        pythons = row.get("pythons", ())
        found.append(
            BuildRequirement(
                name=canonicalize_name(str(row.get("name", ""))),
                version=str(row.get("version", "")),
                filename=str(row.get("file", "")),
                sha256=str(row.get("sha256", "")),
                size_bytes=int(str(row.get("size", 0))),
                pythons=tuple(map(str, pythons if isinstance(pythons, list) else ())),
            )
        )
    return tuple(found)


def declared_in(lock: Lock) -> tuple[str, ...] | None:
    """Return what the project asked for when its build requirements were locked, None: never."""
    requires = _table(lock).get("requires")
    return tuple(map(str, requires)) if isinstance(requires, list) else None


def changed_build(lock: Lock, location: Location) -> str | None:
    """Return why locked build requirements are stale, None if they are not or there are none."""
    before = declared_in(lock)
    if before is None:
        return None
    now = declared_build_requirements(location)
    for word, some in (("new", set(now) - set(before)), ("gone", set(before) - set(now))):
        if some:
            return f"the build requirement `{min(some)}` is {word}"
    return None


def build_pins(lock: Lock | None, python: str) -> tuple[str, ...]:
    """Return the pins of a build by that interpreter (`3.11`); none when none are locked."""
    if lock is None:
        return ()
    return tuple(one.pin for one in locked_build_requirements(lock) if python in one.pythons)


def with_build_requirements(
    lock: Lock, declared: Iterable[str], requirements: Iterable[BuildRequirement]
) -> Lock:
    """Return the lock with these build requirements in place of any others."""
    wheels = [
        {
            "name": one.name,
            "version": one.version,
            "file": one.filename,
            "size": one.size_bytes,
            "sha256": one.sha256,
            "pythons": list(one.pythons),
        }
        for one in sorted(requirements)
    ]
    table: dict[str, object] = {"requires": list(declared), "wheels": wheels}
    tool = {**(lock.pylock.tool or {}), TOOL: {**lock.tool, "build": table}}
    pylock: Pylock = dataclasses.replace(lock.pylock, tool=tool)
    return dataclasses.replace(lock, pylock=pylock)


def with_earlier_builds(lock: Lock, before: Lock) -> Lock:
    """Return the lock with the build requirements of an earlier one, for the same sources."""
    earlier = {
        (
            package.name,
            json.dumps(_built(package).get("wheels")),
            _built(package).get("sha256"),
        ): pins
        for package in before.pylock.packages
        if (pins := _built(package).get("build"))
    }
    packages = []
    for package in lock.pylock.packages:
        table = _built(package)
        key = (package.name, json.dumps(table.get("wheels")), table.get("sha256"))
        packages.append(_with_pins(package, earlier[key]) if key in earlier else package)
    kept = dataclasses.replace(lock, pylock=dataclasses.replace(lock.pylock, packages=packages))
    declared = declared_in(before)
    if declared is None:
        return kept
    return with_build_requirements(kept, declared, locked_build_requirements(before))


def with_source_pins(lock: Lock, pins: Mapping[NormalizedName, Iterable[str]]) -> Lock:
    """Return the lock with the pins that packages were built with; others keep theirs."""
    packages = [
        _with_pins(package, sorted(pins[package.name])) if package.name in pins else package
        for package in lock.pylock.packages
    ]
    return dataclasses.replace(lock, pylock=dataclasses.replace(lock.pylock, packages=packages))


def _built(package: Package) -> Mapping[str, object]:
    table = ((package.tool or {}).get(TOOL) or {}).get("built-from")
    return table if isinstance(table, dict) else {}


def _with_pins(package: Package, pins: object) -> Package:
    built = _built(package)
    if not built:
        return package
    ours = {**(package.tool or {}).get(TOOL, {}), "built-from": {**built, "build": pins}}
    return dataclasses.replace(package, tool={**(package.tool or {}), TOOL: ours})


def _table(lock: Lock) -> Mapping[str, object]:
    table = lock.tool.get("build")
    return table if isinstance(table, dict) else {}
