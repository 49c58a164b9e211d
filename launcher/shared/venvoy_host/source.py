"""Mode `task`, the first segment of a source: poll, transform, convert, send, know it is stored."""

from __future__ import annotations

import contextlib
import json
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import venvoy_api
from venvoy_host import flow, frames
from venvoy_host.contexts import OffsetReader, SourceContext, canonical
from venvoy_host.flow import DataSocket, PeerGoneError, Window
from venvoy_host.logs import framework_logger
from venvoy_host.source_chain import Group, SourceBatch, SourceChain, frame_batch
from venvoy_host.tolerance import StopError, Tolerance

if TYPE_CHECKING:
    from venvoy_host.session import Session

__all__ = ["SourceLoop", "last_offsets"]

_log = framework_logger("venvoy.source")
_BATCH_RECORDS = 2000
_IDLE_S = 0.05
_FIRST_ACK_S = 1.0
_RETRY_S = (0.1, 30.0)


class _Sent(NamedTuple):
    """A batch on its way, with what its ack needs."""

    records: list[Any]
    groups: list[Group]
    offsets: list[list[Any]]


class SourceLoop:
    """One source task. `is_last`: this segment converts, and its frames go to the worker."""

    def __init__(
        self,
        session: Session,
        request: dict[str, Any],
        task: venvoy_api.SourceTask,
        chain: SourceChain,
        tolerance: Tolerance,
        out: DataSocket,
    ) -> None:
        self.session = session
        self.request = request
        self.task = task
        self.chain = chain
        self.tolerance = tolerance
        self.out = out
        self.is_last: bool = request["is_last"]
        self.window = Window(request["window_records"], request["window_bytes"])
        self.reader = OffsetReader(request["offsets"])
        self.polled = self.sent = 0
        self._number = 0
        self._sent: dict[int, _Sent] = {}
        self._acked: deque[frames.Frame] = deque()
        self._wants_records = type(task).commit_record is not venvoy_api.SourceTask.commit_record
        self._commit_due = time.monotonic() + self._interval_s
        self._uncommitted = False
        self._retry_s = 0.0
        self._is_drained = False

    @property
    def _interval_s(self) -> float:
        return float(self.request["flush_interval_ms"]) / 1000

    def start(self) -> None:
        """Start the task."""
        config = self.request["config"]
        self.task.initialize(SourceContext(config, self.reader))
        self.task.start(dict(config))

    def run(self) -> None:
        """Poll until asked to stop; then, also after a failure, wait for what is on its way.

        The caller stops the task.
        """
        try:
            while not self.session.is_stopping:
                self._take_acks()
                self.tolerance.tell()
                if self.session.wants_pause:
                    self._hold()
                elif self.window.is_full or self._is_drained:
                    self._wait(None)
                else:
                    self._turn()
        except PeerGoneError:
            raise
        except Exception:
            with contextlib.suppress(Exception):  # the first failure is the one to tell
                self._finish()
            raise
        self._finish()

    def _finish(self) -> None:
        deadline = time.monotonic() + float(self.request["flush_timeout_ms"]) / 1000
        self._settle(deadline)
        self._commit()

    def counts(self) -> dict[str, int]:
        """Return what passed: records polled, and records sent on, stored already or not."""
        return {"records_in": self.polled, "records_out": self.sent}

    def _turn(self) -> None:
        records = self._poll()
        if records:
            self.polled += len(records)
            self._send(list(records))
            if not self.session.is_healthy:  # the next poll may wait for data longer than a move
                self._settle(time.monotonic() + _FIRST_ACK_S)
        elif self._retry_s:
            self._back_off()
        elif self.request["until_drained"] and self.task.drained():
            self._settle(None)
            if self.window.is_empty:
                self._commit()
                self.session.control.send({"type": "drained", **self.counts()})
                self._is_drained = True
        else:
            self._wait(_IDLE_S)
        if not records and not self._retry_s and self.window.is_empty:
            self.session.tell_healthy()  # with records their ack says so
        if time.monotonic() >= self._commit_due:
            self._commit()

    def _back_off(self) -> None:
        deadline = time.monotonic() + self._retry_s
        while not self.session.is_stopping and not self.session.wants_pause:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._wait(left)
            self._take_acks()

    def _hold(self) -> None:
        """Rest until the pause is over: no poll; what is on its way arrives and is committed."""
        self.session.agree()
        while not self.session.is_stopping and self.session.wants_pause:
            self._wait(max(0.0, self._commit_due - time.monotonic()))
            self._take_acks()
            if time.monotonic() >= self._commit_due:
                self._commit()
        self.session.agree()

    def _poll(self) -> Any:
        try:
            records = self.task.poll()
        except venvoy_api.RetriableError as error:
            _log.warning("poll failed and is tried again: %s", error)
            self.session.tell_retrying(error)
            self._retry_s = min((self._retry_s or _RETRY_S[0] / 2) * 2, _RETRY_S[1])
            return None
        self._retry_s = 0.0
        return records

    def _send(self, records: list[Any]) -> None:
        for start in range(0, len(records), _BATCH_RECORDS):
            while self.window.is_full and not self.session.is_stopping:
                self._wait(None)
                self._take_acks()
            if self.window.is_full:
                return  # a stop: the rest is not stored, and is polled again after a restart
            try:
                self._send_batch(records[start : start + _BATCH_RECORDS])
            except StopError:
                return  # likewise

    def _send_batch(self, records: list[Any]) -> None:
        """Send a batch; of one that ends the task, what came before the record that does."""
        batch = SourceBatch(records, list(range(len(records))))
        fatal = self.chain.run(batch)
        if fatal is not None:
            records = records[: batch.end]
        if records:
            self._send_made(records, batch)
        if fatal is not None:
            raise fatal

    def _send_made(self, records: list[Any], batch: SourceBatch) -> None:
        offsets = last_offsets(records)
        self._number += 1
        number, encoded = self._number, canonical(offsets).encode()
        groups: list[Group] = []
        if self.is_last:
            made, groups = frame_batch(
                batch, number=number, source_offsets=encoded, wants_metadata=False
            )
        else:
            asked = frames.Flag.WANTS_METADATA if self._wants_records else 0
            flags = frames.Flag.LAST | asked
            count = len(batch.records)
            made = [
                frames.encode_objects(
                    batch.dump(), count=count, batch=number, flags=flags, source_offsets=encoded
                )
            ]
        size = sum(len(piece) for pieces in made for piece in pieces)
        self.window.take(number, len(records), size)
        self._sent[number] = _Sent(records if self._wants_records else [], groups, offsets)
        self.sent += len(batch.records)
        for pieces in made:
            self.out.send(pieces)

    def _take_acks(self) -> None:
        while True:
            frame = self.out.receive()
            if frame is None:
                break
            self._take_ack(frame)
        if self.out.is_closed and not self.session.is_stopping:
            raise PeerGoneError

    def _take_ack(self, frame: frames.Frame) -> None:
        self.window.release(frame.batch)
        sent = self._sent.pop(frame.batch)
        self.reader.remember(sent.offsets)
        self._uncommitted = True
        self.session.tell_healthy()
        if not self._wants_records:
            return
        placements = json.loads(frame.payload or b"[]")
        if self.is_last:
            placements = [
                [*place, group.indices, group.timestamps]
                for place, group in zip(placements, sent.groups)
            ]
        known: dict[int, venvoy_api.RecordMetadata] = {}
        for topic, partition, first, indices, stamps in placements:
            for row, (index, stamp) in enumerate(zip(indices, stamps)):
                known[index] = venvoy_api.RecordMetadata(topic, partition, first + row, stamp)
        for index, record in enumerate(sent.records):
            self.task.commit_record(record, known.get(index))

    def _settle(self, deadline: float | None) -> None:
        """Wait until nothing is on its way; without a deadline a stop or a pause ends the wait."""
        while not self.window.is_empty and not self.out.is_closed:
            if deadline is None and (self.session.is_stopping or self.session.wants_pause):
                return
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return
            self._wait(left)
            self._take_acks()

    def _commit(self) -> None:
        self._commit_due = time.monotonic() + self._interval_s
        if self._uncommitted:
            self._uncommitted = False
            self.task.commit()

    def _wait(self, timeout_s: float | None) -> None:
        due_s = self.tolerance.tell()
        if due_s is not None:
            timeout_s = due_s if timeout_s is None else min(timeout_s, due_s)
        flow.wait([self.out], self.session.control, timeout_s)
        is_stopping = self.session.is_stopping  # reads the control socket, so no wait spins on it
        if self.out.is_closed and not is_stopping:
            raise PeerGoneError


def last_offsets(records: list[Any]) -> list[list[Any]]:
    """Return [partition, offset] with the last offset of each source partition, in order.

    A partition or an offset of None is not kept.
    """
    found: list[list[Any]] = []
    seen: set[str] = set()
    last: Any = None
    for record in reversed(records):
        partition = record.source_partition
        if partition is None or record.source_offset is None:
            continue
        if partition is last or partition == last:
            continue
        last = partition
        name = canonical(dict(partition))
        if name not in seen:
            seen.add(name)
            found.append([dict(partition), dict(record.source_offset)])
    return found[::-1]
