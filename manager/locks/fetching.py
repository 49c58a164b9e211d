"""Fetching: a file for every wheel of a lock that the store does not have yet.

A wheel is known by its sha256 and looked for in this order: the store (then no file is needed),
the location's wheelhouse, the wheels that were built here, the path that the lock names, and at
last, in one call of pip for all that is still missing, the index.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from manager.digests import file_sha256
from manager.errors import VenvoyError
from manager.locks.building import BuildError, Source, build_source
from manager.locks.foreign_targets import pip_options
from manager.locks.locks import LockedWheel
from manager.locks.network_sources import NetworkSource, in_lock, in_pip_configuration
from manager.locks.pip import PipSettings, run_pip, source_options
from manager.locks.pip_reasons import reason_of
from manager.plugins.locations import Location
from manager.store.store import Store
from manager.store.wheels import validate

if TYPE_CHECKING:
    from packaging.version import Version

__all__ = ["MissingWheelsError", "NetworkForbiddenError", "download", "fetch", "missing_wheels"]

_DOWNLOAD: Final = ("download", "--no-deps", "--only-binary", ":all:")
_NOWHERE: Final = "they are neither in a wheelhouse nor in the store, and no index may be asked"
_PYTHON: Final = re.compile(r"(?:py|cp)(?P<major>\d)(?P<minor>\d*)\Z")


class MissingWheelsError(VenvoyError):
    """Wheels that the lock names are nowhere to be had."""

    code = "missing-wheels"

    def __init__(
        self, *, location: Path, wheels: Sequence[LockedWheel], reason: str, offline: bool
    ) -> None:
        super().__init__(location)
        self.location = location
        self.wheels = tuple(wheels)
        self.reason = reason
        self.offline = offline

    @property
    def message(self) -> str:
        """The location, each wheel with its sha256, and why."""
        names = ", ".join(f"{wheel.filename} (sha256 {wheel.sha256})" for wheel in self.wheels)
        return f"`{self.location}` lacks {names}: {self.reason}"

    @property
    def hint(self) -> str:
        """Where they could come from."""
        if self.offline:
            return "put them into the wheelhouse of the location, or sync once with a network"
        return (
            "put them into the wheelhouse of the location, or run `venvoy plugins lock` to choose"
            " others"
        )


class NetworkForbiddenError(MissingWheelsError):
    """Wheels could be had from a network only, and offline nobody asks one."""

    code = "network-forbidden"

    def __init__(
        self,
        *,
        location: Path,
        wheels: Sequence[LockedWheel],
        reason: str,
        sources: Sequence[NetworkSource],
    ) -> None:
        super().__init__(location=location, wheels=wheels, reason=reason, offline=True)
        self.sources = tuple(sources)

    @property
    def message(self) -> str:
        """What is missing, and each URL that was refused with the key that names it."""
        refused = ", ".join(map(str, self.sources))
        return f"{super().message}; refused, not tried: {refused}"

    @property
    def hint(self) -> str:
        """How to be offline."""
        location = shlex.quote(str(self.location))
        return f"run `venvoy plugins vendor {location}` with a network, then the wheels are at hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """For whom, and where, wheels are looked for."""

    location: Location
    store: Store
    pip: PipSettings
    scratch_dir: Path
    unpacked_will_do: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was found, and what stood in a wheelhouse under a right name with a wrong hash."""

    files: dict[str, Path]
    strangers: tuple[Path, ...]


def fetch(
    wheels: Sequence[LockedWheel],
    *,
    location: Location,
    store: Store,
    pip: PipSettings,
    scratch_dir: Path,
    unpacked_will_do: bool = True,
) -> tuple[tuple[Path, str], ...]:
    """Return (file, sha256) of each wheel, as `Store.add_wheels` takes them.

    A file that the store does not need may not exist, unless `unpacked_will_do` is False. What is
    downloaded lies in `scratch_dir`; the wheels may be for other Pythons and platforms.
    Raises `MissingWheelsError` for all that cannot be had, `CorruptWheelError` for a damaged
    wheel in the wheelhouse if there is no good one elsewhere.
    """
    search = _Search(
        location=location,
        store=store,
        pip=pip,
        scratch_dir=scratch_dir,
        unpacked_will_do=unpacked_will_do,
    )
    found = _at_hand(wheels, search)
    missing = [wheel for wheel in wheels if wheel.sha256 not in found.files]
    if missing:
        reason = _bring(missing, found.files, search)
        missing = [wheel for wheel in missing if wheel.sha256 not in found.files]
        if missing:
            raise _lacking(missing, found.strangers, search, reason)
    return tuple((found.files[wheel.sha256], wheel.sha256) for wheel in wheels)


def missing_wheels(
    wheels: Sequence[LockedWheel], *, location: Location, store: Store, pip: PipSettings
) -> tuple[LockedWheel, ...]:
    """Return what `fetch` would have to build or download; asks nobody and writes nothing.

    Raises what `fetch` would, offline, where nothing can be brought.
    """
    search = _Search(
        location=location, store=store, pip=pip, scratch_dir=store.root, unpacked_will_do=True
    )
    found = _at_hand(wheels, search)
    missing = tuple(wheel for wheel in wheels if wheel.sha256 not in found.files)
    if missing and pip.offline:
        raise _lacking(missing, found.strangers, search, _NOWHERE)
    return missing


