"""Site archives: a tar with its manifest first, written in one way only and read no other.

::

    venvoy-site.json             the manifest (`site_manifest`)
    api/...                      the API that the plugins were made for
    locations/<name>/...         each location, with its lock and its wheelhouse

Members are sorted, plain files, dated 1970, owned by nobody, 0644 or 0755. As the manifest settles
every byte of the headers, the reader knows them beforehand: whatever differs is refused, and the
header is looked into only to say why.
"""

import hashlib
import os
import secrets
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from bundler.member_names import unsafe_name
from bundler.site_manifest import (
    MANIFEST,
    InvalidManifestError,
    SiteFile,
    SiteManifest,
    parse_manifest,
)
from manager.errors import VenvoyError
from manager.fs import fsync_directory

__all__ = ["BadSiteError", "ChangedFileError", "read_site", "write_site"]

_BLOCK: Final = tarfile.BLOCKSIZE
_RECORD: Final = tarfile.RECORDSIZE
_CHUNK: Final = 1 << 20
_LARGEST_MANIFEST: Final = 64 << 20
Sink = Callable[[SiteFile, Iterable[bytes]], None]


class BadSiteError(VenvoyError):
    """A site archive is not as it was written."""

    code = "bad-site-archive"

    def __init__(self, *, archive: Path, reason: str) -> None:
        super().__init__(archive, reason)
        self.archive = archive
        self.reason = reason

    @property
    def message(self) -> str:
        """The archive and what is wrong with it."""
        return f"`{self.archive}` is refused: {self.reason}"

    @property
    def hint(self) -> str:
        """How to get a good one."""
        return "nothing was placed; copy it again, or write it anew with `venvoy export`"


class ChangedFileError(VenvoyError):
    """A file changed while it was packed."""

    code = "changed-file"

    def __init__(self, *, file: Path) -> None:
        super().__init__(file)
        self.file = file

    @property
    def message(self) -> str:
        """The file."""
        return f"`{self.file}` changed while it was packed"

    @property
    def hint(self) -> str:
        """What to do."""
        return "run it again when nobody writes there"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """An archive being read from its start to its end."""

    archive: Path
    stream: BinaryIO

    def bad(self, reason: str) -> BadSiteError:
        return BadSiteError(archive=self.archive, reason=reason)

    def exactly(self, count: int, what: str) -> bytes:
        data = self.stream.read(count)
        if len(data) != count:
            raise self.bad(f"it is truncated: it ends inside {what}")
        return data

    def content(self, file: SiteFile) -> Iterable[bytes]:
        """Yield a member's content; its sha256 is checked before the last piece is handed out."""
        digest, left = hashlib.sha256(), file.size_bytes
        while left or not file.size_bytes:
            data = self.exactly(min(left, _CHUNK), f"`{file.path}`")
            digest.update(data)
            left -= len(data)
            if not left and digest.hexdigest() != file.sha256:
                raise self.bad(f"`{file.path}` has another sha256 than the manifest says")
            yield data
            if not data:
                break
        self.padding(file.size_bytes, f"`{file.path}`")

    def padding(self, size_bytes: int, what: str) -> None:
        padding = -size_bytes % _BLOCK
        if self.exactly(padding, what).strip(b"\0"):
            raise self.bad(f"there is something between {what} and the next member")


