"""Wheels that were built here, written again so that the same tree gives the same bytes.

What a build backend writes depends on the umask, the clock and the zlib of the day. Here members
are sorted by name with RECORD last, dated 1980-01-01, given 0644 or 0755, and stored without
compression. RECORD is written anew from the content.
"""

import base64
import csv
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Final

from manager.store.wheels import CorruptWheelError

__all__ = ["normalize_wheel"]

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3


def normalize_wheel(file: Path, out: Path) -> None:
    """Write the wheel `file` to `out` in its one normal form; raises `CorruptWheelError`."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = {
                info.filename: (archive.read(info), bool((info.external_attr >> 16) & 0o100))
                for info in archive.infolist()
                if not info.is_dir()
            }
    except (OSError, zipfile.BadZipFile) as error:
        raise CorruptWheelError(wheel=file, reason=f"it cannot be read ({error})") from error
    records = [name for name in members if name.endswith(".dist-info/RECORD") and "/" in name]
    if len(records) != 1:
        raise CorruptWheelError(wheel=file, reason="it has no RECORD, or more than one")
    del members[records[0]]
    ordered = sorted(members, key=lambda name: name.encode())
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in ordered:
            content, executable = members[name]
            _write(archive, name, content, 0o755 if executable else 0o644)
        record = _record({name: members[name][0] for name in ordered}, records[0])
        _write(archive, records[0], record, 0o644)


def _write(archive: zipfile.ZipFile, name: str, content: bytes, mode: int) -> None:
    info = zipfile.ZipInfo(name, date_time=_EPOCH)
    info.create_system = _UNIX
    info.external_attr = (0o100000 | mode) << 16
    archive.writestr(info, content, zipfile.ZIP_STORED)


def _record(contents: dict[str, bytes], own_name: str) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for name, content in contents.items():
        if name.endswith((".dist-info/RECORD.jws", ".dist-info/RECORD.p7s")):
            continue
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
        writer.writerow([name, f"sha256={digest.decode()}", len(content)])
    writer.writerow([own_name, "", ""])
    return text.getvalue().encode()
