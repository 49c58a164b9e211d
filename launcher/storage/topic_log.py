"""Topics and offsets behind one Protocol, so that Kafka can take the embedded log's place."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from launcher.hosts.frames import RawRecord, StoredFrame, WireFrame
from manager.errors import InternalError

__all__ = [
    "Append",
    "SourceOffset",
    "TopicLog",
    "TopicPartition",
    "canonical_json",
    "parse_source_offsets",
]

TopicPartition: TypeAlias = tuple[str, int]
"""A topic and the number of one of its partitions, from 0."""

SourceOffset: TypeAlias = tuple[str, str]
"""A source partition and its offset, each as canonical JSON: the worker never looks inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """One batch of a source: its frames in order, and what they say of its offsets."""

    connector: str
    frames: tuple[WireFrame, ...]
    source_offsets: tuple[SourceOffset, ...]


class TopicLog(Protocol):
    """Where records and offsets are kept. All methods may be called at once from one event loop."""

    async def append(self, batch: Append) -> tuple[tuple[str, int, int], ...]:
        """Store the frames and the source offsets of a batch together, or nothing of it.

        Returns (topic, partition, first offset) of each frame, once they are durable. Batches of
        one connector are stored in the order of the calls.
        """
        ...

    async def read(
        self, topic: str, partition: int, offset: int, *, max_bytes: int
    ) -> tuple[StoredFrame, ...]:
        """Return frames in order, the first of which holds `offset`; none at the end.

        At least one frame, and then as many as fit into `max_bytes`.
        """
        ...

    async def ends(self, topics: Sequence[str]) -> Mapping[TopicPartition, int]:
        """Return the next offset of each partition that has records, of these topics."""
        ...

    async def source_offsets(self, connector: str) -> tuple[SourceOffset, ...]:
        """Return the last stored offset of each source partition."""
        ...

    async def sink_offsets(self, connector: str) -> Mapping[TopicPartition, int]:
        """Return the committed offsets: the next ones to be put."""
        ...

    async def commit_sink_offsets(
        self, connector: str, offsets: Mapping[TopicPartition, int]
    ) -> None:
        """Keep a sink's offsets; returns once they are durable."""
        ...

    async def append_record(self, topic: str, partition: int, record: RawRecord) -> int:
        """Store one record that no host has encoded, a dead letter; return its offset, durable."""
        ...

    async def record_at(self, topic: str, partition: int, offset: int) -> RawRecord:
        """Return one record as it is stored; raises InternalError when there is none."""
        ...

    async def topic_names(self) -> tuple[str, ...]:
        """Return every topic that has or had records, in no order, for `topics.regex`."""
        ...

    async def set_source_offsets(
        self, connector: str, offsets: Sequence[tuple[str, str | None]]
    ) -> None:
        """Change the offsets of some partitions, all or none; None forgets a partition.

        Both are canonical JSON (`canonical_json`). Returns once they are durable.
        """
        ...

    async def delete_source_offsets(self, connector: str) -> None:
        """Forget all of a source's offsets."""
        ...

    async def set_sink_offsets(
        self, connector: str, offsets: Mapping[TopicPartition, int | None]
    ) -> None:
        """Change the offsets of some partitions, all or none; None forgets a partition."""
        ...

    async def delete_sink_offsets(self, connector: str) -> None:
        """Forget all of a sink's offsets."""
        ...


def parse_source_offsets(data: bytes) -> tuple[SourceOffset, ...]:
    """Read a frame's canonical [[partition, offset], …] into canonical pairs.

    Raises:
        InternalError: it is something else.
    """
    if not data:
        return ()
    try:
        return tuple(
            (canonical_json(key), canonical_json(value)) for key, value in json.loads(data)
        )
    except (TypeError, ValueError) as error:
        raise InternalError(what=f"source offsets are malformed: {error}") from error


def canonical_json(value: object) -> str:
    """Return the one text that stands for a partition or an offset; ValueError when none does."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
