"""What is in a bundle, or would be in one of a location: told without running any of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import parse_wheel_filename

from manager.digests import JsonValue
from manager.locks.locks import InvalidLockError, read_lock
from manager.plugins.bundles import open_bundle
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Shape

__all__ = ["InspectedWheel", "Inspection", "inspect_bundle", "inspect_location"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedWheel:
    """One wheel; its size in bytes is None where a lock does not tell it."""

    name: str
    version: str
    file: str
    sha256: str
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a bundle or a location holds; the digests are "" for a location, which `sync` tells."""

    path: Path
    name: str
    version: str
    sha256: str
    plugin_digest: str
    api_requirement: str
    requires_python: str
    targets: tuple[str, ...]
    plugins: tuple[tuple[str, str, str], ...]
    wheels: tuple[InspectedWheel, ...]

    def as_json(self) -> dict[str, JsonValue]:
        """Return it for `--json`."""
        return {
            "path": str(self.path),
            "name": self.name,
            "version": self.version,
            "manifest_sha256": self.sha256,
            "plugin_digest": self.plugin_digest,
            "api_requirement": self.api_requirement,
            "requires_python": self.requires_python,
            "targets": list(self.targets),
            "plugins": [
                {"type": kind, "class": name, "version": version}
                for kind, name, version in self.plugins
            ],
            "wheels": [
                {
                    "name": one.name,
                    "version": one.version,
                    "file": one.file,
                    "sha256": one.sha256,
                    "size": one.size_bytes,
                }
                for one in self.wheels
            ],
        }


def inspect_bundle(path: Path) -> Inspection:
    """Read a bundle whole, every byte checked; raises `BadBundleError`."""
    bundle = open_bundle(path, whole=True)
    told = bundle.manifest
    return Inspection(
        path=path,
        name=told["name"],
        version=told["version"],
        sha256=bundle.reading.manifest_sha256,
        plugin_digest=told["plugin_digest"],
        api_requirement=told["api_requirement"],
        requires_python=told["requires_python"],
        targets=tuple(each["name"] for each in told["targets"]),
        plugins=tuple(_plugin(each) for each in told["entry_points"]),
        wheels=_wheels(told["wheels"]),
    )


def inspect_location(content: LocationContent) -> Inspection:
    """Tell what a location's lock names; raises `InvalidLockError` when there is none."""
    location = content.location
    if location.shape is Shape.BUNDLE:
        return inspect_bundle(location.path)
    lock = read_lock(location.lock_file)
    if lock is None:
        raise InvalidLockError(path=location.lock_file, reason="there is none")
    main = content.distributions[0]
    wheels = [
        InspectedWheel(
            name=package.name,
            version=str(package.version or parse_wheel_filename(wheel.filename)[1]),
            file=wheel.filename,
            sha256=wheel.hashes.get("sha256", ""),
            size_bytes=wheel.size,
        )
        for package in lock.pylock.packages
        for wheel in package.wheels or ()
    ]
    targets = lock.tool.get("targets")
    return Inspection(
        path=location.path,
        name=main.name,
        version=str(main.version),
        sha256="",
        plugin_digest="",
        api_requirement=str(main.api_requirement or ""),
        requires_python=str(main.requires_python or ""),
        targets=tuple(map(str, targets)) if isinstance(targets, list) else (),
        plugins=tuple(
            (each.type.value, each.class_name, str(one.version))
            for one in content.distributions
            for each in one.entry_points
        ),
        wheels=tuple(sorted(wheels, key=lambda one: one.file)),
    )


def _plugin(each: Mapping[str, Any]) -> tuple[str, str, str]:
    return each["type"], f"{each['module']}.{each['qualname']}", each["version"]


def _wheels(told: Sequence[Mapping[str, Any]]) -> tuple[InspectedWheel, ...]:
    return tuple(
        InspectedWheel(
            name=one["name"],
            version=one["version"],
            file=one["file"].rpartition("/")[2],
            sha256=one["sha256"],
            size_bytes=one["size"],
        )
        for one in told
    )
