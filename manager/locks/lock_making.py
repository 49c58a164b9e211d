"""Making a lock: the packages of one or more targets, merged into one `pylock.toml`.

A package that every target got in one version is one entry with all their wheels; where versions
differ, or a target does without, there is an entry per version, with a marker that tells the
targets apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from packaging.pylock import Package, PackageWheel, Pylock
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from manager.locks.freshness import MadeFor
from manager.locks.locks import TOOL, BuiltFrom, Lock
from manager.locks.targets import Target, environment_marker, telling_marker

__all__ = ["LocalPackage", "TargetPackages", "make_lock"]

CREATOR: Final = "venvoy"
LOCK_VERSION: Final = Version("1.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPackage:
    """A package to lock, whose wheel is at hand in `file`.

    `lock_path` is the wheel's path relative to the lock: where it lies, or would if vendored.
    """

    name: NormalizedName
    version: Version
    requires_python: SpecifierSet | None
    dependencies: tuple[NormalizedName, ...]
    file: Path
    sha256: str
    size_bytes: int
    lock_path: PurePosixPath
    built_from: BuiltFrom | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPackages:
    """What one target gets."""

    target: Target
    packages: tuple[LocalPackage, ...]


def make_lock(
    path: Path,
    targets: Sequence[TargetPackages],
    *,
    wanted: MadeFor,
    requires_python: SpecifierSet | None,
) -> Lock:
    """Merge the targets' packages into the lock that `path` will hold; writes nothing."""
    every = tuple(sorted({each.target for each in targets}))
    found: dict[tuple[NormalizedName, Version], list[tuple[Target, LocalPackage]]] = {}
    for each in targets:
        for package in each.packages:
            found.setdefault((package.name, package.version), []).append((each.target, package))
    packages = [_entry(found[key], every) for key in sorted(found)]
    # glibc and musl share a marker, which may stand there only once.
    environments = {str(marker): marker for marker in map(environment_marker, every)}
    pylock = Pylock(
        lock_version=LOCK_VERSION,
        environments=tuple(environments.values()),
        requires_python=requires_python,
        created_by=CREATOR,
        packages=packages,
        tool={TOOL: wanted.to_table([target.name for target in every])},
    )
    return Lock(pylock=pylock, path=path)


def _entry(found: Sequence[tuple[Target, LocalPackage]], every: Sequence[Target]) -> Package:
    one = found[0][1]
    wheels = {package.sha256: package for _, package in found}
    ordered = sorted(wheels.values(), key=lambda package: (package.file.name, package.sha256))
    built = [package for package in ordered if package.built_from is not None]
    dependencies = sorted({name for _, package in found for name in package.dependencies})
    return Package(
        name=one.name,
        version=one.version,
        marker=telling_marker([target for target, _ in found], every),
        requires_python=one.requires_python,
        dependencies=[{"name": name} for name in dependencies] or None,
        wheels=[_wheel(package) for package in ordered],
        tool={TOOL: {"built-from": _table(built)}} if built else None,
    )


def _wheel(package: LocalPackage) -> PackageWheel:
    return PackageWheel(
        name=package.file.name,
        path=str(package.lock_path),
        size=package.size_bytes,
        hashes={"sha256": package.sha256},
    )


def _table(built: Sequence[LocalPackage]) -> dict[str, object]:
    """Tell the sdist, and which of the wheels are built from it: others may come from the index."""
    source = built[0].built_from
    if source is None:  # the caller chose those that have one
        return {}
    names = [package.file.name for package in built]
    return {"name": source.filename, "sha256": source.sha256, "wheels": names}
