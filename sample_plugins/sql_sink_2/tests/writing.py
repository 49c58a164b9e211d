"""Runs the sink's task in this process, with a database file of the test's own."""

import sqlite3
import unittest
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Optional

from acme_sql import SqlSinkConnector, SqlSinkTask

from venvoy_api import Schema, SinkRecord, SinkTaskContext, TopicPartition

__all__ = ["Context", "WritingTestCase", "sink_record"]


class Context(SinkTaskContext):
    """What the framework would lend to a task; remembers the timeouts that were asked for."""

    def __init__(self, props: Mapping[str, str]) -> None:
        self.props = props
        self.timeouts_ms: list[int] = []

    def configs(self) -> Mapping[str, str]:
        """Return the task's configuration."""
        return self.props

    def offset(self, partition: TopicPartition, offset: int) -> None:
        """Nothing: the sink leaves offsets to the framework."""

    def timeout(self, timeout_ms: int) -> None:
        """Remember it."""
        self.timeouts_ms.append(timeout_ms)

    def assignment(self) -> frozenset[TopicPartition]:
        """Return one partition."""
        return frozenset({TopicPartition("people", 0)})

    def pause(self, *partitions: TopicPartition) -> None:
        """Nothing."""

    def resume(self, *partitions: TopicPartition) -> None:
        """Nothing."""

    def request_commit(self) -> None:
        """Nothing."""


def sink_record(
    value: object,
    key: object = None,
    schema: Optional[Schema] = None,
    *,
    key_schema: Optional[Schema] = None,
    topic: str = "people",
    offset: int = 0,
) -> SinkRecord:
    """Return a record of partition 0."""
    return SinkRecord(topic, 0, key_schema, key, schema, value, offset)


class WritingTestCase(unittest.TestCase):
    """A task that writes, and what then is in the database."""

    def setUp(self) -> None:
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.file = Path(directory.name) / "test.db"
        self.url = f"sqlite:///{self.file}"

    def task(self, **changes: str) -> SqlSinkTask:
        """Return a started task; `pk__mode` stands for `pk.mode`."""
        props = {"connection.url": self.url, "auto.create": "true"}
        props.update({key.replace("__", "."): text for key, text in changes.items()})
        connector = SqlSinkConnector()
        faults = [
            value for value in connector.validate(props).config_values if value.error_messages
        ]
        self.assertEqual(faults, [])
        connector.start(props)
        (config,) = connector.task_configs(1)
        task = SqlSinkTask()
        task.initialize(Context(config))
        task.start(config)
        self.addCleanup(task.stop)
        return task

    def rows(self, query: str = "select * from people order by 1") -> list[tuple[object, ...]]:
        """Return what a query finds."""
        with closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(query).fetchall()

    def execute(self, statement: str) -> None:
        """Change the database."""
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute(statement)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the database's write lock."""
        with closing(sqlite3.connect(self.file, isolation_level=None)) as connection:
            connection.execute("begin immediate")
            yield
