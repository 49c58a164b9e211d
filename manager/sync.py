"""Sync: a location's lock made good, its wheels in the store, its environment made and tried.

A lock that is missing or stale is made anew, and that is said; a frozen sync refuses instead. The
faults of one location never stop another.
"""

import errno
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from manager.digests import file_sha256, plugin_digest, tree_digest
from manager.errors import VenvoyError
from manager.fs import staging
from manager.interpreters.interpreter import Interpreter
from manager.interpreters.search import find
from manager.locks.building import build_project
from manager.locks.bundled import bundled_digest, bundled_wheels
from manager.locks.fetching import fetch
from manager.locks.keeping import LockState, StaleLockError, good_lock
from manager.locks.locking import Locked, lock_location, own_wheels
from manager.locks.locks import Lock, lock_content, select_wheels
from manager.locks.sync_context import SyncContext, interpreter_for, pip_for, python_asked
from manager.plugins.bundles import open_bundle
from manager.plugins.catalog import Catalog
from manager.plugins.entry_points import EntryPoint
from manager.plugins.location_content import LocationContent
from manager.plugins.location_faults import location_fault
from manager.plugins.locations import Location, Problem, Shape
from manager.plugins.place_faults import UnreadableError
from manager.plugins.tool_settings import read_tool_settings
from manager.store.environments import Environment, make_environment, plan_environment
from manager.store.layout import UnusableStoreError
from manager.store.verification import Verification
from manager.store.verify import verify
from manager.synced import SyncNote, read_note, sources_stamp, write_note