def _lacking(
    missing: Sequence[LockedWheel], strangers: Iterable[Path], search: _Search, reason: str
) -> MissingWheelsError:
    """Return the fault of wheels that cannot be had; raises for a damaged one at hand."""
    location, offline = search.location, search.pip.offline
    for stranger in strangers:
        validate(stranger)
        reason = f"`{stranger}` has another sha256, and {reason}"
    sources = _refused(missing, location, search.pip) if offline else ()
    if sources:
        return NetworkForbiddenError(
            location=location.path, wheels=missing, reason=reason, sources=sources
        )
    return MissingWheelsError(
        location=location.path, wheels=missing, reason=reason, offline=offline
    )


def _refused(
    missing: Sequence[LockedWheel], location: Location, pip: PipSettings
) -> tuple[NetworkSource, ...]:
    return (*in_lock(location.lock_file, missing), *in_pip_configuration(pip.inherited))


def download(
    lines: Iterable[str], *, pip: PipSettings, scratch_dir: Path, options: Sequence[str] = ()
) -> str | None:
    """Download what requirement lines with hashes name, without what that requires.

    Returns None, or pip's reason why not. The files lie in `scratch_dir/wheels`.
    """
    scratch_dir.mkdir(parents=True, exist_ok=True)
    requirements_file = scratch_dir / "requirements.txt"
    requirements_file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    asked = [*options, "--require-hashes", "-r", str(requirements_file)]
    asked += ["--dest", str(scratch_dir / "wheels")]
    done = run_pip(pip, *_DOWNLOAD, *source_options(pip), *asked)
    return None if done.returncode == 0 else reason_of(done)


def _at_hand(wheels: Sequence[LockedWheel], search: _Search) -> _Found:
    files: dict[str, Path] = {}
    strangers: list[Path] = []
    tag = search.pip.interpreter.bytecode_tag
    for wheel in wheels:
        if search.unpacked_will_do and search.store.find_wheel(wheel.sha256, tag) is not None:
            files[wheel.sha256] = Path(wheel.filename)
            continue
        for candidate in _candidates(wheel, search.location, search.store):
            if not candidate.is_file():
                continue
            if file_sha256(candidate) == wheel.sha256:
                files[wheel.sha256] = candidate
                break
            strangers.append(candidate)
    return _Found(files=files, strangers=tuple(strangers))


def _candidates(wheel: LockedWheel, location: Location, store: Store) -> Iterator[Path]:
    for directory in location.wheelhouse_dirs:
        yield directory / wheel.filename
    if store.built_dir.is_dir():
        yield from sorted(store.built_dir.glob(f"*/{wheel.filename}"))
    if wheel.path is not None:
        yield wheel.path


def _bring(missing: Sequence[LockedWheel], files: dict[str, Path], search: _Search) -> str:
    """Build and download what is missing into `files`; returns why something may be left."""
    if search.pip.offline:
        return _NOWHERE
    reason = ""
    for wheel in missing:
        if wheel.built_from is not None and wheel.built_from.sha256:
            reason = _rebuild(wheel, files, search) or reason
    # pip takes one version of a package in a call; targets may have got different ones.
    calls: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    versions: dict[str, list[Version]] = {}
    for wheel in missing:
        if wheel.built_from is None:
            known = versions.setdefault(wheel.name, [])
            if wheel.version not in known:
                known.append(wheel.version)
            call = (known.index(wheel.version), _options_for(wheel, search.pip))
            calls.setdefault(call, []).append(_line(wheel))
    for (_, options), lines in calls.items():
        done = download(lines, pip=search.pip, scratch_dir=search.scratch_dir, options=options)
        reason = done or reason
    for file in (search.scratch_dir / "wheels").glob("*.whl"):
        files[file_sha256(file)] = file
    return reason or "pip found other files"


def _options_for(wheel: LockedWheel, pip: PipSettings) -> tuple[str, ...]:
    """Return what makes pip take a wheel that does not fit the interpreter it runs on."""
    try:
        tags = sorted(parse_wheel_filename(wheel.filename)[-1], key=str)
    except InvalidWheelFilename:
        return ()
    if any(str(tag) in pip.tags for tag in tags):
        return ("--ignore-requires-python",)
    tag = tags[0]
    python = _PYTHON.match(tag.interpreter)
    minor = None
    if python is not None:
        minor = f"{python['major']}.{python['minor']}" if python["minor"] else None
    return (
        "--ignore-requires-python",
        *pip_options(
            minor=minor,
            abi=None if tag.abi == "none" else tag.abi,
            platforms=() if tag.platform == "any" else (tag.platform,),
        ),
    )


def _line(wheel: LockedWheel) -> str:
    """Return the requirement that only this file meets."""
    if wheel.url is not None and wheel.url.startswith(("https:", "http:", "file:")):
        return f"{wheel.name} @ {wheel.url} --hash=sha256:{wheel.sha256}"
    return f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}"


def _rebuild(wheel: LockedWheel, files: dict[str, Path], search: _Search) -> str | None:
    """Build a wheel again from its sdist, found by its hash; returns why it is not the locked one.

    A backend that is not reproducible gives other bytes on another machine: then the wheel has
    to be vendored.
    """
    source = wheel.built_from
    if source is None:
        return None
    wanted = Source(
        name=wheel.name,
        requirement=f"{wheel.name}=={wheel.version}",
        key=source.sha256,
        sha256=source.sha256,
        pins=source.pins,
        subject=f"{wheel.name} {wheel.version}",
    )
    try:
        built = build_source(wanted, search.store, location=search.location.path, pip=search.pip)
    except BuildError as error:
        return error.message
    if file_sha256(built) != wheel.sha256:
        return f"{wheel.filename} built from {source.filename} here has other bytes"
    files[wheel.sha256] = built
    return None
