"""What the API's contexts are in a host: notes for the loop, messages for the worker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import venvoy_api
from venvoy_host.control import Control, describe

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ConnectorLink",
    "OffsetReader",
    "SinkContext",
    "SourceConnectorLink",
    "SourceContext",
    "canonical",
]


def canonical(value: object) -> str:
    """Return canonical JSON: sorted keys, no blanks; raises ConnectError for other values."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise venvoy_api.ConnectError(
            f"source partitions and offsets must be JSON values: {error}"
        ) from error


class OffsetReader(venvoy_api.OffsetStorageReader):
    """The connector's offsets as they were at the start, and what this task stored since."""

    def __init__(self, pairs: list[list[Any]]) -> None:
        self._offsets = {canonical(partition): offset for partition, offset in pairs}

    def offset(self, partition: Mapping[str, object]) -> Mapping[str, Any] | None:
        """Return the last committed offset of that source partition, or None."""
        offset: dict[str, Any] | None = self._offsets.get(canonical(dict(partition)))
        return None if offset is None else dict(offset)

    def remember(self, pairs: list[list[Any]]) -> None:
        """Take over offsets that the log has stored."""
        for partition, offset in pairs:
            self._offsets[canonical(partition)] = offset


class SourceContext(venvoy_api.SourceTaskContext):
    """A source task's context."""

    def __init__(self, config: Mapping[str, str], reader: OffsetReader) -> None:
        self._config = config
        self._reader = reader

    def configs(self) -> Mapping[str, str]:
        """Return the task's configuration."""
        return dict(self._config)

    def offset_storage_reader(self) -> OffsetReader:
        """Return the reader of this connector's committed offsets."""
        return self._reader


class SinkContext(venvoy_api.SinkTaskContext):
    """A sink task's context: it notes what is asked for, and the loop does it between calls."""

    def __init__(
        self, config: Mapping[str, str], reporter: venvoy_api.ErrantRecordReporter | None
    ) -> None:
        self._config = config
        self._reporter = reporter
        self.assigned: set[venvoy_api.TopicPartition] = set()
        self.paused: set[venvoy_api.TopicPartition] = set()
        self.rewinds: dict[venvoy_api.TopicPartition, int] = {}
        self.timeout_ms: int | None = None
        self.wants_commit = False

    def configs(self) -> Mapping[str, str]:
        """Return the task's configuration."""
        return dict(self._config)

    def offset(self, partition: venvoy_api.TopicPartition, offset: int) -> None:
        """Note the rewind."""
        self.rewinds[partition] = offset

    def timeout(self, timeout_ms: int) -> None:
        """Note how long to wait before the batch is put again."""
        self.timeout_ms = timeout_ms

    def assignment(self) -> frozenset[venvoy_api.TopicPartition]:
        """Return the partitions that the task has now."""
        return frozenset(self.assigned)

    def pause(self, *partitions: venvoy_api.TopicPartition) -> None:
        """Note the pause."""
        self._require_assigned(partitions, "pause")
        self.paused.update(partitions)

    def resume(self, *partitions: venvoy_api.TopicPartition) -> None:
        """Note that the pause is over."""
        self._require_assigned(partitions, "resume")
        self.paused.difference_update(partitions)

    def request_commit(self) -> None:
        """Note that a commit is wanted."""
        self.wants_commit = True

    def errant_record_reporter(self) -> venvoy_api.ErrantRecordReporter | None:
        """Return the reporter; None when neither a log nor a topic would hear of it."""
        return self._reporter

    def _require_assigned(
        self, partitions: tuple[venvoy_api.TopicPartition, ...], verb: str
    ) -> None:
        strangers = set(partitions) - self.assigned
        if strangers:
            raise venvoy_api.IllegalWorkerStateError(
                f"SinkTasks may not {verb} partitions that are not assigned to them: {strangers}"
            )


class ConnectorLink(venvoy_api.SinkConnectorContext):
    """A connector's context: it tells the worker."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def request_task_reconfiguration(self) -> None:
        """Ask for `task_configs` to be called again."""
        self._control.send({"type": "reconfigure"})

    def raise_error(self, error: BaseException) -> None:
        """Mark the connector FAILED."""
        self._control.send({"type": "failed", "error": describe(error)})


class SourceConnectorLink(ConnectorLink, venvoy_api.SourceConnectorContext):
    """A source connector's context."""

    def __init__(self, control: Control, reader: OffsetReader) -> None:
        super().__init__(control)
        self._reader = reader

    def offset_storage_reader(self) -> OffsetReader:
        """Return the reader of this connector's committed offsets."""
        return self._reader
