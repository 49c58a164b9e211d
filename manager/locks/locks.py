"""Locks: a location's `pylock.toml` (PEP 751), read, written, and selected from.

A wheel in a lock is its file name and sha256; sync looks it up by that hash. Our own locks name
no URL. The `path` that PEP 751 insists on says where the wheel lies in the location's wheelhouse,
or would lie if it were vendored, so the same lock comes out on every machine::

    lock-version = "1.0"
    environments = ['python_version == "3.11" and ...']
    created-by = "venvoy"
    [[packages]]
    name, version, marker, requires-python, dependencies
    [[packages.wheels]]
    name = "idna-3.10-py3-none-any.whl", path = "wheels/...", size, hashes.sha256
    [packages.tool.venvoy.built-from]     a wheel that `lock` built: its sdist's name and sha256
    [tool.venvoy]                         what the lock was made for (`freshness`)

Locks of pip and uv are read too; of their URLs and paths use is made when a hash is found nowhere.
"""

import dataclasses
import errno
import functools
import os
import shlex
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import unquote, urlsplit

import tomli_w
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageWheel,
    Pylock,
    PylockSelectError,
    PylockValidationError,
)
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, NormalizedName, parse_wheel_filename
from packaging.version import Version

from manager.digests import JsonValue
from manager.errors import VenvoyError
from manager.fs import write_file_atomically
from manager.interpreters.interpreter import Interpreter
from manager.locks.foreign_targets import is_foreign
from manager.locks.targets import minor_of, target_of
from manager.plugins.distributions import API_NAME
from manager.plugins.place_faults import UnreadableError

if TYPE_CHECKING:
    from packaging.markers import Environment

__all__ = [
    "BuiltFrom",
    "InvalidLockError",
    "Lock",
    "LockTargetError",
    "LockedWheel",
    "SourceOnlyError",
    "UnwritableLockError",
    "every_wheel",
    "lock_content",
    "lock_text",
    "read_lock",
    "refuse_unwritable",
    "select_wheels",
    "wheel_name",
    "write_lock",
]

TOOL: Final = "venvoy"
"""The name of our tables in a lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock and the file it is, or will be."""

    pylock: Pylock
    path: Path

    @property
    def tool(self) -> Mapping[str, object]:
        """Its `[tool.venvoy]`, empty for a lock that another tool made."""
        table = (self.pylock.tool or {}).get(TOOL)
        return table if isinstance(table, dict) else {}

    @property
    def is_ours(self) -> bool:
        """Whether we made it, rather than pip or uv; to theirs, vendoring adds what builds need."""
        return "schema" in self.tool


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltFrom:
    """The sdist (or repository) that a locked wheel was built from; its file name and sha256.

    `pins` are what it was built with, once it was vendored.
    """

    filename: str
    sha256: str
    pins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedWheel:
    """One wheel to install; `path` is absolute, and like `url` only a place to look last."""

    name: NormalizedName
    version: Version
    filename: str
    sha256: str
    size_bytes: int | None
    url: str | None
    path: Path | None
    built_from: BuiltFrom | None


class InvalidLockError(VenvoyError):
    """A file that should be a lock is none."""

    code = "invalid-lock"

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(path)
        self.path = path
        self.reason = reason

    @property
    def message(self) -> str:
        """The file and what is wrong with it."""
        return f"the lock `{self.path}` cannot be used: {self.reason}"

    @property
    def hint(self) -> str:
        """How to make a good one."""
        return "run `venvoy plugins lock` to write it anew, or put the right file back"


class UnwritableLockError(VenvoyError):
    """A lock would have to be written where nothing can be."""

    code = "unwritable-lock"

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(path)
        self.path = path
        self.reason = reason

    @property
    def message(self) -> str:
        """The lock and what the system says."""
        return f"the lock `{self.path}` cannot be written: {self.reason}"

    @property
    def hint(self) -> str:
        """What to make writable, or how to do without."""
        return (
            f"let the user that runs venvoy write to `{self.path.parent}`, or put a lock there"
            " that `venvoy plugins lock` made elsewhere"
        )


