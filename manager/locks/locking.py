"""Locking a location: its packages chosen for each target, brought into the store, and written.

What a location brings as wheels (its own and its wheelhouse) is enough if it can be; the index is
asked when it is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, create_compatible_tags_selector
from packaging.utils import parse_wheel_filename

from manager.digests import file_sha256, sha256_of
from manager.fs import staging
from manager.interpreters.interpreter import Interpreter
from manager.interpreters.search import MissingInterpreterError
from manager.locks.build_requirements import (
    declared_build_requirements,
    declared_in,
    with_earlier_builds,
)
from manager.locks.building import Source, build_source
from manager.locks.bundled import bundled_lock
from manager.locks.fetching import download
from manager.locks.foreign_targets import ForeignTarget
from manager.locks.freshness import made_for
from manager.locks.lock_making import LocalPackage, TargetPackages, make_lock
from manager.locks.locks import (
    BuiltFrom,
    InvalidLockError,
    Lock,
    lock_text,
    read_lock,
    write_lock,
)
from manager.locks.pip import PipSettings
from manager.locks.resolution import ResolutionError, ResolvedPackage, Wanted, resolve
from manager.locks.sync_context import SyncContext, installed, interpreter_for, pip_for
from manager.locks.targets import Target, target_of
from manager.plugins.bundles import open_bundle
from manager.plugins.distributions import Distribution
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Location, Shape
from manager.store.wheels import validate

__all__ = ["Locked", "lock_location", "own_wheels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A lock that was just made; `changed` tells whether the file is another than before.

    `inexact` says, for each foreign target, which markers could not be evaluated as it would.
    """

    lock: Lock
    changed: bool
    targets: tuple[str, ...]
    inexact: tuple[str, ...] = ()


