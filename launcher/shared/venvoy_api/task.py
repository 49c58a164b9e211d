"""Tasks: the pieces of work of a connector. Each runs alone in a process of its own.

Every call comes from one thread, except `stop` of a source task: that may come from another, and
must make a `poll` that waits return.
"""

# defaults of methods that plugins override

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from venvoy_api.component import Versioned

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from venvoy_api.context import SinkTaskContext, SourceTaskContext
    from venvoy_api.record import RecordMetadata, SinkRecord, SourceRecord, TopicPartition

__all__ = ["SinkTask", "SourceTask", "Task"]


class Task(Versioned, ABC):
    """What source and sink tasks share; extend one of those instead."""

    @abstractmethod
    def start(self, props: Mapping[str, str]) -> None:
        """Begin with one of the configurations that `Connector.task_configs` returned."""

    @abstractmethod
    def stop(self) -> None:
        """End, and release what `start` acquired. May be called after a `start` that failed."""


class SourceTask(Task):
    """Reads records from a foreign system.

    ::

        initialize(context) -> start(props) -> [poll -> commit_record for each ... commit]* -> stop
    """

    context: SourceTaskContext
    """What the framework lends; there from `initialize` on."""

    def initialize(self, context: SourceTaskContext) -> None:
        """Keep the context. Called once, before `start`."""
        self.context = context

    @abstractmethod
    def poll(self) -> Sequence[SourceRecord] | None:
        """Return the next records, or None or nothing when there are none at the moment.

        It may wait for a short time (a second, say) for something to arrive, and must then return
        so that pausing and stopping can be served. Records are stored in the order returned. A
        batch of some hundred to some thousand records is the fastest.
        """

    def commit(self) -> None:
        """Know that the offsets of everything stored so far have been committed.

        For sources that acknowledge to the foreign system; the default does nothing.
        """

    def commit_record(self, record: SourceRecord, metadata: RecordMetadata | None) -> None:
        """Know that this record has been stored, or dropped (None).

        A transformation drops records, and so does `errors.tolerance=all` where a stage fails.

        `record` is as `poll` returned it. Called in the order of `poll`; the default does
        nothing.
        """

    def drained(self) -> bool:
        """Whether there is nothing more to read as of now; asked after a `poll` without records.

        `venvoy run` ends when every source says so. The default is False: a stream never ends.
        This is not in Kafka.
        """
        return False


class SinkTask(Task):
    """Writes records into a foreign system.

    ::

        initialize(context) -> start(props) -> open(partitions)
          -> [put(records)* -> pre_commit(offsets)]* -> close(partitions) -> stop
    """

    context: SinkTaskContext
    """What the framework lends; there from `initialize` on."""

    def initialize(self, context: SinkTaskContext) -> None:
        """Keep the context. Called once, before `start`."""
        self.context = context

    def open(self, partitions: Collection[TopicPartition]) -> None:
        """Get ready for these partitions; they are this task's alone until `close`."""

    @abstractmethod
    def put(self, records: Sequence[SinkRecord]) -> None:
        """Take records, in the order of each partition; there may be none.

        They may be buffered: they count as done only when `flush` or `pre_commit` says so.
        Raise RetriableError to be given the same records again, anything else to fail the task; a
        record that cannot be taken may go to `context.errant_record_reporter()` instead.
        After a failure or a restart records since the last commit come again: write so that a
        repetition does no harm (upsert by key).
        """

    def flush(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Make everything that was put durable; `offsets` are the next ones to be read."""

    def pre_commit(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        """Return the offsets that may be committed: each at most the one given.

        `offsets` name the original topics and partitions, and for each the next offset to be
        read. The default calls `flush` and returns them all; return an empty mapping to commit
        nothing. What is raised makes the task go back to the last committed offsets.
        """
        self.flush(offsets)
        return offsets

    def close(self, partitions: Collection[TopicPartition]) -> None:
        """Let go of these partitions: after the last `pre_commit`, before `stop`."""
