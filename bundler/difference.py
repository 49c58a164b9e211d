"""Differences between two versions of a plugin: packages, files, size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import parse_wheel_filename

from bundler.inventory import Inventory, inventory_of, records_of
from manager.digests import JsonValue
from manager.locks.sync_context import SyncContext
from manager.plugins.location_content import LocationContent

__all__ = ["Change", "Difference", "compare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A package or a file in two versions; None where there is none."""

    name: str
    before: str | None
    after: str | None

    @property
    def kind(self) -> str:
        """What became of it: `added`, `removed` or `changed`."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What changed from one to the other, sorted by name; sizes in bytes, of all wheels.

    `unseen` are wheels that were not at hand, so that their files could not be compared.
    """

    before: Inventory
    after: Inventory
    packages: tuple[Change, ...]
    files: tuple[Change, ...]
    unseen: tuple[str, ...]
    size_before: int
    size_after: int

    def as_json(self) -> dict[str, JsonValue]:
        """Return it for `--json`."""
        return {
            "before": _told(self.before),
            "after": _told(self.after),
            "packages": [_change(one) for one in self.packages],
            "files": [{"path": one.name, "change": one.kind} for one in self.files],
            "unseen_wheels": list(self.unseen),
            "size_bytes": {"before": self.size_before, "after": self.size_after},
        }


def compare(context: SyncContext, before: LocationContent, after: LocationContent) -> Difference:
    """Compare two locations or bundles; raises what `inventory_of` and building raise."""
    old, new = inventory_of(before), inventory_of(after)
    old_files, old_missing = records_of(context, before, old)
    new_files, new_missing = records_of(context, after, new)
    unseen = tuple(sorted({*old_missing, *new_missing}))
    return Difference(
        before=old,
        after=new,
        packages=_changes(_versions(old), _versions(new)),
        files=_changes(_seen(old_files, unseen), _seen(new_files, unseen)),
        unseen=unseen,
        size_before=_size(old),
        size_after=_size(new),
    )


def _versions(inventory: Inventory) -> Mapping[str, str]:
    """Return the versions of each package: several, where targets differ."""
    found: dict[str, list[str]] = {inventory.name: [inventory.version]}
    for package in inventory.packages:
        versions = found.setdefault(package.name, [])
        if package.version not in versions:
            versions.append(package.version)
    return {name: ", ".join(versions) for name, versions in found.items()}


def _seen(files: Mapping[str, Mapping[str, str]], unseen: Sequence[str]) -> Mapping[str, str]:
    """Return files by path, without packages of which a wheel is lacking on either side."""
    left_out = {parse_wheel_filename(name)[0] for name in unseen}
    return {
        path: hashes
        for package, paths in files.items()
        if package not in left_out
        for path, hashes in paths.items()
    }


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    return tuple(
        Change(name=name, before=before.get(name), after=after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def _size(inventory: Inventory) -> int:
    sizes = {file.sha256: file.size_bytes or 0 for one in inventory.packages for file in one.files}
    return sum(sizes.values())


def _told(inventory: Inventory) -> dict[str, JsonValue]:
    return {
        "name": inventory.name,
        "version": inventory.version,
        "plugin_digest": inventory.plugin_digest,
    }


def _change(change: Change) -> dict[str, JsonValue]:
    return {
        "name": change.name,
        "change": change.kind,
        "before": change.before,
        "after": change.after,
    }