def lock_location(
    context: SyncContext,
    content: LocationContent,
    *,
    interpreters: Sequence[Interpreter | ForeignTarget] = (),
) -> Locked:
    """Choose a location's packages anew and write its lock, for each of the targets.

    Without any it is locked for the interpreter that it will run on. The wheels for interpreters
    of this machine are in the store afterwards. Build requirements that were locked before stay
    so while the project asks for the same.
    Raises `ResolutionError`, `BuildError`, `CorruptWheelError`, `UnwritableLockError`,
    `ProcessTimeoutError`; then the old lock stands as it was.
    """
    if content.location.shape is Shape.BUNDLE:  # its lock is inside, and stays as it is
        lock = bundled_lock(open_bundle(content.location.path))
        return Locked(lock=lock, changed=False, targets=())
    chosen = tuple(interpreters) or (interpreter_for(context, content),)
    fors = [_for(context, each) for each in chosen]
    by_target = {each.target: each for each in fors}
    own = own_wheels(content)
    packages = [
        TargetPackages(target=target, packages=_packages(context, content, each, own))
        for target, each in sorted(by_target.items())
    ]
    python = [str(one.requires_python) for one in content.distributions if one.requires_python]
    file = content.location.lock_file
    lock = make_lock(
        file,
        packages,
        wanted=made_for(content),
        requires_python=SpecifierSet(",".join(python)) if python else None,
    )
    lock = _with_earlier_builds(lock, content.location)
    changed = not file.is_file() or file.read_bytes() != lock_text(lock).encode()
    if changed:
        write_lock(file, lock)
    names = tuple(target.name for target in sorted(by_target))
    return Locked(
        lock=lock,
        changed=changed,
        targets=names,
        inexact=tuple(filter(None, (each.inexact for _, each in sorted(by_target.items())))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _For:
    """What is locked for: an interpreter here, or a foreign target and what stands in for it."""

    interpreter: Interpreter
    foreign: ForeignTarget | None

    @property
    def target(self) -> Target:
        return target_of(self.interpreter) if self.foreign is None else self.foreign.target

    @property
    def inexact(self) -> str | None:
        return None if self.foreign is None else self.foreign.inexact(self.interpreter)


def _for(context: SyncContext, chosen: Interpreter | ForeignTarget) -> _For:
    """Find what stands in for a foreign target: its version if possible, for pip's markers."""
    if isinstance(chosen, Interpreter):
        return _For(interpreter=chosen, foreign=None)
    try:
        interpreter = installed(context, chosen.minor)
    except MissingInterpreterError:
        interpreter = installed(context, None)
    return _For(interpreter=interpreter, foreign=chosen)


def _with_earlier_builds(lock: Lock, location: Location) -> Lock:
    try:
        before = read_lock(location.lock_file)
    except InvalidLockError:
        return lock
    declared = declared_build_requirements(location)
    if before is None or declared_in(before) != declared:
        return lock
    return with_earlier_builds(lock, before)


def own_wheels(content: LocationContent) -> Mapping[Path, str]:
    """Return the wheels that carry the location's plugins, for any platform, with their sha256.

    None for a project, whose wheel is built.
    """
    if content.location.shape is Shape.PROJECT:
        return {}
    own = {(one.name, one.version) for one in content.distributions}
    files = {file.name: file for file in reversed(content.location.wheel_files())}
    return {
        file: file_sha256(file)
        for file in sorted(files.values())
        if parse_wheel_filename(file.name)[:2] in own
    }


def _packages(
    context: SyncContext,
    content: LocationContent,
    wanted: _For,
    own: Mapping[Path, str],
) -> tuple[LocalPackage, ...]:
    location, interpreter = content.location, wanted.interpreter
    with staging(context.store.root) as room:
        context.progress(f"{location.name}: resolving for {wanted.target.name}")
        resolved = _resolve(context, content, wanted, room)
        pip = pip_for(context, location, content.settings, interpreter, foreign=wanted.foreign)
        files = _download(context, content, resolved, pip, room)
        packages = [
            _local(context, content, package, files.get(package.url), pip) for package in resolved
        ]
        fitting = [_fitting(one, own, content, pip) for one in content.distributions if own]
        wheels = [(package.file, package.sha256) for package in packages]
        wheels += [(file, own[file]) for file in fitting]
        if wanted.foreign is None:
            progress = context.progress_of(location)
            context.store.add_wheels(wheels, interpreter, progress=progress)
        for file, _ in () if wanted.foreign is None else wheels:
            validate(file)
    return (*packages, *_own_packages(content, own))


def _resolve(
    context: SyncContext, content: LocationContent, chosen: _For, room: Path
) -> tuple[ResolvedPackage, ...]:
    """Resolve from the location's own wheels if they suffice, else with the index."""
    location = content.location
    wanted = Wanted(
        location=location,
        distributions=content.distributions,
        settings=content.settings,
        api=context.api.version,
    )

    def ask(name: str, *, offline: bool) -> tuple[ResolvedPackage, ...]:
        scratch_dir = room / name
        scratch_dir.mkdir()
        pip = pip_for(
            context,
            location,
            content.settings,
            chosen.interpreter,
            offline=offline,
            foreign=chosen.foreign,
        )
        return resolve(wanted, pip=pip, scratch_dir=scratch_dir)

    if location.shape is not Shape.PROJECT and not context.offline:
        try:
            return ask("wheelhouse", offline=True)
        except ResolutionError:
            context.progress(f"{location.name}: its wheels do not suffice, asking the index")
    return ask("index", offline=context.offline)


def _download(
    context: SyncContext,
    content: LocationContent,
    resolved: Sequence[ResolvedPackage],
    pip: PipSettings,
    room: Path,
) -> dict[str, Path]:
    """Download the wheels that are not on this machine, in one call; returns files by URL."""
    wanted = [one for one in resolved if one.is_wheel and one.local_file is None]
    if not wanted:
        return {}
    context.progress(f"{content.location.name}: downloading {_wheels(len(wanted))}")
    lines = [f"{one.requirement} --hash=sha256:{one.sha256}" for one in wanted]
    options = ["--ignore-requires-python", *(pip.foreign.pip_options if pip.foreign else ())]
    reason = download(lines, pip=pip, scratch_dir=room / "download", options=options)
    if reason is not None:
        raise _unresolvable(content, pip, reason)
    return {one.url: room / "download" / "wheels" / one.filename for one in wanted}


def _wheels(count: int) -> str:
    return f"{count} wheel{'' if count == 1 else 's'}"


def _unresolvable(content: LocationContent, pip: PipSettings, reason: str) -> ResolutionError:
    return ResolutionError(
        plugin=", ".join(map(str, content.distributions)),
        location=content.location.path,
        interpreter=pip.interpreter,
        reason=reason,
        offline=pip.offline,
    )


def _local(
    context: SyncContext,
    content: LocationContent,
    package: ResolvedPackage,
    file: Path | None,
    pip: PipSettings,
) -> LocalPackage:
    """Return a package with its wheel's file, which is built if there is only a source."""
    file = file or (package.local_file if package.is_wheel else None)
    built_from = None
    if file is None:
        context.progress(f"{content.location.name}: building {package.name} {package.version}")
        source = _source(package)
        file = build_source(source, context.store, location=content.location.path, pip=pip)
        built_from = BuiltFrom(filename=package.filename, sha256=package.sha256 or "")
    return LocalPackage(
        name=package.name,
        version=package.version,
        requires_python=package.requires_python,
        dependencies=package.dependencies,
        file=file,
        sha256=file_sha256(file),
        size_bytes=file.stat().st_size,
        lock_path=_lock_path(content.location, file),
        built_from=built_from,
    )


def _source(package: ResolvedPackage) -> Source:
    return Source(
        name=package.name,
        requirement=package.requirement,
        key=package.sha256 or sha256_of({"source": package.url}),
        sha256=package.sha256,
        subject=f"{package.name} {package.version}",
    )


def _lock_path(location: Location, file: Path) -> PurePosixPath:
    """Return where the wheel lies relative to the lock, or would lie if it were vendored."""
    beside = location.lock_file.parent
    if file.parent == beside:
        return PurePosixPath(file.name)
    return PurePosixPath("wheels", file.name)


def _fitting(
    distribution: Distribution,
    own: Mapping[Path, str],
    content: LocationContent,
    pip: PipSettings,
) -> Path:
    """Return the best of a distribution's own wheels for an interpreter."""
    candidates = []
    for file in own:
        name, version, _, tags = parse_wheel_filename(file.name)
        if (name, version) == (distribution.name, distribution.version):
            candidates.append((file, tags))
    supported = [Tag(*text.split("-")) for text in pip.tags]
    best = next(iter(create_compatible_tags_selector(supported)(candidates)), None)
    if best is None:
        names = ", ".join(file.name for file, _ in candidates)
        raise _unresolvable(content, pip, f"none of its wheels fits ({names})")
    return best


def _own_packages(content: LocationContent, own: Mapping[Path, str]) -> list[LocalPackage]:
    by_key = {(one.name, one.version): one for one in content.distributions}
    packages = []
    for file, sha256 in own.items():
        distribution = by_key[parse_wheel_filename(file.name)[:2]]
        packages.append(
            LocalPackage(
                name=distribution.name,
                version=distribution.version,
                requires_python=distribution.requires_python,
                dependencies=(),
                file=file,
                sha256=sha256,
                size_bytes=file.stat().st_size,
                lock_path=_lock_path(content.location, file),
            )
        )
    return packages
