"""Mode `task`, the last segment of a sink: receive, convert, transform, put, commit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import venvoy_api
from venvoy_api import TopicPartition
from venvoy_host import flow, frames
from venvoy_host.contexts import SinkContext
from venvoy_host.frames import Kind
from venvoy_host.logs import framework_logger
from venvoy_host.reporter import Reporter
from venvoy_host.sink_chain import SinkBatch, SinkChain
from venvoy_host.tolerance import StopError, Tolerance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_host.flow import DataSocket
    from venvoy_host.session import Session

__all__ = ["SinkLoop"]

_log = framework_logger("venvoy.sink")
_RETRY_S = (0.1, 60.0)
_FIRST_PUT_S = 0.5
_COMMIT_FAILURES_MAX = 3
_COMMIT_RETRY_MAX_S = 5.0


class SinkLoop:
    """One sink task.

    `positions` is the next offset to be put, per partition. A rewind raises `epoch`: the worker
    feeds again from the positions, and frames of an older epoch are dropped. `_held` are partitions
    of which records were passed over while they were paused: they need that, too.
    """

    def __init__(
        self,
        session: Session,
        request: dict[str, Any],
        task: venvoy_api.SinkTask,
        chain: SinkChain,
        tolerance: Tolerance,
        before: DataSocket,
    ) -> None:
        self.session = session
        self.request = request
        self.task = task
        self.chain = chain
        self.tolerance = tolerance
        self.before = before
        self.reporter = Reporter(session, tolerance)
        self.context = SinkContext(
            request["config"], self.reporter if tolerance.is_reported else None
        )
        self.epoch = 0
        self.put_records = self.received = 0
        self.positions: dict[TopicPartition, int] = {}
        self.committed: dict[TopicPartition, int] = {}
        self._told_paused: set[TopicPartition] = set()
        self._held: set[TopicPartition] = set()
        self._commit_due = time.monotonic() + self._interval_s
        self._commit_failures = 0

    @property
    def _interval_s(self) -> float:
        return float(self.request["flush_interval_ms"]) / 1000

    def start(self) -> None:
        """Start the task and open its partitions."""
        self.task.initialize(self.context)
        self.task.start(dict(self.request["config"]))
        self._open({TopicPartition(t, p): offset for t, p, offset in self.request["partitions"]})

    def run(self) -> None:
        """Put until asked to stop or the feed ends; then, also after a failure, commit and close.

        The caller stops the task.
        """
        try:
            self._loop()
        except BaseException:
            try:
                self._finish()
            except Exception:  # noqa: BLE001  # the first failure is the one to tell
                _log.warning("closing after a failure failed, too", exc_info=True)
            raise
        self._finish()

    def _loop(self) -> None:
        while not self.session.is_stopping:
            self._do_wishes()
            if self.session.wants_pause:
                self._hold()
                continue
            try:
                gathered = self._gather()
            except StopError:
                return
            if gathered:
                self._deliver(gathered)
            elif self.before.is_closed:
                return
            elif not self.before.has_arrived:
                self._idle()

    def _finish(self) -> None:
        self._commit(closing=True)
        self.task.close(sorted(self.context.assigned))

    def counts(self) -> dict[str, int]:
        """Return what passed: records received, and records put."""
        return {"records_in": self.received, "records_out": self.put_records}

    def _idle(self) -> None:
        left = self._until_commit(self.tolerance.tell())
        if not self.session.is_healthy:
            left = min(left, _FIRST_PUT_S)
        if self.context.timeout_ms is not None:
            left = min(left, self.context.timeout_ms / 1000)
            self.context.timeout_ms = None
        if not flow.wait([self.before], self.session.control, left):
            self._put([])  # as in Kafka: time passes for a sink that has to flush, too

    def _hold(self) -> None:
        """Rest until the pause is over: no `put`; commits go on, the first one at once."""
        self._commit()
        self.session.agree()
        while not self.session.is_stopping and self.session.wants_pause:
            # Only for the worker's word: frames stay where they are, and would end every wait.
            flow.wait([], self.session.control, self._until_commit(self.tolerance.tell()))
            if self.context.wants_commit or time.monotonic() >= self._commit_due:
                self._commit()
        self.session.agree()

    def _do_wishes(self) -> None:
        """Do what the task asked its context for since the last call."""
        self._raise_fatal()
        context = self.context
        if context.wants_commit or time.monotonic() >= self._commit_due:
            self._commit()
        resumed = (self._told_paused | self._held) - context.paused
        if context.rewinds or resumed:
            for partition, offset in context.rewinds.items():
                if partition in context.assigned:
                    self.positions[partition] = offset
                else:
                    _log.warning("cannot go to %s of %s, which is not assigned", offset, partition)
            context.rewinds.clear()
            self._seek()
        elif context.paused != self._told_paused:
            self._told_paused = set(context.paused)
            self._tell("pause")

    def _seek(self) -> None:
        self.epoch += 1
        self._held.clear()
        self._told_paused = set(self.context.paused)
        self._tell("seek")

    def _tell(self, kind: str) -> None:
        self.session.control.send(
            {
                "type": kind,
                "epoch": self.epoch,
                "positions": [[*one, offset] for one, offset in self.positions.items()],
                "paused": [list(one) for one in self._told_paused],
            }
        )

    def _open(self, partitions: dict[TopicPartition, int]) -> None:
        if not partitions:
            return
        self.positions.update(partitions)
        self.committed.update(partitions)
        self.context.assigned.update(partitions)
        self.task.open(sorted(partitions))

    def _gather(self) -> list[tuple[frames.Frame, SinkBatch]]:
        """Take what has arrived, up to one `put`'s worth, already converted and transformed."""
        gathered: list[tuple[frames.Frame, SinkBatch]] = []
        count = 0
        while count < self.request["max_poll_records"]:
            frame = self.before.receive()
            if frame is None:
                break
            if frame.epoch != self.epoch:
                self.before.send(frames.encode_ack(frame.batch))
                continue
            if frame.kind == Kind.END:
                self._deliver(gathered)
                gathered = []
                self._catch_up(frame)
                break
            batch = self._convert(frame)
            gathered.append((frame, batch))
            count += batch.count
        return gathered

    def _convert(self, frame: frames.Frame) -> SinkBatch:
        batch = (
            SinkBatch.from_frame(frame)
            if frame.kind == Kind.RECORDS
            else SinkBatch.load(frame.payload)
        )
        self.chain.run(batch)
        return batch

    def _catch_up(self, frame: frames.Frame) -> None:
        """Answer END: everything up to it is put and committed, unless the task went back."""
        self._commit()
        if frame.epoch == self.epoch and not self.context.rewinds and not self._held:
            self.session.control.send(
                {"type": "caught_up", "epoch": self.epoch, "batch": frame.batch, **self.counts()}
            )

    def _deliver(self, gathered: list[tuple[frames.Frame, SinkBatch]]) -> None:
        records = [one for frame, batch in gathered for one in self._accept(frame, batch)]
        if self.context.rewinds or not self._put_all(records):
            self._ack(gathered)
            return
        for _, batch in gathered:
            partition = TopicPartition(batch.topic, batch.partition)
            if partition not in self._held:
                end = batch.first_offset + batch.count
                self.positions[partition] = max(self.positions[partition], end)
        self.session.tell_healthy()  # also when the chain has kept every record from `put`
        self._ack(gathered)

    def _accept(self, frame: frames.Frame, batch: SinkBatch) -> list[Any]:
        """Return what of a frame is to be put, and send its dead letters; open what is new."""
        partition = TopicPartition(batch.topic, batch.partition)
        if partition not in self.context.assigned:
            self._open({partition: batch.first_offset})
        if self.context.rewinds:
            return []
        if partition in self.context.paused:
            self._held.add(partition)
        if partition in self._held:
            return []
        position = self.positions[partition]
        self.received += frame.count
        for letter in batch.letters:
            if letter["offset"] >= position:
                self.reporter.send(letter)
        return [one for one in batch.records or () if one.original_offset >= position]

    def _ack(self, gathered: list[tuple[frames.Frame, SinkBatch]]) -> None:
        for frame, _ in gathered:
            self.before.send(frames.encode_ack(frame.batch))

    def _put_all(self, records: list[Any]) -> bool:
        """Put everything in slices; False when a stop or a rewind came in between."""
        size = self.request["max_poll_records"]
        for start in range(0, len(records), size):
            part = self._not_paused(records[start : start + size])
            if not part:
                continue
            if not self._put(part):
                return False
            self.put_records += len(part)
            last = {
                (one.original_topic, one.original_partition): one.original_offset for one in part
            }
            for place, offset in last.items():
                self.positions[TopicPartition(*place)] = offset + 1
            if not self.session.is_stopping and self.session.wants_pause:
                self._hold()
            if self.session.is_stopping or self.context.rewinds:
                return False
        return True

    def _not_paused(self, records: list[Any]) -> list[Any]:
        """Return the records without those of partitions that the last `put` has paused."""
        paused = self.context.paused | self._held
        if not paused:
            return records
        places = {TopicPartition(one.original_topic, one.original_partition) for one in records}
        self._held |= places & paused
        return [
            one
            for one in records
            if TopicPartition(one.original_topic, one.original_partition) not in self._held
        ]

    def _put(self, records: list[Any]) -> bool:
        """Put one slice, again and again while it is retriable; False when a stop came first."""
        delay = _RETRY_S[0]
        while not self._tried(records):
            asked = self.context.timeout_ms
            self.context.timeout_ms = None
            pause = delay if asked is None else asked / 1000
            delay = min(delay * 2, _RETRY_S[1])
            if not self._rest(pause) or self.context.rewinds:
                return False
        return True

    def _tried(self, records: list[Any]) -> bool:
        try:
            self.task.put(list(records))
        except venvoy_api.RetriableError as error:
            _log.warning("put failed and is tried again: %s", error)
            self.session.tell_retrying(error)
            return False
        self._raise_fatal()
        self.session.tell_healthy()
        return True

    def _raise_fatal(self) -> None:
        """End the task for a record that it reported, also when it hid what `report` raised."""
        if self.tolerance.fatal is not None:
            raise self.tolerance.fatal

    def _rest(self, seconds: float) -> bool:
        """Wait between two attempts, pauses and commits served; False when a stop came first."""
        deadline = time.monotonic() + seconds
        while not self.session.is_stopping:
            if self.session.wants_pause:
                self._hold()
                continue
            if time.monotonic() >= self._commit_due:
                self._commit()
            left = deadline - time.monotonic()
            if left <= 0:
                return True
            until_commit = self._until_commit(self.tolerance.tell())
            flow.wait([], self.session.control, min(left, until_commit))
        return False

    def _until_commit(self, other_s: float | None) -> float:
        """Return the seconds until the next commit is due, or the other time if that is less."""
        left = max(0.0, self._commit_due - time.monotonic())
        return left if other_s is None else min(left, other_s)

    def _commit(self, *, closing: bool = False) -> None:
        self._commit_due = time.monotonic() + self._interval_s
        self.context.wants_commit = False
        current = dict(self.positions)
        if not current:
            return
        try:
            offered = self.task.pre_commit(dict(current))
        except Exception as error:  # noqa: BLE001  # Kafka: whatever it is, the task goes back
            self._take_back(error, closing=closing)
            return
        self._commit_failures = 0
        safe = self._committable(offered or {}, current)
        changed = {one: offset for one, offset in safe.items() if self.committed[one] != offset}
        if changed:
            self.committed.update(changed)
            pairs = [[*one, offset] for one, offset in changed.items()]
            self.session.control.send({"type": "commit", "offsets": pairs})

    def _committable(
        self, offered: Mapping[TopicPartition, int], current: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """Return what of it may be committed; the rest is passed over with a word, as in Kafka."""
        safe: dict[TopicPartition, int] = {}
        for one, offset in offered.items():
            if one not in current:
                _log.warning("pre_commit offered %s of %s, which is not assigned", offset, one)
            elif offset > current[one]:
                _log.warning("pre_commit offered %s of %s, which is not put yet", offset, one)
            else:
                safe[one] = offset
        return safe

    def _take_back(self, error: Exception, *, closing: bool) -> None:
        """After a failed commit: go back to what was committed.

        For ever, as Kafka; but a run that is to end gives up when it fails on and on.
        """
        self._commit_failures += 1
        if closing:
            _log.warning("the last commit failed: %s", error)
            return
        if self.request["until_drained"] and self._commit_failures >= _COMMIT_FAILURES_MAX:
            raise error
        _log.warning("the commit failed, going back to the last committed offsets: %s", error)
        self.context.rewinds.update(self.committed)
        pause = min(_RETRY_S[0] * 2 ** min(self._commit_failures, 10), _COMMIT_RETRY_MAX_S)
        self.session.rest(pause)
