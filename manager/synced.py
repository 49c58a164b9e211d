"""What was synced before: a note in the store, so that nothing to do costs about a millisecond.

::

    synced/<sha256 of the location's path>.json

The note says which environment came of which files, by their sizes and times. It is trusted no
further: if a stat differs, or the environment is gone or unhealthy, all is looked at again.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from manager.digests import JsonValue, sha256_of, short, source_files
from manager.fs import write_file_atomically
from manager.json_fields import BadFieldError, read_fields
from manager.plugins.locations import Location, Shape
from manager.store.store import Store
from manager.store.verification import Verification, verification_from_json, verification_to_json

__all__ = ["SyncNote", "read_note", "sources_stamp", "write_note"]

_SCHEMA: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncNote:
    """What a sync came to."""

    environment_digest: str
    plugin_digest: str
    verification: Verification


def sources_stamp(location: Location) -> str:
    """Return a digest of path, size and times of every file that a location's content is."""
    return _stamp(_sources(location))


def read_note(store: Store, location: Location, *, interpreter: str, api: str) -> SyncNote | None:
    """Return the note of a location if it is about its files as they are, and these digests."""
    try:
        known = read_fields(_file(store, location))
        if known.mapping().get("key") != _key(location, interpreter, api):
            return None
        return SyncNote(
            environment_digest=known.text("environment"),
            plugin_digest=known.text("plugin"),
            verification=verification_from_json(known.fields("verification")),
        )
    except (OSError, BadFieldError):
        return None


def write_note(
    store: Store, location: Location, note: SyncNote, *, interpreter: str, api: str
) -> None:
    """Keep the note; a store that cannot be written does without."""
    content = {
        "key": _key(location, interpreter, api),
        "location": str(location.path),
        "environment": note.environment_digest,
        "plugin": note.plugin_digest,
        "verification": verification_to_json(note.verification),
    }
    file = _file(store, location)
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file_atomically(file, json.dumps(content).encode())


def _key(location: Location, interpreter: str, api: str) -> list[JsonValue]:
    lock = _stamp([("lock", location.lock_file)])
    return [_SCHEMA, sources_stamp(location), lock, interpreter, api]


def _stamp(files: Iterable[tuple[str, Path]]) -> str:
    # Not canonical_json: this is the hot path, and the note is read by this very function only.
    rows: list[tuple[str, int, int, int]] = []
    for name, file in files:
        try:
            status = os.stat(file)  # noqa: PTH116  # pathlib doubles the time of this
        except OSError:
            rows.append((name, -1, 0, 0))
        else:
            rows.append((name, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    rows.sort()
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _sources(location: Location) -> Iterator[tuple[str, Path]]:
    if location.shape is Shape.PROJECT:
        yield from source_files(location.path)
    elif location.shape is Shape.BUNDLE:
        yield location.name, location.path
    else:
        for file in location.wheel_files():
            yield str(file), file
        yield "settings", location.settings_file


def _file(store: Store, location: Location) -> Path:
    return store.root / "synced" / f"{short(sha256_of(str(location.path)))}.json"
