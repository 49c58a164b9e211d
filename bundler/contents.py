"""What goes into a bundle: the wheels of every target of the lock, the lock, the API, the stub.

What a bundle holds follows from the location alone: not from who makes it, where or when. So its
targets are those of the lock, whatever Python the maker runs on.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from manager.digests import JsonValue, file_sha256, plugin_digest, tree_digest
from manager.errors import VenvoyError
from manager.interpreters.interpreter import Interpreter
from manager.locks.building import build_project
from manager.locks.fetching import fetch
from manager.locks.foreign_targets import ForeignTarget, UnknownTargetError, parse_target
from manager.locks.keeping import good_lock, targets_of
from manager.locks.locking import own_wheels
from manager.locks.locks import Lock, LockedWheel, lock_content, select_wheels
from manager.locks.sync_context import SyncContext, interpreter_for, pip_for
from manager.locks.targets import target_of
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Shape

_LOCAL: Final = re.compile(r"(?P<abi>cp3\d+t?)-linux_(?P<arch>\w+)-(?P<libc>glibc|musl)")

__all__ = ["BundledWheel", "Contents", "TargetContents", "UnbundledTargetError", "gather"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledWheel:
    """A wheel to go in, and the file it is now; two files of one name would have one sha256."""

    name: NormalizedName
    version: Version
    file: Path
    sha256: str
    size_bytes: int

    @property
    def key(self) -> tuple[str, str, str]:
        """How environments and manifests name it."""
        return self.name, str(self.version), self.sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetContents:
    """What one target gets: (name, version, sha256) of its wheels, sorted."""

    name: str
    wheels: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A location ready to be packed. `own` is as the manifest has it."""

    content: LocationContent
    lock: Lock
    lock_bytes: bytes
    wheels: tuple[BundledWheel, ...]
    targets: tuple[TargetContents, ...]
    own: Mapping[str, JsonValue]
    plugin_digest: str

    @property
    def wheel_members(self) -> Mapping[str, str]:
        """The member that holds each wheel, by its sha256.

        A project built by several Pythons can give wheels of one file name and other bytes: they
        lie in directories of their own.
        """
        counts = Counter(wheel.file.name for wheel in self.wheels)
        return {
            wheel.sha256: f"wheels/{wheel.file.name}"
            if counts[wheel.file.name] == 1
            else f"wheels/{wheel.sha256[:16]}/{wheel.file.name}"
            for wheel in self.wheels
        }


class UnbundledTargetError(VenvoyError):
    """A lock names targets whose wheels cannot be told on this machine."""

    code = "unbundled-target"

    def __init__(self, *, location: Path, targets: Sequence[str]) -> None:
        super().__init__(location)
        self.location = location
        self.targets = tuple(targets)

    @property
    def message(self) -> str:
        """The location and the targets."""
        names = ", ".join(self.targets)
        return f"`{self.location}` is locked for {names}, which no Python on this machine is"

    @property
    def hint(self) -> str:
        """Install it or leave it."""
        return "install those Pythons, or lock for other targets: `venvoy plugins lock --target …`"


