"""Forecast: what a sync would do, location by location, found by looking and never by trying.

Nothing is written, built, resolved or asked of an index. What cannot be known without that (which
packages a new lock would name, whether a build succeeds) stays open; what can be known, such as a
lock that could not be written, is refused here just as the sync refuses it.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from manager.digests import file_sha256
from manager.errors import VenvoyError
from manager.interpreters.interpreter import Interpreter
from manager.interpreters.search import find
from manager.locks.building import find_project
from manager.locks.bundled import bundled_digest, bundled_hashes, bundled_lock
from manager.locks.fetching import missing_wheels
from manager.locks.keeping import StaleLockError, stale_because
from manager.locks.locking import own_wheels
from manager.locks.locks import Lock, read_lock, refuse_unwritable, select_wheels
from manager.locks.sync_context import SyncContext, interpreter_for, pip_for, python_asked
from manager.plugins.bundles import open_bundle
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Location, Problem, Shape
from manager.plugins.tool_settings import read_tool_settings
from manager.store.environments import plan_environment
from manager.store.store import StoredWheel
from manager.sync import fault_of, known_location

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

__all__ = [
    "BUILD_FIRST",
    "Forecast",
    "PlannedStep",
    "Step",
    "UnbuiltProjectError",
    "built_wheel_of",
    "forecast_all",
    "forecast_sync",
]


class Step(StrEnum):
    """One thing that a sync does, in this order."""

    LOCK = "lock"
    BUILD = "build"
    FETCH = "fetch"
    UNPACK = "unpack"
    ENVIRONMENT = "environment"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A step that a sync would take; `text` says it for people, with the reason or the number."""

    step: Step
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a sync would do for one location; no steps when there is nothing to do."""

    path: Path
    steps: tuple[PlannedStep, ...]


BUILD_FIRST: Final = (
    PlannedStep(step=Step.BUILD, text="build its wheel, which tells what it needs"),
    PlannedStep(step=Step.ENVIRONMENT, text="make its environment"),
)
"""What is known of a project whose metadata only a build tells."""


class UnbuiltProjectError(VenvoyError):
    """A project's metadata is dynamic and no build of it is in the store."""

    code = "unbuilt-project"

    def __init__(self, *, location: Path) -> None:
        super().__init__(location)
        self.location = location

    @property
    def message(self) -> str:
        """The project."""
        return f"only a build can tell what `{self.location}` is, and it was not built yet"

    @property
    def hint(self) -> str:
        """What builds it."""
        return f"run `venvoy plugins sync {shlex.quote(str(self.location))}`"


def built_wheel_of(context: SyncContext, location: Location) -> Path:
    """Return the wheel of a project location as `wheel_of` does, but build nothing.

    Raises `UnbuiltProjectError`.
    """
    interpreter = find(
        python_asked(location, read_tool_settings(location)),
        None,
        default=context.default_python,
        cache_dir=context.store.interpreters_dir,
        search=context.search,
        progress=context.progress,
    )
    built = find_project(location, context.store, interpreter)
    if built is None:
        raise UnbuiltProjectError(location=location.path)
    return built


def forecast_all(
    context: SyncContext, contents: Iterable[LocationContent]
) -> tuple[Forecast | Problem, ...]:
    """Forecast every location, in that order; a fault becomes that location's problem."""
    found: list[Forecast | Problem] = []
    for content in contents:
        try:
            found.append(forecast_sync(context, content))
        except Exception as error:  # noqa: BLE001  # no location may stop another
            found.append(fault_of(context, content.location, error))
    return tuple(found)


def forecast_sync(context: SyncContext, content: LocationContent) -> Forecast:
    """Say what `sync_location` would do.

    Raises what it would raise, as far as looking tells: the interpreter, a lock that is invalid,
    stale and frozen, or cannot be written, wheels that are nowhere, a store that cannot be used.
    """
    path = content.location.path
    interpreter = interpreter_for(context, content)
    if known_location(context, content) is not None:
        return Forecast(path=path, steps=())
    context.store.refuse_unusable()
    if content.location.shape is Shape.BUNDLE:
        steps = _bundle_steps(context, content, interpreter)
    else:
        steps = _location_steps(context, content, interpreter)
    return Forecast(path=path, steps=tuple(steps))


def _bundle_steps(
    context: SyncContext, content: LocationContent, interpreter: Interpreter
) -> list[PlannedStep]:
    bundle = open_bundle(content.location.path)
    lock = bundled_lock(bundle)
    bundled_digest(bundle, lock)
    hashes = bundled_hashes(bundle, lock, interpreter)
    return _ending(_found(context, hashes, interpreter), interpreter, context)


def _location_steps(
    context: SyncContext, content: LocationContent, interpreter: Interpreter
) -> list[PlannedStep]:
    """Forecast a location whose lock stands in a file of its own."""
    location = content.location
    steps: list[PlannedStep] = []
    lock, reason = _usable_lock(content, interpreter)
    if reason is not None:
        if context.frozen:
            raise StaleLockError(
                location=location.path, lock_file=location.lock_file, reason=reason
            )
        refuse_unwritable(location.lock_file)
        steps.append(PlannedStep(step=Step.LOCK, text=f"make its lock: {reason}"))
    hashes: list[str | None] = []
    project: NormalizedName | None = None
    if location.shape is Shape.PROJECT:
        project = content.distributions[0].name
        built = find_project(location, context.store, interpreter)
        hashes.append(None if built is None else file_sha256(built))
        if built is None:
            steps.append(PlannedStep(step=Step.BUILD, text="build its wheel"))
    if reason is not None or lock is None:  # what the lock will name is not known yet
        return [*steps, *_ending([None], interpreter, context)]
    locked = select_wheels(lock, interpreter, project=project)
    pip = pip_for(context, location, content.settings, interpreter)
    missing = missing_wheels(locked, location=location, store=context.store, pip=pip)
    if missing:
        steps.append(PlannedStep(step=Step.FETCH, text=f"fetch {_wheels(len(missing))}"))
    hashes += [wheel.sha256 for wheel in locked]
    return [*steps, *_ending(_found(context, hashes, interpreter), interpreter, context)]


def _usable_lock(
    content: LocationContent, interpreter: Interpreter
) -> tuple[Lock | None, str | None]:
    """Return the lock there is, and why it would be made, None if it is fresh."""
    lock = read_lock(content.location.lock_file)
    if lock is None:
        return None, "there is none"
    return lock, stale_because(lock, content, interpreter, own_wheels(content))


def _found(
    context: SyncContext, hashes: Iterable[str | None], interpreter: Interpreter
) -> list[StoredWheel | None]:
    """Return each wheel as it is in the store, None for one that is not."""
    tag = interpreter.bytecode_tag
    return [None if sha is None else context.store.find_wheel(sha, tag) for sha in hashes]


def _ending(
    wheels: list[StoredWheel | None], interpreter: Interpreter, context: SyncContext
) -> list[PlannedStep]:
    """Forecast what comes once every wheel is at hand."""
    stored = [wheel for wheel in wheels if wheel is not None]
    if len(stored) == len(wheels):
        digest = plan_environment(stored, interpreter).digest
        if context.store.environment(digest) is not None:
            return [PlannedStep(step=Step.VERIFY, text="look at its entry points again")]
        return [PlannedStep(step=Step.ENVIRONMENT, text="make its environment")]
    return [
        PlannedStep(step=Step.UNPACK, text="unpack what the store lacks"),
        PlannedStep(step=Step.ENVIRONMENT, text="make its environment"),
    ]


def _wheels(count: int) -> str:
    return f"{count} wheel{'' if count == 1 else 's'}"
