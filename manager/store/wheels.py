"""Whether a wheel may enter the store: its zip structure, its names, its RECORD, its scripts.

A wheel is somebody else's archive, so nothing in it is believed. Here everything is checked that
can be said from its directory and its metadata; `unpacking` then compares each file's size and
hash with RECORD while it writes them to a place that nobody reads yet.
"""

import base64
import csv
import hashlib
import re
import stat
import unicodedata
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from installer.utils import SCHEME_NAMES, parse_entrypoints, parse_metadata_file
from packaging.utils import InvalidWheelFilename, NormalizedName, parse_wheel_filename
from packaging.version import Version

from manager.errors import VenvoyError
from manager.store.zip_structure import BadStructureError, check_structure

__all__ = [
    "CorruptWheelError",
    "RecordMismatchError",
    "Script",
    "ValidWheel",
    "WheelFile",
    "reserved_script",
    "validate",
]

SIGNATURES: Final = ("RECORD.jws", "RECORD.p7s")
"""Files of the dist-info directory that RECORD does not list."""

_RESERVED = re.compile(
    r"(?:(?:python|pypy)w?[0-9.]*t?d?(?:-config|-intel64)?|activate(?:_this)?)"
    r"(?:\.(?:exe|py|csh|fish|nu|ps1|bat|xsh))?\Z"
)
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*\Z")
_HASHES = ("sha256", "sha384", "sha512")
_RECORD_FIELDS = 3
_MAX_SEGMENT_BYTES = 255


class CorruptWheelError(VenvoyError):
    """A wheel is damaged, or is not what a wheel may be."""

    code = "corrupt-wheel"

    def __init__(self, *, wheel: Path, reason: str) -> None:
        super().__init__(wheel)
        self.wheel = wheel
        self.reason = reason

    @property
    def message(self) -> str:
        """The wheel and what is wrong with it."""
        return f"the wheel `{self.wheel}` is corrupt: {self.reason}"

    @property
    def hint(self) -> str:
        """How to come by a good one."""
        return f"fetch or build `{self.wheel.name}` again"


