"""Copies of the API: what hosts import, so that an upgrade of venvoy disturbs no running host.

::

    api/<digest[:40]>/
      venvoy_api/ venvoy_host/ pyproject.toml      as in `launcher/shared`
      …/__pycache__/                               for every interpreter that was named
      api.json                                     its receipt
"""

import json
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.version import Version

from manager.digests import sha256_of, short, tree_digest
from manager.fs import publish, remove, staging
from manager.interpreters.interpreter import Interpreter
from manager.json_fields import BadFieldError, read_fields
from manager.store.bytecode import Tree, compile_trees
from manager.store.layout import Layout

__all__ = ["ApiCopy", "put_api"]

_RECEIPT: Final = "api.json"
_SCHEMA: Final = 1
_PACKAGES: Final = ("venvoy_api", "venvoy_host")
_FILES: Final = ("pyproject.toml",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCopy:
    """A read-only copy of the API; `digest` is of its sources, whatever bytecode lies beside."""

    path: Path
    version: Version
    digest: str

    @property
    def host(self) -> Path:
        """What an environment's python is given to run."""
        return self.path / "venvoy_host"


def put_api(layout: Layout, shared_dir: Path, interpreters: Sequence[Interpreter] = ()) -> ApiCopy:
    """Return the copy of a directory like `launcher/shared`, made unless it is there.

    Bytecode is compiled for each of the interpreters; hosts of others read the sources each time.
    """
    sources = {name: _sources(shared_dir / name, shared_dir) for name in _PACKAGES} | {
        name: [shared_dir / name] for name in _FILES
    }
    digest = sha256_of({name: _digest(shared_dir / name) for name in (*_PACKAGES, *_FILES)})
    by_tag = {each.bytecode_tag + each.magic: each for each in interpreters}
    name = sha256_of({"digest": digest, "bytecode": sorted(by_tag)})
    final = layout.api_dir / short(name)
    version = Version(
        tomllib.loads((shared_dir / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    )
    copy = ApiCopy(path=final, version=version, digest=digest)
    if _is_whole(copy):
        return copy
    with layout.lock("api", name):
        if _is_whole(copy):
            return copy
        if os.path.lexists(final):  # damaged: hosts that run from it have imported it already
            remove(final, store_root=layout.root)
        with staging(layout.root) as room:
            staged = room / "api"
            for file in (file for files in sources.values() for file in files):
                target = staged / file.relative_to(shared_dir)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
            for interpreter in by_tag.values():
                list(compile_trees([Tree(staged=staged, final=final)], interpreter))
            receipt = {"schema": _SCHEMA, "digest": digest, "version": str(version)}
            publish(staged, final, last=(_RECEIPT, json.dumps(receipt).encode()))
    return copy


def _is_whole(copy: ApiCopy) -> bool:
    """Whether the copy was published: its receipt is the last file, and says what it is."""
    try:
        known = read_fields(copy.path / _RECEIPT)
        return (
            known.number("schema") == _SCHEMA
            and known.text("digest") == copy.digest
            and known.text("version") == str(copy.version)
            and copy.host.is_dir()
        )
    except (OSError, BadFieldError):
        return False


def _digest(path: Path) -> str:
    return tree_digest(path) if path.is_dir() else sha256_of(path.read_text("utf-8"))


def _sources(directory: Path, root: Path) -> list[Path]:
    return sorted(
        file
        for file in directory.rglob("*")
        if file.is_file()
        and file.suffix not in (".pyc", ".pyo")
        and "__pycache__" not in file.relative_to(root).parts
    )
