"""Keeping a lock: the one that is there if it is fresh, else a new one for the same targets."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from manager.errors import VenvoyError
from manager.interpreters.interpreter import Interpreter
from manager.interpreters.search import MissingInterpreterError
from manager.locks.build_requirements import changed_build
from manager.locks.bundled import bundled_lock
from manager.locks.foreign_targets import ForeignTarget, UnknownTargetError, parse_target
from manager.locks.freshness import freshness, made_for
from manager.locks.locking import lock_location
from manager.locks.locks import Lock, read_lock, refuse_unwritable
from manager.locks.sync_context import SyncContext, installed
from manager.locks.targets import minor_of, target_of
from manager.plugins.bundles import open_bundle
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Shape

__all__ = ["LockState", "StaleLockError", "good_lock", "stale_because", "targets_of"]

LockState: TypeAlias = Literal["fresh", "made", "remade"]


class StaleLockError(VenvoyError):
    """A lock is missing or is not what the plugin asks for, and it may not be changed."""

    code = "stale-lock"

    def __init__(self, *, location: Path, lock_file: Path, reason: str) -> None:
        super().__init__(location, reason)
        self.location = location
        self.lock_file = lock_file
        self.reason = reason

    @property
    def message(self) -> str:
        """The lock and what differs."""
        if not self.lock_file.exists():
            return f"there is no lock `{self.lock_file}`, and none may be made"
        return f"the lock `{self.lock_file}` is stale: {self.reason}"

    @property
    def hint(self) -> str:
        """How to renew it."""
        location = shlex.quote(str(self.location))
        return f"run `venvoy plugins lock {location}` and commit the lock, or sync unfrozen"


def good_lock(
    context: SyncContext,
    content: LocationContent,
    interpreter: Interpreter,
    own: Mapping[Path, str],
) -> tuple[Lock, LockState, str | None]:
    """Return a lock that fits the location, how it came about, and why it was made."""
    location = content.location
    if location.shape is Shape.BUNDLE:
        return bundled_lock(open_bundle(location.path)), "fresh", None
    lock = read_lock(location.lock_file)
    reason = "there is none"
    if lock is not None:
        stale = stale_because(lock, content, interpreter, own)
        if stale is None:
            return lock, "fresh", None
        reason = stale
    if context.frozen:
        raise StaleLockError(location=location.path, lock_file=location.lock_file, reason=reason)
    refuse_unwritable(location.lock_file)
    if lock is None:
        context.progress(f"{location.name}: making its lock")
        made = lock_location(context, content, interpreters=[interpreter])
        return made.lock, "made", reason
    context.progress(f"{location.name}: making its lock anew: {reason}")
    again = targets_of(context, lock, interpreter)
    return lock_location(context, content, interpreters=again).lock, "remade", reason


def stale_because(
    lock: Lock, content: LocationContent, interpreter: Interpreter, own: Mapping[Path, str]
) -> str | None:
    """Return why a lock is not what its location asks for, or None; `own` as `own_wheels`."""
    by_name = {file.name: sha256 for file, sha256 in own.items()}
    return freshness(lock, made_for(content), interpreter, own_wheels=by_name) or changed_build(
        lock, content.location
    )


def targets_of(
    context: SyncContext, lock: Lock, interpreter: Interpreter
) -> tuple[Interpreter | ForeignTarget, ...]:
    """Return what a lock is for, as far as it can be locked for here, and `interpreter`."""
    targets = lock.tool.get("targets")
    chosen: dict[str, Interpreter | ForeignTarget] = {target_of(interpreter).name: interpreter}
    for name in map(str, targets if isinstance(targets, list) else ()):
        again = chosen.get(name) or _installed_target(context, name) or _foreign_target(name)
        if again is None:
            context.progress(f"{lock.path}: no interpreter here for the target {name}: dropped")
        else:
            chosen[name] = again
    return tuple(chosen.values())


def _installed_target(context: SyncContext, name: str) -> Interpreter | None:
    minor = minor_of(name)
    if minor is None:
        return None
    try:
        found = installed(context, minor)
    except MissingInterpreterError:
        return None
    return found if target_of(found).name == name else None


def _foreign_target(name: str) -> ForeignTarget | None:
    try:
        return parse_target(name)
    except UnknownTargetError:
        return None
