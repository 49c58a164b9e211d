"""A worker in memory: it keeps configs, states and offsets by Kafka's rules, and runs nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from launcher.interface.faults import (
    ConnectorExistsError,
    InvalidConnectorConfigError,
    NotFoundError,
    RequestError,
)
from launcher.interface.views import (
    ConnectorInfo,
    ConnectorState,
    ConnectorStatus,
    ConnectorType,
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
from tests.rest.fake_motion import FakeMotion

SOURCE = "acme_csv.CsvSourceConnector"
SINK = "acme_db.DbSinkConnector"
_TYPES: Mapping[str, ConnectorType] = {SOURCE: "source", SINK: "sink"}
_REQUIRED = {SOURCE: ("file", "topic"), SINK: ("topics",)}
_ROWS = (
    ("acme_csv.CsvSourceConnector", "source", "1.4.0"),
    ("acme_csv.CsvSourceConnector", "source", "2.0.0"),
    ("acme_db.DbSinkConnector", "sink", "3.1.0"),
    ("acme_text.Upper", "transformation", "1.0.0"),
    ("acme_text.IsEmpty", "predicate", "1.0.0"),
    ("venvoy_api.converters.StringConverter", "converter", "0.1.0"),
    ("venvoy_api.converters.SimpleHeaderConverter", "header_converter", "0.1.0"),
)
_STATES = {
    TargetState.STARTED: State.RUNNING,
    TargetState.PAUSED: State.PAUSED,
    TargetState.STOPPED: State.STOPPED,
}
_LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF")


@dataclass(frozen=True, kw_only=True)
class Connector:
    """One connector; `failed` holds the traces of failed tasks by number."""

    config: Mapping[str, str]
    target: TargetState = TargetState.STARTED
    failed: Mapping[int, str] = field(default_factory=dict)
    topics: tuple[str, ...] = ()

    @property
    def class_name(self) -> str:
        return class_of(self.config)

    @property
    def tasks(self) -> tuple[int, ...]:
        stopped = self.target is TargetState.STOPPED
        return () if stopped else tuple(range(int(self.config.get("tasks.max", "1"))))

    @property
    def version(self) -> str:
        return self.config.get("connector.version") or versions_of(self.class_name)[-1]


def versions_of(class_name: str) -> tuple[str, ...]:
    return tuple(version for name, _, version in _ROWS if name == class_name)


def class_of(config: Mapping[str, str | None]) -> str:
    """Find the class; a short name will do."""
    asked = config.get("connector.class")
    if not asked:
        raise RequestError("Connector config contains no connector type")
    for name in _TYPES:
        if asked in (
            name,
            name.rpartition(".")[2],
            name.rpartition(".")[2].removesuffix("Connector"),
        ):
            return name
    raise RequestError(
        "Failed to find any class that implements Connector and which name matches "
        f"{asked}, available connectors are: {', '.join(_TYPES)}"
    )


class FakeWorker(FakeMotion):
    """Implements both doors of a worker; tests may set `fault`, `condition` and fail tasks."""

    def __init__(self) -> None:
        self.worker_id = "127.0.0.1:8083"
        self.cluster_id = "I4ZmrWqfT2e-upky_4fdPA"
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.reset_motion()
        self.stored: dict[str, Connector] = {}
        self.kept_offsets: dict[str, list[Json]] = {}
        self.levels: dict[str, LoggerLevel] = {"root": LoggerLevel(level="INFO")}
        self.condition = Health(
            status="healthy",
            message="Worker has completed startup and is ready to handle requests.",
        )
        self.fault: Exception | None = None
        self.restarts: list[tuple[str, int | None]] = []
        self.asked_by: list[str | None] = []

    def health(self) -> Health:
        return self.condition

    def connectors(self) -> tuple[str, ...]:
        if self.fault is not None:
            raise self.fault
        return tuple(sorted(self.stored))

    def info(self, name: str) -> ConnectorInfo:
        connector = self._get(name)
        return ConnectorInfo(
            name=name,
            config=self.config(name),
            tasks=connector.tasks,
            type=_TYPES[connector.class_name],
        )

    def config(self, name: str) -> Mapping[str, str]:
        hidden = {"password": "[hidden]"}
        config = self._get(name).config
        return {key: hidden.get(key, value) for key, value in config.items()}

    def status(self, name: str) -> ConnectorStatus:
        if name not in self.stored:
            raise NotFoundError(f"No status found for connector {name}")
        connector = self.stored[name]
        return ConnectorStatus(
            name=name,
            connector=ConnectorState(
                state=_STATES[connector.target],
                worker_id=self.worker_id,
                version=connector.version,
                environment="0123456789ab",
            ),
            tasks=tuple(self._task(connector, number) for number in connector.tasks),
            type=_TYPES[connector.class_name],
            stages=_stages(),
            class_name=connector.class_name,
            last_move=self.moves.get(name),
        )

    def tasks(self, name: str) -> tuple[TaskInfo, ...]:
        connector = self._get(name)
        return tuple(
            TaskInfo(connector=name, task=number, config=dict(connector.config))
            for number in connector.tasks
        )

    def task_status(self, name: str, task: int) -> TaskState:
        connector = self.stored.get(name)
        if connector is None or task not in connector.tasks:
            raise NotFoundError(f"No status found for task {name}-{task}")
        return self._task(connector, task)

    async def create(
        self,
        name: str,
        config: Mapping[str, str],
        *,
        initial_state: TargetState | None = None,
        by: str | None = None,
    ) -> ConnectorInfo:
        self.asked_by.append(by)
        if name in self.stored:
            raise ConnectorExistsError(name)
        self._must_be_valid(name, config)
        target = initial_state or TargetState.STARTED
        self.stored[name] = Connector(config=dict(config), target=target)
        self.record(name, self.stored[name].version, by)
        return self.info(name)

    async def put_config(
        self, name: str, config: Mapping[str, str], *, by: str | None = None
    ) -> tuple[ConnectorInfo, bool]:
        self.asked_by.append(by)
        self._must_be_valid(name, config)
        before = self.stored.get(name)
        connector = before or Connector(config=config)
        self.stored[name] = replace(connector, config=dict(config))
        self.record(name, self.stored[name].version, by)
        return self.info(name), before is None

    async def patch_config(
        self, name: str, patch: Mapping[str, str | None], *, by: str | None = None
    ) -> ConnectorInfo:
        changed = {**self._get(name).config, **patch}
        config = {key: value for key, value in changed.items() if value is not None}
        info, _ = await self.put_config(name, config, by=by)
        return info

    async def delete(self, name: str) -> None:
        self._get(name)
        del self.stored[name]
        self.forget(name)

    async def pause(self, name: str) -> None:
        self._aim(name, TargetState.PAUSED)

    async def resume(self, name: str) -> None:
        self._aim(name, TargetState.STARTED)

    async def stop(self, name: str) -> None:
        self._aim(name, TargetState.STOPPED)

    async def restart(
        self, name: str, *, include_tasks: bool = False, only_failed: bool = False
    ) -> ConnectorStatus:
        connector = self._known(name)
        if not only_failed:
            self.restarts.append((name, None))
        for number in connector.tasks if include_tasks else ():
            if not only_failed or number in connector.failed:
                await self.restart_task(name, number)
        return self.status(name)

    async def restart_task(self, name: str, task: int) -> None:
        connector = self._known(name)
        if task not in connector.tasks:
            raise NotFoundError(f"Unknown task: {name}-{task}")
        self.restarts.append((name, task))
        failed = {number: trace for number, trace in connector.failed.items() if number != task}
        self.stored[name] = replace(connector, failed=failed)

    async def offsets(self, name: str) -> tuple[Json, ...]:
        self._get(name)
        return tuple(self.kept_offsets.get(name, ()))

    async def alter_offsets(self, name: str, offsets: Sequence[Json]) -> str:
        self._must_be_stopped(name)
        kept = self.kept_offsets.setdefault(name, [])
        for entry in offsets:
            kept[:] = [each for each in kept if each["partition"] != entry["partition"]]
            if entry["offset"] is not None:
                kept.append(entry)
        return "The offsets for this connector have been altered successfully"

    async def reset_offsets(self, name: str) -> str:
        self._must_be_stopped(name)
        self.kept_offsets.pop(name, None)
        return "The offsets for this connector have been reset successfully"

    def topics(self, name: str) -> tuple[str, ...]:
        return self._get(name).topics

    async def reset_topics(self, name: str) -> None:
        self.stored[name] = replace(self._get(name), topics=())

    def plugins(self, *, connectors_only: bool = True) -> tuple[PluginRow, ...]:
        return tuple(
            PluginRow(class_name=name, type=kind, version=version, location="/plugins/acme")
            for name, kind, version in _ROWS
            if not connectors_only or kind in ("source", "sink")
        )

    async def plugin_config(self, plugin: str, version: str | None) -> tuple[Json, ...]:
        try:
            class_name = class_of({"connector.class": plugin})
        except RequestError:
            raise NotFoundError(f"Unknown plugin {plugin}.") from None
        installed = versions_of(class_name)
        if version not in (None, "latest", *installed):
            raise RequestError(
                f"Plugin {plugin} not found that matches the version range {version}, "
                f"available versions: [{', '.join(installed)}]"
            )
        return tuple(_key(name, default=version) for name in _REQUIRED[class_name])

    async def validate(self, plugin: str, config: Mapping[str, str | None]) -> Json:
        class_name = class_of(config)
        included = config["connector.class"] or ""
        if not _cut(included).endswith(_cut(plugin)):
            raise RequestError(
                f"Included connector type {included} does not match request type {plugin}"
            )
        entries = [_entry(key, config.get(key)) for key in _REQUIRED[class_name]]
        entries += [
            _fault(key, "Null value can not be supplied as the configuration value.")
            for key, value in config.items()
            if value is None
        ]
        if not config.get("name"):
            entries.append(_fault("name", "String may not be empty"))
        version = config.get("connector.version")
        if version is not None and version not in versions_of(class_name):
            entries += [
                _fault(key, f"Plugin {class_name} not found that matches {version}")
                for key in ("connector.class", "connector.version")
            ]
        return {
            "name": class_name,
            "error_count": sum(bool(_errors(entry)) for entry in entries),
            "groups": ["Common"],
            "configs": entries,
        }

    def loggers(self) -> Mapping[str, LoggerLevel]:
        return dict(self.levels)

    def logger(self, name: str) -> LoggerLevel:
        if name not in self.levels:
            raise NotFoundError(f"Logger {name} not found.")
        return self.levels[name]

    def set_logger(self, name: str, level: str) -> tuple[str, ...]:
        if level.upper() not in _LEVELS:
            raise NotFoundError(f"invalid log level '{level}'.")
        below = (name, *(each for each in self.levels if each.startswith(f"{name}.")))
        for each in below:
            self.levels[each] = LoggerLevel(level=level.upper(), last_modified=1_700_000_000_000)
        return tuple(sorted(below))

    def counters(self) -> tuple[TaskCounters, ...]:
        return tuple(
            TaskCounters(
                connector=name,
                task=number,
                state=self._task(connector, number).state,
                records_in=30,
                records_out=28,
                errors={"total-record-errors": 2, "last-error-timestamp": 1_700_000_000_500},
            )
            for name, connector in self.stored.items()
            for number in connector.tasks
        )

    def fail_task(self, name: str, task: int, trace: str) -> None:
        connector = self._get(name)
        self.stored[name] = replace(connector, failed={**connector.failed, task: trace})

    def use_topic(self, name: str, topic: str) -> None:
        connector = self._get(name)
        self.stored[name] = replace(connector, topics=(*connector.topics, topic))

    def _get(self, name: str) -> Connector:
        if name not in self.stored:
            raise NotFoundError(f"Connector {name} not found")
        return self.stored[name]

    def _known(self, name: str) -> Connector:
        if name not in self.stored:
            raise NotFoundError(f"Unknown connector {name}")
        return self.stored[name]

    def _aim(self, name: str, target: TargetState) -> None:
        self.stored[name] = replace(self._known(name), target=target)

    def _task(self, connector: Connector, number: int) -> TaskState:
        trace = connector.failed.get(number)
        return TaskState(
            id=number,
            state=_STATES[connector.target] if trace is None else State.FAILED,
            worker_id=self.worker_id,
            version=connector.version,
            trace=trace,
        )

    def _must_be_stopped(self, name: str) -> None:
        if self._get(name).target is not TargetState.STOPPED:
            raise RequestError(
                "Connectors must be in the STOPPED state before their offsets can be modified. "
                "This can be done for the specified connector by issuing a 'PUT' request to the "
                f"'/connectors/{name}/stop' endpoint"
            )

    def _must_be_valid(self, name: str, config: Mapping[str, str]) -> None:
        entries = [_entry(key, config.get(key)) for key in _REQUIRED[class_of(config)]]
        errors = [error for entry in entries for error in _errors(entry)]
        if not name:
            errors.insert(0, "String may not be empty")
        if not config.get("tasks.max", "1").isdigit() or len(config.get("tasks.max", "1")) > 3:
            errors.append(f"Invalid value {config['tasks.max']} for configuration tasks.max")
        version = config.get("connector.version")
        if version is not None and version not in versions_of(class_of(config)):
            errors += [f"no version {version}"] * 2
        if errors:
            raise InvalidConnectorConfigError(tuple(errors))


def _cut(name: str) -> str:
    return name.removesuffix("Connector") if name != "Connector" else name


def _stages() -> tuple[StageVersion, ...]:
    named = {
        "key.converter": None,
        "value.converter": None,
        "header.converter": None,
        "transformation": "up",
        "predicate": "empty",
    }
    every = [
        StageVersion(
            role=role,
            alias=alias,
            class_name=f"acme_text.{role.title().replace('.', '')}",
            version=f"{number}.0.0",
            environment=f"{number}23456789abc",
        )
        for number, (role, alias) in enumerate(named.items(), 1)
    ]
    return (*every, every[-1])  # two transformations have the predicate


def _key(name: str, *, default: str | None = None) -> Json:
    return {
        "name": name,
        "type": "STRING",
        "required": default is None,
        "default_value": default,
        "importance": "HIGH",
        "documentation": f"The {name}",
        "group": None,
        "width": "NONE",
        "display_name": name,
        "dependents": [],
        "order": -1,
    }


def _entry(name: str, value: str | None) -> Json:
    missing = f'Missing required configuration "{name}" which has no default value.'
    return {
        "definition": _key(name),
        "value": {
            "name": name,
            "value": value,
            "recommended_values": [],
            "errors": [missing] if value is None else [],
            "visible": True,
        },
    }


def _fault(name: str, error: str) -> Json:
    return {
        "definition": _key(name),
        "value": {
            "name": name,
            "value": None,
            "recommended_values": [],
            "errors": [error],
            "visible": True,
        },
    }


def _errors(entry: Json) -> list[str]:
    value = entry["value"]
    assert isinstance(value, dict)
    errors: list[str] = value["errors"]
    return errors
