"""A small bundle taken apart, so that each part can be spoilt and all put together again."""

import hashlib
import json
import struct
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bundler.archive import write_archive
from manager.plugins.bundle_format import MANIFEST, canonical, prologue, read_bundle
from tests.wheel_maker import make_wheel

LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")


@dataclass(frozen=True)
class Part:
    """One member, with all that its two headers say; None: what is right."""

    name: bytes
    data: bytes
    flags: int = 0
    method: int = 0
    date: int = 33
    attributes: int = 0o100644 << 16
    size: int | None = None
    crc: int | None = None
    local_name: bytes | None = None
    local_size: int | None = None
    extra: bytes = b""
    comment: bytes = b""
    before: bytes = b""


@dataclass(frozen=True)
class Taken:
    """A bundle in parts."""

    parts: tuple[Part, ...]
    manifest: dict[str, Any]
    start: bytes | None = None
    comment: bytes = b""
    count: int | None = None
    after: bytes = field(default=b"")

    def __getitem__(self, name: str) -> Part:
        return next(part for part in self.parts if part.name == name.encode())

    def with_part(self, name: str, **changes: Any) -> "Taken":
        """Change one part."""
        parts = tuple(
            replace(part, **changes) if part.name == name.encode() else part for part in self.parts
        )
        return replace(self, parts=parts)

    def with_manifest(self, manifest: dict[str, Any] | bytes) -> "Taken":
        """Change the manifest, and the prologue that names it."""
        data = manifest if isinstance(manifest, bytes) else canonical(manifest)
        changed = self.with_part(MANIFEST, data=data)
        return replace(changed, start=prologue(hashlib.sha256(data).hexdigest()))

    def with_more(self, *parts: Part) -> "Taken":
        """Add parts at the end."""
        return replace(self, parts=(*self.parts, *parts))

    def assemble(self) -> bytes:
        """Write it as it is said to be."""
        start = self.start
        if start is None:
            start = prologue(hashlib.sha256(self[MANIFEST].data).hexdigest())
        out = bytearray(start)
        directory = bytearray()
        for part in self.parts:
            out += part.before
            offset = len(out)
            crc = zlib.crc32(part.data) if part.crc is None else part.crc
            size = len(part.data) if part.size is None else part.size
            local_name = part.name if part.local_name is None else part.local_name
            local_size = size if part.local_size is None else part.local_size
            out += LOCAL.pack(
                b"PK\3\4", 20, part.flags, part.method, 0, part.date, crc, local_size, local_size,
                len(local_name), len(part.extra),
            )  # fmt: skip
            out += local_name + part.extra + part.data
            directory += CENTRAL.pack(
                b"PK\1\2", 788, 20, part.flags, part.method, 0, part.date, crc, size, size,
                len(part.name), len(part.extra), len(part.comment), 0, 0, part.attributes, offset,
            )  # fmt: skip
            directory += part.name + part.extra + part.comment
        count = len(self.parts) if self.count is None else self.count
        place = len(out)
        out += directory + self.after
        out += END.pack(
            b"PK\5\6", 0, 0, count, count, len(directory), place, len(self.comment)
        )  # fmt: skip
        return bytes(out + self.comment)


def small_bundle(directory: Path) -> Path:
    """Write a bundle with two wheels and hardly anything else; it needs no store to be made."""
    wheels = [
        make_wheel(
            directory, "acme", "1.0", entry_points={"venvoy.source": {"acme": "acme:Source"}}
        ),
        make_wheel(directory, "words", "2.0"),
    ]
    small = {
        "__main__.py": b"print('a stub')\n",
        "pylock.toml": b'lock-version = "1.0"\ncreated-by = "tests"\npackages = []\n',
        "shared/pyproject.toml": b"[project]\n",
        "shared/venvoy_api/__init__.py": b"",
        "venvoy_bundle/stub.py": b"VALUE = 1\n",
    }
    told = [
        {
            "file": f"wheels/{wheel.name}",
            "name": wheel.name.split("-")[0],
            "version": wheel.name.split("-")[1],
            "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
            "size": wheel.stat().st_size,
        }
        for wheel in wheels
    ]
    manifest = {
        "schema": 1,
        "name": "acme",
        "version": "1.0",
        "distributions": [{"name": "acme", "version": "1.0"}],
        "plugin_digest": "0" * 64,
        "own": {"wheels": [told[0]["sha256"]]},
        "api_requirement": "",
        "requires_python": "",
        "entry_points": [],
        "targets": [],
        "wheels": told,
        "members": [
            {"file": name, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            for name, data in sorted(small.items())
        ],
        "framework": {"version": "1.0.0", "entry_points": []},
        "settings": {},
    }
    small[MANIFEST] = canonical(manifest)
    large = {f"wheels/{wheel.name}": wheel for wheel in wheels}
    out = directory / "small.pyz"
    digest = hashlib.sha256(small[MANIFEST]).hexdigest()
    write_archive(out, small, large, manifest_sha256=digest)
    return out


def taken_apart(bundle: Path) -> Taken:
    """Take a good bundle apart; put together again it is the same."""
    data = bundle.read_bytes()
    with bundle.open("rb") as stream:
        reading = read_bundle(stream, whole=True)
    parts = tuple(
        Part(
            name=one.name.encode(),
            data=data[one.offset : one.offset + one.size],
            flags=0 if one.name.isascii() else 0x800,
        )
        for one in reading.members.values()
    )
    return Taken(parts=parts, manifest=json.loads(canonical(reading.manifest)))
