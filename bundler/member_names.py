"""Names of members: which a file from elsewhere may have, and which would harm where it lands."""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

__all__ = ["collisions", "unsafe_name"]

_LONGEST_PART: Final = 255
_LONGEST_NAME: Final = 4096


def unsafe_name(name: str) -> str | None:
    """Return what is wrong with a member's name, as the end of a sentence, or None."""
    encoded = name.encode("utf-8", "surrogateescape")
    parts = encoded.split(b"/")
    checks = {
        "is not UTF-8": any("\ud800" <= letter <= "\udfff" for letter in name),
        "has control characters in its name": any(
            unicodedata.category(one) == "Cc" for one in name
        ),
        "has a backslash in its name": "\\" in name,
        "is an absolute path": name.startswith("/") or name[1:2] == ":",
        "leads out of the directory": b".." in parts,
        "has an empty part in its name": any(part in {b"", b"."} for part in parts),
        "has too long a name": len(encoded) > _LONGEST_NAME or max(map(len, parts)) > _LONGEST_PART,
    }
    return next((reason for reason, holds in checks.items() if holds), None)


def collisions(names: Iterable[str]) -> Iterator[str]:
    """Yield, as sentences, which names would be one on some file system, or are file and directory.

    Names that differ only in case or in Unicode's normal form count as one.
    """
    files: dict[str, str] = {}
    directories: dict[str, str] = {}
    for name in names:
        key = _key(name)
        if key in files:
            other = files[key]
            yield (
                f"`{name}` stands in it twice"
                if other == name
                else f"`{other}` and `{name}` differ in case only"
            )
        files[key] = name
        parts = name.split("/")
        for end in range(1, len(parts)):
            directory = "/".join(parts[:end])
            other = directories.setdefault(_key(directory), directory)
            if other != directory:
                yield f"`{other}` and `{directory}` differ in case only"
    for key in files.keys() & directories.keys():
        yield f"`{files[key]}` is both a file and a directory"


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
