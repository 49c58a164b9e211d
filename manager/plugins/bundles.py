"""Bundles: a location packed as one file, read and checked before anything of it is used.

`bundle_format` says what a bundle's bytes must be; here it is opened, and its manifest becomes
what the rest of venvoy knows: distributions, settings, the wheels inside.
"""

import io
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from packaging.requirements import InvalidRequirement, Requirement

from manager.errors import VenvoyError
from manager.plugins.bundle_format import (
    LOCK,
    BadBundleFormatError,
    Reading,
    check_member,
    read_bundle,
    read_member,
)
from manager.plugins.distributions import Distribution, read_installed
from manager.plugins.tool_settings import ToolSettings

__all__ = ["BadBundleError", "Bundle", "bundle_distributions", "bundle_settings", "open_bundle"]

_LIMIT_BYTES = 16 * 1024 * 1024


class BadBundleError(VenvoyError):
    """A file is no bundle, or a damaged one."""

    code = "bad-bundle"

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(path)
        self.path = path
        self.reason = reason

    @property
    def message(self) -> str:
        """The file and what is wrong with it."""
        return f"the bundle `{self.path}` cannot be used: {self.reason}"

    @property
    def hint(self) -> str:
        """How to come by a good one."""
        return "copy it again, or make it anew with `venvoy bundle`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle that was read; `reading.manifest` is as `bundler.manifest` draws it."""

    path: Path
    reading: Reading

    @property
    def manifest(self) -> Mapping[str, Any]:
        """Its manifest; of the shape that `bundle_format` has checked."""
        return self.reading.manifest

    @property
    def wheel_names(self) -> Mapping[str, str]:
        """The member that holds each wheel, by the wheel's sha256."""
        return {one["sha256"]: one["file"] for one in self.manifest["wheels"]}

    def read(self, member: str) -> bytes:
        """Return the bytes of one of its small members; raises `BadBundleError`."""
        try:
            with self.path.open("rb") as stream:
                return read_member(stream, self.reading.members[member])
        except (OSError, BadBundleFormatError) as error:
            raise BadBundleError(path=self.path, reason=str(error)) from error

    def lock_text(self) -> str:
        """Return the lock inside."""
        return self.read(LOCK).decode()

    def extract(self, sha256: str, directory: Path) -> Path:
        """Write the wheel of that hash below `directory`; raises `BadBundleError`, KeyError."""
        name = self.wheel_names[sha256]
        member = self.reading.members[name]
        try:
            with self.path.open("rb") as stream:
                check_member(stream, member, sha256)
                directory.mkdir(parents=True, exist_ok=True)
                file = directory / name.rpartition("/")[2]
                with file.open("xb") as out:
                    shutil.copyfileobj(_Window(stream, member.offset, member.size), out, 1 << 20)
        except (OSError, BadBundleFormatError) as error:
            raise BadBundleError(path=self.path, reason=str(error)) from error
        return file

    def dist_info(self, sha256: str, *names: str) -> dict[str, str]:
        """Return those files of a wheel's dist-info that exist; raises `BadBundleError`."""
        name = self.wheel_names[sha256]
        member = self.reading.members[name]
        found: dict[str, str] = {}
        try:
            with self.path.open("rb") as stream:
                check_member(stream, member, sha256)
                window = _Window(stream, member.offset, member.size)
                with zipfile.ZipFile(window) as archive:
                    for info in archive.infolist():
                        directory, _, file = info.filename.partition("/")
                        wanted = directory.endswith(".dist-info") and file in names
                        if wanted and info.file_size <= _LIMIT_BYTES:
                            found[file] = archive.read(info).decode()
        except (OSError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
            reason = f"its `{name}` cannot be read ({error})"
            raise BadBundleError(path=self.path, reason=reason) from error
        return found


class _Window(io.RawIOBase):
    """A part of a file, read as if it were one."""

    def __init__(self, stream: IO[bytes], start: int, size: int) -> None:
        self._stream, self._start, self._size, self._place = stream, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        base = (0, self._place, self._size)[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        left = max(0, min(len(view), self._size - self._place))
        self._stream.seek(self._start + self._place)
        data = self._stream.read(left)
        view[: len(data)] = data
        self._place += len(data)
        return len(data)


def open_bundle(path: Path, *, whole: bool = False) -> Bundle:
    """Read a bundle; its wheels' bytes are hashed only if `whole`. Raises `BadBundleError`."""
    try:
        with path.open("rb") as stream:
            return Bundle(path=path, reading=read_bundle(stream, whole=whole))
    except BadBundleFormatError as error:
        raise BadBundleError(path=path, reason=str(error)) from error
    except OSError as error:
        raise BadBundleError(path=path, reason=(error.strerror or str(error)).lower()) from error


def bundle_distributions(bundle: Bundle) -> tuple[Distribution, ...]:
    """Return the plugin distributions inside, from their own wheels; raises `BadBundleError`."""
    found: list[Distribution] = []
    for one in bundle.manifest["distributions"]:
        key = (one["name"], one["version"])
        wheels = [
            each for each in bundle.manifest["wheels"] if (each["name"], each["version"]) == key
        ]
        if not wheels:
            reason = f"it says to hold {one['name']} {one['version']}, and has no wheel of it"
            raise BadBundleError(path=bundle.path, reason=reason)
        texts = bundle.dist_info(wheels[0]["sha256"], "METADATA", "entry_points.txt")
        metadata, entry_points = texts.get("METADATA", ""), texts.get("entry_points.txt", "")
        distribution = read_installed(bundle.path, metadata, entry_points)
        if (distribution.name, str(distribution.version)) != key:
            reason = f"`{wheels[0]['file']}` holds {distribution}, which its manifest does not say"
            raise BadBundleError(path=bundle.path, reason=reason)
        found.append(distribution)
    return tuple(found)


def bundle_settings(bundle: Bundle) -> ToolSettings:
    """Return what `[tool.venvoy]` of the bundled location said; raises `BadBundleError`."""
    settings = bundle.manifest["settings"]
    preload = settings.get("preload")
    try:
        return ToolSettings(
            python=settings.get("python"),
            extra=tuple(Requirement(text) for text in settings.get("extra", ())),
            override=tuple(Requirement(text) for text in settings.get("override", ())),
            preload=tuple(preload) if isinstance(preload, list) else preload,
        )
    except (InvalidRequirement, TypeError) as error:
        raise BadBundleError(path=bundle.path, reason=f"its settings are wrong: {error}") from error
