"""Whether a zip archive says the same thing to every reader.

Readers differ in which of a zip's two directories they believe (uv CVE-2025-54368), so an archive
is taken only if both agree, its members lie one after another, and nothing stands before, between
or after them.
"""

import struct
import zipfile
from pathlib import Path
from typing import BinaryIO, Final

__all__ = ["BadStructureError", "check_structure"]

_LOCAL: Final = struct.Struct("<4s5H3L2H")
_END: Final = struct.Struct("<4s4H2LH")
_ENCRYPTED = 0x1
_DESCRIPTOR_FOLLOWS = 0x8
_UTF8 = 0x800
_MAX_DESCRIPTOR_BYTES = 24
_IN_EXTRA = 0xFFFFFFFF


class BadStructureError(ValueError):
    """What is wrong, as a clause: "it …" or "`member` …"."""


def check_structure(archive: zipfile.ZipFile, file: Path) -> None:
    """Check an open archive against its file; raises `BadStructureError`."""
    with file.open("rb") as stream:
        end = _end_of_members(stream)
        position = 0
        infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
        for info in infos:
            if info.header_offset != position and not _gap_allowed(position, info.header_offset):
                raise BadStructureError(f"bytes lie hidden before `{info.filename}`")
            position = _check_member(stream, info)
            if info.flag_bits & _DESCRIPTOR_FOLLOWS:
                position = -position
        if not (0 <= end - abs(position) <= (_MAX_DESCRIPTOR_BYTES if position < 0 else 0)):
            raise BadStructureError("bytes lie hidden after its last member")


def _gap_allowed(position: int, offset: int) -> bool:
    """A negative position marks that a data descriptor, of 12 to 24 bytes, may follow it."""
    return position < 0 and 0 <= offset + position <= _MAX_DESCRIPTOR_BYTES


def _end_of_members(stream: BinaryIO) -> int:
    """Return where the central directory starts; it must be the archive's last thing."""
    size = stream.seek(0, 2)
    if size < _END.size:
        raise BadStructureError("it is too short to be a zip archive")
    stream.seek(size - _END.size)
    signature, _, _, _, _, length, offset, comment = _END.unpack(stream.read(_END.size))
    if signature != b"PK\5\6" or comment:
        raise BadStructureError("something follows its end, or it carries a comment")
    if _IN_EXTRA in (offset, length):  # Zip64: zipfile has read the real ones
        return _zip64_offset(stream, size)
    if offset + length != size - _END.size:
        raise BadStructureError("something stands before it, or in its directory")
    return int(offset)


def _zip64_offset(stream: BinaryIO, size: int) -> int:
    stream.seek(size - _END.size - 20)
    signature, _, record, _ = struct.unpack("<4sLQL", stream.read(20))
    if signature != b"PK\6\7":
        raise BadStructureError("its Zip64 directory is missing")
    stream.seek(record)
    fields = struct.unpack("<4sQ2H2L4Q", stream.read(56))
    return int(fields[-1])


def _check_member(stream: BinaryIO, info: zipfile.ZipInfo) -> int:
    """Compare a member's own header with the directory's; return where its data ends."""
    stream.seek(info.header_offset)
    header = stream.read(_LOCAL.size)
    if len(header) < _LOCAL.size:
        raise BadStructureError(f"`{info.filename}` lies outside the file")
    signature, _, flags, method, _, _, crc, compressed, plain, name_bytes, extra_bytes = (
        _LOCAL.unpack(header)
    )
    name = stream.read(name_bytes)
    expected = info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437", "replace")
    if signature != b"PK\3\4" or name != expected or method != info.compress_type:
        raise BadStructureError(f"its two directories disagree about `{info.filename}`")
    if (flags | info.flag_bits) & _ENCRYPTED:
        raise BadStructureError(f"`{info.filename}` is encrypted")
    if method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadStructureError(f"`{info.filename}` is packed by method {method}")
    told = (crc, compressed, plain)
    real = (info.CRC, info.compress_size, info.file_size)
    if not flags & _DESCRIPTOR_FOLLOWS and any(
        mine not in (other, _IN_EXTRA) for mine, other in zip(told, real, strict=True)
    ):
        raise BadStructureError(f"its two directories disagree about `{info.filename}`")
    return (
        info.header_offset + _LOCAL.size + int(name_bytes) + int(extra_bytes) + info.compress_size
    )
