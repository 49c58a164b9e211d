"""The format of a bundle, written and read by its one rule: everything has one form.

::

    sh prologue                     starts a warm environment without Python, else `python3 "$0"`
    __main__.py                     the stub; then all other members, sorted by their bytes:
    pylock.toml                     the lock
    shared/venvoy_api/… venvoy_host/… pyproject.toml
    venvoy-bundle.json              the manifest: canonical JSON, every other member's sha256
    venvoy_bundle/*.py              what the stub imports; this file is one of them
    wheels/*.whl                    byte for byte as they were
    wheels/<sha256[:16]>/*.whl      those that share a file name with another
    central directory, end record

Members are stored, dated 1980-01-01, mode 0644, made on Unix, without extra fields, comments or
Zip64. So a header follows from name, size and CRC, and the reader makes each anew and compares:
what differs in any byte is no bundle. Runs inside bundles, too: standard library, Python 3.9.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import unicodedata
import zlib

TYPE_CHECKING = False  # importing `typing` would cost every first start two milliseconds
if TYPE_CHECKING:
    from typing import IO, Any

__all__ = [
    "MANIFEST",
    "BadBundleFormatError",
    "Member",
    "Reading",
    "canonical",
    "central_header",
    "check_content",
    "check_member",
    "check_name",
    "end_record",
    "local_header",
    "member_order",
    "prologue",
    "read_bundle",
    "read_member",
    "unsafe_name",
]

MAIN = "__main__.py"
MANIFEST = "venvoy-bundle.json"
LOCK = "pylock.toml"
SCHEMA = 1

LIMIT_BYTES = 0xFFFFFFFF - 1
LIMIT_MEMBERS = 0xFFFF - 1
_SMALL_LIMIT_BYTES = 32 * 1024 * 1024
_PROLOGUE_LIMIT_BYTES = 4096
_NAME_LIMIT_BYTES = 255
_CHUNK_BYTES = 1 << 20

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION = 20
_UNIX = 3
_UTF8 = 0x800
_DATE = (1 << 5) | 1  # 1980-01-01
_REGULAR = 0o100000
_LINK = 0o120000
_ATTRIBUTES = (_REGULAR | 0o644) << 16
_KIND = 0o170000

_KNOWN = re.compile(
    r"__main__\.py|pylock\.toml|venvoy-bundle\.json|venvoy_bundle/\w+\.py"
    r"|wheels/(?:[0-9a-f]{16}/)?[^/]+\.whl|shared/(?:pyproject\.toml|venvoy_(?:api|host)/.+)"
)

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")
_DRIVE = re.compile(r"[A-Za-z]:")

_PROLOGUE = """\
#!/bin/sh
# A venvoy bundle: a zip archive. `sh` starts what was made before, Python does all the rest.
c=${{XDG_CACHE_HOME:-$HOME/.cache}}/venvoy/bundles/{digest}
case $1/$2 in
exec/|exec/*/*|exec/.*) ;;
exec/*)
  if [ -z "$VENVOY_STORE" ] && [ -O "$c" ] && [ -x "$c/warm/bin/python" ] \\
     && [ -x "$c/warm/bin/$2" ] && [ ! "$c/warm/bin/python" -nt "$c/warm" ]; then
    p=$c/warm/bin/$2; shift 2; unset PYTHONHOME PYTHONPATH __PYVENV_LAUNCHER__
    exec "$p" "$@"
  fi ;;
esac
VENVOY_BUNDLE_SH=1; export VENVOY_BUNDLE_SH
exec python3 -I -S "$0" "$@"
exit 127
"""


class BadBundleFormatError(ValueError):
    """Why a file is no bundle, as a clause: "it …" or "`member` …"."""


class Member:
    """One member: where its bytes lie in the file, how many, and their CRC-32."""

    __slots__ = ("crc", "name", "offset", "size")

    def __init__(self, name: str, offset: int, size: int, crc: int) -> None:
        self.name, self.offset, self.size, self.crc = name, offset, size, crc


class Reading:
    """A bundle whose structure and manifest are good, and every member but its wheels' bytes."""

    __slots__ = ("manifest", "manifest_sha256", "members")

    def __init__(
        self, members: dict[str, Member], manifest: dict[str, Any], manifest_sha256: str
    ) -> None:
        self.members, self.manifest, self.manifest_sha256 = members, manifest, manifest_sha256


def canonical(value: object) -> bytes:
    """Return canonical JSON: keys sorted, no blanks, UTF-8."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8")


def prologue(manifest_sha256: str) -> bytes:
    """Return what stands before the archive; it names the cache by the manifest's digest."""
    return _PROLOGUE.format(digest=manifest_sha256[:40]).encode("ascii")


def member_order(name: str) -> tuple[bool, bytes]:
    """Return the sort key of members."""
    return name != MAIN, name.encode("utf-8", "surrogatepass")


def local_header(name: str, size: int, crc: int) -> bytes:
    """Return the header that stands before a member's bytes."""
    encoded = name.encode("utf-8")
    fields = (_VERSION, _flags(name), 0, 0, _DATE, crc, size, size, len(encoded), 0)
    return _LOCAL.pack(b"PK\x03\x04", *fields) + encoded


def central_header(name: str, size: int, crc: int, header_offset: int) -> bytes:
    """Return a member's entry in the central directory."""
    encoded = name.encode("utf-8")
    made_by = (_UNIX << 8) | _VERSION
    about = (made_by, _VERSION, _flags(name), 0, 0, _DATE, crc, size, size, len(encoded))
    return _CENTRAL.pack(b"PK\x01\x02", *about, 0, 0, 0, 0, _ATTRIBUTES, header_offset) + encoded


def end_record(count: int, directory_bytes: int, directory_offset: int) -> bytes:
    """Return what ends the file."""
    return _END.pack(b"PK\x05\x06", 0, 0, count, count, directory_bytes, directory_offset, 0)


def check_name(name: str) -> str | None:
    """Return why a bundle may not have a member of that name, None if it may."""
    reason = unsafe_name(name)
    if reason is None and (name.endswith((".pyc", ".pyo")) or "/__pycache__/" in name):
        reason = "is bytecode"
    if reason is None and _KNOWN.fullmatch(name) is None:
        reason = "belongs to no bundle"
    return reason


def unsafe_name(name: str) -> str | None:
    """Return why nothing of that name may be taken out of an archive, None if it may."""
    if _UNSAFE.search(name) is not None:
        return "has a backslash or a control character"
    segments = name.split("/")
    if name.startswith("/") or _DRIVE.match(name):
        return "is absolute"
    if ".." in segments:
        return "leaves its directory"
    if "" in segments or "." in segments:
        return "is not in its plain form"
    if len(name.encode("utf-8", "surrogatepass")) > _NAME_LIMIT_BYTES:
        return "is too long"
    return None


def read_bundle(stream: IO[bytes], *, whole: bool) -> Reading:
    """Read and check a bundle; raises `BadBundleFormatError`, and nothing else for any bytes.

    Checked are the structure, the manifest, and every member's sha256; the wheels' only if
    `whole`, since whoever takes one out checks it then. Nothing is written anywhere.
    """
    try:
        members, start = _directory(stream)
        manifest, digest = _manifest(stream, members)
        stream.seek(0)
        if stream.read(start) != prologue(digest):
            raise BadBundleFormatError("what stands before its members is not a bundle's prologue")
        _check_members(stream, members, manifest, whole=whole)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, BadBundleFormatError):
            raise
        raise BadBundleFormatError(f"its manifest cannot be read ({error!r})") from error
    return Reading(members, manifest, digest)


def read_member(stream: IO[bytes], member: Member) -> bytes:
    """Return a small member's bytes; its CRC must be right."""
    if member.size > _SMALL_LIMIT_BYTES:
        raise BadBundleFormatError(f"`{member.name}` is larger than {_SMALL_LIMIT_BYTES} bytes")
    stream.seek(member.offset)
    data = stream.read(member.size)
    if len(data) != member.size or zlib.crc32(data) != member.crc:
        raise BadBundleFormatError(f"`{member.name}` is damaged: its CRC is wrong")
    return data


def check_member(stream: IO[bytes], member: Member, sha256: str) -> None:
    """Read a member to its end; raises `BadBundleFormatError` unless it is what was promised."""
    stream.seek(member.offset)
    found, crc, left = hashlib.sha256(), 0, member.size
    while left:
        chunk = stream.read(min(left, _CHUNK_BYTES))
        if not chunk:
            raise BadBundleFormatError(f"`{member.name}` is cut off")
        found.update(chunk)
        crc = zlib.crc32(chunk, crc)
        left -= len(chunk)
    _compare(member, found.hexdigest(), sha256, crc)


def check_content(member: Member, data: bytes, sha256: str) -> None:
    """Check a member's bytes that were read before, as `check_member` does."""
    if len(data) != member.size:
        raise BadBundleFormatError(f"`{member.name}` is cut off")
    _compare(member, hashlib.sha256(data).hexdigest(), sha256, zlib.crc32(data))


def _compare(member: Member, found: str, sha256: str, crc: int) -> None:
    if found != sha256:
        raise BadBundleFormatError(f"`{member.name}` has another sha256 than its manifest says")
    if crc != member.crc:
        raise BadBundleFormatError(f"`{member.name}` is damaged: its CRC is wrong")


def _flags(name: str) -> int:
    return 0 if name.isascii() else _UTF8


def _directory(stream: IO[bytes]) -> tuple[dict[str, Member], int]:
    """Return the members in their order, and where the first one's header starts."""
    size = stream.seek(0, 2)
    if size < _END.size:
        raise BadBundleFormatError("it is too short to be a bundle")
    if size > LIMIT_BYTES:
        raise BadBundleFormatError("it is larger than 4 GiB, which a zip without Zip64 cannot be")
    stream.seek(size - _END.size)
    end = stream.read(_END.size)
    signature, _, _, _, count, length, offset, _ = _END.unpack(end)
    if signature != b"PK\x05\x06":
        raise BadBundleFormatError("it is cut off, or something was appended to it")
    if end != end_record(count, length, offset) or count > LIMIT_MEMBERS:
        raise BadBundleFormatError("its end record is not in the form that bundles have")
    if offset + length + _END.size != size or length > _SMALL_LIMIT_BYTES:
        raise BadBundleFormatError("its size is not what its directory says")
    stream.seek(offset)
    return _members(stream, stream.read(length), count, offset)


def _members(
    stream: IO[bytes], directory: bytes, count: int, end: int
) -> tuple[dict[str, Member], int]:
    members: dict[str, Member] = {}
    folded: dict[str, str] = {}
    place = position = start = 0
    previous = ""
    for index in range(count):
        fields, name, after = _entry(directory, place)
        _check_entry(fields, name, members, folded, previous)
        crc, size, header = fields[7], fields[9], fields[16]
        if central_header(name, size, crc, header) != directory[place:after]:
            raise BadBundleFormatError(f"the entry of `{name}` is not in the form bundles have")
        if index == 0:
            position = start = header
        if header != position or start > _PROLOGUE_LIMIT_BYTES:
            raise BadBundleFormatError(f"`{name}` does not follow what stands before it")
        expected = local_header(name, size, crc)
        position = header + len(expected) + size
        if position > end:
            raise BadBundleFormatError(f"`{name}` is said to be larger than the bundle")
        stream.seek(header)
        if stream.read(len(expected)) != expected:
            raise BadBundleFormatError(f"its two directories disagree about `{name}`")
        members[name] = Member(name, header + len(expected), size, crc)
        place, previous = after, name
    if place != len(directory) or position != end:
        raise BadBundleFormatError("bytes lie hidden after its last member")
    return members, start


def _entry(directory: bytes, place: int) -> tuple[tuple[Any, ...], str, int]:
    if place + _CENTRAL.size > len(directory):
        raise BadBundleFormatError("its directory is cut off")
    fields = _CENTRAL.unpack_from(directory, place)
    after = place + _CENTRAL.size + fields[10]
    if fields[0] != b"PK\x01\x02" or after > len(directory):
        raise BadBundleFormatError("its directory is damaged")
    try:
        name = directory[place + _CENTRAL.size : after].decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadBundleFormatError("a member's name is not UTF-8") from error
    if fields[11] or fields[12]:
        raise BadBundleFormatError(f"`{name}` has extra fields or a comment")
    return fields, name, after


def _check_entry(
    fields: tuple[Any, ...],
    name: str,
    members: dict[str, Member],
    folded: dict[str, str],
    previous: str,
) -> None:
    """Say in words what is wrong with an entry, where that is worth more than "not our form"."""
    reason = check_name(name)
    if reason is not None:
        raise BadBundleFormatError(f"the name {name!r} {reason}")
    if fields[15] >> 16 & _KIND == _LINK:
        raise BadBundleFormatError(f"`{name}` is a link")
    if fields[4] != 0:
        raise BadBundleFormatError(f"`{name}` is compressed")
    if fields[3] & 1:
        raise BadBundleFormatError(f"`{name}` is encrypted")
    if name in members:
        raise BadBundleFormatError(f"`{name}` is there twice")
    other = folded.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
    if other != name:
        raise BadBundleFormatError(f"`{other}` and `{name}` are the same name")
    if members and member_order(name) < member_order(previous):
        raise BadBundleFormatError(f"`{name}` is out of order")


def _manifest(stream: IO[bytes], members: dict[str, Member]) -> tuple[dict[str, Any], str]:
    for needed in (MAIN, MANIFEST, LOCK):
        if needed not in members:
            raise BadBundleFormatError(f"it has no `{needed}`")
    data = read_member(stream, members[MANIFEST])
    manifest = json.loads(data.decode("utf-8"))
    if not isinstance(manifest, dict) or canonical(manifest) != data:
        raise BadBundleFormatError("its manifest is not canonical JSON")
    if manifest.get("schema") != SCHEMA:
        known = f"this venvoy knows {SCHEMA}"
        raise BadBundleFormatError(f"its manifest has schema {manifest.get('schema')}, and {known}")
    _check_shape(manifest)
    return manifest, hashlib.sha256(data).hexdigest()


def _check_shape(manifest: dict[str, Any]) -> None:
    """Check what readers rely on; a KeyError or TypeError is told as a damaged manifest."""
    for key in ("name", "version", "plugin_digest", "requires_python", "api_requirement"):
        _require(isinstance(manifest[key], str), key)
    for wheel in manifest["wheels"]:
        _require(all(isinstance(wheel[key], str) for key in ("name", "version")), "wheels")
        _require(check_name(wheel["file"]) is None, "wheels")
    for entry in (*manifest["entry_points"], *manifest["framework"]["entry_points"]):
        texts = (entry[key] for key in ("type", "name", "module", "qualname"))
        _require(all(isinstance(text, str) for text in texts), "entry_points")
    known = {(one["name"], one["version"], one["sha256"]) for one in manifest["wheels"]}
    for target in manifest["targets"]:
        _require(isinstance(target["name"], str), "targets")
        _require({tuple(one) for one in target["environment"]["wheels"]} <= known, "targets")
    own = manifest["own"]
    hashes = {sha256 for _, _, sha256 in known}
    _require(isinstance(own.get("tree"), str) or set(own["wheels"]) <= hashes, "own")
    _require(isinstance(manifest["settings"], dict), "settings")


def _require(holds: bool, key: str) -> None:
    if not holds:
        raise BadBundleFormatError(f"its manifest is wrong at `{key}`")


def _check_members(
    stream: IO[bytes], members: dict[str, Member], manifest: dict[str, Any], *, whole: bool
) -> None:
    promised = {one["file"]: one for one in (*manifest["members"], *manifest["wheels"])}
    for name in sorted(promised.keys() - members.keys()):
        raise BadBundleFormatError(f"its manifest names `{name}`, which is not there")
    for name in sorted(members.keys() - promised.keys() - {MANIFEST}):
        raise BadBundleFormatError(f"`{name}` is there, but not in its manifest")
    if len(promised) != len(manifest["members"]) + len(manifest["wheels"]):
        raise BadBundleFormatError("its manifest names a member twice")
    for name, one in promised.items():
        member = members[name]
        if one["size"] != member.size:
            raise BadBundleFormatError(
                f"`{name}` has {member.size} bytes, and its manifest says {one['size']}"
            )
        if whole or not name.startswith("wheels/"):
            check_member(stream, member, one["sha256"])
