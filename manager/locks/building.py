"""Building wheels: of a project, and of a dependency that comes only as a source.

pip builds (PEP 517, isolated) in a copy with normal modes and times, with SOURCE_DATE_EPOCH set;
what comes out is normalised and kept in the store under the digest of what went in. A wheel for
every platform is kept once; one for a platform, once for each target.
"""

import os
import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.utils import parse_wheel_filename

from manager.digests import sha256_of, source_files, tree_digest
from manager.errors import VenvoyError
from manager.fs import staging
from manager.interpreters.interpreter import Interpreter
from manager.locks.build_requirements import build_pins
from manager.locks.locks import read_lock
from manager.locks.pip import PipSettings, run_pip, source_options
from manager.locks.pip_reasons import reason_of
from manager.locks.targets import target_of
from manager.plugins.locations import Location
from manager.store.store import Store

__all__ = [
    "BuildError",
    "Source",
    "build_in",
    "build_project",
    "build_source",
    "build_source_in",
    "find_project",
]

_EPOCH_S: Final = 318211200
_FROM_REPOSITORY: Final = re.compile(r"setuptools.scm|PRETEND_VERSION|git repository")
"""What setuptools_scm says, also below hatch-vcs and its like, where it finds no repository."""

_WHEEL: Final = ("wheel", "--no-deps", "--no-cache-dir")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source to build: an sdist (then `sha256` is its hash), a repository or a directory.

    `requirement` is what pip is asked for, `key` the digest that the built wheel is kept under,
    `subject` how messages call it; `pins` hold the build requirements where they are.
    """

    name: str
    requirement: str
    key: str
    sha256: str | None
    subject: str
    pins: tuple[str, ...] = ()


class BuildError(VenvoyError):
    """A build backend could not make a wheel.

    `path` is the plugin's location, `requirement` what pip was asked for, if not the location.
    """

    code = "build-failed"

    def __init__(
        self,
        *,
        subject: str,
        path: Path,
        interpreter: Interpreter,
        reason: str,
        requirement: str | None = None,
    ) -> None:
        super().__init__(subject, reason)
        self.subject = subject
        self.path = path
        self.interpreter = interpreter
        self.reason = reason
        self.requirement = requirement or str(path)

    @property
    def message(self) -> str:
        """What was built, for whom, and the backend's last words."""
        python = f"Python {self.interpreter.version}"
        return f"no wheel of {self.subject} could be built on {python}: {self.reason}"

    @property
    def hint(self) -> str:
        """How to see the whole story, or what the build lacks."""
        if "nothing is there for" in self.reason:
            return f"put what the build needs into `{self.path / 'wheels'}`, or run online once"
        asked = shlex.quote(self.requirement)
        if self.requirement == str(self.path) and _FROM_REPOSITORY.search(self.reason):
            return (
                "a build sees the project's files without `.git`: write `version` into `[project]`,"
                f" or put the wheel that `{self.interpreter.executable} -m pip wheel --no-deps"
                f" {asked}` makes in its place"
            )
        return (
            f"run `{self.interpreter.executable} -m pip wheel --no-deps {asked}` to see all"
            " that the backend says, or put a built wheel into the wheelhouse"
        )


def _silent(_: str) -> None:
    """Tell nobody."""


def build_project(
    location: Location,
    store: Store,
    *,
    pip: PipSettings,
    progress: Callable[[str], None] = _silent,
) -> Path:
    """Return the wheel of a project location from the store, built now unless it is there.

    `progress` is told when it has to be built.
    Raises `BuildError`, `manager.proc.ProcessTimeoutError`.
    """
    digest, pins = _project_key(location, pip.interpreter)
    found = _find(store, digest, pip.interpreter)
    if found is not None:
        return found
    with store.lock("build", digest):
        found = _find(store, digest, pip.interpreter)
        if found is not None:
            return found
        progress(f"{location.name}: building its wheel")
        with staging(store.root) as room:
            wheel = build_in(room, location, pip=pip, pins=pins)
            return _keep(store, digest, wheel, pip.interpreter)


def find_project(location: Location, store: Store, interpreter: Interpreter) -> Path | None:
    """Return the wheel that `build_project` would not have to build, None if it would."""
    return _find(store, _project_key(location, interpreter)[0], interpreter)


