"""The digests that name things: of values, files, trees, plugins and environments.

All are sha256. A digest of more than one field is taken over canonical JSON, where every field is
framed by its quotes and brackets, so that no two different inputs run together (pex's `dir_hash`
and shiv's `build_id` join without a frame, and collide).
"""

import fnmatch
import functools
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

__all__ = [
    "ENVIRONMENT_SCHEMA",
    "PLUGIN_SCHEMA",
    "JsonValue",
    "canonical_json",
    "environment_digest",
    "file_sha256",
    "plugin_digest",
    "sha256_of",
    "short",
    "source_files",
    "tree_digest",
]

JsonValue: TypeAlias = (
    bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"] | None
)

ENVIRONMENT_SCHEMA = 1
"""Goes up when an environment made from the same wheels would look different on disk."""

PLUGIN_SCHEMA = 1
"""Goes up when the same plugin and lock would be written down differently."""

_SHORT_LENGTH = 40
_NOWHERE = (
    ".git",
    ".hg",
    ".svn",
    ".venv",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".DS_Store",
    "__pycache__",
    "*.pyc",
    "*.pyo",
    "*.egg-info",
)
_NOT_AT_THE_TOP = ("build", "dist", "wheels", "pylock.toml", "pylock.*.toml")


def canonical_json(value: JsonValue) -> bytes:
    """Return the one JSON text of a value: keys sorted, no blanks, UTF-8, no floats.

    Raises `TypeError` for a float or anything that JSON has no word for.
    """
    _refuse_floats(value)
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8", "surrogatepass")


def sha256_of(value: JsonValue) -> str:
    """Return the sha256, in hex, of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def file_sha256(file: Path) -> str:
    """Return the sha256, in hex, of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def short(digest: str) -> str:
    """Return the part of a digest that names a directory: 160 bits, short enough for eCryptFS."""
    return digest[:_SHORT_LENGTH]


def tree_digest(directory: Path, exclude: Sequence[str] = ()) -> str:
    """Return the digest of a source tree: path, exec bit, size and sha256 of each file.

    Times, owners, other mode bits and the order on disk do not count. A symbolic link counts as
    what it points to. Left out: version control, caches, bytecode, and at the top `build/`,
    `dist/`, `wheels/` and locks, which are made from the tree; `exclude` adds names (shell
    patterns) to leave out everywhere.
    """
    lines = [_tree_line(name, file) for name, file in source_files(directory, exclude)]
    lines.sort(key=lambda line: os.fsencode(str(line[0])))
    return sha256_of({"kind": "tree", "schema": 1, "files": lines})


def plugin_digest(lock_content: JsonValue, own: str | Iterable[str]) -> str:
    """Return the digest of a plugin: its lock's content and its own tree or wheels.

    `own` is a tree digest, or the sha256 of each wheel that carries the plugin, in any order.
    It is free of paths and platforms: what CI compares between machines.
    """
    owned: JsonValue = {"tree": own} if isinstance(own, str) else {"wheels": sorted(own)}
    return sha256_of(
        {"kind": "plugin", "schema": PLUGIN_SCHEMA, "lock": lock_content, "own": owned}
    )


def environment_digest(
    wheels: Iterable[tuple[str, str, str]], interpreter: Mapping[str, JsonValue]
) -> str:
    """Return the digest that names an environment on this machine.

    `wheels` are (normalised name, version, sha256) in any order; `interpreter` is what
    `Interpreter.identity` says.
    """
    return sha256_of(
        {
            "kind": "environment",
            "schema": ENVIRONMENT_SCHEMA,
            "wheels": sorted([list(wheel) for wheel in wheels]),
            "interpreter": interpreter,
        }
    )


def _refuse_floats(value: JsonValue) -> None:
    if isinstance(value, float):
        raise TypeError(f"{value!r}: floats have no canonical form")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"{key!r}: keys are text")
            _refuse_floats(item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            _refuse_floats(item)


def source_files(directory: Path, exclude: Sequence[str] = ()) -> Iterator[tuple[str, Path]]:
    """Yield the files of a source tree that `tree_digest` counts: posix name and path, unsorted.

    Links are followed, but for loops; a dangling link is yielded as the link that it is.
    """
    parents = (os.path.realpath(directory),)
    yield from _source_files(str(directory), "", (*_NOWHERE, *exclude), parents)


def _source_files(
    directory: str, prefix: str, exclude: tuple[str, ...], parents: tuple[str, ...]
) -> Iterator[tuple[str, Path]]:
    """Walk one directory; `parents` are real paths and end link loops."""
    with os.scandir(directory) as entries:
        found = list(entries)
    left_out = _any_of(exclude if prefix else (*exclude, *_NOT_AT_THE_TOP))
    for entry in found:
        if left_out.match(entry.name):
            continue
        name = prefix + entry.name
        if entry.is_dir():
            real = os.path.realpath(entry.path)
            if real not in parents:
                yield from _source_files(entry.path, name + "/", exclude, (*parents, real))
        elif entry.is_file() or entry.is_symlink():
            yield name, Path(entry.path)


@functools.lru_cache(maxsize=16)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(fnmatch.translate, patterns)))


def _tree_line(name: str, file: Path) -> list[JsonValue]:
    """Return [posix path, executable, size, sha256] of a file, or where a dangling link points."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return [name, False, -1, str(file.readlink())]
    executable = bool(status.st_mode & stat.S_IXUSR)
    return [name, executable, status.st_size, file_sha256(file)]
