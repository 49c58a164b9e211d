"""What a lock would choose today: packages with newer releases that the requirements allow."""

from dataclasses import dataclass

from packaging.version import Version

from manager.fs import staging
from manager.locks.bundled import bundled_lock
from manager.locks.locks import read_lock, select_wheels
from manager.locks.resolution import Wanted, resolve
from manager.locks.sync_context import SyncContext, interpreter_for, pip_for
from manager.plugins.bundles import open_bundle
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Shape

__all__ = ["NewerRelease", "newer_releases"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewerRelease:
    """A locked package, and the version that resolving anew would choose."""

    name: str
    locked: Version
    newest: Version


def newer_releases(context: SyncContext, content: LocationContent) -> tuple[NewerRelease, ...]:
    """Return the packages of a location's lock that the index has newer, sorted by name.

    Resolves for the location's own interpreter, and writes nothing; nothing without a lock.
    Raises `ResolutionError`, `InvalidLockError`, `LockTargetError`, and what finding an
    interpreter raises.
    """
    location = content.location
    if location.shape is Shape.WORKER:
        return ()
    is_bundle = location.shape is Shape.BUNDLE
    lock = bundled_lock(open_bundle(location.path)) if is_bundle else read_lock(location.lock_file)
    if lock is None:
        return ()
    interpreter = interpreter_for(context, content)
    project = content.distributions[0].name if location.shape is Shape.PROJECT else None
    locked = {one.name: one.version for one in select_wheels(lock, interpreter, project=project)}
    wanted = Wanted(
        location=location,
        distributions=content.distributions,
        settings=content.settings,
        api=context.api.version,
    )
    context.progress(f"{location.name}: resolving anew")
    with staging(context.store.root) as room:
        pip = pip_for(context, location, content.settings, interpreter)
        resolved = resolve(wanted, pip=pip, scratch_dir=room)
    return tuple(
        NewerRelease(name=one.name, locked=locked[one.name], newest=one.version)
        for one in resolved
        if one.name in locked and one.version > locked[one.name]
    )
