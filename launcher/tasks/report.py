"""What a run came to: per connector and per task."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from manager.errors import VenvoyError

__all__ = ["ConnectorReport", "RunReport", "RunState", "TaskReport"]


class RunState(StrEnum):
    """How something ended."""

    COMPLETED = "COMPLETED"
    """It did all there was to do."""
    STOPPED = "STOPPED"
    """It was asked to stop before."""
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """One task; `failure` says why the state is FAILED.

    For a source `records_in` were polled and `records_out` are in the log; for a sink they were
    received and put.
    """

    name: str
    state: RunState
    records_in: int
    records_out: int
    failure: VenvoyError | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorReport:
    """One connector; `environments` are the digests of its segments' environments in order.

    `failure` is the connector's own: its tasks have theirs.
    """

    name: str
    kind: Literal["source", "sink"]
    class_name: str
    version: str
    environments: tuple[str, ...]
    state: RunState
    failure: VenvoyError | None
    tasks: tuple[TaskReport, ...]
    seconds: float

    @property
    def records_in(self) -> int:
        """Records of all tasks, as they came in."""
        return sum(task.records_in for task in self.tasks)

    @property
    def records_out(self) -> int:
        """Records of all tasks, as they went out."""
        return sum(task.records_out for task in self.tasks)

    @property
    def failures(self) -> tuple[VenvoyError, ...]:
        """Every failure, the connector's own first."""
        all_of_them = (self.failure, *(task.failure for task in self.tasks))
        return tuple(failure for failure in all_of_them if failure is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """Every connector, in the order in which they were given.

    `interrupted` says that Ctrl-C (SIGINT) ended the run, in order, before its sources did.
    """

    connectors: tuple[ConnectorReport, ...]
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """1 when a connector failed, else 130 after Ctrl-C, else 0."""
        if self.failures:
            return 1
        return 130 if self.interrupted else 0

    @property
    def failures(self) -> tuple[VenvoyError, ...]:
        """Every failure in order."""
        return tuple(failure for one in self.connectors for failure in one.failures)
