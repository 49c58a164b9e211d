"""Where a bundle keeps what it made, and whether that is whole: all that a warm start asks.

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

import hashlib
import os
import sys

__all__ = [
    "FLUSHED",
    "RECEIPT",
    "boot_id",
    "cache_dir",
    "find_warm",
    "is_good",
    "is_private",
    "python_key",
]

FLUSHED = "flushed"
RECEIPT = "receipt.json"
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_PLACE = b"/venvoy/bundles/"
_DIGITS = 40


def find_warm(file: str) -> str | None:
    """Return the environment of this Python if it is there, told by the file's first bytes."""
    with open(file, "rb") as stream:
        digest = stream.read(1024).partition(_PLACE)[2].partition(b"\n")[0]
    if len(digest) != _DIGITS or not digest.isalnum() or os.environ.get("VENVOY_STORE"):
        return None
    directory = cache_dir(digest.decode())
    if directory is None or not is_private(directory):
        return None
    environment = os.path.join(directory, python_key())
    return environment if is_good(environment) else None


def python_key() -> str:
    """Return what names this Python: its file, and what may change under it."""
    real = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    status = os.stat(real)
    facts = (real, status.st_size, status.st_mtime_ns, sys.version, sys.implementation.cache_tag)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:20]


def cache_dir(digest: str) -> str | None:
    """Return the directory of the bundle with this manifest, None where no home is told."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "venvoy", "bundles", digest[:40]) if os.path.isabs(base) else None


def is_private(directory: str) -> bool:
    """Whether a directory is there, is this user's and nobody else may write it."""
    try:
        status = os.lstat(directory)
    except OSError:
        return False
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def is_good(directory: str, *, python: bool = True) -> bool:
    """Whether what was made there is whole: on the disk for good, or of this run of the machine."""
    if python and not os.access(os.path.join(directory, "bin", "python"), os.X_OK):
        return False
    if os.path.islink(directory) or os.path.exists(os.path.join(directory, FLUSHED)):
        return True
    import json

    try:
        with open(os.path.join(directory, RECEIPT), encoding="utf-8") as stream:
            return bool(json.load(stream)["boot"] == boot_id() != "")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def boot_id() -> str:
    """Return what names this run of the machine, "" where it is not told."""
    try:
        with open(_BOOT_ID, encoding="ascii") as stream:
            return stream.read().strip()
    except OSError:
        return ""
