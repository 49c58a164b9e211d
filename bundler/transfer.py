"""Transfer: vendored locations carried to a machine without a network, as one file.

`export_site` takes only what is complete, so that the far side never finds out too late;
`import_site` checks all of an archive before it places anything, and places all or nothing.
"""

import contextlib
import fcntl
import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from bundler.recorded_digests import digest_of
from bundler.site_archive import BadSiteError, read_site, write_site
from bundler.site_manifest import SiteFile, SiteLocation, SiteManifest, SitePlugin
from bundler.wheelhouse import (
    NoWheelhouseError,
    WantedWheel,
    builds_are_locked,
    missing_wheels,
    wanted_wheels,
)
from manager.digests import file_sha256, source_files
from manager.errors import ProblemsError, UnwritableError, VenvoyError
from manager.fs import fsync_directory, staging
from manager.locks.bundled import bundled_digest, bundled_lock
from manager.locks.keeping import StaleLockError, stale_because
from manager.locks.locking import own_wheels
from manager.locks.locks import Lock, read_lock
from manager.locks.sync_context import SyncContext, interpreter_for
from manager.plugins.bundles import open_bundle
from manager.plugins.location_content import LocationContent
from manager.plugins.location_faults import location_fault
from manager.plugins.locations import Shape

__all__ = [
    "ApiNotMetError",
    "Exported",
    "Imported",
    "LocationExistsError",
    "NotVendoredError",
    "export_site",
    "import_site",
    "require_vendored",
]

_ROOM = ".venvoy-import"


class NotVendoredError(VenvoyError):
    """A location lacks wheels, so it cannot be made where there is no network."""

    code = "not-vendored"

    def __init__(self, *, location: Path, missing: Sequence[WantedWheel]) -> None:
        super().__init__(location)
        self.location = location
        self.missing = tuple(missing)

    @property
    def message(self) -> str:
        """The location and each file with its sha256."""
        names = ", ".join(f"{one.filename} (sha256 {one.sha256})" for one in self.missing)
        what = names or "the requirements of its build"
        return f"`{self.location}` is not complete: its wheelhouse lacks {what}"

    @property
    def hint(self) -> str:
        """How to complete it."""
        return f"run `venvoy plugins vendor {shlex.quote(str(self.location))}`"


class LocationExistsError(VenvoyError):
    """There is a location of that name where one is to be placed."""

    code = "location-exists"

    def __init__(self, *, path: Path) -> None:
        super().__init__(path)
        self.path = path

    @property
    def message(self) -> str:
        """What is there."""
        return f"`{self.path}` is there already"

    @property
    def hint(self) -> str:
        """How to have it replaced."""
        return "give `--replace` to put the imported one in its place, or import elsewhere"


class ApiNotMetError(VenvoyError):
    """An archive holds a plugin for another API than the one of this venvoy."""

    code = "api-not-met"

    def __init__(self, *, location: SiteLocation, running: Version) -> None:
        super().__init__(location.name)
        self.location = location
        self.running = running

    @property
    def message(self) -> str:
        """What is required and what runs."""
        wants = f"requires venvoy-api {self.location.api_requirement}"
        return f"`{self.location.name}` {wants}, and this venvoy runs {self.running}"

    @property
    def hint(self) -> str:
        """What to change."""
        return "upgrade venvoy here, or export a version of the plugin for this API"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """An archive that was written."""

    archive: Path
    manifest: SiteManifest
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Locations that were placed; `replaced` are those that had one before."""

    place: Path
    manifest: SiteManifest
    replaced: tuple[str, ...]


def export_site(
    context: SyncContext,
    contents: Sequence[LocationContent],
    archive: Path,
    *,
    api_dir: Path,
) -> Exported:
    """Write locations and the API into one archive, the same bytes for the same content.

    Raises `StaleLockError` and `NotVendoredError` (as one `ProblemsError` if there are several),
    `ChangedFileError`; then there is no archive, or still the earlier one.
    """
    problems: list[VenvoyError] = []
    sources: dict[str, Path] = {}
    locations: list[SiteLocation] = []
    for content in contents:
        try:
            lock = require_vendored(context, content)
        except Exception as error:  # noqa: BLE001  # each location's fault is told
            problems.append(location_fault(content.location.path, error))
            continue
        sources |= dict(_location_files(context, content, lock))
        locations.append(_site_location(content, lock))
    if problems:
        if len(problems) == 1:
            raise problems[0]
        raise ProblemsError(subject="the export", problems=problems)
    sources |= {f"api/{name}": file for name, file in source_files(api_dir)}
    ordered = sorted((path for path, file in sources.items() if file.is_file()), key=str.encode)
    manifest = SiteManifest(
        api_version=str(context.api.version),
        locations=tuple(sorted(locations, key=lambda one: one.name)),
        files=tuple(_site_file(path, sources[path]) for path in ordered),
    )
    try:
        size_bytes = write_site(archive, manifest, sources)
    except OSError as error:
        raise UnwritableError(path=archive, reason=error.strerror or str(error)) from error
    return Exported(archive=archive, manifest=manifest, size_bytes=size_bytes)


def require_vendored(context: SyncContext, content: LocationContent) -> Lock | None:
    """Return a location's lock if it is fresh and its wheelhouse complete; None for a bundle.

    Raises `StaleLockError`, `NotVendoredError`, `NoWheelhouseError`.
    """
    location = content.location
    if location.shape is Shape.BUNDLE:
        return None
    interpreter = interpreter_for(context, content)
    lock = read_lock(location.lock_file)
    reason: str | None = "there is none"
    if lock is not None:
        reason = stale_because(lock, content, interpreter, own_wheels(content))
    if lock is None or reason is not None:
        raise StaleLockError(
            location=location.path, lock_file=location.lock_file, reason=reason or ""
        )
    wanted = wanted_wheels(lock, content, interpreter)
    if location.shape is Shape.WHEEL and len(wanted) > 1:
        raise NoWheelhouseError(location=location.path)
    missing = missing_wheels(wanted, location)
    if missing or not builds_are_locked(lock, location):
        raise NotVendoredError(location=location.path, missing=missing)
    return lock


def import_site(archive: Path, place: Path, *, replace: bool, api: Version) -> Imported:
    """Place the locations of an archive below `place`, all of them or none.

    With `replace` a location of the same name goes aside first, and comes back if anything fails.
    Raises `BadSiteError`, `ApiNotMetError`, `LocationExistsError` (several as one
    `ProblemsError`) before anything is written, and OSError.
    """
    try:
        stream = archive.open("rb")
    except OSError as error:
        reason = f"it cannot be read ({(error.strerror or str(error)).lower()})"
        raise BadSiteError(archive=archive, reason=reason) from error
    with stream:
        manifest = read_site(archive, stream, _drop)
        problems: list[VenvoyError] = [
            ApiNotMetError(location=one, running=api)
            for one in manifest.locations
            if not SpecifierSet(one.api_requirement).contains(api, prereleases=True)
        ]
        names = _names(manifest)
        there = [name for name in names if os.path.lexists(place / name)]
        problems += [LocationExistsError(path=place / name) for name in there if not replace]
        if problems:
            if len(problems) == 1:
                raise problems[0]
            raise ProblemsError(subject="the import", problems=problems)
        try:
            place.mkdir(parents=True, exist_ok=True)
            with _locked(place), _room(place) as room:
                (room / "new").mkdir()
                read_site(archive, stream, _Unpacker(room / "new"))
                _place(room, place, names)
        except OSError as error:
            raise UnwritableError(path=place, reason=error.strerror or str(error)) from error
    return Imported(place=place, manifest=manifest, replaced=tuple(there))


def _drop(_: SiteFile, content: Iterable[bytes]) -> None:
    for _data in content:
        pass


class _Unpacker:
    """Writes the files of locations below a directory; the API's are read and dropped."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, file: SiteFile, content: Iterable[bytes]) -> None:
        top, _, name = file.path.partition("/")
        if top != "locations":
            _drop(file, content)
            return
        target = self.directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o755 if file.executable else 0o644
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as stream:
            for data in content:
                stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())


