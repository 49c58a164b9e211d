"""What goes into a bundle: the wheels of every target of the lock, the lock, the API, the stub.

What a bundle holds follows from the location alone: not from who makes it, where or when. So its
targets are those of the lock, whatever Python the maker runs on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from manager.digests import JsonValue, file_sha256, plugin_digest, tree_digest
from manager.errors import VenvoyError
from manager.interpreters.interpreter import Interpreter
from manager.locks.building import build_project
from manager.locks.fetching import fetch
from manager.locks.foreign_targets import ForeignTarget
from manager.locks.keeping import good_lock, targets_of
from manager.locks.locking import own_wheels
from manager.locks.locks import Lock, LockedWheel, lock_content, select_wheels
from manager.locks.sync_context import SyncContext, installed, interpreter_for, pip_for
from manager.locks.targets import target_of
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Shape

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
    selected = {each.target.name: gathering.select(each) for each in chosen}
    files = gathering.files(selected, chosen[0])
    targets: list[TargetContents] = []
    for each in chosen:
        wheels = [files[wheel.sha256] for wheel in selected[each.target.name]]
        wheels += gathering.built(each, files)
        keys = tuple(sorted(wheel.key for wheel in wheels))
        targets.append(TargetContents(name=each.target.name, wheels=keys))
    origin: Mapping[str, JsonValue] = (
        {"wheels": sorted(own.values())} if own else {"tree": tree_digest(content.location.path)}
    )
    held = sorted(own.values()) if own else str(origin["tree"])
    return Contents(
        content=content,
        lock=lock,
        lock_bytes=lock_bytes,
        wheels=tuple(sorted(_every(files, own), key=lambda wheel: wheel.file.name)),
        targets=tuple(targets),
        own=origin,
        plugin_digest=plugin_digest(lock_content(lock), held),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """A target, with the interpreter that is it or stands in for it."""

    interpreter: Interpreter
    foreign: ForeignTarget | None

    @property
    def target(self) -> "ForeignTarget | _Named":
        return self.foreign or _Named(name=target_of(self.interpreter).name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    name: str


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
        """Return the lock's targets; for a lock that names none, the interpreter to run on."""
        names = self.lock.tool.get("targets")
        if not isinstance(names, list) or not names:
            return (_Chosen(interpreter=interpreter, foreign=None),)
        found: dict[str, _Chosen] = {}
        for each in targets_of(self.context, self.lock, interpreter):
            if isinstance(each, Interpreter):
                found[target_of(each).name] = _Chosen(interpreter=each, foreign=None)
            else:
                stand_in = installed(self.context, None)
                found[each.name] = _Chosen(interpreter=stand_in, foreign=each)
        missing = [str(name) for name in names if name not in found]
        if missing:
            raise UnbundledTargetError(location=self.location.path, targets=missing)
        return tuple(found[str(name)] for name in names)

    def select(self, chosen: _Chosen) -> tuple[LockedWheel, ...]:
        """Return the locked wheels of a target."""
        interpreter = chosen.interpreter
        if chosen.foreign is not None:
            interpreter = _as_if(interpreter, chosen.foreign)
        return select_wheels(self.lock, interpreter, project=self.project)

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
        name, version, *_ = parse_wheel_filename(file.name)
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


def _as_if(interpreter: Interpreter, foreign: ForeignTarget) -> Interpreter:
    """Return an interpreter with the tags and the telling markers of a foreign target."""
    minor, sys_platform, machine, implementation = foreign.target.markers
    markers = {
        **interpreter.markers,
        "python_version": minor,
        "python_full_version": f"{minor}.0",
        "sys_platform": sys_platform,
        "platform_machine": machine,
        "implementation_name": implementation,
    }
    return replace(interpreter, tags=foreign.tags, markers=markers)