class LockTargetError(VenvoyError):
    """A lock is not for the interpreter that is to run."""

    code = "lock-target"

    def __init__(
        self, *, path: Path, interpreter: Interpreter, reason: str, targets: Collection[str]
    ) -> None:
        super().__init__(path)
        self.path = path
        self.interpreter = interpreter
        self.reason = reason
        self.targets = tuple(targets)

    @property
    def message(self) -> str:
        """The lock, the target that it lacks, and the one that it has."""
        target = target_of(self.interpreter).name
        has = f" (it is for {', '.join(self.targets)})" if self.targets else ""
        return f"the lock `{self.path}` is not for {target}{has}: {self.reason}"

    @property
    def hint(self) -> str:
        """How to add the target and keep those that are there."""
        foreign = sorted(name for name in self.targets if is_foreign(name))
        minors = {minor_of(name) for name in self.targets if name not in foreign}
        local = sorted(filter(None, minors | {self.interpreter.minor}), key=Version)
        options = [f"--python {minor}" for minor in local]
        options += [f"--target {name}" for name in foreign]
        if self.path.parent.is_file():
            return (
                "in the location that the bundle was made from, run"
                f" `venvoy plugins lock {' '.join(options)}`, then bundle it anew"
            )
        if self.path.name == "pylock.toml":  # a wheel's lock lies beside it, under another name
            options.append(shlex.quote(str(self.path.parent)))
        return f"run `venvoy plugins lock {' '.join(options)}` to lock for that target, too"


class SourceOnlyError(VenvoyError):
    """A lock of another tool names a source to build where a wheel is needed."""

    code = "source-only"

    def __init__(self, *, path: Path, packages: Collection[str]) -> None:
        super().__init__(path)
        self.path = path
        self.packages = tuple(packages)

    @property
    def message(self) -> str:
        """The lock and the packages."""
        return f"the lock `{self.path}` has no wheel of {', '.join(self.packages)}"

    @property
    def hint(self) -> str:
        """Who builds wheels."""
        return "run `venvoy plugins lock`, which builds such packages once and locks the wheels"


def read_lock(path: Path) -> Lock | None:
    """Read a lock, or return None if there is no such file.

    Raises `InvalidLockError`, `UnreadableError`.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableError(path=path, reason=error.strerror or str(error)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidLockError(path=path, reason=str(error)) from error
    try:
        return Lock(pylock=Pylock.from_dict(table), path=path)
    except PylockValidationError as error:
        raise InvalidLockError(path=path, reason=str(error)) from error


def lock_text(lock: Lock) -> str:
    """Return the file's text: one order, LF line ends, a newline at the end."""
    return tomli_w.dumps(lock.pylock.to_dict(), multiline_strings=False)


def write_lock(path: Path, lock: Lock) -> None:
    """Write a lock, so that a reader sees the old one or the new.

    Raises `InvalidLockError`, `UnwritableLockError`.
    """
    try:
        lock.pylock.validate()
        write_file_atomically(path, lock_text(lock).encode())
    except PylockValidationError as error:
        raise InvalidLockError(path=path, reason=str(error)) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnwritableLockError(path=path, reason=reason) from error


def refuse_unwritable(path: Path) -> None:
    """Raise `UnwritableLockError` if `write_lock` could not write there; nothing is tried."""
    directory = path.parent
    if not os.access(directory, os.W_OK | os.X_OK):
        system = os.statvfs(directory)
        number = errno.EROFS if system.f_flag & os.ST_RDONLY else errno.EACCES
        raise UnwritableLockError(path=path, reason=os.strerror(number).lower())


def lock_content(lock: Lock) -> JsonValue:
    """Return what counts for the plugin digest: which packages, which files, under which markers.

    Left out is where files come from, who wrote the lock, and on what machine and for which
    targets it was made.
    """
    python = lock.pylock.requires_python
    packages = [_package_content(package) for package in lock.pylock.packages]
    packages.sort(key=lambda content: [str(content[key]) for key in ("name", "version", "marker")])
    return {"requires-python": None if python is None else str(python), "packages": packages}


def select_wheels(
    lock: Lock, interpreter: Interpreter, *, project: NormalizedName | None = None
) -> tuple[LockedWheel, ...]:
    """Return the wheels of a lock that an interpreter gets, sorted by name.

    `project` is the location's own distribution where it is built rather than locked; locks of
    other tools list it. Raises `LockTargetError`, `SourceOnlyError`, `InvalidLockError`.
    """
    left_out = {API_NAME, project}
    packages = [
        package
        for package in lock.pylock.packages
        if package.name not in left_out and not _is_the_project(package, lock.path)
    ]
    pylock = dataclasses.replace(lock.pylock, packages=packages)
    try:
        chosen = list(
            pylock.select(
                environment=cast("Environment", dict(interpreter.markers)),
                tags=_tags(interpreter.tags),
            )
        )
    except PylockSelectError as error:
        names = cast("list[str]", lock.tool.get("targets", []))
        raise LockTargetError(
            path=lock.path, interpreter=interpreter, reason=_reason(error), targets=names
        ) from error
    wheels: list[LockedWheel] = []
    sources: list[str] = []
    for package, source in chosen:
        name = wheel_name(source)
        if name is None or not isinstance(source, PackageWheel | PackageArchive):
            sources.append(f"{package.name} {package.version or ''}".rstrip())
        else:
            wheels.append(_locked(lock, package, source, name))
    if sources:
        raise SourceOnlyError(path=lock.path, packages=sorted(sources))
    return tuple(sorted(wheels, key=lambda wheel: wheel.name))