def _place(room: Path, place: Path, names: Sequence[str]) -> None:
    """Rename every location into its place; whatever fails, all is as it was before."""
    aside = room / "old"
    aside.mkdir()
    undo = contextlib.ExitStack()
    with undo:
        for name in names:
            final = place / name
            if os.path.lexists(final):
                final.rename(aside / name)
                undo.callback((aside / name).rename, final)
            (room / "new" / name).rename(final)
            undo.callback(final.rename, room / "new" / name)
        fsync_directory(place)
        undo.pop_all()


@contextlib.contextmanager
def _room(place: Path) -> Iterator[Path]:
    """Give a hidden directory on the place's file system, which no scan looks into."""
    try:
        with staging(place / _ROOM) as room:
            yield room
    finally:
        for directory in (place / _ROOM / "staging", place / _ROOM):
            with contextlib.suppress(OSError):  # another import works there
                directory.rmdir()


@contextlib.contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Hold the place's own directory: one import at a time, and no lock file is left."""
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _names(manifest: SiteManifest) -> list[str]:
    """Return what is placed at the top: the locations, and locks beside those that are files."""
    tops = {
        file.path.split("/")[1] for file in manifest.files if file.path.startswith("locations/")
    }
    return sorted(tops)


def _location_files(
    context: SyncContext, content: LocationContent, lock: Lock | None
) -> Iterator[tuple[str, Path]]:
    """Yield what a location is made of, as (path in the archive, file)."""
    location = content.location
    top = f"locations/{location.name}"
    if location.is_file:
        yield top, location.path
        for beside in (location.lock_file, location.settings_file):
            if beside.is_file():
                yield f"locations/{beside.name}", beside
        return
    for name, file in source_files(location.path):
        yield f"{top}/{name}", file
    yield f"{top}/{location.lock_file.name}", location.lock_file
    if lock is None:
        return
    for wanted in wanted_wheels(lock, content, interpreter_for(context, content)):
        for directory in location.wheelhouse_dirs:
            file = directory / wanted.filename
            if file.is_file():
                yield f"{top}/{file.relative_to(location.path).as_posix()}", file
                break


def _site_file(path: str, file: Path) -> SiteFile:
    status = file.stat()
    return SiteFile(
        path=path,
        size_bytes=status.st_size,
        sha256=file_sha256(file),
        executable=bool(status.st_mode & 0o100),
    )


def _bundle_digest(content: LocationContent) -> str:
    """Return the digest of a bundle, which is read whole before it is sent on its way."""
    bundle = open_bundle(content.location.path, whole=True)
    return bundled_digest(bundle, bundled_lock(bundle))


def _site_location(content: LocationContent, lock: Lock | None) -> SiteLocation:
    requirements = [str(each.api_requirement or "") for each in content.distributions]
    return SiteLocation(
        name=content.location.name,
        shape=content.location.shape.value,
        digest=_bundle_digest(content) if lock is None else digest_of(content, lock),
        api_requirement=str(SpecifierSet(",".join(filter(None, requirements)))),
        plugins=tuple(
            SitePlugin(
                type=entry.type.value, class_name=entry.class_name, version=str(each.version)
            )
            for each in content.distributions
            for entry in each.entry_points
        ),
    )
