"""The environment of a bundle: the store's, if a venvoy made one, else one in a private cache.

::

    $XDG_CACHE_HOME/venvoy/bundles/<manifest sha256[:40]>/     0700
      <key of this Python>/      a virtualenv made here, or a link to the store's
      warm                       a link to the one that `./x.pyz exec` starts without Python
      api/                       `shared/` of the bundle, for `run`
      lock                       held while one is made

One is made under another name and renamed. Before it is on the disk for good (a child sees to
that, behind the first start) it is believed only until the machine restarts.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import sys
from typing import TYPE_CHECKING, Any

from venvoy_bundle.bundle_format import Reading, canonical, read_bundle, read_member

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["find_warm", "get_api", "get_environment"]

_RECEIPT = "receipt.json"
_FLUSHED = "flushed"
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def find_warm(file: str) -> str | None:
    """Return the environment of this Python if it is there, told by the file's first bytes."""
    with open(file, "rb") as stream:
        found = re.search(rb"/venvoy/bundles/([0-9a-f]{40})\n", stream.read(1024))
    if found is None or os.environ.get("VENVOY_STORE"):
        return None
    directory = _directory(found[1].decode())
    if directory is None or not _is_private(directory):
        return None
    environment = os.path.join(directory, _key())
    return environment if _is_good(environment) else None


def get_environment(file: str, *, make_warm: bool) -> str:
    """Return the environment's directory, made now if need be."""
    with open(file, "rb") as stream:
        reading = read_bundle(stream, whole=False)
    target = _target_or_other_python(reading)
    wheels = target["environment"]["wheels"]
    stored = _stored(wheels)
    directory = _private_directory(reading)
    name = os.path.join(directory, _key())
    with _locked(directory):
        if stored is not None:
            if os.path.realpath(name) != stored:
                _set_aside(name)
                os.symlink(stored, name)
        elif not _is_good(name):
            _set_aside(name)
            _make(file, reading, wheels, name)
    if make_warm:
        _link(os.path.join(directory, "warm"), stored or name)
    return stored or name


def get_api(file: str) -> str:
    """Return a directory with the bundle's own API and host, written now if need be."""
    with open(file, "rb") as stream:
        reading = read_bundle(stream, whole=False)
        directory = _private_directory(reading)
        api = os.path.join(directory, "api")
        with _locked(directory):
            if not _is_good(api, python=False):
                _set_aside(api)
                with _staged(api) as room:
                    for member in reading.members.values():
                        if member.name.startswith("shared/"):
                            _write(room, member.name[len("shared/") :], read_member(stream, member))
    return api


def _target_or_other_python(reading: Reading) -> dict[str, Any]:
    from venvoy_bundle.targets import BadTargetError, find_python, own_target

    target = own_target(reading.manifest)
    if target is not None:
        return target
    names = ", ".join(one["name"] for one in reading.manifest["targets"])
    other = None if os.environ.get("VENVOY_BUNDLE_PYTHON") else find_python(reading.manifest)
    if other is None:
        raise BadTargetError(f"the bundle is for {names}, and {sys.executable} is none of them")
    os.environ["VENVOY_BUNDLE_PYTHON"] = other
    os.execv(other, [other, *sys.argv])
    raise BadTargetError(other)  # not reached


def _key() -> str:
    """Return what names this Python: its file, and what may change under it."""
    real = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    status = os.stat(real)
    facts = (real, status.st_size, status.st_mtime_ns, sys.version, sys.implementation.cache_tag)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:20]


def _stored(wheels: list[list[str]]) -> str | None:
    """Return the store's environment of these wheels for this Python, None if there is none."""
    root = os.environ.get("VENVOY_STORE") or _default_store()
    if root is None or not os.path.isdir(os.path.join(root, "environments")):
        return None
    from venvoy_bundle import interpreter_probe

    facts = interpreter_probe.own_facts()
    real = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    status = os.stat(real)
    facts.pop("executable")
    library = facts["libpython"]
    if library:
        about = os.stat(library)
        facts["libpython"] = f"{library} {about.st_size} {about.st_mtime_ns}"
    facts.update(real_path=real, size_bytes=status.st_size, mtime_ns=status.st_mtime_ns)
    digest = hashlib.sha256(
        canonical(
            {"kind": "environment", "schema": 1, "wheels": sorted(wheels), "interpreter": facts}
        )
    ).hexdigest()
    path = os.path.realpath(os.path.join(root, "environments", digest[:40]))
    try:
        with open(os.path.join(path, _RECEIPT), encoding="utf-8") as stream:
            is_same = json.load(stream)["digest"] == digest
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return path if is_same and os.access(os.path.join(path, "bin", "python"), os.X_OK) else None