class RecordMismatchError(CorruptWheelError):
    """A wheel's RECORD and its files disagree."""

    code = "record-mismatch"

    def __init__(self, *, wheel: Path, member: str, reason: str) -> None:
        super().__init__(wheel=wheel, reason=reason)
        self.member = member

    @property
    def message(self) -> str:
        """The wheel, the file and in what they disagree."""
        return f"the wheel `{self.wheel}` does not match its RECORD: `{self.member}` {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelFile:
    """One file of a wheel as RECORD promises it; `digest` is raw, None for RECORD and signatures.

    `size_bytes` is None where RECORD leaves it out.
    """

    path: str
    algorithm: str
    digest: bytes | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A program that a wheel asks for by entry point; gui and console are the same here."""

    name: str
    module: str
    attribute: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidWheel:
    """A wheel whose structure, names and metadata are good; its content is yet to be hashed."""

    file: Path
    name: NormalizedName
    version: Version
    dist_info: str
    data_dir: str | None
    files: Mapping[str, WheelFile]
    scripts: tuple[Script, ...]
    tags: tuple[str, ...]


def validate(file: Path) -> ValidWheel:
    """Check a wheel without writing anything; raises `CorruptWheelError`."""
    try:
        name, version, _, tags = parse_wheel_filename(file.name)
    except InvalidWheelFilename as error:
        raise CorruptWheelError(wheel=file, reason="its file name is no wheel's") from error
    try:
        with zipfile.ZipFile(file) as archive:
            check_structure(archive, file)
            return _validate(archive, file, name, version, tuple(sorted(map(str, tags))))
    except BadStructureError as error:
        raise CorruptWheelError(wheel=file, reason=str(error)) from error
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise CorruptWheelError(wheel=file, reason=f"it cannot be read ({error})") from error


def reserved_script(name: str) -> bool:
    """Say whether a program of that name would stand in for the interpreter or its activation."""
    return _RESERVED.match(name.casefold()) is not None


def _validate(
    archive: zipfile.ZipFile,
    file: Path,
    name: NormalizedName,
    version: Version,
    tags: tuple[str, ...],
) -> ValidWheel:
    def corrupt(reason: str) -> CorruptWheelError:
        return CorruptWheelError(wheel=file, reason=reason)

    problems: list[str] = []
    names = _names(archive, problems)
    if problems:
        raise corrupt(problems[0])
    dist_info = _special_directory(names, ".dist-info", name, version)
    data_dir = _special_directory(names, ".data", name, version)
    if dist_info is None:
        raise corrupt(f"it has no directory `{name}-{version}.dist-info`")
    for needed in ("METADATA", "WHEEL", "RECORD"):
        if f"{dist_info}/{needed}" not in names:
            raise corrupt(f"`{dist_info}/{needed}` is missing")
    texts = {
        each: _text(archive, f"{dist_info}/{each}", file)
        for each in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")
        if f"{dist_info}/{each}" in names
    }
    layout = parse_metadata_file(texts["WHEEL"]).get("Wheel-Version", "")
    if layout.partition(".")[0] != "1":
        raise corrupt(f"its Wheel-Version is `{layout}`, and only 1.x is known")
    if data_dir is not None:
        _check_data(names, data_dir, file)
    return ValidWheel(
        file=file,
        name=name,
        version=version,
        dist_info=dist_info,
        data_dir=data_dir,
        files=_check_record(texts["RECORD"], names, dist_info, file),
        scripts=_scripts(texts.get("entry_points.txt", ""), file),
        tags=tags,
    )


def _names(archive: zipfile.ZipFile, problems: list[str]) -> tuple[str, ...]:
    """Return the names of the files, having checked each, and all against one another."""
    seen: dict[str, str] = {}
    directories: dict[str, str] = {}
    names: list[str] = []
    for info in archive.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        name = info.filename.rstrip("/") if info.is_dir() else info.filename
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            problems.append(f"`{name}` is a link or a device")
        reason = _bad_name(info.orig_filename.rstrip("/") if info.is_dir() else info.orig_filename)
        if reason is not None:
            problems.append(f"the name {name!r} {reason}")
        folded = _fold(name)
        if info.is_dir():
            directories.setdefault(folded, name)
            continue
        if folded in seen:
            problems.append(f"`{seen[folded]}` and `{name}` are the same name")
        seen[folded] = name
        names.append(name)
    for name in names:
        parent = name
        while parent := parent.rpartition("/")[0]:
            folded = _fold(parent)
            if directories.setdefault(folded, parent) != parent:
                problems.append(f"`{directories[folded]}` and `{parent}` are the same name")
    clashes = sorted(seen.keys() & directories.keys())
    problems += [f"`{seen[clash]}` is a file and a directory" for clash in clashes]
    return tuple(names)


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _bad_name(name: str) -> str | None:
    if "\\" in name:
        return "has a backslash"
    if any(ord(letter) < ord(" ") or letter == "\x7f" for letter in name):
        return "has a control character"
    if re.match(r"[A-Za-z]:", name):
        return "starts with a drive"
    segments = name.split("/")
    if "" in segments or "." in segments or ".." in segments:
        return "is absolute or leaves its directory"
    if any(len(segment.encode("utf-8", "replace")) > _MAX_SEGMENT_BYTES for segment in segments):
        return "is too long"
    return None


def _special_directory(
    names: tuple[str, ...], suffix: str, name: NormalizedName, version: Version
) -> str | None:
    """Return the wheel's one directory of that suffix, if its name is the wheel's."""
    tops = {each.split("/", 1)[0] for each in names if "/" in each}
    found = [top for top in tops if top.endswith(suffix)]
    if len(found) != 1:
        return None
    try:
        own_name, own_version, *_ = parse_wheel_filename(
            f"{found[0].removesuffix(suffix)}-py3-none-any.whl"
        )
    except InvalidWheelFilename:
        return None
    return found[0] if (own_name, own_version) == (name, version) else None


def _text(archive: zipfile.ZipFile, member: str, file: Path) -> str:
    try:
        return archive.read(member).decode()
    except UnicodeDecodeError as error:
        raise CorruptWheelError(wheel=file, reason=f"`{member}` is not UTF-8") from error


def _check_data(names: tuple[str, ...], data_dir: str, file: Path) -> None:
    for name in names:
        top, _, rest = name.partition("/")
        if top != data_dir:
            continue
        scheme, _, path = rest.partition("/")
        if scheme not in SCHEME_NAMES or not path:
            raise CorruptWheelError(wheel=file, reason=f"`{name}` belongs to no install scheme")
        program = path if scheme == "scripts" else path.removeprefix("bin/")
        in_bin = scheme == "scripts" or (scheme == "data" and path.casefold().startswith("bin/"))
        configuration = scheme == "data" and path.casefold() in ("pyvenv.cfg", "receipt.json")
        if configuration or (in_bin and reserved_script(program)):
            raise CorruptWheelError(wheel=file, reason=f"`{name}` would replace the environment's")


def _check_record(
    text: str, names: tuple[str, ...], dist_info: str, file: Path
) -> dict[str, WheelFile]:
    """Compare RECORD with the archive's names, both ways."""
    unlisted = {f"{dist_info}/{signature}" for signature in SIGNATURES}
    files: dict[str, WheelFile] = {}
    for row in csv.reader(text.splitlines()):
        if not row:
            continue
        entry = _record_entry(row, file, own=f"{dist_info}/RECORD")
        if entry.path in files:
            raise RecordMismatchError(wheel=file, member=entry.path, reason="is listed twice")
        files[entry.path] = entry
    present = set(names)
    for member in sorted(files.keys() - present):
        raise RecordMismatchError(wheel=file, member=member, reason="is listed, but not there")
    for member in sorted(present - files.keys() - unlisted):
        raise RecordMismatchError(wheel=file, member=member, reason="is there, but not listed")
    return files


