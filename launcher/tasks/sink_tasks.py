"""Sink tasks: frames from the log go to the first host, offsets come back over control."""

import asyncio
import contextlib
import zlib
from collections.abc import Mapping, Sequence

from launcher.hosts.control import Message
from launcher.hosts.frames import FrameKind, StoredFrame, encode_end, for_feed, read_frame
from launcher.hosts.window import Window
from launcher.storage.topic_log import TopicPartition
from launcher.tasks.dead_letters import DeadLetters
from launcher.tasks.runtime import Runtime
from launcher.tasks.task import Task, TaskListener, TaskSpec
from manager.errors import VenvoyError

__all__ = ["SinkTask"]

_READ_BYTES = 1024 * 1024
_LOOK_AGAIN_S = 1.0


class SinkTask(Task):
    """One task of a sink.

    Partitions are dealt out to tasks by a hash of topic and number, so each belongs to one task,
    also those that appear later. When the host asks to go back, the epoch rises, and the feed
    starts again from the positions that it names.
    """

    def __init__(
        self,
        spec: TaskSpec,
        runtime: Runtime,
        *,
        listener: TaskListener | None = None,
        paused: bool = False,
    ) -> None:
        super().__init__(spec, runtime, listener=listener, paused=paused)
        self._positions: dict[TopicPartition, int] = {}
        self._began_at: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._epoch = 0
        self._batch = 0
        self._ended: tuple[int, dict[TopicPartition, int]] | None = None
        self._window = Window(
            records=runtime.settings.window_records, size_bytes=runtime.settings.window_bytes
        )
        self._changed = self.watch(self._reads)
        self._commits: set[asyncio.Task[None]] = set()
        self._commit_order = asyncio.Lock()
        self._letters: DeadLetters | None = None
        self._acked = 0
        self._has_stopped = False

    async def start_fields(self) -> dict[str, object]:
        """Return the partitions of this task with the offsets to begin at."""
        committed = await self.runtime.log.sink_offsets(self.spec.plan.name)
        ends = await self._ends()
        known = {*ends, *((topic, 0) for topic in self.spec.plan.topics)}
        self._positions = {
            place: self._begin_at(place, committed.get(place, 0), end=ends.get(place, 0))
            for place in sorted(known)
            if self._is_mine(place)
        }
        self._began_at = dict(self._positions)
        pairs = [[*place, offset] for place, offset in self._positions.items()]
        return {"partitions": pairs}

    def _begin_at(self, place: TopicPartition, committed: int, *, end: int) -> int:
        """Return where to begin: an offset that nothing has yet is out of range, as in Kafka.

        Kafka's consumer of a sink then goes on at the first record (`auto.offset.reset=earliest`).
        """
        if committed <= end:
            return committed
        self.runtime.tell(
            self.spec.name,
            f"offset {committed} of `{place[0]}-{place[1]}` is beyond its end, {end}: reading goes "
            "on at its first record, offset 0",
            level="WARNING",
        )
        return 0

    async def flow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Feed the first host and hear its acks, until cancelled or the host is gone."""
        acks = asyncio.create_task(self._take_acks(reader))
        try:
            with contextlib.suppress(ConnectionError):
                while not acks.done():
                    self._changed.clear()
                    if not await self._feed(writer):
                        await self._wait(acks)
        finally:
            acks.cancel()

    async def settle(self, flow: asyncio.Task[None]) -> None:
        """End the feed, and wait for the commits that came over control."""
        flow.cancel()
        if self._commits:
            await asyncio.gather(*self._commits)
        if self._letters is not None:
            await self._letters.settled()

    def take(self, message: Message) -> None:
        """Take what the task says and asks for."""
        kind = message["type"]
        if kind in ("seek", "pause"):
            self._paused = set(_places(message.get("paused")))
        if kind == "seek":
            self._epoch = int(str(message["epoch"]))
            # A partition that the host does not name yet has had nothing put.
            fresh = {place: self._began_at.get(place, 0) for place in self._positions}
            self._positions = fresh | _offsets(message.get("positions"))
        elif kind == "commit":
            commit = self._commit(_offsets(message.get("offsets")))
            storing = asyncio.get_running_loop().create_task(commit)
            self._commits.add(storing)
            storing.add_done_callback(self._committed)
        elif kind == "dead_letter":
            self._dead_letters().take(message)
        elif kind in ("caught_up", "stopped"):
            self.records_in = int(str(message.get("records_in", self.records_in)))
            self.records_out = int(str(message.get("records_out", self.records_out)))
            self._has_stopped = kind == "stopped"
        if kind == "caught_up" and self._ended == (message["epoch"], self._positions):
            self.is_complete = True
        self._changed.set()

    async def _commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Store offsets, in the order in which they came, behind the dead letters they cover."""
        async with self._commit_order:
            if self._letters is not None:
                await self._letters.settled()
            await self.runtime.log.commit_sink_offsets(self.spec.plan.name, offsets)

    def _dead_letters(self) -> DeadLetters:
        if self._letters is None:
            settings = self.spec.error_settings
            self._letters = DeadLetters(
                settings.dead_letter_topic or "",
                context_headers=settings.context_headers,
                connector=self.spec.plan.name,
                task=self.spec.index,
                log=self.runtime.log,
                mask=self.runtime.mask,
                on_answer=self._answer_letter,
            )
        return self._letters

    def _answer_letter(self, number: int, error: VenvoyError | None) -> None:
        """Tell the host that a dead letter is stored; one that cannot be fails the task at once."""
        answer = {"type": "stored", "number": number}
        for place, host in enumerate(self.hosts):
            if self.has_task(place):
                host.control.send(answer | ({"error": error.message} if error else {}))
        if error is not None:
            self.fail(error)
        else:
            self.runtime.signals.appended(self.spec.error_settings.dead_letter_topic or "")

    def _committed(self, storing: asyncio.Task[None]) -> None:
        """Forget a commit that is on disk; one that cannot be stored fails the task at once."""
        self._commits.discard(storing)
        error = None if storing.cancelled() else storing.exception()
        if isinstance(error, VenvoyError):
            self.fail(error)

    def _is_mine(self, place: TopicPartition) -> bool:
        topic, partition = place
        return (zlib.crc32(topic.encode()) + partition) % self.spec.of == self.spec.index

    def _reads(self, topic: str) -> bool:
        plan = self.spec.plan
        if plan.topics_regex is not None:
            return plan.topics_regex.fullmatch(topic) is not None
        return topic in plan.topics

    async def _ends(self) -> Mapping[TopicPartition, int]:
        """Return where the topics end, those that a pattern finds by now among them."""
        plan, log = self.spec.plan, self.runtime.log
        topics: Sequence[str] = plan.topics
        if plan.topics_regex is not None:
            found = await log.topic_names()
            topics = [topic for topic in found if self._reads(topic)]
        return await log.ends(topics)

    @property
    def errors(self) -> Mapping[str, int]:
        """Kafka's task-error-metrics, with those of the dead letter topic."""
        letters = self._letters.counts if self._letters is not None else {}
        return {**super().errors, **letters}

    async def _feed(self, writer: asyncio.StreamWriter) -> bool:
        """Send what there is, while the window allows; True when there may be more."""
        were_done = self.runtime.signals.sources_done.is_set()
        ends = await self._ends()
        for place in sorted(ends):
            if self._is_mine(place):
                self._positions.setdefault(place, 0)
        behind = [
            place
            for place, offset in self._positions.items()
            if offset < ends.get(place, 0) and place not in self._paused
        ]
        for place in behind:
            if self._window.is_full:
                return False
            await self._send(place, writer)
        if not behind and were_done and not self._paused:
            await self._end(writer)
        return bool(behind)

    async def _send(self, place: TopicPartition, writer: asyncio.StreamWriter) -> None:
        epoch, offset = self._epoch, self._positions[place]
        found = await self.runtime.log.read(*place, offset, max_bytes=_READ_BYTES)
        for frame in found:
            # The host may have asked to go back, or for a pause, while we waited.
            is_stale = epoch != self._epoch or place in self._paused
            if is_stale or self._window.is_full:
                return
            self._send_frame(frame, writer)
            await writer.drain()

    def _send_frame(self, frame: StoredFrame, writer: asyncio.StreamWriter) -> None:
        place = frame.topic, frame.partition
        count = frame.end_offset - max(frame.first_offset, self._positions[place])
        self._batch += 1
        self._window.take(self._batch, records=count, size_bytes=len(frame.data))
        writer.write(for_feed(frame.data, batch=self._batch, epoch=self._epoch))
        self._positions[place] = frame.end_offset
        self.listener.topic(frame.topic)
        self.records_in += count

    async def _end(self, writer: asyncio.StreamWriter) -> None:
        """Say once, for these positions, that this was all."""
        mark = (self._epoch, dict(self._positions))
        if self._ended != mark:
            self._ended = mark
            writer.write(encode_end(batch=self._batch, epoch=self._epoch))
            await writer.drain()

    async def _take_acks(self, reader: asyncio.StreamReader) -> None:
        while (frame := await read_frame(reader)) is not None:
            if frame.kind is FrameKind.ACK:
                self._acked += self._window.release(frame.batch)
                if not self._has_stopped:  # what the host said last is exact
                    self.records_out = max(self.records_out, self._acked)
                self._changed.set()

    async def _wait(self, acks: asyncio.Task[None]) -> None:
        """Wait for a change; look again now and then, as another worker may append, too."""
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait(
                (changed, acks), timeout=_LOOK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            changed.cancel()


def _places(value: object) -> list[TopicPartition]:
    rows = value if isinstance(value, list) else []
    return [(str(row[0]), int(row[1])) for row in rows]


def _offsets(value: object) -> dict[TopicPartition, int]:
    rows = value if isinstance(value, list) else []
    return {(str(row[0]), int(row[1])): int(row[2]) for row in rows}
