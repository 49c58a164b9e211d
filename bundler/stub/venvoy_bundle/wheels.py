"""A virtualenv by hand, and wheels unpacked into it by scheme, each file checked with RECORD."""

from __future__ import annotations

import base64
import configparser
import csv
import hashlib
import io
import os
import platform
import re
import shlex
import stat
import sys
import sysconfig
import threading
import zipfile
from typing import Any

from venvoy_bundle.bundle_format import BadBundleFormatError, Member, check_member, unsafe_name

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


def make_virtualenv(room: str) -> str:
    """Make a bare virtualenv of this Python below `room`; return its site-packages."""
    base = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    scheme = "venv" if "venv" in sysconfig.get_scheme_names() else "posix_prefix"
    place = sysconfig.get_path("purelib", scheme, {"base": room, "platbase": room})
    os.makedirs(place, mode=0o700)
    os.mkdir(os.path.join(room, "bin"), 0o700)
    os.symlink(base, os.path.join(room, "bin", "python"))
    for name in ("python3", f"python3.{sys.version_info[1]}"):
        os.symlink("python", os.path.join(room, "bin", name))
    lines = (
        f"home = {os.path.dirname(base)}",
        "include-system-site-packages = false",
        f"version = {platform.python_version()}",
    )
    with open(os.path.join(room, "pyvenv.cfg"), "w", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")
    return place


def unpack_all(
    file: str, wheels: list[tuple[Member, str]], room: str, site: str, python: str
) -> None:
    """Unpack wheels of the bundle, checked against their sha256 first; two at a time."""
    waiting = sorted(wheels, key=lambda one: one[0].size)
    errors: list[BaseException] = []

    def work() -> None:
        while waiting and not errors:
            try:
                member, sha256 = waiting.pop()
            except IndexError:  # another was faster
                return
            try:
                _Wheel(file, member, sha256, room, site, python).unpack()
            except BaseException as error:  # noqa: BLE001  # raised again by the caller
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(min(4, os.cpu_count() or 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


class _Wheel:
    """One wheel on its way into a virtualenv."""

    def __init__(
        self, file: str, member: Member, sha256: str, room: str, site: str, python: str
    ) -> None:
        self.file, self.member, self.sha256 = file, member, sha256
        self.room, self.site, self.python = room, site, python
        self.name = member.name.rpartition("/")[2]
        self.made: set[str] = set()

    def bad(self, reason: str) -> BadBundleFormatError:
        return BadBundleFormatError(f"its wheel `{self.name}` is corrupt: {reason}")

    def unpack(self) -> None:
        with open(self.file, "rb") as stream:
            check_member(stream, self.member, self.sha256)
            stream.seek(self.member.offset)
            data = stream.read(self.member.size)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                self.write_all(archive)
        except (zipfile.BadZipFile, ValueError, KeyError, NotImplementedError) as error:
            if isinstance(error, BadBundleFormatError):
                raise
            raise self.bad(str(error)) from error

    def write_all(self, archive: zipfile.ZipFile) -> None:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        names = [info.filename for info in infos]
        records = [name for name in names if re.fullmatch(r"[^/]+\.dist-info/RECORD", name)]
        if len(records) != 1 or len(set(names)) != len(names):
            raise self.bad("it has not one RECORD, or a name twice")
        info_dir = records[0].rpartition("/")[0]
        promised = self.record(archive.read(records[0]).decode("utf-8"))
        for info in infos:
            reason = unsafe_name(info.filename)
            if reason is not None:
                raise self.bad(f"the name {info.filename!r} {reason}")
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
                raise self.bad(f"`{info.filename}` is a link or a device")
            self.write(archive, info, promised, info_dir)
        entries = f"{info_dir}/entry_points.txt"
        if entries in names:
            self.programs(archive.read(entries).decode("utf-8"))

    def record(self, text: str) -> dict[str, str]:
        return {row[0]: row[1] for row in csv.reader(text.splitlines()) if len(row) > 1}

    def write(
        self, archive: zipfile.ZipFile, info: Any, promised: dict[str, str], info_dir: str
    ) -> None:
        name = info.filename
        target = self.target(name, info_dir)
        if target is None or "__pycache__" in name.split("/"):
            return
        data = archive.read(info)
        wanted = promised.get(name)
        if name not in (f"{info_dir}/RECORD", f"{info_dir}/RECORD.jws", f"{info_dir}/RECORD.p7s"):
            if wanted is None:
                raise self.bad(f"`{name}` is not in its RECORD")
            algorithm, _, digest = wanted.partition("=")
            if algorithm not in ("sha256", "sha384", "sha512"):
                raise self.bad(f"`{name}` has no good hash in its RECORD")
            found = hashlib.new(algorithm, data).digest()
            if base64.urlsafe_b64encode(found).rstrip(b"=").decode() != digest.rstrip("="):
                raise self.bad(f"`{name}` has other content than its RECORD says")
        in_bin = os.path.dirname(target) == os.path.join(self.room, "bin")
        if in_bin:
            asked = _ASKS_FOR_PYTHON.match(data)
            if asked is not None:
                data = self.shebang() + data[asked.end() :]
        self.put(target, data, executable=in_bin or bool((info.external_attr >> 16) & 0o111))

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
                "scripts": os.path.join(self.room, "bin"),
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

    def put(self, target: str, data: bytes, *, executable: bool) -> None:
        parent = os.path.dirname(target)
        if parent not in self.made:
            os.makedirs(parent, mode=0o700, exist_ok=True)
            self.made.add(parent)
        mode = 0o700 if executable else 0o600
        try:
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError as error:
            with open(target, "rb") as stream:
                if stream.read() == data:
                    return
            raise self.bad(f"another wheel has `{os.path.relpath(target, self.room)}`") from error
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)

    def programs(self, text: str) -> None:
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
                target = os.path.join(self.room, "bin", name)
                self.put(target, self.shebang() + body.encode(), executable=True)

    def shebang(self) -> bytes:
        line = f"#!{self.python}\n".encode()
        if len(line) <= _LINE_BYTES and not re.search(r"\s", self.python):
            return line
        return f"#!/bin/sh\n'''exec' {shlex.quote(self.python)} \"$0\" \"$@\"\n' '''\n".encode()