def build_in(room: Path, location: Location, *, pip: PipSettings, pins: Sequence[str] = ()) -> Path:
    """Build a project's wheel below `room`, whatever the store has; it is not normalised.

    `pins` hold the build requirements where they are. Raises `BuildError`.
    """
    source = room / location.name
    _copy_tree(location.path, source)
    asked = [*_constraints(room, pins), str(source)]
    return _build(asked, room / "out", f"`{location.path}`", location.path, pip)


def build_source(source: Source, store: Store, *, location: Path, pip: PipSettings) -> Path:
    """Return the wheel of an sdist or a repository, built now unless the store has it.

    `location` is the plugin's. Raises `BuildError`, `manager.proc.ProcessTimeoutError`.
    """
    found = _find(store, source.key, pip.interpreter)
    if found is not None:
        return found
    with store.lock("build", source.key):
        found = _find(store, source.key, pip.interpreter)
        if found is not None:
            return found
        with staging(store.root) as room:
            wheel = build_source_in(room, source, location=location, pip=pip)
            return _keep(store, source.key, wheel, pip.interpreter)


def build_source_in(room: Path, source: Source, *, location: Path, pip: PipSettings) -> Path:
    """Build the wheel of a source below `room`, whatever the store has; it is not normalised."""
    asked = [*_constraints(room, source.pins), source.requirement]
    if source.sha256 is not None:
        requirements_file = room / "requirements.txt"
        line = f"{source.requirement} --hash=sha256:{source.sha256}\n"
        requirements_file.write_text(line, "utf-8")
        asked[-1:] = ["--require-hashes", "--no-binary", source.name, "-r", str(requirements_file)]
    return _build(asked, room / "out", source.subject, location, pip, source.requirement)


def _constraints(room: Path, pins: Sequence[str]) -> list[str]:
    """Return the options that hold the build requirements."""
    if not pins:
        return []
    file = room / "build-constraints.txt"
    file.write_text("".join(f"{pin}\n" for pin in pins), "utf-8")
    return ["--build-constraint", str(file)]


def _project_key(location: Location, interpreter: Interpreter) -> tuple[str, tuple[str, ...]]:
    """Return the digest that a project's wheel is kept under, and what its build is held to."""
    pins = build_pins(read_lock(location.lock_file), interpreter.minor)
    digest = tree_digest(location.path)
    if pins:  # other tools make another wheel of the same tree
        digest = sha256_of({"tree": digest, "build": pins})
    return digest, pins


def _find(store: Store, digest: str, interpreter: Interpreter) -> Path | None:
    return store.built_wheel(digest) or store.built_wheel(_target_key(digest, interpreter))


def _keep(store: Store, digest: str, wheel: Path, interpreter: Interpreter) -> Path:
    tags = parse_wheel_filename(wheel.name)[-1]
    anywhere = all(tag.platform == "any" and tag.abi == "none" for tag in tags)
    key = digest if anywhere else _target_key(digest, interpreter)
    return store.add_built_wheel(key, wheel)


def _target_key(digest: str, interpreter: Interpreter) -> str:
    return sha256_of({"built-from": digest, "target": target_of(interpreter).name})


def _copy_tree(source: Path, destination: Path) -> None:
    """Copy what the tree's digest counts; modes and times are the same wherever it came from."""
    destination.mkdir()
    for name, file in source_files(source):
        if not file.exists():  # a dangling link: nothing that a build could read
            continue
        copy = destination / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        copy.chmod(0o755 if os.access(file, os.X_OK) else 0o644)
        os.utime(copy, (_EPOCH_S, _EPOCH_S))


def _build(
    asked: Sequence[str],
    out_dir: Path,
    subject: str,
    location: Path,
    pip: PipSettings,
    requirement: str | None = None,
) -> Path:
    done = run_pip(pip, *_WHEEL, *source_options(pip), "--wheel-dir", str(out_dir), *asked)
    wheels: Sequence[Path] = sorted(out_dir.glob("*.whl")) if out_dir.is_dir() else []
    if done.returncode != 0 or len(wheels) != 1:
        raise BuildError(
            subject=subject,
            path=location,
            interpreter=pip.interpreter,
            reason=reason_of(done).replace(str(out_dir.parent), "…"),
            requirement=requirement,
        )
    return wheels[0]
