"""The environment of a bundle: the store's, if a venvoy made one, else one in a private cache."""

from __future__ import annotations

import hashlib
import json
import os
import sys

from venvoy_bundle.bundle_format import canonical, read_bundle, read_member
from venvoy_bundle.cache import RECEIPT, cache_dir, is_good, is_private, python_key
from venvoy_bundle.staging import link, locked, set_aside, staged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from venvoy_bundle.bundle_format import Reading

__all__ = ["get_api", "get_environment"]


def get_environment(file: str, *, make_warm: bool) -> str:
    """Return the environment's directory, made now if need be."""
    with open(file, "rb") as stream:
        reading = read_bundle(stream, whole=False)
    target = _target_or_other_python(reading)
    wheels = target["environment"]["wheels"]
    stored = _stored(wheels)
    directory = _private_directory(reading)
    name = os.path.join(directory, python_key())
    with locked(directory):
        if stored is not None:
            if os.path.realpath(name) != stored:
                set_aside(name)
                os.symlink(stored, name)
        elif not is_good(name):
            set_aside(name)
            _make(file, reading, wheels, name)
    if make_warm:
        link(os.path.join(directory, "warm"), stored or name)
    return stored or name


def get_api(file: str) -> str:
    """Return a directory with the bundle's own API and host, written now if need be."""
    with open(file, "rb") as stream:
        reading = read_bundle(stream, whole=False)
        directory = _private_directory(reading)
        api = os.path.join(directory, "api")
        with locked(directory):
            if not is_good(api, python=False):
                set_aside(api)
                with staged(api) as room:
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
    os.execv(other, [other, "-I", "-S", *sys.argv])
    raise BadTargetError(other)  # not reached


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
        with open(os.path.join(path, RECEIPT), encoding="utf-8") as stream:
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


def _private_directory(reading: Reading) -> str:
    directory = cache_dir(reading.manifest_sha256)
    if directory is None:
        raise OSError("there is no directory for a cache: set HOME or XDG_CACHE_HOME")
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"{directory} cannot be made: {error.strerror};"
            " set XDG_CACHE_HOME to a directory that may be written"
        ) from error
    if not is_private(directory):
        raise OSError(f"{directory} is not private: it is another user's, or others may write it")
    return directory


def _write(room: str, name: str, data: bytes) -> None:
    path = os.path.join(room, *name.split("/"))
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(path, "xb") as stream:
        stream.write(data)


def _make(file: str, reading: Reading, wheels: list[list[str]], final: str) -> None:
    from venvoy_bundle.wheels import make_virtualenv, unpack_all

    with staged(final) as room:
        site = make_virtualenv(room)
        members = {one["sha256"]: one["file"] for one in reading.manifest["wheels"]}
        chosen = [(reading.members[members[sha256]], sha256) for _, _, sha256 in wheels]
        unpack_all(file, chosen, room, site, os.path.join(final, "bin", "python"))
