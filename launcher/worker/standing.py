"""The standing worker: connectors made, changed, steered and asked about while it runs."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from launcher.configs.providers import Providers
from launcher.hosts.guardian import Guardian
from launcher.hosts.host import OnOutput
from launcher.interface.faults import (
    NotFoundError,
)
from launcher.interface.motion import BuildState, Generation, LocationState, MovePlan, RescanReport
from launcher.interface.move import Move
from launcher.interface.views import (
    ConnectorInfo,
    ConnectorStatus,
    Health,
    Json,
    LoggerLevel,
    PluginRow,
    StageVersion,
    State,
    TargetState,
    TaskCounters,
    TaskInfo,
    TaskState,
)
from launcher.planning.preparation import worker_converters
from launcher.planning.workplace import Workplace
from launcher.settings import WorkerConfig
from launcher.storage.topic_log import TopicLog
from launcher.storage.worker_store import WorkerStore
from launcher.tasks.runtime import Event, OnEvent, RunSettings, Runtime
from launcher.tasks.threads import end_threads
from launcher.validation.inspectors import host_starter
from launcher.validation.validator import Validator
from launcher.worker.config_checks import ConfigChecks, asked, hidden, with_versions
from launcher.worker.connectors import Connectors
from launcher.worker.logger_levels import LoggerLevels
from launcher.worker.managed_connector import ManagedConnector
from launcher.worker.move_planning import MovePlanner
from launcher.worker.offset_changes import OffsetChanges
from launcher.worker.preparing import Preparer
from launcher.worker.rescans import Rescans
from launcher.worker.side_work import SideWork
from launcher.worker.storage_watch import StorageWatch
from launcher.worker.surroundings import Surroundings
from manager.plugins.entry_points import PluginType

__all__ = ["StandingWorker"]

_T = TypeVar("_T")

_CONNECTOR_TYPES = (PluginType.SOURCE, PluginType.SINK)


class StandingWorker:
    """A `WorkerInterface`; make it, `start` it and `close` it in one event loop, the main thread's.

    The caller opens and closes log, store and guardian; they must outlive `close`.
    """

    def __init__(
        self,
        *,
        worker_config: WorkerConfig,
        workplace: Workplace,
        store: WorkerStore,
        log: TopicLog,
        guardian: Guardian,
        settings: RunSettings,
        on_output: OnOutput,
        on_event: OnEvent,
        loggers: LoggerLevels | None = None,
    ) -> None:
        """Raises ProblemsError: the worker's converters or providers are wrong."""
        self.worker_id = _worker_id(worker_config)
        self.cluster_id = ""
        self._store = store
        self._storage_watch = StorageWatch(
            store.fault, tell=lambda text, level: self._tell("worker", text, level)
        )
        self._on_event = on_event
        self._loggers = loggers or LoggerLevels()
        self._runtime = Runtime(
            environments={},
            api=workplace.context.api,
            open_log=lambda: log,
            guardian=guardian,
            settings=replace(settings, until_drained=False),
            on_output=on_output,
            on_event=on_event,
            host_messages=self._loggers.messages,
        )
        self._loggers.broadcast = self._runtime.broadcast
        properties = worker_config.properties
        self._preparer = Preparer(
            workplace=workplace,
            converters=worker_converters(properties, where=str(worker_config.file)),
            providers=Providers.from_worker(properties),
            runtime=self._runtime,
        )
        self._validator = Validator(
            workplace=lambda: self._preparer.workplace,
            properties=properties,
            start_host=host_starter(
                guardian=guardian,
                workplace=lambda: self._preparer.workplace,
                settings=settings,
                on_output=on_output,
                on_event=on_event,
            ),
        )
        self._side_work = SideWork(tell=lambda text: self._tell("worker", text, "ERROR"))
        around = Surroundings(
            preparer=self._preparer,
            store=store,
            worker_id=lambda: self.worker_id,
            keep=self._side_work.add,
            tell=self._tell,
            tracks_topics=worker_config.topic_tracking_enabled,
            move_timeout_s=worker_config.move_timeout_s,
        )
        self._connectors = Connectors(around, ConfigChecks(self._validator, tell=self._tell))
        self._rescans = Rescans(
            plugin_path=worker_config.plugin_path,
            workplace=workplace,
            on_workplace=self._take_workplace,
            lock_of=self._preparer.lock_of,
            in_use=lambda: {one.name: one.in_use for one in self._connectors.all()},
            tell=lambda text, level: self._tell("", text, level),
        )
        self._preparer.refresh = self._rescans.refresh
        self._watches_path = worker_config.plugin_path_watched
        self._has_started = False

    # -- start and close ----------------------------------------------------------------------

    async def start(self) -> None:
        """Take up every connector of the store; each comes to its target state by itself."""
        self.cluster_id = await self._store.cluster_id()
        await self._connectors.begin()
        await self._rescans.begin(watch=self._watches_path)
        self._storage_watch.begin()
        self._has_started = True

    async def close(self) -> None:
        """Stop every connector in order, then end what does not end; what is stored stays."""
        await self._storage_watch.close()
        await self._rescans.close()
        await self._connectors.close()
        await self._validator.close()
        await end_threads()
        await self._side_work.ended()
        await self._runtime.end_hosts()

    def _tell(self, subject: str, text: str, level: str) -> None:
        self._on_event(Event(kind="state", subject=subject, level=level, logger="", text=text))

    # -- what is there ------------------------------------------------------------------------

    def health(self) -> Health:
        """Say whether the start is complete, and whether what is stored would be found again."""
        if not self._has_started:
            return Health(status="starting", message="Worker is still starting up.")
        fault = self._storage_watch.look()
        if fault is not None:
            return Health(status="unhealthy", message=f"{fault.message}; {fault.hint}")
        message = "Worker has completed startup and is ready to handle requests."
        return Health(status="healthy", message=message)

    def connectors(self) -> tuple[str, ...]:
        """Return the names, sorted."""
        return self._connectors.names()

    def info(self, name: str) -> ConnectorInfo:
        """Return config and tasks; NotFoundError."""
        return _info(self._connectors.get(name))

    def config(self, name: str) -> Mapping[str, str]:
        """Return the config as it was written, secrets hidden; NotFoundError."""
        stored = self._connectors.get(name).stored
        return hidden(stored, stored.config)

    def status(self, name: str) -> ConnectorStatus:
        """Return states and versions; NotFoundError."""
        connector = self._connectors.find(name)
        if connector is None:
            raise NotFoundError(f"No status found for connector {name}")
        return self._status(connector)

    def _status(self, connector: ManagedConnector) -> ConnectorStatus:
        in_use, rescans = connector.in_use, self._rescans
        status = connector.status()
        return replace(
            status, location_gone=rescans.gone(in_use), location_changed=rescans.changed(in_use)
        )

    def tasks(self, name: str) -> tuple[TaskInfo, ...]:
        """Return the tasks' configs; NotFoundError."""
        stored = self._connectors.get(name).stored
        return tuple(
            TaskInfo(connector=name, task=index, config=hidden(stored, config))
            for index, config in enumerate(stored.task_configs)
        )

    def task_status(self, name: str, task: int) -> TaskState:
        """Return one task's state; NotFoundError."""
        connector = self._connectors.find(name)
        state = connector.tasks.states.get(task) if connector is not None else None
        if state is None:
            raise NotFoundError(f"No status found for task {name}-{task}")
        return state

    def counters(self) -> tuple[TaskCounters, ...]:
        """Return what each task has done, for metrics."""
        return tuple(
            counters
            for name in self.connectors()
            for counters in self._connectors.get(name).tasks.counters()
        )

    # -- configs ------------------------------------------------------------------------------

    async def create(
        self,
        name: str,
        config: Mapping[str, str],
        *,
        initial_state: TargetState | None = None,
        by: str | None = None,
    ) -> ConnectorInfo:
        """Make a connector; ConnectorExistsError, InvalidConnectorConfigError, RequestError."""
        made = await self._connectors.create(name, config, initial_state=initial_state, by=by)
        return _info(made)

    async def put_config(
        self, name: str, config: Mapping[str, str], *, by: str | None = None
    ) -> tuple[ConnectorInfo, bool]:
        """Make or change a connector; the second is whether it is new."""
        connector, is_new = await self._connectors.put_config(name, config, by=by)
        return _info(connector), is_new

    async def patch_config(
        self, name: str, patch: Mapping[str, str | None], *, by: str | None = None
    ) -> ConnectorInfo:
        """Change some keys; None takes one away (KIP-477). NotFoundError."""
        return _info(await self._connectors.patch_config(name, patch, by=by))

    async def delete(self, name: str) -> None:
        """Stop and forget a connector; its offsets stay, as in Kafka. NotFoundError."""
        await self._connectors.delete(name)

    # -- moves --------------------------------------------------------------------------------

    async def plan(
        self,
        name: str,
        config: Mapping[str, str] | None = None,
        *,
        versions: Mapping[str, str | None] | None = None,
    ) -> MovePlan:
        """Work out what `put_config` would change; NotFoundError, RequestError."""
        connector = self._connectors.get(name)
        now = connector.stored
        wanted = with_versions(now.config, versions or {}) if config is None else config
        planner = MovePlanner(preparer=self._preparer, validator=self._validator)
        to = asked(now, wanted, None, generations=connector.generations)
        failed = {
            Path(one.path) for one in self._rescans.locations() if one.build is BuildState.FAILED
        }
        return await planner.plan(now, to, running=connector.prepared, failed=failed)

    async def generations(self, name: str) -> tuple[Generation, ...]:
        """Return a connector's generations, the newest first; NotFoundError."""
        connector = self._connectors.get(name)
        return connector.generations.seen(current=connector.stored.generation)

    def last_move(self, name: str) -> Move | None:
        """Return how the last move went or goes, None when there was none; NotFoundError."""
        return self._connectors.get(name).stored.last_move

    def next_versions(self, name: str) -> tuple[StageVersion, ...]:
        """Return what would run after a restart, where it differs; NotFoundError."""
        return self._connectors.get(name).next_versions()

    async def rollback(
        self, name: str, *, to: int | None = None, by: str | None = None
    ) -> ConnectorInfo:
        """Move to an earlier generation, by default the last good one before this.

        NotFoundError: there is none. InvalidConnectorConfigError: it is not installed any more.
        """
        return _info(await self._connectors.rollback(name, to=to, by=by))

    # -- steering -----------------------------------------------------------------------------

    async def pause(self, name: str) -> None:
        """Keep the tasks, but move no records; NotFoundError."""
        await self._connectors.retarget(name, TargetState.PAUSED)

    async def resume(self, name: str) -> None:
        """Run again after a pause or a stop; NotFoundError."""
        await self._connectors.retarget(name, TargetState.STARTED)

    async def stop(self, name: str) -> None:
        """End the tasks; offsets may be changed then. NotFoundError."""
        await self._connectors.retarget(name, TargetState.STOPPED)

    async def restart(
        self, name: str, *, include_tasks: bool = False, only_failed: bool = False
    ) -> ConnectorStatus:
        """Restart the connector, its tasks too when asked, or the failed ones only (KIP-745)."""
        connector = self._connectors.get(name)
        if connector.stored.target is not TargetState.STOPPED:
            connector.restart(
                connector=not only_failed or connector.state.state is State.FAILED,
                tasks=[
                    index
                    for index, task in connector.tasks.states.items()
                    if include_tasks and (not only_failed or task.state is State.FAILED)
                ],
            )
        return self._status(connector)

    async def restart_task(self, name: str, task: int) -> None:
        """Restart one task; NotFoundError."""
        connector = self._connectors.get(name)
        if task not in range(len(connector.stored.task_configs)):
            raise NotFoundError(f"Task {name}-{task} not found")
        for path in self._rescans.gone(connector.in_use):
            text = f"task {task} starts again though `{path}` is no longer on the plugin path"
            self._tell(name, text, "WARNING")
        connector.restart(connector=False, tasks=(task,))

    # -- offsets and topics -------------------------------------------------------------------

    async def offsets(self, name: str) -> tuple[Json, ...]:
        """Return [{"partition": {…}, "offset": {…}}, …] in Kafka's shapes; NotFoundError."""
        return await self._offset_changes(name).read()

    async def alter_offsets(self, name: str, offsets: Sequence[Json]) -> str:
        """Change offsets of a STOPPED connector; return Kafka's message. RequestError."""
        return await self._offset_changes(name).alter(offsets)

    async def reset_offsets(self, name: str) -> str:
        """Forget offsets of a STOPPED connector; return Kafka's message. RequestError."""
        return await self._offset_changes(name).reset()

    def topics(self, name: str) -> tuple[str, ...]:
        """Return the topics that were used since the last reset; NotFoundError."""
        return tuple(sorted(self._connectors.get(name).tasks.topics))

    async def reset_topics(self, name: str) -> None:
        """Forget which topics were used; NotFoundError."""
        connector = self._connectors.get(name)
        await self._store.reset_topics(name)
        connector.tasks.topics.clear()

    def _offset_changes(self, name: str) -> OffsetChanges:
        connector = self._connectors.get(name)
        return OffsetChanges(connector=connector, log=self._runtime.log)

    # -- plugins ------------------------------------------------------------------------------

    def plugins(self, *, connectors_only: bool = True) -> tuple[PluginRow, ...]:
        """Return the plugins, one row for each class, type and version."""
        rows = {
            (plugin.class_name, plugin.type, plugin.version): PluginRow(
                class_name=plugin.class_name,
                type=str(plugin.type),
                version=str(plugin.version),
                location=str(plugin.location.path),
            )
            for plugin in self._preparer.workplace.catalog.plugins
            if not connectors_only or plugin.type in _CONNECTOR_TYPES
        }
        return tuple(rows.values())

    async def rescan(self) -> RescanReport:
        """Read the plugin path anew; new environments are then made behind it."""
        return await self._rescans.rescan()

    def locations(self) -> tuple[LocationState, ...]:
        """Return every location, sorted by path, the broken and the gone ones too."""
        return self._rescans.locations()

    def _take_workplace(self, workplace: Workplace) -> None:
        self._preparer.workplace = workplace
        for connector in self._connectors.all():
            connector.foretell()

    async def plugin_config(self, plugin: str, version: str | None) -> tuple[Json, ...]:
        """Return the ConfigKeyInfos of a plugin at a version; NotFoundError, RequestError."""
        return await self._validator.plugin_config(plugin, version)

    async def validate(self, plugin: str, config: Mapping[str, str | None]) -> Json:
        """Return Kafka's ConfigInfos for a config, also when it is invalid; RequestError."""
        return (await self._validator.validate(config, plugin=plugin)).as_json()

    # -- loggers ------------------------------------------------------------------------------

    def loggers(self) -> Mapping[str, LoggerLevel]:
        """Return the loggers that have a level of their own, and `root`."""
        return self._loggers.all()

    def logger(self, name: str) -> LoggerLevel:
        """Return one logger's level; NotFoundError."""
        return self._loggers.get(name)

    def set_logger(self, name: str, level: str) -> tuple[str, ...]:
        """Set a level; return the loggers that it changed. NotFoundError: no such level."""
        return self._loggers.set(name, level)


def _info(connector: ManagedConnector) -> ConnectorInfo:
    return ConnectorInfo(
        name=connector.name,
        config=hidden(connector.stored, connector.stored.config),
        tasks=tuple(range(len(connector.stored.task_configs))),
        type=connector.kind,
    )


def _worker_id(config: WorkerConfig) -> str:
    """Return `host:port`: what is advertised, else the first listener's; a machine's own name."""
    first = config.listeners[0]
    every = first.host in {"", "0.0.0.0", "::"}  # noqa: S104  # compared, not bound
    host = config.advertised_host or (platform.node() if every else first.host) or "127.0.0.1"
    port = config.advertised_port or first.port
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
