"""The store's layout: what stands where, and the lock of each thing.

::

    STORE/                              0700
      CACHEDIR.TAG README               for whoever finds it
      wheels/<sha256[:40]>/<tag>/       one wheel, unpacked, with bytecode for this cache tag
        site/ bin/ data/ include/       its files by install scheme (`unpacking`)
        wheel.json                      its receipt (`receipts`)
      environments/<digest[:40]>/       a virtualenv: skeleton and links (`environments`)
      built/<tree digest[:40]>/*.whl    wheels built from projects and sdists
      api/<digest[:40]>/                a copy of `launcher/shared` (`api_copies`)
      interpreters/<digest[:40]>.json   what an interpreter said of itself (`interpreter`)
      skeletons/<digest[:40]>.json      its bare virtualenv (`skeletons`)
      leases/ locks/ staging/           never scanned for content

Publish = lock this digest, look again, build in `staging/`, check, flush, rename. A published
thing is read-only and never changed. Locks are per digest, so nothing waits for a build that it
does not need.
"""

import contextlib
import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from manager.digests import short
from manager.errors import VenvoyError
from manager.fs import write_file_atomically
from manager.store.receipts import UnreadableReceiptError, WheelReceipt, read_wheel_receipt

__all__ = ["Layout", "StoredWheel", "UnsafeStoreError", "UnusableStoreError"]

_TAG: Final = b"""Signature: 8a477f597d28d172789f06886806bc55
# This directory is a store of venvoy: everything in it can be made again.
# For information see https://bford.info/cachedir/
"""

_README: Final = b"""This is a store of venvoy: unpacked wheels (wheels/) and the virtualenvs that
link to them (environments/), each named by the hash of what is in it. Everything here is
read-only, may be in use, and can be made again by `venvoy plugins sync`. Change nothing in it;
remove it as a whole if you must, when no worker runs.
"""


class UnsafeStoreError(VenvoyError):
    """A store that others could write to, or that is somebody else's."""

    code = "unsafe-store"

    def __init__(self, *, root: Path, reason: str, remedy: str) -> None:
        super().__init__(root)
        self.root = root
        self.reason = reason
        self.remedy = remedy

    @property
    def message(self) -> str:
        """The store and why it is not used."""
        return f"the store `{self.root}` is not safe to use: {self.reason}"

    @property
    def hint(self) -> str:
        """How to make it safe, or where else to go."""
        return f"{self.remedy}, or name another store in VENVOY_STORE"


class UnusableStoreError(VenvoyError):
    """A store that cannot be made or written to."""

    code = "unusable-store"

    def __init__(
        self, *, root: Path, reason: str, remedy: str = "correct the rights of this one"
    ) -> None:
        super().__init__(root)
        self.root = root
        self.reason = reason
        self.remedy = remedy

    @property
    def message(self) -> str:
        """The store and what the system says."""
        return f"the store `{self.root}` cannot be used: {self.reason}"

    @property
    def hint(self) -> str:
        """Where else to go."""
        return f"name another directory in VENVOY_STORE, or {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWheel:
    """A wheel in the store: `path` is its directory for one cache tag."""

    path: Path
    receipt: WheelReceipt

    @property
    def site_dir(self) -> Path:
        """What its environment's site-packages links to."""
        return self.path / "site"

    def __str__(self) -> str:
        """Return how people call it."""
        return f"{self.receipt.name} {self.receipt.version}"


