"""The archive that a wheel is, in the plain form that almost every wheel has.

Read are members stored or deflated, without extra fields, encryption, comments or Zip64. Whatever
is in another form is left to `zipfile`, which knows them all and costs more to import and to ask.
"""

from __future__ import annotations

import io
import struct
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BadArchiveError", "Entry", "OddArchive", "PlainArchive", "open_archive"]

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_ZIP64_LOCATOR_BYTES = 20
_UNKNOWN = 0xFFFFFFFF
_UTF8 = 0x800
_PLAIN_FLAGS = _UTF8 | 0x8 | 0x6  # a name in UTF-8, sizes repeated behind it, how hard it was tried
_KNOWN_VERSION = 63
_STORED, _DEFLATED = 0, 8
_PIECE_BYTES = 1 << 16


class BadArchiveError(ValueError):
    """What is wrong with an archive, as a clause."""


class Entry:
    """One file of an archive; `mode` is Unix's, 0 where none is told."""

    __slots__ = ("compressed", "crc", "method", "mode", "name", "offset", "size")

    def __init__(self, name: str, fields: tuple[int, ...]) -> None:
        self.name = name
        self.method, self.crc, self.compressed, self.size = fields[4], *fields[7:10]
        self.mode, self.offset = fields[15] >> 16, fields[16]


class PlainArchive:
    """An archive in plain form, in memory; `entries` are its files in the directory's order."""

    def __init__(self, data: bytes, entries: list[Entry]) -> None:
        self.data, self.entries = data, entries

    def pieces(self, entry: Entry) -> Iterator[bytes]:
        """Yield a file's content; raises `BadArchiveError` before the end if it is damaged."""
        start = entry.offset + _LOCAL.size + len(entry.name.encode("utf-8"))
        packed = memoryview(self.data)[start : start + entry.compressed]
        crc = size = 0
        for piece in _unpacked(packed, entry):
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            if size > entry.size:
                break
            yield piece
        if len(packed) != entry.compressed or size != entry.size or crc != entry.crc:
            raise BadArchiveError(f"`{entry.name}` is damaged: its size or its CRC is wrong")


class OddArchive:
    """An archive in any other form that `zipfile` can read; raises `BadArchiveError`."""

    def __init__(self, data: bytes) -> None:
        import zipfile

        try:
            self.archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise BadArchiveError(str(error)) from error
        infos = [info for info in self.archive.infolist() if not info.is_dir()]
        self.entries = [_odd_entry(info.filename, info.external_attr) for info in infos]

    def pieces(self, entry: Entry) -> Iterator[bytes]:
        """Yield a file's content, in one piece; raises `BadArchiveError`."""
        import zipfile

        try:
            yield self.archive.read(entry.name)
        except (zipfile.BadZipFile, ValueError, RuntimeError, EOFError, zlib.error) as error:
            raise BadArchiveError(f"`{entry.name}` is damaged: {error}") from error


def open_archive(data: bytes) -> PlainArchive | OddArchive:
    """Return an archive by whichever reader knows its form; raises `BadArchiveError`."""
    entries = _entries(data)
    return OddArchive(data) if entries is None else PlainArchive(data, entries)


def _odd_entry(name: str, attributes: int) -> Entry:
    return Entry(name, (0,) * 15 + (attributes, 0))


def _entries(data: bytes) -> list[Entry] | None:
    """Return the files of an archive in plain form, None for one in another."""
    end = len(data) - _END.size
    if end < 0:
        return None
    signature, disk, first, here, count, length, start, comment = _END.unpack_from(data, end)
    is_plain = signature == b"PK\5\6" and not (disk or first or comment) and here == count
    locator = data[max(0, end - _ZIP64_LOCATOR_BYTES) :][:4]
    if not is_plain or start + length != end or locator == b"PK\6\7":
        return None
    entries: list[Entry] = []
    position = start
    for _ in range(count):
        entry = _entry(data, position, end)
        if entry is None:
            return None
        position += _CENTRAL.size + len(entry.name.encode("utf-8"))
        entries.append(entry)
    return [one for one in entries if not one.name.endswith("/")] if position == end else None


def _entry(data: bytes, position: int, end: int) -> Entry | None:
    """Return an entry in plain form whose two headers agree, else None."""
    after = position + _CENTRAL.size
    if after > end:
        return None
    fields = _CENTRAL.unpack_from(data, position)
    signature, version, flags, method, name_bytes = fields[0], *fields[2:5], fields[10]
    is_plain = signature == b"PK\1\2" and version <= _KNOWN_VERSION and not flags & ~_PLAIN_FLAGS
    is_plain = is_plain and method in (_STORED, _DEFLATED) and not any(fields[11:14])
    if not is_plain or after + name_bytes > end or _UNKNOWN in (*fields[8:10], fields[16]):
        return None
    name = data[after : after + name_bytes]
    if not _agrees(data, fields, name) or not (name.isascii() or flags & _UTF8):
        return None
    try:
        return Entry(name.decode("utf-8"), fields)
    except UnicodeDecodeError:
        return None


def _agrees(data: bytes, fields: tuple[int, ...], name: bytes) -> bool:
    """Whether the header before a file says what the directory does, and has nothing extra."""
    begin = fields[16] + _LOCAL.size
    if begin > len(data):
        return False
    local = _LOCAL.unpack_from(data, fields[16])
    same = local[0] == b"PK\3\4" and local[2:4] == fields[3:5] and local[9] == len(name)
    return same and not local[10] and data[begin : begin + len(name)] == name


def _unpacked(packed: memoryview, entry: Entry) -> Iterator[bytes]:
    if entry.method == _STORED:
        yield bytes(packed)
        return
    inflating = zlib.decompressobj(-15)
    try:
        for place in range(0, len(packed), _PIECE_BYTES):
            yield inflating.decompress(packed[place : place + _PIECE_BYTES])
        yield inflating.flush()
    except zlib.error as error:
        raise BadArchiveError(f"`{entry.name}` is damaged: {error}") from error
    if not inflating.eof or inflating.unused_data:
        raise BadArchiveError(f"`{entry.name}` is damaged: it does not end where it should")