def _default_store() -> str | None:
    if sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Application Support")
    else:
        base = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return os.path.join(base, "venvoy", "store") if os.path.isabs(base) else None


def _directory(digest: str) -> str | None:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "venvoy", "bundles", digest[:40]) if os.path.isabs(base) else None


def _private_directory(reading: Reading) -> str:
    directory = _directory(reading.manifest_sha256)
    if directory is None:
        raise OSError("there is no directory for a cache: set HOME or XDG_CACHE_HOME")
    os.makedirs(directory, mode=0o700, exist_ok=True)
    if not _is_private(directory):
        raise OSError(f"{directory} is not private: it is another user's, or others may write it")
    return directory


def _is_private(directory: str) -> bool:
    try:
        status = os.lstat(directory)
    except OSError:
        return False
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _is_good(directory: str, *, python: bool = True) -> bool:
    """Whether what was made there is whole: on the disk for good, or of this run of the machine."""
    if python and not os.access(os.path.join(directory, "bin", "python"), os.X_OK):
        return False
    if os.path.islink(directory) or os.path.exists(os.path.join(directory, _FLUSHED)):
        return True
    try:
        with open(os.path.join(directory, _RECEIPT), encoding="utf-8") as stream:
            return bool(json.load(stream)["boot"] == _boot() != "")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _boot() -> str:
    try:
        with open(_BOOT_ID, encoding="ascii") as stream:
            return stream.read().strip()
    except OSError:
        return ""


@contextlib.contextmanager
def _locked(directory: str) -> Iterator[None]:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(os.path.join(directory, "lock"), flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _staged(final: str) -> Iterator[str]:
    """Give a directory that gets its final name when all went well; the lock is held."""
    room = f"{final}.{os.getpid()}.new"
    shutil.rmtree(room, ignore_errors=True)
    os.mkdir(room, 0o700)
    try:
        yield room
        with open(os.path.join(room, _RECEIPT), "w", encoding="utf-8") as stream:
            json.dump({"schema": 1, "boot": _boot()}, stream)
        os.rename(room, final)
    except BaseException:
        shutil.rmtree(room, ignore_errors=True)
        raise
    _flush_behind(final)


def _set_aside(path: str) -> None:
    """Remove a link, or what a crash has left under a name."""
    if os.path.islink(path):
        os.unlink(path)
    elif os.path.lexists(path):
        aside = f"{path}.{os.getpid()}.old"
        os.rename(path, aside)
        shutil.rmtree(aside, ignore_errors=True)


def _flush_behind(directory: str) -> None:
    """Have a child of nobody's write all to the disk, and say so: the first start does not wait."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork() != 0:
        os.wait()
        return
    try:
        if os.fork() == 0:
            os.setsid()
            null = os.open(os.devnull, os.O_RDWR)
            for number in (0, 1, 2):
                os.dup2(null, number)
            os.closerange(3, 256)
            os.sync()
            with open(os.path.join(directory, _FLUSHED), "w", encoding="ascii"):
                pass
    finally:
        os._exit(0)


def _link(name: str, target: str) -> None:
    """Point a link there, at once."""
    if not (os.path.islink(name) and os.readlink(name) == target):
        temporary = f"{name}.{os.getpid()}"
        os.symlink(target, temporary)
        os.replace(temporary, name)


def _write(room: str, name: str, data: bytes) -> None:
    path = os.path.join(room, *name.split("/"))
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(path, "xb") as stream:
        stream.write(data)


def _make(file: str, reading: Reading, wheels: list[list[str]], final: str) -> None:
    from venvoy_bundle.wheels import make_virtualenv, unpack_all

    with _staged(final) as room:
        site = make_virtualenv(room)
        members = {one["sha256"]: one["file"] for one in reading.manifest["wheels"]}
        chosen = [(reading.members[members[sha256]], sha256) for _, _, sha256 in wheels]
        unpack_all(file, chosen, room, site, os.path.join(final, "bin", "python"))
