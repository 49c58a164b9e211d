"""Where a native library looks for others: the RPATH and RUNPATH of an ELF file.

Read from the file's dynamic section; nothing is executed. A file that is no ELF file, or a
damaged one, looks nowhere. Layout: System V ABI, chapters 4 and 5.
"""

import struct
from pathlib import Path
from typing import BinaryIO, Final

__all__ = ["search_paths"]

_MAGIC: Final = b"\x7fELF"
_IDENT_BYTES = 16
_64_BIT = 2
_BIG_ENDIAN = 2
_PT_LOAD = 1
_PT_DYNAMIC = 2
_DT_NULL = 0
_DT_STRTAB = 5
_DT_RPATH = 15
_DT_RUNPATH = 29
_MAX_TEXT_BYTES = 65536


def search_paths(file: Path) -> tuple[str, ...]:
    """Return the entries of a library's RPATH and RUNPATH as they are written, in order."""
    with file.open("rb") as stream:
        ident = stream.read(_IDENT_BYTES)
        if ident[:4] != _MAGIC or len(ident) < _IDENT_BYTES:
            return ()
        order = ">" if ident[5] == _BIG_ENDIAN else "<"
        try:
            return _search_paths(stream, order, wide=ident[4] == _64_BIT)
        except (struct.error, OverflowError, OSError):
            return ()


def _search_paths(stream: BinaryIO, order: str, *, wide: bool) -> tuple[str, ...]:
    headers = _program_headers(stream, order, wide=wide)
    loads = [header for header in headers if header[0] == _PT_LOAD]
    dynamic = [header for header in headers if header[0] == _PT_DYNAMIC]
    if not dynamic:
        return ()
    entry = struct.Struct(order + ("qQ" if wide else "iI"))
    stream.seek(dynamic[0][1])
    data = stream.read(dynamic[0][3])
    tags: dict[int, int] = {}
    for tag, value in entry.iter_unpack(data[: len(data) // entry.size * entry.size]):
        if tag == _DT_NULL:
            break
        tags.setdefault(tag, value)
    table = _file_offset(loads, tags.get(_DT_STRTAB, 0))
    if table is None:
        return ()
    texts = [_text(stream, table + tags[tag]) for tag in (_DT_RPATH, _DT_RUNPATH) if tag in tags]
    return tuple(part for text in texts for part in text.split(":") if part)


def _program_headers(
    stream: BinaryIO, order: str, *, wide: bool
) -> list[tuple[int, int, int, int]]:
    """Return (type, file offset, address, size in the file) of each segment."""
    stream.seek(32 if wide else 28)
    (start,) = struct.unpack(order + ("Q" if wide else "I"), stream.read(8 if wide else 4))
    stream.seek(54 if wide else 42)
    size, count = struct.unpack(order + "HH", stream.read(4))
    headers = []
    for index in range(count):
        stream.seek(start + index * size)
        if wide:
            kind, _, offset, address, _, length = struct.unpack(order + "IIQQQQ", stream.read(40))
        else:
            kind, offset, address, _, length = struct.unpack(order + "5I", stream.read(20))
        headers.append((kind, offset, address, length))
    return headers


def _file_offset(loads: list[tuple[int, int, int, int]], address: int) -> int | None:
    for _, offset, start, length in loads:
        if start <= address < start + length:
            return offset + address - start
    return None


def _text(stream: BinaryIO, offset: int) -> str:
    stream.seek(offset)
    return stream.read(_MAX_TEXT_BYTES).split(b"\0", 1)[0].decode("utf-8", "replace")
