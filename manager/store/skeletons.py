"""The virtualenv that every environment of an interpreter starts as, kept as one small file.

virtualenv makes it once, in process: no seed packages, no activation scripts. What it made is
written down (directories, links, small files) and reproduced from there, because importing
virtualenv alone takes longer than making the environment.
"""

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path

from manager.digests import JsonValue, short
from manager.errors import InternalError
from manager.fs import staging, walk, write_file_atomically
from manager.interpreters.interpreter import Interpreter
from manager.json_fields import Fields, read_fields
from manager.proc import child_environment, inherited

__all__ = ["Skeleton", "get_skeleton"]

_SCHEMA = 2
# virtualenv's own patch of distutils, run by a .pth at each start; nothing is installed here.
_LEFT_OUT = ("CACHEDIR.TAG", ".gitignore", "_virtualenv.pth", "_virtualenv.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Skeleton:
    """A bare virtualenv as data; every path is relative to its root, parents first.

    `site` is its site-packages; `files` maps a path to (mode, content); `pyvenv.cfg` among them
    names no path but the interpreter's.
    """

    site: str
    directories: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, int, bytes], ...]

    def write(self, directory: Path) -> None:
        """Reproduce it in an empty directory."""
        root = str(directory)
        for path in self.directories:
            os.mkdir(f"{root}/{path}", 0o755)  # noqa: PTH102  # pathlib doubles the time of this
        for path, target in self.links:
            os.symlink(target, f"{root}/{path}")  # noqa: PTH211
        for path, mode, content in self.files:
            with os.fdopen(os.open(f"{root}/{path}", os.O_WRONLY | os.O_CREAT, mode), "wb") as file:
                file.write(content)


def get_skeleton(interpreter: Interpreter, *, directory: Path, store_root: Path) -> Skeleton:
    """Return an interpreter's skeleton from `directory`, made now if it is not there yet."""
    file = directory / f"{short(interpreter.digest)}.json"
    try:
        known = read_fields(file)
        if known.number("schema") == _SCHEMA:
            return _from_json(known)
    except (OSError, ValueError):
        pass  # not there, or damaged: made again
    skeleton = _make(interpreter, store_root)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file_atomically(file, json.dumps(_to_json(skeleton)).encode(), mode=0o444)
    return skeleton


def _make(interpreter: Interpreter, store_root: Path) -> Skeleton:
    from virtualenv import cli_run  # noqa: PLC0415  # 100 ms, and needed once per interpreter

    environment = child_environment(inherited(), {"VIRTUALENV_CONFIG_FILE": os.devnull})
    with staging(store_root) as room:
        destination = room / "skeleton"
        options = ["--no-seed", "--activators", "", "--no-vcs-ignore", "--symlinks"]
        options += ["--app-data", str(room / "app-data"), "--no-periodic-update"]
        options += ["--python", str(interpreter.executable), str(destination)]
        try:
            session = cli_run(options, setup_logging=False, env=environment)
        except (RuntimeError, SystemExit) as error:
            raise InternalError(what=f"virtualenv made none for {interpreter}: {error}") from error
        return _read(destination, Path(str(session.creator.purelib)))


def _read(root: Path, site_dir: Path) -> Skeleton:
    directories: list[str] = []
    links: list[tuple[str, str]] = []
    files: list[tuple[str, int, bytes]] = []
    for entry in walk(root):
        path = Path(entry.path)
        relative = str(path.relative_to(root))
        if entry.name in _LEFT_OUT:
            continue
        if entry.is_symlink():
            links.append((relative, str(path.readlink())))
        elif entry.is_dir():
            directories.append(relative)
        else:
            content = path.read_bytes()
            if entry.name == "pyvenv.cfg":
                content = _without_command(content)
            files.append((relative, path.stat().st_mode & 0o777, content))
    return Skeleton(
        site=str(site_dir.relative_to(root)),
        directories=tuple(directories),
        links=tuple(links),
        files=tuple(files),
    )


def _without_command(configuration: bytes) -> bytes:
    """Leave out the line that says where it was made."""
    lines = configuration.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"command"))


def _to_json(skeleton: Skeleton) -> dict[str, JsonValue]:
    return {
        "schema": _SCHEMA,
        "site": skeleton.site,
        "directories": skeleton.directories,
        "links": skeleton.links,
        "files": [
            {"path": path, "mode": mode, "content": base64.b64encode(content).decode()}
            for path, mode, content in skeleton.files
        ],
    }


def _from_json(known: Fields) -> Skeleton:
    """Read it back; raises `BadFieldError`, and ValueError for a content that is no base64."""
    return Skeleton(
        site=known.text("site"),
        directories=known.texts("directories"),
        links=tuple((path, target) for path, target in known.rows("links", 2)),
        files=tuple(
            (file.text("path"), file.number("mode"), base64.b64decode(file.text("content")))
            for file in known.objects("files")
        ),
    )
