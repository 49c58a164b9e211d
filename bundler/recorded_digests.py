"""Recorded digests: `venvoy.digests` in a place, a line for each location that was reviewed.

::

    <plugin digest, 64 hex digits>  <location name>

as `sha256sum` writes it, sorted by name. Plugin digests are free of paths and platforms, so every
machine comes to the same ones; a difference means that the plugin or its lock is another.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from manager.digests import plugin_digest, tree_digest
from manager.errors import UnwritableError, VenvoyError
from manager.fs import write_file_atomically
from manager.locks.locking import own_wheels
from manager.locks.locks import Lock, lock_content
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Shape

__all__ = ["DIGESTS_FILE", "InvalidDigestsError", "digest_of", "read_digests", "write_digests"]

DIGESTS_FILE: Final = "venvoy.digests"
_LINE: Final = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<name>[^/]+)\Z")


class InvalidDigestsError(VenvoyError):
    """A line of a file of digests cannot be read."""

    code = "invalid-digests"

    def __init__(self, *, file: Path, line: int) -> None:
        super().__init__(file, line)
        self.file = file
        self.line = line

    @property
    def message(self) -> str:
        """The file and the line, counted from 1."""
        return f"line {self.line} of `{self.file}` is no digest with a location's name"

    @property
    def hint(self) -> str:
        """How to have it written."""
        return "run `venvoy plugins check --update` to write it anew, and look at the difference"


def digest_of(content: LocationContent, lock: Lock) -> str:
    """Return the plugin digest of a location with its lock; a bundle brings its own."""
    location = content.location
    if location.shape is Shape.PROJECT:
        return plugin_digest(lock_content(lock), tree_digest(location.path))
    return plugin_digest(lock_content(lock), own_wheels(content).values())


def read_digests(place: Path) -> Mapping[str, str]:
    """Return the recorded digests of a place by location name; none when there is no file.

    Raises `InvalidDigestsError`.
    """
    file = place / DIGESTS_FILE
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return {}
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise InvalidDigestsError(file=file, line=number)
        found[match["name"]] = match["digest"]
    return found


def write_digests(place: Path, digests: Mapping[str, str]) -> bool:
    """Record digests; returns whether the file is another than before.

    Raises `UnwritableError`.
    """
    file = place / DIGESTS_FILE
    text = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()
    if file.is_file() and file.read_bytes() == text:
        return False
    try:
        write_file_atomically(file, text)
    except OSError as error:
        raise UnwritableError(path=file, reason=error.strerror or str(error)) from error
    return True