def every_wheel(lock: Lock, *, project: NormalizedName | None = None) -> tuple[LockedWheel, ...]:
    """Return all the wheels of a lock, for whatever target, sorted by file name.

    Raises `SourceOnlyError`, `InvalidLockError`.
    """
    wheels: dict[str, LockedWheel] = {}
    sources: list[str] = []
    for package in lock.pylock.packages:
        if package.name in {API_NAME, project} or _is_the_project(package, lock.path):
            continue
        files: list[PackageWheel | PackageArchive] = [*(package.wheels or ())]
        if package.archive is not None:
            files.append(package.archive)
        named = [(source, name) for source in files if (name := wheel_name(source)) is not None]
        if not named:
            sources.append(f"{package.name} {package.version or ''}".rstrip())
        for source, name in named:
            locked = _locked(lock, package, source, name)
            wheels[locked.sha256] = locked
    if sources:
        raise SourceOnlyError(path=lock.path, packages=sorted(sources))
    return tuple(sorted(wheels.values(), key=lambda wheel: (wheel.filename, wheel.sha256)))


def _is_the_project(package: Package, lock_file: Path) -> bool:
    if package.directory is None:
        return False
    return (lock_file.parent / package.directory.path).resolve() == lock_file.parent.resolve()


def wheel_name(source: object) -> str | None:
    """Return the file name of the wheel that a package's source is, None if it is none."""
    if isinstance(source, PackageWheel):
        return source.filename
    if isinstance(source, PackageArchive):
        place = source.path or urlsplit(source.url or "").path
        name = unquote(place.replace("\\", "/").rsplit("/", 1)[-1])
        return name if name.endswith(".whl") else None
    return None


def _locked(
    lock: Lock, package: Package, source: PackageWheel | PackageArchive, filename: str
) -> LockedWheel:
    sha256 = source.hashes.get("sha256")
    if sha256 is None:
        raise InvalidLockError(path=lock.path, reason=f"`{filename}` has no sha256 in it")
    try:
        version = package.version or parse_wheel_filename(filename)[1]
    except InvalidWheelFilename as error:
        raise InvalidLockError(path=lock.path, reason=str(error)) from error
    return LockedWheel(
        name=package.name,
        version=version,
        filename=filename,
        sha256=sha256.lower(),
        size_bytes=source.size,
        url=source.url,
        path=None if source.path is None else lock.path.parent / source.path.replace("\\", "/"),
        built_from=_built_from(package, filename),
    )


def _built_from(package: Package, filename: str) -> BuiltFrom | None:
    """Return the sdist of this very wheel: for another target the package may be prebuilt."""
    table = ((package.tool or {}).get(TOOL) or {}).get("built-from")
    if not isinstance(table, dict) or filename not in table.get("wheels", ()):
        return None
    return BuiltFrom(
        filename=str(table.get("name", "")),
        sha256=str(table.get("sha256", "")),
        pins=tuple(map(str, table.get("build", ()))),
    )


def _reason(error: PylockSelectError) -> str:
    text = str(error).replace("Provided environment", "the interpreter")
    return text[:1].lower() + text[1:]


@functools.lru_cache(maxsize=8)
def _tags(texts: tuple[str, ...]) -> tuple[Tag, ...]:
    return tuple(Tag(*text.split("-")) for text in texts)


def _package_content(package: Package) -> dict[str, JsonValue]:
    archive, repository, directory = package.archive, package.vcs, package.directory
    files: list[dict[str, JsonValue]] = [
        {"name": wheel.filename, "hashes": dict(wheel.hashes)} for wheel in package.wheels or ()
    ]
    if package.sdist is not None:
        files.append({"name": package.sdist.filename, "hashes": dict(package.sdist.hashes)})
    if archive is not None:
        files.append({"name": "", "hashes": dict(archive.hashes)})
    files.sort(key=str)
    return {
        "name": package.name,
        "version": None if package.version is None else str(package.version),
        "marker": None if package.marker is None else str(package.marker),
        "files": files,
        "commit": None if repository is None else repository.commit_id,
        "directory": None if directory is None else directory.path,
    }
