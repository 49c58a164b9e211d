"""Source tasks: frames from the last host go into the log, acks go back."""

import asyncio
from collections.abc import Sequence

from launcher.hosts.control import Message
from launcher.hosts.frames import FrameKind, WireFrame, encode_ack, read_frame
from launcher.storage.topic_log import Append, parse_source_offsets
from launcher.tasks.connector_host import decoded_offsets
from launcher.tasks.task import Task

__all__ = ["SourceTask"]

_Placing = tuple[int, int, tuple[str, ...], "asyncio.Task[tuple[tuple[str, int, int], ...]]"]


class SourceTask(Task):
    """One task of a source. Batches are stored in order, several at a time, and acked in order."""

    async def start_fields(self) -> dict[str, object]:
        """Return the connector's offsets."""
        offsets = await self.runtime.log.source_offsets(self.spec.plan.name)
        return {"offsets": decoded_offsets(offsets)}

    async def flow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Store what comes until the last host closes its socket."""
        placing: asyncio.Queue[_Placing | None] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._acknowledge(placing, writer))
            batch: list[WireFrame] = []
            while (frame := await read_frame(reader)) is not None:
                if frame.kind is not FrameKind.RECORDS:
                    continue
                batch.append(frame)
                if frame.is_last:
                    placing.put_nowait(self._store(group, batch))
                    batch = []
            placing.put_nowait(None)

    async def settle(self, flow: asyncio.Task[None]) -> None:
        """Wait for what is on its way into the log: the hosts' sockets are closed."""
        await flow

    def take(self, message: Message) -> None:
        """Take what the task says of itself."""
        if message["type"] in ("drained", "stopped"):
            self.records_in = max(self.records_in, int(str(message.get("records_in", 0))))
        if message["type"] == "drained":
            self.is_complete = True

    def _store(self, group: asyncio.TaskGroup, batch: Sequence[WireFrame]) -> _Placing:
        append = Append(
            connector=self.spec.plan.name,
            frames=tuple(batch),
            source_offsets=parse_source_offsets(batch[-1].source_offsets),
        )
        count = sum(frame.count for frame in batch)
        topics = tuple({frame.topic for frame in batch if frame.count})
        for topic in topics:
            self.listener.topic(topic)
        storing = group.create_task(self.runtime.log.append(append))
        return batch[-1].batch, count, topics, storing

    async def _acknowledge(
        self, placing: asyncio.Queue[_Placing | None], writer: asyncio.StreamWriter
    ) -> None:
        while (placed := await placing.get()) is not None:
            batch, count, topics, storing = placed
            placements = await storing
            self.records_out += count
            self.records_in = max(self.records_in, self.records_out)
            self.runtime.signals.appended(*topics)
            if not writer.is_closing():
                writer.write(encode_ack(batch, placements))