class Layout:
    """One store's places; cheap to make, holds nothing open, makes the directory when needed."""

    def __init__(self, root: Path, *, interpreters_dir: Path | None = None) -> None:
        """Take the store's directory; links on the way to it are followed once, here.

        What interpreters say of themselves is kept in another directory if one is named: so
        nothing at all is written into a store that is only looked at.
        """
        self.root: Final = Path(os.path.realpath(root))
        self.wheels_dir: Final = self.root / "wheels"
        self.environments_dir: Final = self.root / "environments"
        self.built_dir: Final = self.root / "built"
        self.api_dir: Final = self.root / "api"
        self.interpreters_dir: Final = interpreters_dir or self.root / "interpreters"
        self.skeletons_dir: Final = self.root / "skeletons"
        self.locks_dir: Final = self.root / "locks"

    def prepare(self) -> None:
        """Make the directory, private, with its tag and README.

        Raises `UnsafeStoreError`, `UnusableStoreError`.
        """
        try:
            self._prepare()
        except OSError as error:
            raise self._unusable(error) from error

    def _prepare(self) -> None:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.refuse_unsafe()
        self.locks_dir.mkdir(mode=0o700, exist_ok=True)
        for name, content in (("CACHEDIR.TAG", _TAG), ("README", _README)):
            if not (self.root / name).exists():
                write_file_atomically(self.root / name, content, mode=0o444)

    def refuse_unsafe(self) -> None:
        """Raise `UnsafeStoreError` for a store that is somebody else's, or that all may write."""
        try:
            status = self.root.stat()
        except FileNotFoundError:  # nobody's yet
            return
        may_read = os.access(self.root, os.R_OK | os.X_OK, effective_ids=True)
        if status.st_uid not in (0, os.geteuid()) or not may_read:  # a system's store is root's
            owner = _user(status.st_uid)
            raise UnsafeStoreError(
                root=self.root, reason=f"it belongs to {owner}", remedy=f"run as {owner}"
            )
        if status.st_mode & stat.S_IWOTH:
            raise UnsafeStoreError(
                root=self.root,
                reason="everybody may write to it",
                remedy=f"run `chmod 700 {self.root}`",
            )

    def refuse_unusable(self) -> None:
        """Raise what `prepare` or a publication would, and change nothing."""
        try:
            self.refuse_unsafe()
            there = next(one for one in (self.root, *self.root.parents) if os.path.lexists(one))
            if not there.is_dir():
                raise UnusableStoreError(root=self.root, reason=f"`{there}` is no directory")
            if not os.access(there, os.W_OK | os.X_OK):
                raise UnusableStoreError(root=self.root, reason=f"`{there}` cannot be written to")
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> UnusableStoreError:
        reason = (error.strerror or str(error)).lower()
        return UnusableStoreError(root=self.root, reason=reason)

    @contextlib.contextmanager
    def lock(self, kind: str, digest: str, *, wait: bool = True) -> Iterator[bool]:
        """Hold the lock of one thing; gives False at once if `wait` is false and it is taken.

        The lock's file stays behind: removing it would let two processes hold "the" lock.
        """
        self.prepare()
        lock = FileLock(self.locks_dir / f"{kind}-{short(digest)}.lock", thread_local=False)
        try:
            lock.acquire(blocking=wait)
        except Timeout:
            yield False
            return
        except OSError as error:
            raise self._unusable(error) from error
        try:
            yield True
        finally:
            lock.release()

    def wheel_dir(self, sha256: str, bytecode_tag: str) -> Path:
        """Return where a wheel stands, or would stand."""
        return self.wheels_dir / short(sha256) / bytecode_tag

    def find_wheel(self, sha256: str, bytecode_tag: str) -> StoredWheel | None:
        """Return a wheel that is complete in the store for that tag, else None."""
        directory = self.wheel_dir(sha256, bytecode_tag)
        try:
            receipt = read_wheel_receipt(directory)
        except UnreadableReceiptError:
            return None
        return StoredWheel(path=directory, receipt=receipt) if receipt.sha256 == sha256 else None

    def environment_dir(self, digest: str) -> Path:
        """Return where an environment stands, or would stand."""
        return self.environments_dir / short(digest)


def _user(number: int) -> str:
    """Return how a user is called, as a person would."""
    try:
        return f"the user `{pwd.getpwuid(number).pw_name}`"
    except KeyError:
        return f"user {number}"
