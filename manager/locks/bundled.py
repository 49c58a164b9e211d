"""A bundle's lock and wheels, as a sync needs them: everything comes from inside."""

import tomllib
from pathlib import Path

from packaging.pylock import Pylock, PylockValidationError
from packaging.tags import Tag, create_compatible_tags_selector
from packaging.utils import canonicalize_name, parse_wheel_filename

from manager.digests import plugin_digest
from manager.interpreters.interpreter import Interpreter
from manager.locks.locks import InvalidLockError, Lock, lock_content, select_wheels
from manager.locks.targets import target_of
from manager.plugins.bundles import BadBundleError, Bundle
from manager.store.store import Store

__all__ = ["bundled_digest", "bundled_hashes", "bundled_lock", "bundled_wheels"]


def bundled_lock(bundle: Bundle) -> Lock:
    """Return the lock inside; raises `BadBundleError`, `InvalidLockError`."""
    path = bundle.path / "pylock.toml"
    try:
        return Lock(pylock=Pylock.from_dict(tomllib.loads(bundle.lock_text())), path=path)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, PylockValidationError) as error:
        raise InvalidLockError(path=path, reason=str(error)) from error


def bundled_digest(bundle: Bundle, lock: Lock) -> str:
    """Return the plugin digest, which the manifest says and lock and wheels must bear out.

    A project's own part is the digest of its tree, which is not in the bundle: it is believed.
    """
    own = bundle.manifest["own"]
    tree = own.get("tree")
    digest = plugin_digest(lock_content(lock), tree if tree is not None else own["wheels"])
    if digest != bundle.manifest["plugin_digest"]:
        reason = "its plugin digest is not that of its lock and its own wheels"
        raise BadBundleError(path=bundle.path, reason=reason)
    return digest


def bundled_wheels(
    bundle: Bundle, lock: Lock, interpreter: Interpreter, store: Store, room: Path
) -> list[tuple[Path, str]]:
    """Return (file, sha256) of every wheel of the environment, as `Store.add_wheels` takes them.

    What the store lacks is written below `room`. Raises `LockTargetError`, `BadBundleError`.
    """
    hashes = bundled_hashes(bundle, lock, interpreter)
    return [(_file(bundle, one, interpreter, store, room), one) for one in hashes]


def bundled_hashes(bundle: Bundle, lock: Lock, interpreter: Interpreter) -> list[str]:
    """Return the sha256 of every wheel of the environment; raises as `bundled_wheels`."""
    project = None
    hashes: list[str] = []
    if "tree" in bundle.manifest["own"]:
        project = canonicalize_name(bundle.manifest["name"])
        hashes.append(_own_wheel(bundle, project, interpreter))
    locked = select_wheels(lock, interpreter, project=project)
    hashes += [wheel.sha256 for wheel in locked]
    names = bundle.wheel_names
    for sha256 in hashes:
        if sha256 not in names:
            reason = (
                f"it was not made for {interpreter}: the wheel with sha256 {sha256} is not in it"
            )
            raise BadBundleError(path=bundle.path, reason=reason)
    return hashes


def _own_wheel(bundle: Bundle, project: str, interpreter: Interpreter) -> str:
    here = target_of(interpreter).name
    for target in bundle.manifest["targets"]:
        for name, _, sha256 in target["environment"]["wheels"]:
            if target["name"] == here and name == project:
                return str(sha256)
    candidates = []
    for one in bundle.manifest["wheels"]:
        if one["name"] == project:
            tags = parse_wheel_filename(one["file"].rpartition("/")[2])[-1]
            candidates.append((one["sha256"], tags))
    supported = [Tag(*text.split("-")) for text in interpreter.tags]
    best: str | None = next(iter(create_compatible_tags_selector(supported)(candidates)), None)
    if best is None:
        reason = f"it has no wheel of {project} for {interpreter}"
        raise BadBundleError(path=bundle.path, reason=reason)
    return best


def _file(bundle: Bundle, sha256: str, interpreter: Interpreter, store: Store, room: Path) -> Path:
    if store.find_wheel(sha256, interpreter.bytecode_tag) is not None:
        return Path(bundle.wheel_names[sha256])  # the store needs no file
    return bundle.extract(sha256, room / "bundle")
