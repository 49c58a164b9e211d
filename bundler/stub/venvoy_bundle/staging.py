"""Making something in a bundle's cache: under a lock, under another name, published by a rename."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys

from venvoy_bundle.cache import FLUSHED, RECEIPT, boot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["link", "locked", "set_aside", "staged"]


@contextlib.contextmanager
def locked(directory: str) -> Iterator[None]:
    """Hold the lock of a bundle's cache."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(os.path.join(directory, "lock"), flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def staged(final: str) -> Iterator[str]:
    """Give a directory that gets its final name when all went well; the lock is held."""
    room = f"{final}.{os.getpid()}.new"
    _remove(room)
    os.mkdir(room, 0o700)
    try:
        yield room
        with open(os.path.join(room, RECEIPT), "w", encoding="utf-8") as stream:
            json.dump({"schema": 1, "boot": boot_id()}, stream)
        os.rename(room, final)
    except BaseException:
        _remove(room)
        raise
    _flush_behind(final)


def set_aside(path: str) -> None:
    """Remove a link, or what a crash has left under a name."""
    if os.path.islink(path):
        os.unlink(path)
    elif os.path.lexists(path):
        aside = f"{path}.{os.getpid()}.old"
        os.rename(path, aside)
        _remove(aside)


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
            with open(os.path.join(directory, FLUSHED), "w", encoding="ascii"):
                pass
    finally:
        os._exit(0)


def link(name: str, target: str) -> None:
    """Point a link there, at once."""
    if not (os.path.islink(name) and os.readlink(name) == target):
        temporary = f"{name}.{os.getpid()}"
        os.symlink(target, temporary)
        os.replace(temporary, name)


def _remove(path: str) -> None:
    if os.path.lexists(path):
        import shutil

        shutil.rmtree(path, ignore_errors=True)
