"""What a standing worker must find again after a restart or a kill: connectors and their states."""

import base64
import json
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from launcher.interface.move import Move
from launcher.interface.views import ConnectorState, State, TargetState, TaskState
from launcher.storage.generations import StoredGeneration, read_generations, write_generation
from launcher.storage.sqlite_log import SqliteLog
from manager.errors import VenvoyError

__all__ = [
    "WORKER",
    "Fallback",
    "SqliteWorkerStore",
    "StoredConnector",
    "StoredStatus",
    "WorkerStore",
]


WORKER = "worker"
"""Who asked for a config, when nobody did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """What a connector was before a move, and is again when that goes wrong."""

    config: Mapping[str, str]
    password_keys: frozenset[str]
    asked_by: str
    generation: int
    locked: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConnector:
    """A connector as it was asked for.

    `config` is as it was written: `${…}` unresolved. `applied` is the config that `task_configs`
    were made from, None when there was none yet; the two tell whether tasks are up to date.
    `password_keys` are the keys whose values are not to be shown, as its plugins told last.
    `asked_by` is who asked for the config, `generation` the one that it became, 0 before it became
    one. `locked` has what each version key that says `locked` stays on. While a move goes on,
    `fallback` is what it goes back to, and `last_move` says how far it is.
    """

    name: str
    config: Mapping[str, str]
    target: TargetState = TargetState.STARTED
    applied: Mapping[str, str] | None = None
    task_configs: tuple[Mapping[str, str], ...] = ()
    password_keys: frozenset[str] = frozenset()
    asked_by: str = WORKER
    generation: int = 0
    locked: Mapping[str, str] = field(default_factory=dict)
    last_move: Move | None = None
    fallback: Fallback | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStatus:
    """What was last stored of a connector's and its tasks' states; tasks by their number."""

    connector: ConnectorState | None
    tasks: tuple[TaskState, ...]


class WorkerStore(Protocol):
    """Where a worker keeps what it was asked for. Every change is durable when it returns.

    Changes are made in the order of the calls. A status or a topic of a connector that there is
    not (any more) is passed over, so that a late task brings nothing of a deleted one back.
    """

    def fault(self) -> VenvoyError | None:
        """Return why nobody would find again what is stored; None when all is well. It is cheap.

        With such a fault, what a connector is asked to be and its topics are refused: `fault` is
        raised, and nothing is changed.
        """
        ...

    async def cluster_id(self) -> str:
        """Return what was made with the store: 22 characters, as Kafka's."""
        ...

    async def connectors(self) -> Mapping[str, StoredConnector]:
        """Return all by name, sorted."""
        ...

    async def put_connector(self, connector: StoredConnector) -> None:
        """Keep a connector, a new one or a changed one, whole."""
        ...

    async def delete_connector(self, name: str) -> None:
        """Forget a connector, its states and topics; its offsets stay, as in Kafka."""
        ...

    async def generations(self, name: str) -> tuple[StoredGeneration, ...]:
        """Return the generations of a connector, the oldest first."""
        ...

    async def put_generation(self, name: str, generation: StoredGeneration) -> None:
        """Keep a generation of a connector, a new one or a changed one; the oldest are forgotten.

        Passed over when there is no such connector.
        """
        ...

    async def statuses(self, name: str) -> StoredStatus | None:
        """Return the last states; None when none was stored."""
        ...

    async def put_connector_status(self, name: str, state: ConnectorState) -> None:
        """Keep the state of the connector itself."""
        ...

    async def put_task_status(self, name: str, state: TaskState) -> None:
        """Keep the state of one task."""
        ...

    async def delete_task_statuses(self, name: str, from_task: int) -> None:
        """Forget the states of tasks `from_task` and above: there are fewer now."""
        ...

    async def topics(self, name: str) -> tuple[str, ...]:
        """Return the topics that were used since the last reset, sorted."""
        ...

    async def add_topic(self, name: str, topic: str) -> None:
        """Remember that a connector uses a topic."""
        ...

    async def reset_topics(self, name: str) -> None:
        """Forget which topics a connector used."""
        ...