def _record_entry(row: list[str], file: Path, *, own: str) -> WheelFile:
    if len(row) != _RECORD_FIELDS:
        raise RecordMismatchError(
            wheel=file, member=row[0], reason=f"has a line of {len(row)} fields, not 3"
        )
    path, hash_text, size = row
    algorithm, _, encoded = hash_text.partition("=")
    if path == own or path.rpartition("/")[2] in SIGNATURES:
        return WheelFile(path=path, algorithm="", digest=None, size_bytes=None)
    if algorithm not in _HASHES:
        raise RecordMismatchError(
            wheel=file, member=path, reason="has no sha256 there, nor a stronger hash"
        )
    if size and not size.isascii():
        raise RecordMismatchError(wheel=file, member=path, reason=f"has the size `{size}` there")
    try:
        digest = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True)
        size_bytes = int(size) if size else None
    except ValueError as error:
        raise RecordMismatchError(
            wheel=file, member=path, reason="has a hash or a size there that cannot be read"
        ) from error
    if len(digest) != hashlib.new(algorithm).digest_size:
        raise RecordMismatchError(wheel=file, member=path, reason="has a hash of a wrong length")
    return WheelFile(path=path, algorithm=algorithm, digest=digest, size_bytes=size_bytes)


def _scripts(text: str, file: Path) -> tuple[Script, ...]:
    def corrupt(reason: str) -> CorruptWheelError:
        return CorruptWheelError(wheel=file, reason=reason)

    try:
        found = tuple(parse_entrypoints(text))
    except Exception as error:  # configparser's, or an assertion of installer's
        raise corrupt(f"its entry_points.txt cannot be read ({error})") from error
    scripts: list[Script] = []
    for name, module, attribute, _ in found:
        if _bad_name(name) is not None or "/" in name or reserved_script(name):
            raise corrupt(f"it may not bring a program called {name!r}")
        if not (_DOTTED.match(module) and _DOTTED.match(attribute)):
            raise corrupt(f"its program `{name}` points to {module}:{attribute}, no Python name")
        scripts.append(Script(name=name, module=module, attribute=attribute))
    return tuple(scripts)
