"""Writing a bundle: the one form that `manager.plugins.bundle_format` has for these members.

Written under another name beside the target, flushed, then renamed: an interrupted bundle leaves
nothing under its final name.
"""

import contextlib
import os
import secrets
import shutil
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from manager.errors import UnwritableError, VenvoyError
from manager.fs import fsync_directory
from manager.plugins.bundle_format import (
    LIMIT_BYTES,
    LIMIT_MEMBERS,
    MANIFEST,
    central_header,
    check_name,
    end_record,
    local_header,
    member_order,
    prologue,
)

__all__ = ["UnbundleableError", "write_archive"]

_CHUNK_BYTES = 1 << 20


class UnbundleableError(VenvoyError):
    """What is to go into a bundle cannot: a name that none may have, or too much of it."""

    code = "unbundleable"

    def __init__(self, *, file: Path, reason: str) -> None:
        super().__init__(file)
        self.file = file
        self.reason = reason

    @property
    def message(self) -> str:
        """The bundle and why it cannot be."""
        return f"the bundle `{self.file}` cannot be made: {self.reason}"

    @property
    def hint(self) -> str:
        """What to do instead."""
        return "vendor the location instead (`venvoy plugins vendor`), or lock it for fewer targets"


def write_archive(
    out: Path, small: Mapping[str, bytes], large: Mapping[str, Path], *, manifest_sha256: str
) -> None:
    """Write a bundle to `out`; the manifest is among the `small` members, with their bytes.

    Raises `UnbundleableError`, before anything is written where that can be known, and
    `UnwritableError`.
    """
    names = sorted((*small, *large), key=member_order)
    size = sum(map(len, small.values())) + sum(file.stat().st_size for file in large.values())
    overhead = sum(2 * len(name.encode()) + 128 for name in names) + 8192
    if size + overhead > LIMIT_BYTES or len(names) > LIMIT_MEMBERS:
        reason = f"{size} bytes in {len(names)} members are more than a zip without Zip64 holds"
        raise UnbundleableError(file=out, reason=reason)
    for name in names:
        reason_why = check_name(name)
        if reason_why is not None or MANIFEST not in small:
            raise UnbundleableError(file=out, reason=f"the name {name!r} {reason_why}")
    with _written_whole(out) as stream:
        stream.write(prologue(manifest_sha256))
        directory: list[bytes] = []
        for name in names:
            offset = stream.tell()
            data = small.get(name)
            if data is not None:
                crc, length = zlib.crc32(data), len(data)
                stream.write(local_header(name, length, crc) + data)
            else:
                crc, length = _copy(name, large[name], stream)
            directory.append(central_header(name, length, crc, offset))
        start = stream.tell()
        entries = b"".join(directory)
        stream.write(entries + end_record(len(names), len(entries), start))


def _copy(name: str, file: Path, stream: IO[bytes]) -> tuple[int, int]:
    """Write a member from a file, read twice: a header says the CRC before the bytes come."""
    crc = length = 0
    with file.open("rb") as source:
        while chunk := source.read(_CHUNK_BYTES):
            crc, length = zlib.crc32(chunk, crc), length + len(chunk)
        stream.write(local_header(name, length, crc))
        source.seek(0)
        shutil.copyfileobj(source, stream, _CHUNK_BYTES)
    return crc, length


@contextlib.contextmanager
def _written_whole(out: Path) -> Iterator[IO[bytes]]:
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                yield stream
                stream.flush()
                os.fchmod(stream.fileno(), 0o755)
                os.fsync(stream.fileno())
            temporary.rename(out)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        fsync_directory(out.parent)
    except OSError as error:
        raise UnwritableError(path=out, reason=error.strerror or str(error)) from error
