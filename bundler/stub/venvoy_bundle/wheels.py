"""A virtualenv by hand, and wheels unpacked into it by scheme, each file checked with RECORD."""

from __future__ import annotations

import binascii
import hashlib
import os
import re
import stat
import sys
import time

from venvoy_bundle.bundle_format import BadBundleFormatError, check_content, unsafe_name
from venvoy_bundle.wheel_archive import BadArchiveError, open_archive
from venvoy_bundle.workers import share

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from venvoy_bundle.bundle_format import Member
    from venvoy_bundle.wheel_archive import Entry, OddArchive, PlainArchive

__all__ = ["make_virtualenv", "unpack_all"]

_FRAMEWORK = ("venvoy_api", "venvoy_host")
_RESERVED = re.compile(r"(?:python|pypy)w?[0-9.]*t?(?:-config)?(?:\.exe)?|activate(?:[._].*)?")
_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_ASKS_FOR_PYTHON = re.compile(rb"#!python[^ \r\n]*([^\r\n]*)\r?\n")
_SCRIPT = """\
import sys
from {module} import {name}
if __name__ == "__main__":
    sys.exit({attribute}())
"""
_LINE_BYTES = 127
_PATIENCE_TURNS, _PATIENCE_S = 100, 0.02
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def make_virtualenv(room: str) -> str:
    """Make a bare virtualenv of this Python below `room`; return its site-packages."""
    base = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    threads = "t" if "t" in sys.abiflags else ""
    library = f"python3.{sys.version_info[1]}{threads}"  # as `site` looks for it
    place = os.path.join(room, "lib", library, "site-packages")
    os.makedirs(place, mode=0o700)
    os.mkdir(os.path.join(room, "bin"), 0o700)
    os.symlink(base, os.path.join(room, "bin", "python"))
    for name in ("python3", f"python3.{sys.version_info[1]}"):
        os.symlink("python", os.path.join(room, "bin", name))
    lines = (
        f"home = {os.path.dirname(base)}",
        "include-system-site-packages = false",
        f"version = {sys.version.split()[0]}",
    )
    with open(os.path.join(room, "pyvenv.cfg"), "w", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")
    return place


def unpack_all(
    file: str, wheels: list[tuple[Member, str]], room: str, site: str, python: str
) -> None:
    """Unpack wheels of the bundle, each checked against its sha256 first; several at a time."""

    def work(index: int) -> None:
        _Wheel(*wheels[index], room, site, python).unpack(file)

    share([member.size for member, _ in wheels], work)


class _Wheel:
    """One wheel on its way into a virtualenv."""

    def __init__(self, member: Member, sha256: str, room: str, site: str, python: str) -> None:
        self.member, self.sha256 = member, sha256
        self.room, self.site, self.python = room, site, python
        self.bin = os.path.join(room, "bin")
        self.name = member.name.rpartition("/")[2]
        self.made: set[str] = set()

    def bad(self, reason: str) -> BadBundleFormatError:
        return BadBundleFormatError(f"its wheel `{self.name}` is corrupt: {reason}")

    def unpack(self, file: str) -> None:
        """Read the wheel once: what is unpacked are the very bytes that were checked."""
        with open(file, "rb") as stream:
            stream.seek(self.member.offset)
            data = stream.read(self.member.size)
        check_content(self.member, data, self.sha256)
        try:
            self.write_all(open_archive(data))
        except (BadArchiveError, UnicodeDecodeError) as error:
            raise self.bad(str(error)) from error

    def write_all(self, archive: PlainArchive | OddArchive) -> None:
        by_name = {entry.name: entry for entry in archive.entries}
        records = [name for name in by_name if re.fullmatch(r"[^/]+\.dist-info/RECORD", name)]
        if len(records) != 1 or len(by_name) != len(archive.entries):
            raise self.bad("it has not one RECORD, or a name twice")
        info_dir = records[0].rpartition("/")[0]
        promised = _hashes(_text(archive, by_name[records[0]]))
        for name in ("RECORD", "RECORD.jws", "RECORD.p7s"):
            promised[f"{info_dir}/{name}"] = None
        for entry in archive.entries:
            reason = unsafe_name(entry.name)
            if reason is not None:
                raise self.bad(f"the name {entry.name!r} {reason}")
            if stat.S_IFMT(entry.mode) not in (0, stat.S_IFREG):
                raise self.bad(f"`{entry.name}` is a link or a device")
            self.write(archive, entry, promised, info_dir)
        entries = by_name.get(f"{info_dir}/entry_points.txt")
        if entries is not None:
            self.programs(_text(archive, entries))

    def write(
        self,
        archive: PlainArchive | OddArchive,
        entry: Entry,
        promised: dict[str, str | None],
        info_dir: str,
    ) -> None:
        target = self.target(entry.name, info_dir)
        if target is None or "__pycache__" in entry.name.split("/"):
            return
        if entry.name not in promised:
            raise self.bad(f"`{entry.name}` is not in its RECORD")
        pieces: Iterable[bytes] = self.checked(archive, entry, promised[entry.name])
        in_bin = os.path.dirname(target) == self.bin
        if in_bin:
            data = b"".join(pieces)
            asked = _ASKS_FOR_PYTHON.match(data)
            pieces = [data if asked is None else self.shebang() + data[asked.end() :]]
        self.put(target, pieces, executable=in_bin or bool(entry.mode & 0o111))

    def checked(
        self, archive: PlainArchive | OddArchive, entry: Entry, promised: str | None
    ) -> Iterator[bytes]:
        """Yield a file's content; raises before the end unless it is what RECORD says.

        None is for RECORD itself and its signatures.
        """
        algorithm, _, digest = (promised or "").partition("=")
        if promised is None:
            yield from archive.pieces(entry)
            return
        if algorithm not in ("sha256", "sha384", "sha512"):
            raise self.bad(f"`{entry.name}` has no good hash in its RECORD")
        found = hashlib.new(algorithm)
        for piece in archive.pieces(entry):
            found.update(piece)
            yield piece
        encoded = binascii.b2a_base64(found.digest(), newline=False).translate(_URL_SAFE)
        if encoded.decode().rstrip("=") != digest.rstrip("="):
            raise self.bad(f"`{entry.name}` has other content than its RECORD says")

    def target(self, name: str, info_dir: str) -> str | None:
        """Return where a member goes; None for what only venvoy provides."""
        top, _, rest = name.partition("/")
        if top.endswith(".data") and rest:
            scheme, _, path = rest.partition("/")
            library = os.path.basename(os.path.dirname(self.site))
            distribution = info_dir.partition("-")[0]
            places = {
                "purelib": self.site,
                "platlib": self.site,
                "scripts": self.bin,
                "data": self.room,
                "headers": os.path.join(self.room, "include", "site", library, distribution),
            }
            if scheme not in places or not path:
                raise self.bad(f"`{name}` belongs to no install scheme")
            program = path if scheme == "scripts" else path[4:] if path[:4] == "bin/" else ""
            if path.casefold() in ("pyvenv.cfg", "receipt.json", "flushed") or (
                _RESERVED.fullmatch(program.casefold()) is not None
            ):
                raise self.bad(f"`{name}` would replace the environment's")
            if scheme in ("purelib", "platlib") and path.partition("/")[0] in _FRAMEWORK:
                return None
            return os.path.join(places[scheme], *path.split("/"))
        if top.partition(".")[0].casefold() in _FRAMEWORK:
            return None
        return os.path.join(self.site, *name.split("/"))

    def put(self, target: str, pieces: Iterable[bytes], *, executable: bool) -> None:
        parent = os.path.dirname(target)
        if parent not in self.made:
            os.makedirs(parent, mode=0o700, exist_ok=True)
            self.made.add(parent)
        mode = 0o700 if executable else 0o600
        try:
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError as error:
            if _holds(target, b"".join(pieces)):
                return
            raise self.bad(f"another wheel has `{os.path.relpath(target, self.room)}`") from error
        try:
            for piece in pieces:
                _write(descriptor, piece)
        finally:
            os.close(descriptor)

    def programs(self, text: str) -> None:
        import configparser

        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
        try:
            parser.read_string(text)
        except configparser.Error as error:
            raise self.bad(f"its entry_points.txt cannot be read ({error})") from error
        for section in ("console_scripts", "gui_scripts"):
            for name, value in parser.items(section) if parser.has_section(section) else ():
                module, _, attribute = value.partition("[")[0].strip().partition(":")
                if unsafe_name(name) or "/" in name or _RESERVED.fullmatch(name.casefold()):
                    raise self.bad(f"it may not bring a program called {name!r}")
                if not (_NAME.fullmatch(module) and _NAME.fullmatch(attribute)):
                    raise self.bad(f"its program `{name}` points to {value!r}, no Python name")
                first = attribute.partition(".")[0]
                body = _SCRIPT.format(module=module, name=first, attribute=attribute)
                target = os.path.join(self.bin, name)
                self.put(target, [self.shebang() + body.encode()], executable=True)

    def shebang(self) -> bytes:
        line = f"#!{self.python}\n".encode()
        if len(line) <= _LINE_BYTES and not re.search(r"\s", self.python):
            return line
        import shlex

        return f"#!/bin/sh\n'''exec' {shlex.quote(self.python)} \"$0\" \"$@\"\n' '''\n".encode()


def _text(archive: PlainArchive | OddArchive, entry: Entry) -> str:
    return b"".join(archive.pieces(entry)).decode("utf-8")


def _holds(file: str, data: bytes) -> bool:
    """Whether a file of another wheel has this content; its process may still be writing it."""
    for _ in range(_PATIENCE_TURNS):
        with open(file, "rb") as stream:
            found = stream.read()
        if found == data or not data.startswith(found):
            break
        time.sleep(_PATIENCE_S)
    return found == data


def _hashes(record: str) -> dict[str, str | None]:
    """Return what a RECORD promises of each file."""
    if '"' in record:
        import csv

        return {row[0]: row[1] for row in csv.reader(record.splitlines()) if len(row) > 1}
    rows = [line.split(",") for line in record.splitlines()]
    return {row[0]: row[1] for row in rows if len(row) > 1}


def _write(descriptor: int, data: bytes) -> None:
    """Write all of it; a file object would ask the system thrice before it writes."""
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, data[written:])
