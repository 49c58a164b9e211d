"""What a worker tells about itself: connectors, tasks, plugins, in Kafka Connect's shapes.

`as_json` returns exactly what Kafka Connect's REST API returns (reference, section 4), with our own
fields added behind Kafka's; existing clients pass over what they do not know.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

from launcher.interface.move import Move

__all__ = [
    "ConnectorInfo",
    "ConnectorState",
    "ConnectorStatus",
    "ConnectorType",
    "Health",
    "Json",
    "LoggerLevel",
    "PluginRow",
    "StageVersion",
    "State",
    "TargetState",
    "TaskCounters",
    "TaskInfo",
    "TaskState",
]

Json: TypeAlias = Mapping[str, object]
ConnectorType: TypeAlias = Literal["source", "sink", "unknown"]


class TargetState(StrEnum):
    """What a connector was asked to be."""

    STARTED = "STARTED"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"

    @classmethod
    def from_initial_state(cls, text: str) -> "TargetState":
        """Read `initial_state` of a create request: RUNNING, PAUSED or STOPPED (KIP-980).

        Raises:
            ValueError: it is none of these.
        """
        states = {"RUNNING": cls.STARTED, "PAUSED": cls.PAUSED, "STOPPED": cls.STOPPED}
        if text.upper() not in states:
            raise ValueError(f"`{text}` is none of {', '.join(states)}")
        return states[text.upper()]


class State(StrEnum):
    """What a connector or a task is, as Kafka Connect names it. STOPPED: connectors only."""

    UNASSIGNED = "UNASSIGNED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    FAILED = "FAILED"
    RESTARTING = "RESTARTING"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageVersion:
    """A plugin of a connector's pipeline, and the version that runs.

    `role` is `connector` (in `generations` and `next_versions` only), `key.converter`,
    `value.converter`, `header.converter`, `transformation` or `predicate`; `alias` names the last
    two.
    """

    role: str
    alias: str | None
    class_name: str
    version: str
    environment: str | None

    def as_json(self) -> Json:
        """Return our own shape: Kafka tells these versions in its metrics only."""
        return {
            "role": self.role,
            **({"alias": self.alias} if self.alias else {}),
            "class": self.class_name,
            "version": self.version,
            **({"environment": self.environment} if self.environment else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorInfo:
    """A connector's config and the numbers of its tasks; secrets are hidden already."""

    name: str
    config: Mapping[str, str]
    tasks: tuple[int, ...]
    type: ConnectorType

    def as_json(self) -> Json:
        """Return Kafka's ConnectorInfo."""
        return {
            "name": self.name,
            "config": dict(self.config),
            "tasks": [{"connector": self.name, "task": number} for number in self.tasks],
            "type": self.type,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInfo:
    """One task's config, unresolved and with secrets hidden."""

    connector: str
    task: int
    config: Mapping[str, str]

    def as_json(self) -> Json:
        """Return Kafka's TaskInfo."""
        return {
            "id": {"connector": self.connector, "task": self.task},
            "config": dict(self.config),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorState:
    """How the connector itself is; `version` is of what runs or ran last, None when unknown."""

    state: State
    worker_id: str
    version: str | None = None
    trace: str | None = None
    environment: str | None = None

    def as_json(self) -> Json:
        """Return Kafka's ConnectorState: trace and version are left out when there is none."""
        return {
            "state": str(self.state),
            "worker_id": self.worker_id,
            **({"trace": self.trace} if self.trace else {}),
            **({"version": self.version} if self.version else {}),
            **({"environment": self.environment} if self.environment else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """How one task is."""

    id: int
    state: State
    worker_id: str
    version: str | None = None
    trace: str | None = None

    def as_json(self) -> Json:
        """Return Kafka's TaskState; a FAILED task always has a trace."""
        return {
            "id": self.id,
            "state": str(self.state),
            "worker_id": self.worker_id,
            **({"trace": self.trace} if self.trace else {}),
            **({"version": self.version} if self.version else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorStatus:
    """A connector, its tasks, and the versions of everything in its pipeline.

    `class_name` is the connector's class with its module, None before it was found; for metrics,
    as Kafka's status does not tell it. `next_versions` are those that would run after a restart
    where they differ from what runs; `locked` has what each version key that says `locked` stays
    on; `location_gone` are paths that it runs from and that are no longer on the plugin path,
    `location_changed` those with other files since: a restart takes them.
    """

    name: str
    connector: ConnectorState
    tasks: tuple[TaskState, ...]
    type: ConnectorType
    stages: tuple[StageVersion, ...] = ()
    class_name: str | None = None
    last_move: Move | None = None
    next_versions: tuple[StageVersion, ...] = ()
    locked: Mapping[str, str] = field(default_factory=dict)
    location_gone: tuple[str, ...] = ()
    location_changed: tuple[str, ...] = ()

    def as_json(self) -> Json:
        """Return Kafka's ConnectorStateInfo, `stages`, and what there is to tell of moves."""
        versions = [version.as_json() for version in self.next_versions]
        changed = list(self.location_changed)
        return {
            "name": self.name,
            "connector": self.connector.as_json(),
            "tasks": [task.as_json() for task in self.tasks],
            "type": self.type,
            "stages": [stage.as_json() for stage in self.stages],
            **({"last_move": self.last_move.as_json()} if self.last_move else {}),
            **({"next_versions": versions} if versions else {}),
            **({"locked": dict(self.locked)} if self.locked else {}),
            **({"location_gone": list(self.location_gone)} if self.location_gone else {}),
            **({"location_changed": changed} if changed else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRow:
    """One plugin at one version, as `/connector-plugins` lists it."""

    class_name: str
    type: str
    version: str
    location: str

    def as_json(self) -> Json:
        """Return Kafka's PluginInfo, and where the plugin is."""
        return {
            "class": self.class_name,
            "type": self.type,
            "version": self.version,
            "location": self.location,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggerLevel:
    """A logger's level; `last_modified` in milliseconds, None when it never was."""

    level: str
    last_modified: int | None = None

    def as_json(self) -> Json:
        """Return Kafka's LoggerLevel."""
        return {"level": self.level, "last_modified": self.last_modified}


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Kafka's WorkerStatus (KIP-1017)."""

    status: Literal["starting", "healthy", "unhealthy"]
    message: str

    def as_json(self) -> Json:
        """Return Kafka's WorkerStatus."""
        return {"status": self.status, "message": self.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCounters:
    """What one task has done since it started; the source of its metrics.

    `errors` holds Kafka's task-error-metrics by name (`total-record-failures`,
    `total-record-errors`, `total-records-skipped`, `total-retries`, `total-errors-logged`,
    `deadletterqueue-produce-requests`, `deadletterqueue-produce-failures`,
    `last-error-timestamp`).
    """

    connector: str
    task: int
    state: State
    records_in: int = 0
    records_out: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