class SqliteWorkerStore:
    """A `WorkerStore` in the log's file and thread; whoever owns the log closes it."""

    def __init__(self, log: SqliteLog) -> None:
        self._file = log.file
        self._do = log.file.do
        self._change = log.file.change

    def fault(self) -> VenvoyError | None:
        """Return what is wrong with the file; see `WorkerStore`."""
        return self._file.fault()

    async def cluster_id(self) -> str:
        """Return the cluster's id; see `WorkerStore`."""
        return await self._do(_cluster_id)

    async def connectors(self) -> Mapping[str, StoredConnector]:
        """Return all connectors; see `WorkerStore`."""
        return await self._do(_connectors)

    async def put_connector(self, connector: StoredConnector) -> None:
        """Keep a connector; see `WorkerStore`."""
        applied = None if connector.applied is None else json.dumps(dict(connector.applied))
        move, fallback = connector.last_move, connector.fallback
        row = (
            connector.name,
            json.dumps(dict(connector.config)),
            str(connector.target),
            applied,
            json.dumps([dict(config) for config in connector.task_configs]),
            json.dumps(sorted(connector.password_keys)),
            connector.asked_by,
            connector.generation,
            json.dumps(dict(connector.locked)),
            None if move is None else json.dumps(dict(move.as_json())),
            None if fallback is None else _written_fallback(fallback),
        )
        statement = "INSERT OR REPLACE INTO connectors VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        await self._change(lambda connection: _execute(connection, statement, row))

    async def delete_connector(self, name: str) -> None:
        """Forget a connector; see `WorkerStore`."""

        def delete(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM connectors WHERE name = ?", (name,))
            connection.execute("DELETE FROM connector_statuses WHERE connector = ?", (name,))
            connection.execute("DELETE FROM task_statuses WHERE connector = ?", (name,))
            connection.execute("DELETE FROM connector_topics WHERE connector = ?", (name,))
            connection.execute("DELETE FROM generations WHERE connector = ?", (name,))

        await self._change(delete)

    async def generations(self, name: str) -> tuple[StoredGeneration, ...]:
        """Return the generations; see `WorkerStore`."""
        return await self._do(lambda connection: read_generations(connection, name))

    async def put_generation(self, name: str, generation: StoredGeneration) -> None:
        """Keep a generation; see `WorkerStore`."""
        await self._do(lambda connection: write_generation(connection, name, generation))

    async def statuses(self, name: str) -> StoredStatus | None:
        """Return the last states; see `WorkerStore`."""
        return await self._do(lambda connection: _statuses(connection, name))

    async def put_connector_status(self, name: str, state: ConnectorState) -> None:
        """Keep the connector's state; see `WorkerStore`."""
        await self._run(
            "INSERT OR REPLACE INTO connector_statuses SELECT name, ?, ?, ?, ?, ? "
            "FROM connectors WHERE name = ?",
            str(state.state),
            state.worker_id,
            state.version,
            state.trace,
            state.environment,
            name,
        )

    async def put_task_status(self, name: str, state: TaskState) -> None:
        """Keep a task's state; see `WorkerStore`."""
        await self._run(
            "INSERT OR REPLACE INTO task_statuses SELECT name, ?, ?, ?, ?, ? "
            "FROM connectors WHERE name = ?",
            state.id,
            str(state.state),
            state.worker_id,
            state.version,
            state.trace,
            name,
        )

    async def delete_task_statuses(self, name: str, from_task: int) -> None:
        """Forget the states of the highest tasks; see `WorkerStore`."""
        await self._run(
            "DELETE FROM task_statuses WHERE connector = ? AND task >= ?", name, from_task
        )

    async def topics(self, name: str) -> tuple[str, ...]:
        """Return the topics used; see `WorkerStore`."""
        query = "SELECT topic FROM connector_topics WHERE connector = ? ORDER BY topic"
        return await self._do(
            lambda connection: tuple(topic for (topic,) in connection.execute(query, (name,)))
        )

    async def add_topic(self, name: str, topic: str) -> None:
        """Remember a topic; see `WorkerStore`."""
        await self._run(
            "INSERT OR IGNORE INTO connector_topics SELECT name, ? FROM connectors WHERE name = ?",
            topic,
            name,
        )

    async def reset_topics(self, name: str) -> None:
        """Forget the topics; see `WorkerStore`."""
        statement = "DELETE FROM connector_topics WHERE connector = ?"
        await self._change(lambda connection: _execute(connection, statement, (name,)))

    async def _run(self, statement: str, *values: str | int | None) -> None:
        await self._do(lambda connection: _execute(connection, statement, values))


def _execute(
    connection: sqlite3.Connection, statement: str, values: Sequence[str | int | None]
) -> None:
    connection.execute(statement, values)


def _cluster_id(connection: sqlite3.Connection) -> str:
    made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    connection.execute("INSERT OR IGNORE INTO worker VALUES ('cluster_id', ?)", (made,))
    row = connection.execute("SELECT value FROM worker WHERE key = 'cluster_id'").fetchone()
    return str(row[0])


def _connectors(connection: sqlite3.Connection) -> dict[str, StoredConnector]:
    rows = connection.execute(
        "SELECT name, config, target, applied, task_configs, password_keys, asked_by, generation, "
        "locked, last_move, fallback FROM connectors ORDER BY name"
    )
    return {row[0]: _connector(*row) for row in rows}


def _connector(
    name: str,
    config: str,
    target: str,
    applied: str | None,
    task_configs: str,
    password_keys: str,
    asked_by: str,
    generation: int,
    locked: str,
    last_move: str | None,
    fallback: str | None,
) -> StoredConnector:
    return StoredConnector(
        name=name,
        config=json.loads(config),
        target=TargetState(target),
        applied=None if applied is None else json.loads(applied),
        task_configs=tuple(json.loads(task_configs)),
        password_keys=frozenset(json.loads(password_keys)),
        asked_by=asked_by,
        generation=generation,
        locked=json.loads(locked),
        last_move=None if last_move is None else Move.from_json(json.loads(last_move)),
        fallback=None if fallback is None else _read_fallback(fallback),
    )


def _written_fallback(fallback: Fallback) -> str:
    return json.dumps(
        {
            "config": dict(fallback.config),
            "password_keys": sorted(fallback.password_keys),
            "asked_by": fallback.asked_by,
            "generation": fallback.generation,
            "locked": dict(fallback.locked),
        }
    )


def _read_fallback(text: str) -> Fallback:
    fields = json.loads(text)
    return Fallback(**{**fields, "password_keys": frozenset(fields["password_keys"])})


def _statuses(connection: sqlite3.Connection, name: str) -> StoredStatus | None:
    own = connection.execute(
        "SELECT state, worker_id, version, trace, environment FROM connector_statuses "
        "WHERE connector = ?",
        (name,),
    ).fetchone()
    tasks = connection.execute(
        "SELECT task, state, worker_id, version, trace FROM task_statuses WHERE connector = ? "
        "ORDER BY task",
        (name,),
    ).fetchall()
    if own is None and not tasks:
        return None
    return StoredStatus(
        connector=None if own is None else _connector_state(*own),
        tasks=tuple(_task_state(*row) for row in tasks),
    )


def _connector_state(
    state: str, worker_id: str, version: str | None, trace: str | None, environment: str | None
) -> ConnectorState:
    return ConnectorState(
        state=State(state),
        worker_id=worker_id,
        version=version,
        trace=trace,
        environment=environment,
    )


def _task_state(
    task: int, state: str, worker_id: str, version: str | None, trace: str | None
) -> TaskState:
    return TaskState(id=task, state=State(state), worker_id=worker_id, version=version, trace=trace)