__all__ = [
    "LockState",
    "Locked",
    "StaleLockError",
    "SyncContext",
    "SyncedLocation",
    "fault_of",
    "known_location",
    "lock_location",
    "sync_all",
    "sync_location",
    "wheel_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncedLocation:
    """A location whose environment is ready.

    `lock_reason` says why the lock was made or remade, None when it was fresh. `verification`
    tells how each entry point fared; a fault there leaves the others usable.
    """

    location: Location
    interpreter: Interpreter
    environment: Environment
    plugin_digest: str
    lock_state: LockState
    lock_reason: str | None
    verification: Verification


def sync_location(context: SyncContext, content: LocationContent) -> SyncedLocation:
    """Bring one location up to date and return its environment; cheap when nothing changed.

    Raises a VenvoyError of the step that failed: interpreter, lock, build, fetch, wheel,
    environment. An entry point that does not import is no error here, but in `verification`.
    """
    location = content.location
    interpreter = interpreter_for(context, content)
    before = sources_stamp(location)
    known = _known(context, location, interpreter)
    if known is not None and (known.verification.ok or not context.retry_failed):
        return known
    bundle = open_bundle(location.path) if location.shape is Shape.BUNDLE else None
    own = own_wheels(content)
    lock, state, reason = good_lock(context, content, interpreter, own)
    with staging(context.store.root) as room:
        if bundle is None:
            wheels = _wheels(context, content, interpreter, lock, room)
        else:
            wheels = bundled_wheels(bundle, lock, interpreter, context.store, room)
        progress = context.progress_of(location)
        stored = context.store.add_wheels(wheels, interpreter, progress=progress)
    plan = plan_environment(stored, interpreter)
    entry_points = [each for one in content.distributions for each in one.entry_points]

    tried: list[Path] = []

    def check(made: Environment) -> Verification:
        tried.append(made.path)
        context.progress(f"{location.name}: trying its entry points")
        return verify(
            made.path,
            context.api,
            entry_points,
            environ=context.inherited,
            timeout_s=context.trial_timeout_s,
        )

    environment = make_environment(context.store, plan, verify=check)
    found = environment.receipt.verification
    if (
        found is None
        or not _covers(found, context.api.digest, entry_points)
        or (context.retry_failed and not found.ok and not tried)
    ):
        found = check(environment)
    if bundle is None:
        origin = own.values() if own else tree_digest(location.path)
        digest = plugin_digest(lock_content(lock), origin)
    else:
        digest = bundled_digest(bundle, lock)
    synced = SyncedLocation(
        location=location,
        interpreter=interpreter,
        environment=environment,
        plugin_digest=digest,
        lock_state=state,
        lock_reason=reason,
        verification=found,
    )
    if sources_stamp(location) == before:  # nobody changed the plugin while we worked
        _remember(context, synced)
    return synced


def known_location(context: SyncContext, content: LocationContent) -> SyncedLocation | None:
    """Return the location as its last sync left it, None when it has to be synced (again).

    Builds, resolves and makes nothing, so that a listing costs a look.
    """
    try:
        return _known(context, content.location, interpreter_for(context, content))
    except Exception:  # noqa: BLE001  # the sync will tell
        return None


def sync_all(
    context: SyncContext, contents: Catalog | Iterable[LocationContent]
) -> tuple[SyncedLocation | Problem, ...]:
    """Sync every location of a catalog, in its order; a fault becomes that location's problem."""
    locations = contents.locations if isinstance(contents, Catalog) else contents
    return tuple(_sync_or_problem(context, content) for content in locations)


def fault_of(context: SyncContext, location: Location, error: Exception) -> Problem:
    """Return what stopped a location's sync, whatever it was, as its problem."""
    if isinstance(error, OSError):
        fault = _system_fault(context.store.root, location, error)
    else:
        fault = location_fault(location.path, error)
    return Problem(path=location.path, error=fault, severity="error")


def _system_fault(root: Path, location: Location, error: OSError) -> VenvoyError:
    """Return what the system refused: the store, or the location."""
    reason = (error.strerror or str(error)).lower()
    if error.filename is None:  # a file that was open already
        if error.errno in (errno.ENOSPC, errno.EDQUOT):  # only the store is written to
            return UnusableStoreError(root=root, reason=reason, remedy="make room")
        return UnreadableError(path=location.path, reason=reason)
    file = Path(str(error.filename))
    if file.is_relative_to(root):
        return UnusableStoreError(root=root, reason=f"{reason} (`{file.relative_to(root)}`)")
    return UnreadableError(path=location.path, reason=f"{reason} ({file})")


def wheel_of(context: SyncContext, location: Location) -> Path:
    """Return the wheel of a project location, built unless the store has it.

    What `make_catalog` needs for a project with dynamic metadata. Raises `BuildError`.
    """
    settings = read_tool_settings(location)
    interpreter = find(
        python_asked(location, settings),
        None,
        default=context.default_python,
        cache_dir=context.store.interpreters_dir,
        search=context.search,
        progress=context.progress,
    )
    pip = pip_for(context, location, settings, interpreter)
    return build_project(location, context.store, pip=pip, progress=context.progress)


def _sync_or_problem(context: SyncContext, content: LocationContent) -> SyncedLocation | Problem:
    try:
        return sync_location(context, content)
    except Exception as error:  # noqa: BLE001  # no location may stop another
        return fault_of(context, content.location, error)


def _known(
    context: SyncContext, location: Location, interpreter: Interpreter
) -> SyncedLocation | None:
    note = read_note(
        context.store, location, interpreter=interpreter.digest, api=context.api.digest
    )
    if note is None:
        return None
    environment = context.store.environment(note.environment_digest)
    if environment is None:
        return None
    return SyncedLocation(
        location=location,
        interpreter=interpreter,
        environment=environment,
        plugin_digest=note.plugin_digest,
        lock_state="fresh",
        lock_reason=None,
        verification=note.verification,
    )


def _remember(context: SyncContext, synced: SyncedLocation) -> None:
    note = SyncNote(
        environment_digest=synced.environment.digest,
        plugin_digest=synced.plugin_digest,
        verification=synced.verification,
    )
    write_note(
        context.store,
        synced.location,
        note,
        interpreter=synced.interpreter.digest,
        api=context.api.digest,
    )


def _wheels(
    context: SyncContext,
    content: LocationContent,
    interpreter: Interpreter,
    lock: Lock,
    room: Path,
) -> list[tuple[Path, str]]:
    """Return every wheel of the environment: the locked ones, and a project's own."""
    location = content.location
    pip = pip_for(context, location, content.settings, interpreter)
    project = None
    files: list[tuple[Path, str]] = []
    if location.shape is Shape.PROJECT:
        built = build_project(location, context.store, pip=pip, progress=context.progress)
        files.append((built, file_sha256(built)))
        project = content.distributions[0].name
    locked = select_wheels(lock, interpreter, project=project)
    files += fetch(
        locked, location=location, store=context.store, pip=pip, scratch_dir=room / "fetch"
    )
    return files


def _covers(found: Verification, api_digest: str, entry_points: Sequence[EntryPoint]) -> bool:
    """Say whether a verification is of this API and of just these entry points."""
    tried = {(result.type, result.name) for result in found.results}
    wanted = {(each.type.value, each.name) for each in entry_points}
    return found.api_digest == api_digest and tried == wanted
