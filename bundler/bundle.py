"""Bundles: a location packed as one `.pyz`, and whether a bundle is what its location gives."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from bundler.archive import write_archive
from bundler.contents import Contents, gather
from bundler.manifest import make_manifest
from manager import carried
from manager.errors import VenvoyError
from manager.fs import staging
from manager.interpreters import interpreter_probe
from manager.locks.sync_context import SyncContext
from manager.plugins import bundle_format
from manager.plugins.bundle_format import MANIFEST, canonical, member_order
from manager.plugins.bundles import Bundle, open_bundle
from manager.plugins.distributions import read_project
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Shape

__all__ = ["BundledAlreadyError", "Made", "difference", "make_bundle"]

_STUB_DIR = Path(__file__).parent / "stub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A bundle that was just written."""

    file: Path
    contents: Contents
    size_bytes: int
    sha256: str


class BundledAlreadyError(VenvoyError):
    """A bundle cannot be bundled."""

    code = "bundled-already"

    def __init__(self, *, path: Path) -> None:
        super().__init__(path)
        self.path = path

    @property
    def message(self) -> str:
        """The bundle."""
        return f"`{self.path}` is a bundle already"

    @property
    def hint(self) -> str:
        """What to do with it."""
        return "copy it as it is; `venvoy bundle inspect` tells what is in it"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packing:
    """All members of a bundle to be: the small ones as bytes, the wheels as files."""

    contents: Contents
    small: dict[str, bytes]
    large: dict[str, Path]
    manifest_sha256: str


def make_bundle(context: SyncContext, content: LocationContent, out: Path) -> Made:
    """Pack a location into `out`, which is replaced whole; the same location gives the same bytes.

    Raises what `bundler.contents.gather` and `bundler.archive.write_archive` raise.
    """
    with staging(context.store.root) as room:
        packing = _pack(context, content, room)
        context.progress(f"{content.location.name}: writing {out.name}")
        write_archive(out, packing.small, packing.large, manifest_sha256=packing.manifest_sha256)
    with out.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Made(file=out, contents=packing.contents, size_bytes=out.stat().st_size, sha256=digest)


def difference(context: SyncContext, content: LocationContent, file: Path) -> str | None:
    """Return the first member in which a bundle differs from what its location gives, or None.

    A bundle has one form, so equal members make equal bytes. Raises `BadBundleError` too.
    """
    bundle = open_bundle(file, whole=True)
    with staging(context.store.root) as room:
        packing = _pack(context, content, room)
    wanted = {name: hashlib.sha256(data).hexdigest() for name, data in packing.small.items()}
    wanted |= {name: sha256 for sha256, name in packing.contents.wheel_members.items()}
    there = _hashes(bundle)
    # The manifest names every other member's hash, so it is never the one that tells.
    every = sorted(
        wanted.keys() | there.keys(), key=lambda one: (one == MANIFEST, member_order(one))
    )
    return next((name for name in every if wanted.get(name) != there.get(name)), None)


def _hashes(bundle: Bundle) -> dict[str, str]:
    named = (*bundle.manifest["members"], *bundle.manifest["wheels"])
    return {one["file"]: one["sha256"] for one in named} | {
        MANIFEST: bundle.reading.manifest_sha256
    }


def _pack(context: SyncContext, content: LocationContent, room: Path) -> _Packing:
    if content.location.shape is Shape.BUNDLE:
        raise BundledAlreadyError(path=content.location.path)
    contents = gather(context, content, room)
    small = _stub() | _shared(context.api.path) | {"pylock.toml": contents.lock_bytes}
    manifest = canonical(make_manifest(contents, read_project(context.api.path), small))
    small[MANIFEST] = manifest
    members = contents.wheel_members
    return _Packing(
        contents=contents,
        small=small,
        large={members[wheel.sha256]: wheel.file for wheel in contents.wheels},
        manifest_sha256=hashlib.sha256(manifest).hexdigest(),
    )


def _stub() -> dict[str, bytes]:
    """Return what runs inside a bundle; the readers that venvoy itself has are among it."""
    files = {str(file.relative_to(_STUB_DIR)): file for file in sorted(_STUB_DIR.rglob("*.py"))}
    own = [Path(str(module.__file__)) for module in (bundle_format, interpreter_probe)]
    readers = sorted(Path(str(carried.__file__)).parent.glob("*.py"))
    own += [file for file in readers if file.name != "__init__.py"]
    for file in own:  # they know nothing but the library, and each other
        files[f"venvoy_bundle/{file.name}"] = file
    return {name: file.read_bytes() for name, file in files.items()}


def _shared(api_dir: Path) -> dict[str, bytes]:
    """Return the API and the host; bytecode and receipts stay behind."""
    files = [
        file
        for package in ("venvoy_api", "venvoy_host")
        for file in sorted((api_dir / package).rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    ]
    files.append(api_dir / "pyproject.toml")
    return {f"shared/{file.relative_to(api_dir).as_posix()}": file.read_bytes() for file in files}
