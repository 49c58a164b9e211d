"""A connector, its tasks and its pipeline, as the rows that pages show."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from launcher.interface.move import MoveState
from launcher.interface.views import ConnectorStatus, StageVersion, State, TaskCounters, TaskState

__all__ = [
    "ConnectorRow",
    "Counted",
    "StageRow",
    "TaskRow",
    "connector_row",
    "stage_rows",
    "task_rows",
]

_ERRORS = "total-record-errors"
_StageKey: TypeAlias = tuple[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What tasks have done; `rate` in records a second, None before there are two looks."""

    records: int
    errors: int
    rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """A task and what it has done, None when it does not run."""

    state: TaskState
    counted: Counted | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    """A plugin of the pipeline; `next_version` is what a restart would bring, if another."""

    role: str
    alias: str | None
    class_name: str
    version: str | None
    next_version: str | None
    environment: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorRow:
    """A connector in the list; `condition` is the worst of its own state and its tasks'."""

    status: ConnectorStatus
    condition: str
    running: int
    next_version: str | None
    counted: Counted
    is_moving: bool
    has_returned: bool


def connector_row(
    status: ConnectorStatus,
    counters: Iterable[TaskCounters],
    rates: Mapping[tuple[str, int], float],
) -> ConnectorRow:
    """Return a connector's row."""
    own = [one for one in counters if one.connector == status.name]
    known = [rates[key] for key in ((one.connector, one.task) for one in own) if key in rates]
    move = None if status.last_move is None else status.last_move.state
    return ConnectorRow(
        status=status,
        condition=_condition(status),
        running=sum(task.state is State.RUNNING for task in status.tasks),
        next_version=_next(status).get(("connector", None)),
        counted=Counted(
            records=sum(one.records_out for one in own),
            errors=sum(one.errors.get(_ERRORS, 0) for one in own),
            rate=sum(known) if known else None,
        ),
        is_moving=move in (MoveState.PREPARING, MoveState.STARTING),
        has_returned=move is MoveState.RETURNED,
    )


def task_rows(
    status: ConnectorStatus,
    counters: Iterable[TaskCounters],
    rates: Mapping[tuple[str, int], float],
) -> tuple[TaskRow, ...]:
    """Return the rows of a connector's tasks, by number."""
    own = {one.task: one for one in counters if one.connector == status.name}
    return tuple(
        TaskRow(
            state=task,
            counted=None
            if task.id not in own
            else Counted(
                records=own[task.id].records_out,
                errors=own[task.id].errors.get(_ERRORS, 0),
                rate=rates.get((status.name, task.id)),
            ),
        )
        for task in sorted(status.tasks, key=lambda one: one.id)
    )


def stage_rows(status: ConnectorStatus) -> tuple[StageRow, ...]:
    """Return the pipeline: the connector, then the plugins beside it, each named once."""
    coming = _next(status)
    rows: dict[_StageKey, StageRow] = {
        ("connector", None): StageRow(
            role="connector",
            alias=None,
            class_name=status.class_name or "unknown",
            version=status.connector.version,
            next_version=coming.get(("connector", None)),
            environment=status.connector.environment,
        )
    }
    for stage in status.stages:
        rows[_key(stage)] = StageRow(
            role=stage.role,
            alias=stage.alias,
            class_name=stage.class_name,
            version=stage.version,
            next_version=coming.get(_key(stage)),
            environment=stage.environment,
        )
    return tuple(rows.values())


def _next(status: ConnectorStatus) -> dict[_StageKey, str]:
    return {_key(stage): stage.version for stage in status.next_versions}


def _key(stage: StageVersion) -> _StageKey:
    return (stage.role, stage.alias)


def _condition(status: ConnectorStatus) -> str:
    failed = sum(task.state is State.FAILED for task in status.tasks)
    if status.connector.state is State.FAILED or (failed and failed == len(status.tasks)):
        return str(State.FAILED)
    return "DEGRADED" if failed else str(status.connector.state)
