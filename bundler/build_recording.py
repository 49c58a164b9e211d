"""Recording builds: what pip installed to build a wheel, with the files of it.

The wheel is built once more, in isolation and under pip's log; its build requirements are then
downloaded at just those versions. The locked or stored wheel stays what it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from manager.digests import file_sha256
from manager.locks.build_requirements import BuildRequirement, installed_in
from manager.locks.building import BuildError, Source, build_in, build_source_in
from manager.locks.fetching import fetch
from manager.locks.locks import LockedWheel
from manager.locks.pip import PipSettings, run_pip, source_options
from manager.locks.pip_reasons import reason_of
from manager.plugins.locations import Location
from manager.store.store import Store

__all__ = [
    "RecordedRequirement",
    "fetch_build_requirements",
    "merged",
    "record_project",
    "record_source",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequirement:
    """A build requirement and its file, which lies in the scratch directory."""

    requirement: BuildRequirement
    file: Path


def record_project(
    location: Location, *, pip: PipSettings, room: Path
) -> tuple[RecordedRequirement, ...]:
    """Build a project below `room`, a new directory, and return what that took.

    Raises `BuildError`.
    """
    room.mkdir()
    logging = replace(pip, log_file=room / "pip.log")
    build_in(room, location, pip=logging)
    return _installed(location, logging, room)


def record_source(
    wheel: LockedWheel, location: Location, *, pip: PipSettings, room: Path
) -> tuple[RecordedRequirement, ...]:
    """Build a locked wheel's source below `room`, a new directory, and return what that took.

    Raises `BuildError`.
    """
    built_from = wheel.built_from
    if built_from is None:
        return ()
    room.mkdir()
    logging = replace(pip, log_file=room / "pip.log")
    source = Source(
        name=wheel.name,
        requirement=f"{wheel.name}=={wheel.version}",
        key=built_from.sha256,
        sha256=built_from.sha256,
        subject=f"{wheel.name} {wheel.version}",
    )
    build_source_in(room, source, location=location.path, pip=logging)
    return _installed(location, logging, room)


def fetch_build_requirements(
    requirements: Iterable[BuildRequirement],
    location: Location,
    *,
    store: Store,
    pip: PipSettings,
    room: Path,
) -> tuple[RecordedRequirement, ...]:
    """Return the files of locked build requirements; raises `MissingWheelsError`."""
    by_sha256 = {one.sha256: one for one in requirements}
    wheels = [
        LockedWheel(
            name=one.name,
            version=Version(one.version),
            filename=one.filename,
            sha256=one.sha256,
            size_bytes=one.size_bytes,
            url=None,
            path=None,
            built_from=None,
        )
        for one in by_sha256.values()
    ]
    found = fetch(
        wheels,
        location=location,
        store=store,
        pip=pip,
        scratch_dir=room / "builds",
        unpacked_will_do=False,
    )
    return tuple(
        RecordedRequirement(requirement=by_sha256[sha256], file=file) for file, sha256 in found
    )


def merged(requirements: Iterable[BuildRequirement]) -> tuple[BuildRequirement, ...]:
    """Return each wheel once, with all the Pythons that build with it."""
    found: dict[str, BuildRequirement] = {}
    for one in requirements:
        known = found.get(one.sha256)
        pythons = {*one.pythons, *(known.pythons if known else ())}
        ordered = tuple(sorted(pythons, key=Version))
        found[one.sha256] = replace(one, pythons=ordered)
    return tuple(sorted(found.values()))


def _installed(location: Location, pip: PipSettings, room: Path) -> tuple[RecordedRequirement, ...]:
    """Download the wheels of what pip's log says was installed."""
    log = (room / "pip.log").read_text("utf-8", "replace")
    pins = [f"{name}=={version}" for name, version in installed_in(log)]
    if not pins:
        return ()
    out_dir = room / "requirements"
    _download(location, pip, pins, out_dir)
    return tuple(
        RecordedRequirement(requirement=_requirement(file, pip.interpreter.minor), file=file)
        for file in sorted(out_dir.glob("*.whl"))
    )


def _download(location: Location, pip: PipSettings, pins: Sequence[str], out_dir: Path) -> None:
    options = ["--no-deps", "--only-binary", ":all:", *source_options(pip)]
    done = run_pip(pip, "download", *options, "--dest", str(out_dir), *pins)
    if done.returncode != 0:
        raise BuildError(
            subject=f"what `{location.path}` is built with",
            path=location.path,
            interpreter=pip.interpreter,
            reason=reason_of(done),
        )


def _requirement(file: Path, python: str) -> BuildRequirement:
    name, version, _, _ = parse_wheel_filename(file.name)
    return BuildRequirement(
        name=canonicalize_name(name),
        version=str(version),
        filename=file.name,
        sha256=file_sha256(file),
        size_bytes=file.stat().st_size,
        pythons=(python,),
    )
