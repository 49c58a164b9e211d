"""What can be asked of a standing worker: the one door for REST, and for tests without HTTP."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from launcher.interface.views import (
    ConnectorInfo,
    ConnectorStatus,
    Health,
    Json,
    LoggerLevel,
    PluginRow,
    TargetState,
    TaskCounters,
    TaskInfo,
    TaskState,
)

__all__ = ["WorkerInterface"]


class WorkerInterface(Protocol):
    """Called from the worker's event loop. Every method raises RefusedError with its status.

    A method returns when the request is stored, as in Kafka Connect; the connector follows. `by` is
    who asks, for the connector's generations: a REST user or a client's address, or `file`; None:
    the worker itself.
    """

    worker_id: str
    """`host:port` of the first listener."""
    cluster_id: str
    """Made once for a storage file, and kept in it: what Kafka calls `kafka_cluster_id`."""

    def health(self) -> Health:
        """Say whether the start is complete."""
        ...

    def connectors(self) -> tuple[str, ...]:
        """Return the names, sorted."""
        ...

    def info(self, name: str) -> ConnectorInfo:
        """Return config and tasks; NotFoundError."""
        ...

    def config(self, name: str) -> Mapping[str, str]:
        """Return the config as it was written, secrets hidden; NotFoundError."""
        ...

    def status(self, name: str) -> ConnectorStatus:
        """Return states and versions; NotFoundError."""
        ...

    def tasks(self, name: str) -> tuple[TaskInfo, ...]:
        """Return the tasks' configs; NotFoundError."""
        ...

    def task_status(self, name: str, task: int) -> TaskState:
        """Return one task's state; NotFoundError."""
        ...

    async def create(
        self,
        name: str,
        config: Mapping[str, str],
        *,
        initial_state: TargetState | None = None,
        by: str | None = None,
    ) -> ConnectorInfo:
        """Make a connector; ConnectorExistsError, InvalidConnectorConfigError, RequestError."""
        ...

    async def put_config(
        self, name: str, config: Mapping[str, str], *, by: str | None = None
    ) -> tuple[ConnectorInfo, bool]:
        """Make or change a connector; the second is whether it is new."""
        ...

    async def patch_config(
        self, name: str, patch: Mapping[str, str | None], *, by: str | None = None
    ) -> ConnectorInfo:
        """Change some keys; None takes one away (KIP-477). NotFoundError."""
        ...

    async def delete(self, name: str) -> None:
        """Stop and forget a connector; its offsets stay, as in Kafka. NotFoundError."""
        ...

    async def pause(self, name: str) -> None:
        """Keep the tasks, but move no records; NotFoundError."""
        ...

    async def resume(self, name: str) -> None:
        """Run again after a pause or a stop; NotFoundError."""
        ...

    async def stop(self, name: str) -> None:
        """End the tasks; offsets may be changed then. NotFoundError."""
        ...

    async def restart(
        self, name: str, *, include_tasks: bool = False, only_failed: bool = False
    ) -> ConnectorStatus:
        """Restart the connector, its tasks too when asked, or the failed ones only (KIP-745)."""
        ...

    async def restart_task(self, name: str, task: int) -> None:
        """Restart one task; NotFoundError."""
        ...

    async def offsets(self, name: str) -> tuple[Json, ...]:
        """Return [{"partition": {…}, "offset": {…}}, …] in Kafka's shapes; NotFoundError."""
        ...

    async def alter_offsets(self, name: str, offsets: Sequence[Json]) -> str:
        """Change offsets of a STOPPED connector; return Kafka's message. RequestError."""
        ...

    async def reset_offsets(self, name: str) -> str:
        """Forget offsets of a STOPPED connector; return Kafka's message. RequestError."""
        ...

    def topics(self, name: str) -> tuple[str, ...]:
        """Return the topics that were used since the last reset; NotFoundError."""
        ...

    async def reset_topics(self, name: str) -> None:
        """Forget which topics were used; NotFoundError."""
        ...

    def plugins(self, *, connectors_only: bool = True) -> tuple[PluginRow, ...]:
        """Return the plugins, one row for each class, type and version."""
        ...

    async def plugin_config(self, plugin: str, version: str | None) -> tuple[Json, ...]:
        """Return the ConfigKeyInfos of a plugin at a version; NotFoundError, RequestError."""
        ...

    async def validate(self, plugin: str, config: Mapping[str, str | None]) -> Json:
        """Return Kafka's ConfigInfos for a config, also when it is invalid; RequestError."""
        ...

    def loggers(self) -> Mapping[str, LoggerLevel]:
        """Return the loggers that have a level of their own, and `root`."""
        ...

    def logger(self, name: str) -> LoggerLevel:
        """Return one logger's level; NotFoundError."""
        ...

    def set_logger(self, name: str, level: str) -> tuple[str, ...]:
        """Set a level; return the loggers that it changed. NotFoundError: no such level."""
        ...

    def counters(self) -> tuple[TaskCounters, ...]:
        """Return what each task has done, for metrics."""
        ...
