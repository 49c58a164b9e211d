"""The manifest of a site archive: what is in it, and the sha256 of every file.

Canonical JSON, the archive's first member, `venvoy-site.json`::

    {"schema": 1,
     "api": {"version": "1.0.0"},
     "locations": [{"name", "shape", "digest", "api_requirement",
                    "plugins": [{"type", "class", "version"}]}],
     "files": [{"path", "size", "sha256", "executable"}]}       sorted by path

Files lie below `locations/<name>` and `api/`. There are no dates, owners or host names in it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from bundler.member_names import collisions, unsafe_name
from manager.digests import JsonValue, canonical_json

__all__ = [
    "MANIFEST",
    "InvalidManifestError",
    "SiteFile",
    "SiteLocation",
    "SiteManifest",
    "SitePlugin",
    "parse_manifest",
]

MANIFEST: Final = "venvoy-site.json"
SCHEMA: Final = 1
_SHA256: Final = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SiteFile:
    """One file of the archive."""

    path: str
    size_bytes: int
    sha256: str
    executable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePlugin:
    """One plugin of a location."""

    type: str
    class_name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLocation:
    """One location; `api_requirement` is "" for any API."""

    name: str
    shape: str
    digest: str
    api_requirement: str
    plugins: tuple[SitePlugin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteManifest:
    """All of it; files are sorted by path."""

    api_version: str
    locations: tuple[SiteLocation, ...]
    files: tuple[SiteFile, ...]

    def as_bytes(self) -> bytes:
        """Return the member's content."""
        locations: list[JsonValue] = [
            {
                "name": one.name,
                "shape": one.shape,
                "digest": one.digest,
                "api_requirement": one.api_requirement,
                "plugins": [
                    {"type": each.type, "class": each.class_name, "version": each.version}
                    for each in one.plugins
                ],
            }
            for one in self.locations
        ]
        files: list[JsonValue] = [
            {
                "path": one.path,
                "size": one.size_bytes,
                "sha256": one.sha256,
                "executable": one.executable,
            }
            for one in self.files
        ]
        return canonical_json(
            {
                "schema": SCHEMA,
                "api": {"version": self.api_version},
                "locations": locations,
                "files": files,
            }
        )


class InvalidManifestError(ValueError):
    """A manifest says what none may say; the text is the reason."""


def parse_manifest(data: bytes) -> SiteManifest:
    """Read a manifest and check it; raises `InvalidManifestError`."""
    try:
        top = json.loads(data)
        if top["schema"] != SCHEMA:
            raise InvalidManifestError(f"it has schema {top['schema']!r}, and {SCHEMA} is known")
        manifest = SiteManifest(
            api_version=str(top["api"]["version"]),
            locations=tuple(_location(row) for row in top["locations"]),
            files=tuple(_file(row) for row in top["files"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidManifestError(f"its manifest lacks something: {error}") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InvalidManifestError(f"its manifest is no JSON: {error}") from error
    for reason in _faults(manifest, data):
        raise InvalidManifestError(reason)
    return manifest


def _faults(manifest: SiteManifest, data: bytes) -> Sequence[str]:
    """Return what is wrong with a manifest that can be read, the gravest first."""
    paths = [file.path for file in manifest.files]
    found = [f"`{path}` {reason}" for path in paths if (reason := unsafe_name(path)) is not None]
    found += collisions([*paths, MANIFEST])
    names = [location.name for location in manifest.locations]
    found += [f"the location `{name}` {fault}" for name in names if (fault := _name_fault(name))]
    found += collisions(names)
    allowed = {"api", *(f"locations/{name}" for name in names)}
    for path in paths:
        top = "api" if path.startswith("api/") else "/".join(path.split("/")[:2])
        if top not in allowed and not _is_beside(path, names):
            found.append(f"`{path}` belongs to no location")
    for file in manifest.files:
        if file.size_bytes < 0 or _SHA256.match(file.sha256) is None:
            found.append(f"`{file.path}` has no proper size and sha256")
    if not found and (paths != sorted(paths, key=str.encode) or manifest.as_bytes() != data):
        found.append("its manifest is not in the one form it may have")
    return found


def _name_fault(name: str) -> str | None:
    if "/" in name or name.startswith("."):
        return "is not one visible name"
    return unsafe_name(name)


def _is_beside(path: str, names: Sequence[str]) -> bool:
    """Whether a path is the lock or the settings of a location that is one file."""
    top, _, name = path.partition("/")
    stems = {one.rpartition(".")[0].replace(".", "-") for one in names}
    known = {f"{kind}.{stem}.toml" for kind in ("pylock", "venvoy") for stem in stems}
    return top == "locations" and name in known


def _location(row: Mapping[str, object]) -> SiteLocation:
    plugins = cast("Sequence[Mapping[str, object]]", row["plugins"])
    return SiteLocation(
        name=str(row["name"]),
        shape=str(row["shape"]),
        digest=str(row["digest"]),
        api_requirement=str(row["api_requirement"]),
        plugins=tuple(
            SitePlugin(
                type=str(each["type"]), class_name=str(each["class"]), version=str(each["version"])
            )
            for each in plugins
        ),
    )


def _file(row: Mapping[str, object]) -> SiteFile:
    size, executable = row["size"], row["executable"]
    if type(size) is not int or type(executable) is not bool:
        raise InvalidManifestError(f"`{row['path']}` has no proper size and mode")
    return SiteFile(
        path=str(row["path"]), size_bytes=size, sha256=str(row["sha256"]), executable=executable
    )
