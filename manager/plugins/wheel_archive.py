"""Looks into a wheel for its dist-info, without unpacking it and without trusting it."""

import re
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.utils import canonicalize_name

from manager.plugins.metadata_faults import UnreadableWheelError

__all__ = ["has_entry_points", "read_dist_info"]

# METADATA carries a README, so it may be long, but not as long as a zip bomb.
MEMBER_LIMIT_BYTES = 16 * 1024 * 1024
END = struct.Struct("<4s4H2LH")  # the end of central directory record, APPNOTE.TXT 4.3.16
DIST_INFO = re.compile(r"([^/]+)\.dist-info/METADATA")


def has_entry_points(file: Path) -> bool:
    """Whether a wheel may hold entry points, told from its directory of names alone.

    A wheelhouse holds many wheels and few plugins: this costs two reads where zipfile parses
    thousands of names. True when in doubt; UnreadableWheelError when the file is plainly no wheel.
    """
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            if size < END.size:
                raise _unreadable(file, "it is empty" if size == 0 else "it is cut off")
            stream.seek(size - END.size)
            signature, *_, names_bytes, _, comment = END.unpack(stream.read(END.size))
            start = size - END.size - names_bytes
            if signature != b"PK\x05\x06" or comment or start < 0:
                return True  # a comment or ZIP64: zipfile will tell
            stream.seek(start)
            return b".dist-info/entry_points.txt" in stream.read(names_bytes)
    except OSError as error:
        raise _unreadable(file, (error.strerror or str(error)).lower()) from error


def read_dist_info(file: Path, *names: str) -> dict[str, str]:
    """Return the text of those files in the wheel's dist-info that exist.

    METADATA must exist, once, in a directory named after the wheel. UnreadableWheelError says
    what is wrong with the archive; nothing but the named members is read, and of them no more
    than MEMBER_LIMIT_BYTES.
    """
    with _reading(file), zipfile.ZipFile(file) as archive:
        members = set(archive.namelist())
        directory = _dist_info_dir(file, members)
        return {
            name: _member(file, archive, f"{directory}/{name}")
            for name in names
            if f"{directory}/{name}" in members
        }


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Turn every way in which zipfile refuses an archive into one error."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise _unreadable(file, "its metadata is not UTF-8") from error
    except zipfile.BadZipFile as error:
        empty = file.stat().st_size == 0
        reason = "it is empty" if empty else f"it is not a sound zip ({_phrase(error)})"
        raise _unreadable(file, reason) from error
    except OSError as error:
        raise _unreadable(file, (error.strerror or str(error)).lower()) from error
    except (RuntimeError, ValueError, EOFError, zlib.error, struct.error) as error:
        # An encrypted member, an unknown compression, a stream that ends early or lies.
        raise _unreadable(file, f"it is not a sound zip ({_phrase(error)})") from error


def _dist_info_dir(file: Path, members: Collection[str]) -> str:
    found = sorted(match[1] for name in members if (match := DIST_INFO.fullmatch(name)))
    if not found:
        raise _unreadable(file, "it has no `*.dist-info/METADATA`")
    if len(found) > 1:
        raise _unreadable(file, f"it has several dist-info directories: {', '.join(found)}")
    wanted = file.name.split("-")[0]
    if canonicalize_name(found[0].rpartition("-")[0]) != canonicalize_name(wanted):
        raise _unreadable(file, f"it holds `{found[0]}`, not `{wanted}`")
    return f"{found[0]}.dist-info"


def _member(file: Path, archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as stream:
        data = stream.read(MEMBER_LIMIT_BYTES + 1)
    if len(data) > MEMBER_LIMIT_BYTES:
        raise _unreadable(file, f"its `{name}` is larger than {MEMBER_LIMIT_BYTES} bytes")
    return data.decode()


def _unreadable(file: Path, reason: str) -> UnreadableWheelError:
    return UnreadableWheelError(file=file, reason=reason)


def _phrase(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
