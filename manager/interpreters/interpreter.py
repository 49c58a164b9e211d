"""An interpreter: what it is, asked once and kept on disk.

An interpreter is known by its real path, size and mtime; when any of them or the running kernel
changes, it is asked again. What it answers (`interpreter_probe`) decides which wheels fit, what an
environment is called, and which bytecode it reads.
"""

import contextlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, cast

import packaging
from packaging.version import Version

from manager.digests import JsonValue, sha256_of, short
from manager.errors import VenvoyError
from manager.fs import write_file_atomically
from manager.interpreters import interpreter_probe
from manager.interpreters.wheel_tags import wheel_tags
from manager.json_fields import Fields, read_fields
from manager.proc import (
    ProcessTimeoutError,
    UnstartableError,
    child_environment,
    inherited,
    run,
)

__all__ = ["OLDEST", "Interpreter", "UnusableInterpreterError", "base_executable", "probe"]

OLDEST: Final = Version("3.9")
"""The oldest Python that the API runs on."""

_SCHEMA = 2
_TIMEOUT_S = 60


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """One Python on this machine, never a virtualenv's own: `executable` is its base's real path.

    `size_bytes` and `mtime_ns` are the executable's; `libpython` is "" when the executable holds
    it itself, else path, size and mtime in one text. `tags` are the wheel tags that fit, best
    first; `markers` are PEP 508's.
    """

    executable: Path
    real_path: Path
    implementation: str
    version: str
    cache_tag: str
    soabi: str
    ext_suffix: str
    platform: str
    libc: str
    free_threaded: bool
    debug: bool
    magic: str
    libpython: str
    size_bytes: int
    mtime_ns: int
    tags: tuple[str, ...]
    markers: Mapping[str, str] = field(hash=False)

    @cached_property
    def identity(self) -> dict[str, JsonValue]:
        """What an environment's digest holds of its interpreter (design 5)."""
        return {
            "implementation": self.implementation,
            "version": self.version,
            "cache_tag": self.cache_tag,
            "soabi": self.soabi,
            "ext_suffix": self.ext_suffix,
            "platform": self.platform,
            "libc": self.libc,
            "free_threaded": self.free_threaded,
            "debug": self.debug,
            "magic": self.magic,
            "libpython": self.libpython,
            "real_path": str(self.real_path),
            "size_bytes": self.size_bytes,
            "mtime_ns": self.mtime_ns,
        }

    @cached_property
    def digest(self) -> str:
        """The sha256 of the identity: what its skeleton is called."""
        return sha256_of(self.identity)

    @property
    def minor(self) -> str:
        """Major and minor version, `3.12`."""
        return ".".join(self.version.split(".")[:2])

    @property
    def library(self) -> str:
        """The name of its directory below `lib/`: `python3.12`, `python3.13t`, `pypy3.10`."""
        stem = "pypy" if self.implementation == "pypy" else "python"
        return f"{stem}{self.minor}{'t' if self.free_threaded else ''}"

    @property
    def bytecode_tag(self) -> str:
        """The name of its bytecode's place in the store: the cache tag, made safe."""
        return self.cache_tag or "none"

    def __str__(self) -> str:
        """Return how people call it."""
        return f"{self.implementation} {self.version} at {self.executable}"


class UnusableInterpreterError(VenvoyError):
    """A file that should be a Python is none, or is too old."""

    code = "unusable-interpreter"

    def __init__(self, *, executable: Path, reason: str) -> None:
        super().__init__(executable)
        self.executable = executable
        self.reason = reason

    @property
    def message(self) -> str:
        """The file and what is wrong with it."""
        return f"`{self.executable}` cannot be used as an interpreter: {self.reason}"

    @property
    def hint(self) -> str:
        """What would do."""
        return f"name a Python {OLDEST} or later, by version (`3.12`) or by path"


def probe(executable: Path, *, cache_dir: Path) -> Interpreter:
    """Ask an interpreter what it is; the answer is kept in `cache_dir` until its file changes.

    A virtualenv's python is followed to its base. Raises `UnusableInterpreterError`.
    """
    return _probe(base_executable(executable), cache_dir)


