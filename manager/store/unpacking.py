"""A valid wheel, written to a directory by install scheme, each file checked against RECORD.

::

    <wheel>/site      purelib and platlib: what site-packages links to
    <wheel>/bin       scripts, as they are in the wheel
    <wheel>/data      what goes to the environment's root
    <wheel>/include   headers

Of a member's mode only the exec bit survives; times and owners do not.
"""

import base64
import csv
import hashlib
import os
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

import installer
from installer.destinations import WheelDestination
from installer.records import Hash, RecordEntry
from installer.sources import WheelFile as WheelSource

from manager.store.wheels import CorruptWheelError, RecordMismatchError, ValidWheel, WheelFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from installer.scripts import ScriptSection
    from installer.sources import WheelContentElement
    from installer.utils import Scheme

__all__ = ["BIN", "DATA", "INCLUDE", "SITE", "unpack"]

SITE: Final = "site"
BIN: Final = "bin"
DATA: Final = "data"
INCLUDE: Final = "include"

_PLACES: Final = {
    "purelib": SITE,
    "platlib": SITE,
    "scripts": BIN,
    "data": DATA,
    "headers": INCLUDE,
}
_FROM_SITE: Final = {
    SITE: "",
    BIN: "../../../bin/",
    DATA: "../../../",
    INCLUDE: "../../../include/",
}
_CHUNK_BYTES = 1 << 18


def unpack(wheel: ValidWheel, directory: Path) -> None:
    """Write a wheel's files below `directory`; raises `CorruptWheelError` at the first bad one."""
    try:
        with zipfile.ZipFile(wheel.file) as archive:
            installer.install(_CheckedSource(archive, wheel), _Directories(directory), {})
    except (zipfile.BadZipFile, zlib.error, EOFError, FileExistsError) as error:
        raise CorruptWheelError(
            wheel=wheel.file, reason=f"it cannot be unpacked ({error})"
        ) from error


class _Checked:
    """A member's stream that is hashed while it is read."""

    def __init__(self, stream: BinaryIO, promised: WheelFile) -> None:
        self._stream = stream
        self._promised = promised
        self._hash = hashlib.new(promised.algorithm or "sha256")
        self.size_bytes = 0

    def read(self, size: int = -1) -> bytes:
        """Read, and hash what was read."""
        data = self._stream.read(size)
        self._hash.update(data)
        self.size_bytes += len(data)
        return data

    def hash(self) -> Hash:
        """Return the hash of what was read, as RECORD writes it."""
        encoded = base64.urlsafe_b64encode(self._hash.digest()).rstrip(b"=").decode("ascii")
        return Hash(self._hash.name, encoded)

    def mismatch(self) -> str | None:
        """Return in what the bytes read differ from those promised."""
        promised = self._promised
        if promised.digest is None:
            return None
        if promised.size_bytes not in (None, self.size_bytes):
            return f"has {self.size_bytes} bytes, not {promised.size_bytes}"
        if self._hash.digest() != promised.digest:
            return "has other content than its hash says"
        return None


class _CheckedSource(WheelSource):
    """`installer`'s source of a wheel that we have validated."""

    def __init__(self, archive: zipfile.ZipFile, wheel: ValidWheel) -> None:
        super().__init__(archive)
        self._wheel = wheel

    @property
    def data_dir(self) -> str:
        """The directory as it is spelt in the archive, not as the file name has it."""
        return self._wheel.data_dir or super().data_dir

    def get_contents(self) -> "Iterator[WheelContentElement]":
        """Yield each file, and check it once it has been read to its end."""
        for info in self._zipfile.infolist():
            promised = self._wheel.files.get(info.filename)
            if info.is_dir() or promised is None:  # None: a signature, of use to nobody here
                continue
            executable = bool((info.external_attr >> 16) & 0o111)
            with self._zipfile.open(info) as member:
                stream = _Checked(cast("BinaryIO", member), promised)
                if "__pycache__" in info.filename.split("/"):
                    while stream.read(_CHUNK_BYTES):
                        pass  # checked, and left out: the store compiles its own
                else:
                    yield (info.filename, "", ""), cast("BinaryIO", stream), executable
                reason = None if info.filename.endswith("/RECORD") else stream.mismatch()
                if reason is not None:
                    raise RecordMismatchError(
                        wheel=self._wheel.file, member=info.filename, reason=reason
                    )


class _Directories(WheelDestination):
    """`installer`'s destination: four directories; scripts are each environment's own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._made: set[str] = set()

    def write_script(
        self, name: str, module: str, attr: str, section: "ScriptSection"
    ) -> RecordEntry:
        """Write nothing: the environment generates its programs."""
        del module, attr, section
        return RecordEntry(f"{_FROM_SITE[BIN]}{name}", None, None)

    def write_file(
        self,
        scheme: "Scheme",
        path: "str | os.PathLike[str]",
        stream: BinaryIO,
        is_executable: bool,
    ) -> RecordEntry:
        """Write one file that must not be there yet."""
        place = _PLACES[str(scheme)]
        target = f"{self._directory}/{place}/{path}"
        parent = target.rpartition("/")[0]
        if parent not in self._made:
            Path(parent).mkdir(parents=True, exist_ok=True)
            self._made.add(parent)
        mode = 0o555 if is_executable else 0o444
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            while chunk := stream.read(_CHUNK_BYTES):
                file.write(chunk)
            os.fchmod(file.fileno(), mode)  # whatever the umask was
        checked = cast("_Checked", stream)
        return RecordEntry(f"{_FROM_SITE[place]}{path}", checked.hash(), checked.size_bytes)

    def finalize_installation(
        self,
        scheme: "Scheme",
        record_file_path: str,
        records: "Iterable[tuple[Scheme, RecordEntry]]",
    ) -> None:
        """Write RECORD as it is once installed, sorted, and INSTALLER."""
        del scheme
        info = self._directory / SITE / Path(record_file_path).parent
        own_installer = info / "INSTALLER"
        rows = sorted({record.to_row() for _, record in records})
        if not own_installer.exists():
            own_installer.write_text("venvoy\n")
            rows.append((f"{info.name}/INSTALLER", "", ""))
        rows.append((record_file_path, "", ""))
        with (info / "RECORD").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows(rows)