def gather(context: SyncContext, content: LocationContent, room: Path) -> Contents:
    """Bring together what a bundle of a location holds; `room` is scratch space.

    Raises what locking, building and fetching raise, and `UnbundledTargetError`.
    """
    interpreter = interpreter_for(context, content)
    own = own_wheels(content)
    lock, _, _ = good_lock(context, content, interpreter, own)
    lock_bytes = lock.path.read_bytes()
    gathering = _Gathering(context, content, lock, room)
    chosen = gathering.targets(interpreter)
    selected = {each.name: gathering.select(each) for each in chosen}
    files = gathering.files(selected, chosen[0])
    targets: list[TargetContents] = []
    for each in chosen:
        wheels = [files[wheel.sha256] for wheel in selected[each.name]]
        wheels += gathering.built(each, files)
        keys = tuple(sorted(wheel.key for wheel in wheels))
        targets.append(TargetContents(name=each.name, wheels=keys))
    origin: Mapping[str, JsonValue] = (
        {"wheels": sorted(own.values())} if own else {"tree": tree_digest(content.location.path)}
    )
    held = sorted(own.values()) if own else str(origin["tree"])
    return Contents(
        content=content,
        lock=lock,
        lock_bytes=lock_bytes,
        wheels=tuple(sorted(_every(files, own), key=lambda wheel: (wheel.file.name, wheel.sha256))),
        targets=tuple(targets),
        own=origin,
        plugin_digest=plugin_digest(lock_content(lock), held),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """A target by its name in the lock, with the interpreter that is it or stands in for it."""

    name: str
    interpreter: Interpreter
    foreign: ForeignTarget | None

    @property
    def as_interpreter(self) -> Interpreter:
        """Return the interpreter, with the tags and telling markers of a foreign target."""
        if self.foreign is None:
            return self.interpreter
        minor, sys_platform, machine, implementation = self.foreign.target.markers
        markers = {
            **self.interpreter.markers,
            "python_version": minor,
            "python_full_version": f"{minor}.0",
            "sys_platform": sys_platform,
            "platform_machine": machine,
            "implementation_name": implementation,
        }
        return replace(self.interpreter, tags=self.foreign.tags, markers=markers)


class _Gathering:
    """One location being gathered."""

    def __init__(
        self, context: SyncContext, content: LocationContent, lock: Lock, room: Path
    ) -> None:
        self.context = context
        self.content = content
        self.location = content.location
        self.lock = lock
        self.room = room
        is_project = content.location.shape is Shape.PROJECT
        self.project = content.distributions[0].name if is_project else None

    def targets(self, interpreter: Interpreter) -> tuple[_Chosen, ...]:
        """Return the lock's targets; for a lock that names none, the interpreter to run on.

        `interpreter` stands in for a target that is not here: it is one that the plugin allows.
        """
        names = self.lock.tool.get("targets")
        if not isinstance(names, list) or not names:
            name = target_of(interpreter).name
            return (_Chosen(name=name, interpreter=interpreter, foreign=None),)
        here = {
            target_of(each).name: each
            for each in targets_of(self.context, self.lock, interpreter)
            if isinstance(each, Interpreter)
        }
        found: list[_Chosen] = []
        missing: list[str] = []
        for name in map(str, names):
            foreign = None if name in here else _elsewhere(name)
            if name not in here and foreign is None:
                missing.append(name)
            found.append(
                _Chosen(name=name, interpreter=here.get(name, interpreter), foreign=foreign)
            )
        if missing:
            raise UnbundledTargetError(location=self.location.path, targets=missing)
        return tuple(found)

    def select(self, chosen: _Chosen) -> tuple[LockedWheel, ...]:
        """Return the locked wheels of a target."""
        return select_wheels(self.lock, chosen.as_interpreter, project=self.project)

    def files(
        self, selected: Mapping[str, tuple[LockedWheel, ...]], first: _Chosen
    ) -> dict[str, BundledWheel]:
        """Return every selected wheel by its sha256, with a file."""
        wheels = {one.sha256: one for each in selected.values() for one in each}
        self.context.progress(f"{self.location.name}: bringing {len(wheels)} wheels together")
        pip = pip_for(self.context, self.location, self.content.settings, first.interpreter)
        found = fetch(
            list(wheels.values()),
            location=self.location,
            store=self.context.store,
            pip=pip,
            scratch_dir=self.room / "fetch",
            unpacked_will_do=False,
        )
        return {
            sha256: BundledWheel(
                name=wheels[sha256].name,
                version=wheels[sha256].version,
                file=file,
                sha256=sha256,
                size_bytes=file.stat().st_size,
            )
            for file, sha256 in found
        }

    def built(self, chosen: _Chosen, files: dict[str, BundledWheel]) -> list[BundledWheel]:
        """Return the project's own wheel for a target, added to `files`."""
        if self.project is None:
            return []
        self.context.progress(f"{self.location.name}: building its wheel")
        pip = pip_for(self.context, self.location, self.content.settings, chosen.interpreter)
        file = build_project(self.location, self.context.store, pip=pip)
        sha256 = file_sha256(file)
        name, version, _, tags = parse_wheel_filename(file.name)
        if set(map(str, tags)).isdisjoint(chosen.as_interpreter.tags):
            raise UnbundledTargetError(location=self.location.path, targets=[chosen.name])
        files[sha256] = BundledWheel(
            name=name, version=version, file=file, sha256=sha256, size_bytes=file.stat().st_size
        )
        return [files[sha256]]


def _every(files: Mapping[str, BundledWheel], own: Mapping[Path, str]) -> Iterator[BundledWheel]:
    """Yield the wheels of all targets, and the plugin's own for platforms that are no target."""
    yield from files.values()
    for file, sha256 in own.items():
        if sha256 not in files:
            name, version, *_ = parse_wheel_filename(file.name)
            yield BundledWheel(
                name=canonicalize_name(name),
                version=version,
                file=file,
                sha256=sha256,
                size_bytes=file.stat().st_size,
            )


def _elsewhere(name: str) -> ForeignTarget | None:
    """Return a lock's target that no Python on this machine is, None if its name tells too little.

    A target of another machine with glibc or musl takes whatever wheel its lock has for it.
    """
    local = _LOCAL.fullmatch(name)
    if local is not None:
        newest = "manylinux_2_40" if local["libc"] == "glibc" else "musllinux_1_2"
        name = f"{local['abi']}-{newest}_{local['arch']}"
    try:
        return parse_target(name)
    except UnknownTargetError:
        return None
