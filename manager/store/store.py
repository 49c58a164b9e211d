"""The store, whole: its layout, and what can be put into it and found in it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from manager.digests import short
from manager.fs import publish, staging
from manager.interpreters.interpreter import Interpreter
from manager.store.api_copies import ApiCopy, put_api
from manager.store.built_wheels import normalize_wheel
from manager.store.environments import Environment, find_environment
from manager.store.filling import add_wheels
from manager.store.layout import Layout, StoredWheel, UnsafeStoreError

__all__ = ["ApiCopy", "Store", "StoredWheel", "UnsafeStoreError"]


class Store(Layout):
    """One store on this machine; see `manager.store.layout` for what stands where."""

    def add_wheels(
        self,
        files: Sequence[tuple[Path, str]],
        interpreter: Interpreter,
        *,
        progress: Callable[[str], None] | None = None,
    ) -> tuple[StoredWheel, ...]:
        """Return wheels (file, sha256), in that order, unpacked; see `manager.store.filling`."""
        return add_wheels(self, files, interpreter, progress=progress)

    def put_api(self, shared_dir: Path, interpreters: Sequence[Interpreter] = ()) -> ApiCopy:
        """Return the store's copy of the API in `shared_dir`; see `manager.store.api_copies`."""
        return put_api(self, shared_dir, interpreters)

    def environment(self, digest: str) -> Environment | None:
        """Return the environment of that digest if it is there and sound, else None."""
        return find_environment(self, digest)

    def built_wheel(self, tree_digest: str) -> Path | None:
        """Return the wheel built from a tree of that digest, None when none was."""
        found = sorted((self.built_dir / short(tree_digest)).glob("*.whl"))
        return found[0] if found else None

    def add_built_wheel(self, tree_digest: str, wheel: Path) -> Path:
        """Keep a wheel that was just built from that tree, normalised; return the kept one.

        The same tree gives the same bytes under any umask, clock or zlib. If another process was
        faster, its wheel is returned.
        """
        with self.lock("built", tree_digest):
            known = self.built_wheel(tree_digest)
            if known is None:
                with staging(self.root) as room:
                    (room / "built").mkdir()
                    normalize_wheel(wheel, room / "built" / wheel.name)
                    publish(room / "built", self.built_dir / short(tree_digest))
                known = self.built_dir / short(tree_digest) / wheel.name
        return known
