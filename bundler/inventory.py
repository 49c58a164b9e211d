"""Inventories: what a location or a bundle is made of, as its lock tells it.

A directory and the bundle that was made from it have the same inventory.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.utils import parse_wheel_filename

from bundler.recorded_digests import digest_of
from manager.digests import file_sha256
from manager.locks.building import build_project
from manager.locks.bundled import bundled_lock
from manager.locks.keeping import StaleLockError
from manager.locks.locks import Lock, read_lock, wheel_name
from manager.locks.sync_context import SyncContext, interpreter_for, pip_for
from manager.plugins.bundles import open_bundle
from manager.plugins.distributions import API_NAME
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Shape
from manager.plugins.metadata_faults import UnreadableWheelError
from manager.plugins.wheel_archive import read_dist_info

if TYPE_CHECKING:
    from packaging.pylock import PackageArchive, PackageWheel

__all__ = ["Inventory", "InventoryFile", "InventoryPackage", "inventory_of", "records_of"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class InventoryFile:
    """One wheel of a package; its size in bytes is None where the lock does not tell it."""

    filename: str
    sha256: str
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryPackage:
    """One package at one version, with its wheels for all targets; `requires` are names."""

    name: str
    version: str
    files: tuple[InventoryFile, ...]
    requires: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """A plugin's main distribution and all that it brings; sorted by name and version.

    `own` are the names of the distributions that carry plugins; `plugins` are (type, class).
    """

    name: str
    version: str
    plugin_digest: str
    api_requirement: str
    own: tuple[str, ...]
    requires: tuple[str, ...]
    plugins: tuple[tuple[str, str], ...]
    packages: tuple[InventoryPackage, ...]


def inventory_of(content: LocationContent) -> Inventory:
    """Return a location's inventory; raises `StaleLockError` when there is no lock."""
    location = content.location
    lock: Lock | None
    if location.shape is Shape.BUNDLE:
        bundle = open_bundle(location.path)
        lock, digest = bundled_lock(bundle), str(bundle.manifest["plugin_digest"])
    else:
        lock = read_lock(location.lock_file)
        if lock is None:
            raise StaleLockError(
                location=location.path, lock_file=location.lock_file, reason="there is none"
            )
        digest = digest_of(content, lock)
    main = content.distributions[0]
    own = sorted(each.name for each in content.distributions)
    api = [str(each.api_requirement or "") for each in content.distributions]
    required = {each.name for one in content.distributions for each in one.requires}
    packages = _packages(lock)
    names = {package.name for package in packages}
    return Inventory(
        name=main.name,
        version=str(main.version),
        plugin_digest=digest,
        api_requirement=str(SpecifierSet(",".join(filter(None, api)))),
        own=tuple(own),
        requires=tuple(sorted(_canonical(required) & names)),
        plugins=tuple(
            sorted(
                (entry.type.value, entry.class_name)
                for each in content.distributions
                for entry in each.entry_points
            )
        ),
        packages=tuple(one for one in packages if one.name not in {API_NAME, *_tree(content)}),
    )


def records_of(
    context: SyncContext, content: LocationContent, inventory: Inventory
) -> tuple[Mapping[str, Mapping[str, str]], tuple[str, ...]]:
    """Return the files that all the wheels of each package install, and wheels not at hand.

    Files are by path, with each hash that RECORD has for them (several, where targets differ);
    what is in a dist-info is left out. A project's own wheel is built unless the store has it.
    """
    found: dict[str, dict[str, set[str]]] = {}
    missing: list[str] = []
    wheels = {file.sha256: file.filename for one in inventory.packages for file in one.files}
    if content.location.shape is Shape.PROJECT:
        built = _built(context, content)
        wheels[file_sha256(built)] = built.name
    elif content.location.shape is Shape.BUNDLE:
        told = open_bundle(content.location.path).manifest["wheels"]
        wheels |= {one["sha256"]: one["file"].rpartition("/")[2] for one in told}
    for sha256, filename in sorted(wheels.items()):
        record = _record(context, content, sha256, filename)
        if record is None:
            missing.append(filename)
            continue
        files = found.setdefault(parse_wheel_filename(filename)[0], {})
        for line in record.splitlines():
            path, digest, _ = line.rsplit(",", 2)
            if ".dist-info/" not in path:
                files.setdefault(path.strip('"'), set()).add(digest)
    told = {
        package: {path: ",".join(sorted(hashes)) for path, hashes in files.items()}
        for package, files in found.items()
    }
    return told, tuple(missing)


def _record(
    context: SyncContext, content: LocationContent, sha256: str, filename: str
) -> str | None:
    location = content.location
    if location.shape is Shape.BUNDLE:
        bundle = open_bundle(location.path)
        if sha256 not in bundle.wheel_names:
            return None
        return bundle.dist_info(sha256, "RECORD").get("RECORD")
    files = [directory / filename for directory in location.wheelhouse_dirs]
    if context.store.built_dir.is_dir():
        files += sorted(context.store.built_dir.glob(f"*/{filename}"))
    for file in files:
        if file.is_file() and file_sha256(file) == sha256:
            try:
                return read_dist_info(file, "RECORD").get("RECORD")
            except (UnreadableWheelError, zipfile.BadZipFile):
                return None
    return None


def _built(context: SyncContext, content: LocationContent) -> Path:
    interpreter = interpreter_for(context, content)
    pip = pip_for(context, content.location, content.settings, interpreter)
    return build_project(content.location, context.store, pip=pip)


def _tree(content: LocationContent) -> tuple[str, ...]:
    """Name the distribution that is built from a tree, which other tools put into their lock."""
    if content.location.shape is not Shape.PROJECT:
        return ()
    return tuple(each.name for each in content.distributions)


def _packages(lock: Lock) -> tuple[InventoryPackage, ...]:
    found = []
    for package in lock.pylock.packages:
        sources: list[PackageWheel | PackageArchive] = [*(package.wheels or ())]
        if package.archive is not None:
            sources.append(package.archive)
        files = [
            InventoryFile(
                filename=name, sha256=source.hashes.get("sha256", ""), size_bytes=source.size
            )
            for source in sources
            if (name := wheel_name(source)) is not None
        ]
        version = package.version or (parse_wheel_filename(files[0].filename)[1] if files else "")
        needs = [str(each.get("name", "")) for each in package.dependencies or ()]
        found.append(
            InventoryPackage(
                name=package.name,
                version=str(version),
                files=tuple(sorted(files, key=lambda one: (one.filename, one.sha256))),
                requires=tuple(sorted(needs)),
            )
        )
    return tuple(sorted(found, key=lambda one: (one.name, one.version)))


def _canonical(names: set[str]) -> set[str]:
    return {name.lower().replace("_", "-").replace(".", "-") for name in names}
