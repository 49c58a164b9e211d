"""What the framework lends to connectors and tasks.

The host implements these classes; plugins only call them, and tests of plugins may implement them
with a few lines. All methods may be called from any thread.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from concurrent.futures import Future

    from venvoy_api.record import SinkRecord, TopicPartition

__all__ = [
    "ConnectorContext",
    "ErrantRecordReporter",
    "OffsetStorageReader",
    "SinkConnectorContext",
    "SinkTaskContext",
    "SourceConnectorContext",
    "SourceTaskContext",
]


class OffsetStorageReader(ABC):
    """Reads the source offsets that were committed for this connector."""

    @abstractmethod
    def offset(self, partition: Mapping[str, object]) -> Mapping[str, Any] | None:
        """Return the last committed offset of that source partition, or None if it has none.

        Numbers and strings come back as they were given; other values as JSON makes them.
        """

    def offsets(
        self, partitions: Iterable[Mapping[str, object]]
    ) -> list[tuple[Mapping[str, object], Mapping[str, Any] | None]]:
        """Return each partition with its offset, in the order given.

        Pairs, not a dict as in Kafka: a Python mapping cannot be the key of another.
        """
        return [(partition, self.offset(partition)) for partition in partitions]


class ErrantRecordReporter(ABC):
    """Takes records that a sink cannot handle, so that the task need not fail for them."""

    @abstractmethod
    def report(self, record: SinkRecord, error: BaseException) -> Future[None]:
        """Hand the record over with the reason, as Kafka's (KIP-610); then go on with the others.

        It is logged, or stored in the dead letter topic, or both, as `errors.*` say, and counts
        against `errors.tolerance`: with `none` this raises ConnectError, and the task fails, also
        when that is caught.

        The future is done once the record is stored. Offsets that the framework commits wait for
        that by themselves; only a task that keeps its offsets elsewhere has to call `result`.
        """


class ConnectorContext(ABC):
    """What a connector may ask of the framework, from `initialize` until `stop` returns."""

    @abstractmethod
    def request_task_reconfiguration(self) -> None:
        """Ask for `task_configs` to be called again, and for tasks that changed to restart."""

    @abstractmethod
    def raise_error(self, error: BaseException) -> None:
        """Mark the connector FAILED with this error; for faults found outside of a call."""


class SourceConnectorContext(ConnectorContext):
    """What a source connector may ask besides."""

    @abstractmethod
    def offset_storage_reader(self) -> OffsetStorageReader:
        """Return the reader of this connector's committed offsets."""


class SinkConnectorContext(ConnectorContext):
    """What a sink connector may ask: nothing besides."""


class SourceTaskContext(ABC):
    """What a source task may ask of the framework."""

    @abstractmethod
    def configs(self) -> Mapping[str, str]:
        """Return the task's configuration as it is now."""

    @abstractmethod
    def offset_storage_reader(self) -> OffsetStorageReader:
        """Return the reader of this connector's committed offsets."""

    def transaction_context(self) -> None:
        """Return None: tasks cannot mark transactions of their own, as KIP-618 would let them.

        Each batch is stored together with its source offsets, so there is nothing to mark.
        """
        return


class SinkTaskContext(ABC):
    """What a sink task may ask of the framework."""

    @abstractmethod
    def configs(self) -> Mapping[str, str]:
        """Return the task's configuration as it is now."""

    @abstractmethod
    def offset(self, partition: TopicPartition, offset: int) -> None:
        """Read that partition on from `offset`, after the current call returns.

        A sink that keeps its own offsets calls this in `open`.
        """

    @abstractmethod
    def timeout(self, timeout_ms: int) -> None:
        """Wait that many milliseconds before the batch is put again after a RetriableError."""

    @abstractmethod
    def assignment(self) -> frozenset[TopicPartition]:
        """Return the partitions that the task has now."""

    @abstractmethod
    def pause(self, *partitions: TopicPartition) -> None:
        """Stop delivering records of these partitions; others' are an IllegalWorkerStateError."""

    @abstractmethod
    def resume(self, *partitions: TopicPartition) -> None:
        """Deliver records of these paused partitions again."""

    @abstractmethod
    def request_commit(self) -> None:
        """Ask for `pre_commit` and a commit soon, without waiting for the interval."""

    def errant_record_reporter(self) -> ErrantRecordReporter | None:
        """Return where bad records can be reported, or None if nowhere: then raise instead.

        There is one when `errors.deadletterqueue.topic.name` or `errors.log.enable` is set.
        """
        return None
