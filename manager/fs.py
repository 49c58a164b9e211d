"""The one door to publishing and removing trees.

A thing is built in a directory below `staging/`, flushed, and renamed to its final name; what has
a final name is complete, read-only and never changed again. Removal goes the same way back: a
rename into `staging/` first, so that nobody ever sees half of a thing. No walk here follows a
symbolic link.
"""

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

__all__ = [
    "fsync_directory",
    "publish",
    "remove",
    "staging",
    "walk",
    "write_file_atomically",
]

STAGING = "staging"
_FLUSHERS = 8
_FEW = 32


@contextlib.contextmanager
def staging(store_root: Path) -> Iterator[Path]:
    """Give a fresh private directory on the store's file system; what is left of it is removed."""
    parent = store_root / STAGING
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # os.mkdir fails if the name is taken: two builders never share a directory (pex #1905).
    directory = parent / f"{os.getpid()}-{secrets.token_hex(8)}"
    directory.mkdir(mode=0o700)
    try:
        yield directory
    finally:
        _erase(directory)


def publish(staged_dir: Path, final_dir: Path, *, last: tuple[str, bytes] | None = None) -> None:
    """Flush a staged tree to disk, make it read-only and give it its final name.

    `last` is the receipt (file name, content), written when all else is on disk. The caller holds
    the lock of this name. Raises `FileExistsError` when the name is taken: a published thing is
    never replaced.
    """
    if os.path.lexists(final_dir):
        raise FileExistsError(final_dir)
    _seal(staged_dir)
    if last is not None:
        name, content = last
        file = os.open(staged_dir / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchmod(file, 0o444)
            os.fsync(file)
    fsync_directory(staged_dir)
    final_dir.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A directory must be writable itself while it moves, because its ".." is written.
    staged_dir.rename(final_dir)
    final_dir.chmod(0o555)
    fsync_directory(final_dir.parent)


def remove(directory: Path, *, store_root: Path) -> None:
    """Remove a published tree: out of sight by one rename, then file by file. Missing is fine."""
    with staging(store_root) as trash:
        with contextlib.suppress(FileNotFoundError):
            if not directory.is_symlink():
                directory.chmod(0o755)
            directory.rename(trash / "removed")
        fsync_directory(trash)


def write_file_atomically(file: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a small file so that readers see the old content or the new, never a part."""
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        temporary.rename(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_directory(file.parent)


def walk(tree: Path) -> Iterator[os.DirEntry[str]]:
    """Yield everything below `tree`, a directory before its content, links as links, by name."""
    with os.scandir(tree) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from walk(Path(entry.path))


def fsync_directory(directory: Path) -> None:
    """Flush a directory's names to disk."""
    _fsync(str(directory))


def _read_only_mode(entry: os.DirEntry[str]) -> int:
    mode = entry.stat(follow_symlinks=False).st_mode
    return 0o555 if stat.S_ISDIR(mode) or mode & stat.S_IXUSR else 0o444


def _seal(tree: Path) -> None:
    """Make everything below a tree read-only and flush it, files before their directories.

    First all modes, and the data of all files set on its way; only then is anything waited for.
    The file system then writes its journal once for all of it, not once for each file.
    """
    files: list[str] = []
    directories: list[str] = []
    for entry in walk(tree):
        if entry.is_dir(follow_symlinks=False):
            directories.append(entry.path)
        elif entry.is_file(follow_symlinks=False):
            files.append(entry.path)
        if not entry.is_symlink():
            Path(entry.path).chmod(_read_only_mode(entry))
    if len(files) > _FEW:
        with ThreadPoolExecutor(max_workers=_FLUSHERS) as pool:
            list(pool.map(_fsync, files))
    else:
        for file in files:
            _start_writing(file)
        for file in files:
            _fsync(file)
    for directory in reversed(directories):
        _fsync(directory)


def _start_writing(file: str) -> None:
    """Have the data written without waiting for it: Linux does so with what it is to forget."""
    if hasattr(os, "posix_fadvise"):
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def _fsync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _erase(tree: Path) -> None:
    """Remove a tree whose directories may be read-only."""
    if not tree.exists():
        return
    tree.chmod(0o700)
    for entry in walk(tree):
        if entry.is_dir(follow_symlinks=False):
            Path(entry.path).chmod(0o700)
    shutil.rmtree(tree)
