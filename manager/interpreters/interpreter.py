"""An interpreter: what it is, asked once and kept on disk.

An interpreter is known by its real path, size and mtime; when any of them or the running kernel
changes, it is asked again. What it answers (`interpreter_probe`) decides which wheels fit, what an
environment is called, and which bytecode it reads.
"""

import contextlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
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
    known = _read(file)
    if known is not None and known.get("stamp") == stamp and _same_libpython(known):
        return _interpreter(known)
    facts = _ask(executable)
    facts |= {
        "stamp": stamp,
        "libpython_file": facts["libpython"],
        "libpython": _libpython_stamp(Path(str(facts["libpython"]))),
        "real_path": str(executable),
        "tags": wheel_tags(facts, executable),
    }
    if Version(str(facts["version"])) < OLDEST:
        raise UnusableInterpreterError(
            executable=executable, reason=f"Python {facts['version']} is older than {OLDEST}"
        )
    with contextlib.suppress(OSError):  # a store that cannot be written still answers
        cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file_atomically(file, json.dumps(facts).encode(), mode=0o444)
    return _interpreter(facts)


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


def _same_libpython(known: Mapping[str, JsonValue]) -> bool:
    return _libpython_stamp(Path(str(known["libpython_file"]))) == known["libpython"]


def _read(file: Path) -> dict[str, JsonValue] | None:
    try:
        known = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) else None


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


def _interpreter(facts: Mapping[str, JsonValue]) -> Interpreter:
    stamp = cast("Mapping[str, int]", facts["stamp"])
    return Interpreter(
        executable=Path(str(facts["real_path"])),
        real_path=Path(str(facts["real_path"])),
        implementation=str(facts["implementation"]),
        version=str(facts["version"]),
        cache_tag=str(facts["cache_tag"]),
        soabi=str(facts["soabi"]),
        ext_suffix=str(facts["ext_suffix"]),
        platform=str(facts["platform"]),
        libc=str(facts["libc"]),
        free_threaded=bool(facts["free_threaded"]),
        debug=bool(facts["debug"]),
        magic=str(facts["magic"]),
        libpython=str(facts["libpython"]),
        size_bytes=stamp["size_bytes"],
        mtime_ns=stamp["mtime_ns"],
        tags=tuple(cast("Sequence[str]", facts["tags"])),
        markers=cast("Mapping[str, str]", facts["markers"]),
    )
