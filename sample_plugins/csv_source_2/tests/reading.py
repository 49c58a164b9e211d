"""Runs the connector and its tasks in this process, as the framework would in two."""

from collections.abc import Mapping
from typing import Any, Optional

from acme_csv import CsvSourceConnector, CsvSourceTask

from venvoy_api import OffsetStorageReader, SourceRecord, SourceTaskContext

__all__ = ["Offsets", "Reading", "read_all"]


class Offsets(OffsetStorageReader):
    """Committed offsets by file."""

    def __init__(self, offsets: Optional[Mapping[str, Mapping[str, Any]]] = None) -> None:
        self.by_file = dict(offsets or {})

    def offset(self, partition: Mapping[str, object]) -> Optional[Mapping[str, Any]]:
        """Return the offset of the file that the partition names."""
        return self.by_file.get(str(partition["file"]))


class Context(SourceTaskContext):
    """What the framework would lend to a task."""

    def __init__(self, props: Mapping[str, str], offsets: Offsets) -> None:
        self.props = props
        self.reader = offsets

    def configs(self) -> Mapping[str, str]:
        """Return the task's configuration."""
        return self.props

    def offset_storage_reader(self) -> Offsets:
        """Return the committed offsets."""
        return self.reader


class Reading:
    """One task that reads; `poll` also commits, so that `offsets` is where it got to."""

    def __init__(self, props: Mapping[str, str], offsets: Optional[Offsets] = None) -> None:
        self.offsets = offsets or Offsets()
        self.task = CsvSourceTask()
        self.task.initialize(Context(props, self.offsets))
        self.task.start(props)

    def poll(self) -> list[SourceRecord]:
        """Return the next records."""
        records = list(self.task.poll() or ())
        for record in records:
            assert record.source_partition is not None
            assert record.source_offset is not None
            self.offsets.by_file[record.source_partition["file"]] = record.source_offset
        return records

    def drain(self) -> list[SourceRecord]:
        """Return everything up to the end."""
        records: list[SourceRecord] = []
        while not self.task.drained():
            records += self.poll()
        return records


def task_configs(props: Mapping[str, str], max_tasks: int = 1) -> list[Mapping[str, str]]:
    """Return what the connector would have its tasks do."""
    connector = CsvSourceConnector()
    connector.start(props)
    try:
        return list(connector.task_configs(max_tasks))
    finally:
        connector.stop()


def read_all(props: Mapping[str, str], offsets: Optional[Offsets] = None) -> list[SourceRecord]:
    """Return every record of a connector with one task."""
    (config,) = task_configs(props)
    return Reading(config, offsets).drain()