def base_executable(executable: Path) -> Path:
    """Return the real path of an interpreter, of its base's for one in a virtualenv."""
    # A virtualenv of symbolic links ends here; one of copies says where its base is.
    real = Path(os.path.realpath(executable))
    configuration = real.parent.parent / "pyvenv.cfg"
    if not configuration.is_file():
        return real
    for line in configuration.read_text("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home":
            candidate = Path(value.strip()) / real.name
            if candidate.is_file():
                return Path(os.path.realpath(candidate))
    return real


def _probe(executable: Path, cache_dir: Path) -> Interpreter:
    try:
        stamp = _stamp(executable)
    except OSError as error:
        raise UnusableInterpreterError(
            executable=executable, reason=error.strerror or str(error)
        ) from error
    file = cache_dir / f"{short(sha256_of(str(executable)))}.json"
    kept = _kept(file, stamp)
    if kept is not None:
        return kept
    try:
        facts = _ask(executable)
        facts |= {
            "stamp": stamp,
            "libpython_file": facts["libpython"],
            "libpython": _libpython_stamp(Path(str(facts["libpython"]))),
            "real_path": str(executable),
            "tags": list(wheel_tags(facts, executable)),
        }
        found = _interpreter(Fields(facts))
        is_old = Version(found.version) < OLDEST
    except (KeyError, ValueError) as error:
        reason = f"it says of itself what no Python does: {error}"
        raise UnusableInterpreterError(executable=executable, reason=reason) from error
    if is_old:
        raise UnusableInterpreterError(
            executable=executable, reason=f"Python {found.version} is older than {OLDEST}"
        )
    with contextlib.suppress(OSError):  # a store that cannot be written still answers
        cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file_atomically(file, json.dumps(facts).encode(), mode=0o444)
    return found


def _kept(file: Path, stamp: Mapping[str, JsonValue]) -> Interpreter | None:
    """Return what was said before, None when it is not there, damaged, or of another time."""
    try:
        known = read_fields(file)
        if known.mapping().get("stamp") != stamp:
            return None
        if _libpython_stamp(Path(known.text("libpython_file"))) != known.text("libpython"):
            return None
        found = _interpreter(known)
        Version(found.version)
    except (OSError, ValueError):
        return None
    return found


def _stamp(executable: Path) -> dict[str, JsonValue]:
    status = executable.stat()
    return {
        "schema": _SCHEMA,
        "size_bytes": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "kernel": f"{platform.release()} {platform.version()}",
        "packaging": packaging.__version__,  # its rules make the tags
    }


def _libpython_stamp(file: Path) -> str:
    """Path, size and mtime of a shared libpython: it may change under the same launcher."""
    if file == Path():
        return ""
    with contextlib.suppress(OSError):
        status = file.stat()
        return f"{file} {status.st_size} {status.st_mtime_ns}"
    return str(file)


def _ask(executable: Path) -> dict[str, JsonValue]:
    script = Path(str(interpreter_probe.__file__))
    try:
        done = run(
            [executable, "-I", "-S", "-B", script],
            env=child_environment(inherited()),
            cwd=None,
            timeout_s=_TIMEOUT_S,
        )
    except (UnstartableError, ProcessTimeoutError) as error:
        raise UnusableInterpreterError(executable=executable, reason=error.message) from error
    try:
        facts = json.loads(done.stdout)
    except ValueError as error:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise UnusableInterpreterError(executable=executable, reason=last) from error
    return cast("dict[str, JsonValue]", facts)


def _interpreter(known: Fields) -> Interpreter:
    """Read what was said, or kept; raises `BadFieldError`."""
    markers = known.fields("markers")
    return Interpreter(
        executable=Path(known.text("real_path")),
        real_path=Path(known.text("real_path")),
        implementation=known.text("implementation"),
        version=known.text("version"),
        cache_tag=known.text("cache_tag"),
        soabi=known.text("soabi"),
        ext_suffix=known.text("ext_suffix"),
        platform=known.text("platform"),
        libc=known.text("libc"),
        free_threaded=known.flag("free_threaded"),
        debug=known.flag("debug"),
        magic=known.text("magic"),
        libpython=known.text("libpython"),
        size_bytes=known.fields("stamp").number("size_bytes"),
        mtime_ns=known.fields("stamp").number("mtime_ns"),
        tags=known.texts("tags"),
        markers={name: markers.text(name) for name in markers.mapping()},
    )