def write_site(archive: Path, manifest: SiteManifest, sources: Mapping[str, Path]) -> int:
    """Write an archive, which appears under its name when it is whole; return its size in bytes.

    `sources` says where each path of the manifest is read from. Raises `ChangedFileError` for a
    file that is no longer what the manifest says, and OSError.
    """
    temporary = archive.with_name(f".{archive.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            data = manifest.as_bytes()
            stream.write(_header(_manifest_file(len(data))))
            stream.write(data + _zeros(len(data)))
            for file in manifest.files:
                stream.write(_header(file))
                _copy(file, sources[file.path], stream)
            stream.write(_end(stream.tell()))
            stream.flush()
            os.fsync(stream.fileno())
            size_bytes = stream.tell()
        temporary.rename(archive)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_directory(archive.parent)
    return size_bytes


def read_site(archive: Path, stream: BinaryIO, sink: Sink) -> SiteManifest:
    """Read an archive from `stream`, handing each file to `sink`, which takes all of its bytes.

    Whatever is not just as it was written raises `BadSiteError`: so read it once with a sink that
    drops all, before anything is placed.
    """
    reader = _Reader(archive=archive, stream=stream)
    stream.seek(0, os.SEEK_END)
    size_bytes = stream.tell()
    stream.seek(0)
    manifest = _read_manifest(reader)
    claimed = sum(file.size_bytes for file in manifest.files)
    if claimed > size_bytes:
        raise reader.bad(f"it is to hold {claimed} bytes and has only {size_bytes}")
    known = {file.path: file for file in manifest.files}
    seen = {MANIFEST}
    for file in manifest.files:
        expected = _header(file)
        header = reader.exactly(len(expected), f"the header of `{file.path}`")
        if header != expected:
            raise reader.bad(_why(header, file, known, seen))
        sink(file, reader.content(file))
        seen.add(file.path)
    rest = stream.read(2 * _RECORD + 1)
    position = stream.tell() - len(rest)
    if rest != _end(position):
        raise reader.bad(_why_after(rest, len(_end(position)), known, seen))
    return manifest


def _read_manifest(reader: _Reader) -> SiteManifest:
    block = reader.exactly(_BLOCK, "its first header")
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise reader.bad("it is no site archive") from error
    if info.name != MANIFEST or not 0 <= info.size <= _LARGEST_MANIFEST:
        raise reader.bad(f"it does not begin with its manifest, `{MANIFEST}`")
    if block != _header(_manifest_file(info.size)):
        raise reader.bad(f"the header of `{MANIFEST}` is not the one it may have")
    data = reader.exactly(info.size, f"`{MANIFEST}`")
    reader.padding(info.size, f"`{MANIFEST}`")
    try:
        return parse_manifest(data)
    except InvalidManifestError as error:
        raise reader.bad(str(error)) from error


def _manifest_file(size_bytes: int) -> SiteFile:
    return SiteFile(path=MANIFEST, size_bytes=size_bytes, sha256="", executable=False)


def _header(file: SiteFile) -> bytes:
    """Return the one header that a file may have; more than one block for a long name."""
    info = tarfile.TarInfo(file.path)
    info.size = file.size_bytes
    info.mode = 0o755 if file.executable else 0o644
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def _copy(file: SiteFile, source: Path, stream: BinaryIO) -> None:
    digest, size_bytes = hashlib.sha256(), 0
    with source.open("rb") as content:
        while data := content.read(_CHUNK):
            digest.update(data)
            size_bytes += len(data)
            stream.write(data)
    if size_bytes != file.size_bytes or digest.hexdigest() != file.sha256:
        raise ChangedFileError(file=source)
    stream.write(_zeros(size_bytes))


def _zeros(size_bytes: int) -> bytes:
    return b"\0" * (-size_bytes % _BLOCK)


def _end(position: int) -> bytes:
    """Return two empty blocks, and more up to a whole record, as every tar ends."""
    return b"\0" * (2 * _BLOCK + -(position + 2 * _BLOCK) % _RECORD)


def _why(header: bytes, expected: SiteFile, known: Mapping[str, SiteFile], seen: set[str]) -> str:
    """Say what stands where the header of `expected` should."""
    if not header.strip(b"\0"):
        return f"it ends before `{expected.path}`"
    told = _told(header, known, seen)
    if told is not None:
        return told
    info = tarfile.TarInfo.frombuf(header[:_BLOCK], "utf-8", "surrogateescape")
    if info.name == expected.path and info.size != expected.size_bytes:
        says = f"the manifest says {expected.size_bytes}"
        return f"`{info.name}` has {info.size} bytes, and {says}"
    if info.name in known and info.name != expected.path:
        return f"`{info.name}` is out of order: `{expected.path}` should come first"
    return f"the header of `{expected.path}` is not the one it may have"


def _why_after(rest: bytes, expected: int, known: Mapping[str, SiteFile], seen: set[str]) -> str:
    """Say what is wrong behind the last member."""
    if rest[:_BLOCK].strip(b"\0"):
        told = _told(rest[:_BLOCK], known, seen) if len(rest) >= _BLOCK else None
        return told or "there is something behind its last member"
    if len(rest) < expected:
        return "it is truncated: its end is missing"
    return "something was appended to it"


def _told(header: bytes, known: Mapping[str, SiteFile], seen: set[str]) -> str | None:
    """Say what is wrong with a header by itself, or None when another reason is nearer."""
    try:
        info = tarfile.TarInfo.frombuf(header[:_BLOCK], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return "a header in it is damaged"
    if info.type == tarfile.XHDTYPE:
        return None
    twin = next((one for one in known if one.casefold() == info.name.casefold()), None)
    checks = {
        "is a link": info.issym() or info.islnk(),
        "is a device": info.isdev(),
        "is no plain file": info.type != tarfile.REGTYPE,
        unsafe_name(info.name) or "": unsafe_name(info.name) is not None,
        "stands in it twice": info.name in seen,
        f"differs from `{twin}` in case only": twin is not None and info.name not in known,
        "is not in its manifest": info.name not in known,
    }
    reason = next((reason for reason, holds in checks.items() if holds), None)
    return None if reason is None else f"`{info.name}` {reason}"
