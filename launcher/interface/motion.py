"""What can be asked of a standing worker about versions in motion: the second door, for issue 5's.

Beside `interface`: rescans of the plugin path, plans before a move, moves that go back by
themselves, generations, and what runs where.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from launcher.interface.connectors import WorkerInterface
from launcher.interface.move import Move, MoveState
from launcher.interface.views import ConnectorInfo, Json, StageVersion

__all__ = [
    "BuildState",
    "ConfigChange",
    "Generation",
    "LocationState",
    "MotionInterface",
    "Move",
    "MovePlan",
    "MoveState",
    "PackageChange",
    "RescanReport",
    "StageChange",
    "StandingInterface",
]


class BuildState(StrEnum):
    """How far a location's environment is."""

    WAITING = "WAITING"
    MAKING = "MAKING"
    READY = "READY"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationState:
    """One location of the plugin path, or one that is gone while something still runs from it.

    `problem` says why it is broken, or why its environment could not be made. `shadowed` names
    plugins (`class version`) that another location of the path stands before. `build` is None
    where no environment was asked for yet; `progress` is what a build that runs said last.
    `used_by` names connectors; `used_as_it_was` those that run on what it was before its files
    changed, in another environment than `environment`: a restart takes the new ones.
    """

    path: str
    name: str
    plugins: tuple[str, ...]
    is_gone: bool
    build: BuildState | None
    environment: str | None
    problem: str | None
    hint: str | None
    shadowed: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()
    used_as_it_was: tuple[str, ...] = ()
    progress: str | None = None

    def as_json(self) -> Json:
        """Return every field, for REST."""
        return {
            "path": self.path,
            "name": self.name,
            "plugins": list(self.plugins),
            "gone": self.is_gone,
            "build": None if self.build is None else str(self.build),
            "environment": self.environment,
            "problem": self.problem,
            "hint": self.hint,
            "shadowed": list(self.shadowed),
            "used_by": list(self.used_by),
            "used_as_it_was": list(self.used_as_it_was),
            "progress": self.progress,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RescanReport:
    """What a rescan found changed: plugins as `class version`, locations by path.

    `changed` are locations that were and are there, with other files.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    broken: tuple[str, ...]
    mended: tuple[str, ...]
    locations: int
    changed: tuple[str, ...] = ()

    def as_json(self) -> Json:
        """Return every field, for REST."""
        return {
            "added": list(self.added),
            "removed": list(self.removed),
            "broken": list(self.broken),
            "mended": list(self.mended),
            "locations": self.locations,
            "changed": list(self.changed),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One config that a connector has run with, and what it resolved to. Numbers begin at 1.

    `versions` are of the connector (role `connector`) and everything beside it; `plugin_digests`
    and `environment_digests` by location path. `at` in milliseconds, `by` is a REST user, `file`,
    `rollback` or `worker`; `config` as it was written, secrets hidden.
    """

    number: int
    config: Mapping[str, str]
    versions: tuple[StageVersion, ...]
    plugin_digests: Mapping[str, str]
    environment_digests: Mapping[str, str]
    at: int
    by: str
    is_current: bool
    outcome: MoveState
    reason: str | None = None

    def as_json(self) -> Json:
        """Return every field, for REST."""
        return {
            "generation": self.number,
            "config": dict(self.config),
            "versions": [version.as_json() for version in self.versions],
            "plugin_digests": dict(self.plugin_digests),
            "environment_digests": dict(self.environment_digests),
            "at": self.at,
            "by": self.by,
            "current": self.is_current,
            "outcome": str(self.outcome),
            **({"reason": self.reason} if self.reason else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StageChange:
    """A plugin of the pipeline before and after; None where there is none.

    `environment_has_failed`: the last try to make and verify it, which may have left one.
    """

    role: str
    alias: str | None
    class_before: str | None
    class_after: str | None
    version_before: str | None
    version_after: str | None
    location_after: str | None
    environment_is_ready: bool
    environment_has_failed: bool = False

    def as_json(self) -> Json:
        """Return every field, for REST."""
        return {
            "role": self.role,
            **({"alias": self.alias} if self.alias else {}),
            "class_before": self.class_before,
            "class_after": self.class_after,
            "version_before": self.version_before,
            "version_after": self.version_after,
            "location_after": self.location_after,
            "environment_ready": self.environment_is_ready,
            "environment_failed": self.environment_has_failed,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """A package of a location's lock before and after; None where there is none."""

    name: str
    before: str | None
    after: str | None

    def as_json(self) -> Json:
        """Return every field, for REST."""
        return {"name": self.name, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChange:
    """A key whose definition differs between the two versions' ConfigDefs.

    `is_set` says whether the connector's config has the key.
    """

    key: str
    change: Literal["appears", "vanishes", "default", "type", "required"]
    before: str | None
    after: str | None
    is_set: bool

    def as_json(self) -> Json:
        """Return every field, for REST."""
        return {
            "key": self.key,
            "change": self.change,
            "before": self.before,
            "after": self.after,
            "set": self.is_set,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MovePlan:
    """What a move would change, worked out without touching anything that runs."""

    connector: str
    stages: tuple[StageChange, ...]
    packages: tuple[PackageChange, ...]
    config: tuple[ConfigChange, ...]
    api_requirement: str
    api_version: str
    restarts: tuple[str, ...]
    """The connector and tasks that would restart, by name; none when it would be refused."""
    problems: tuple[str, ...]
    """Why the move would be refused; empty when it would be tried."""
    notes: tuple[str, ...] = ()
    """What the config says in vain, and what could not be compared, and why."""

    def as_json(self) -> Json:
        """Return every field, for REST."""
        return {
            "name": self.connector,
            "stages": [stage.as_json() for stage in self.stages],
            "packages": [package.as_json() for package in self.packages],
            "config": [change.as_json() for change in self.config],
            "api_requirement": self.api_requirement,
            "api_version": self.api_version,
            "restarts": list(self.restarts),
            "problems": list(self.problems),
            "notes": list(self.notes),
        }


class MotionInterface(Protocol):
    """Called from the worker's event loop. Every method raises RefusedError with its status."""

    async def rescan(self) -> RescanReport:
        """Read the plugin path anew; new environments are then made behind it."""
        ...

    def locations(self) -> tuple[LocationState, ...]:
        """Return every location, sorted by path, the broken and the gone ones too."""
        ...

    async def plan(
        self,
        name: str,
        config: Mapping[str, str] | None = None,
        *,
        versions: Mapping[str, str | None] | None = None,
    ) -> MovePlan:
        """Work out what `put_config` would change; NotFoundError, RequestError.

        With a whole config, or with other `versions` beside the config that is there, by their
        keys; None takes one away. Environments that are not there yet are made to be asked.
        """
        ...

    async def generations(self, name: str) -> tuple[Generation, ...]:
        """Return a connector's generations, the newest first; NotFoundError."""
        ...

    def last_move(self, name: str) -> Move | None:
        """Return how the last move went or goes, None when there was none; NotFoundError."""
        ...

    def next_versions(self, name: str) -> tuple[StageVersion, ...]:
        """Return what would run after a restart, where it differs from what runs."""
        ...

    async def rollback(
        self, name: str, *, to: int | None = None, by: str | None = None
    ) -> ConnectorInfo:
        """Move to an earlier generation, by default the last good one before this.

        NotFoundError, RequestError: there is none, or what it ran with is not installed.
        """
        ...


class StandingInterface(WorkerInterface, MotionInterface, Protocol):
    """Both doors: what REST asks of a standing worker."""
