"""Mode `task`, a segment without the task itself, between two hosts or a host and the worker.

Frames go one way, acks the other. When either neighbour closes its socket, so does this one.

A source's batch that ends the task here is not stored at all, also what came before the record
that failed: which source offsets would be right for a part of it, only the first host knows.
"""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

from venvoy_host import flow, frames
from venvoy_host.frames import Flag, Frame, Kind
from venvoy_host.sink_chain import SinkBatch, SinkChain
from venvoy_host.source_chain import Group, SourceBatch, SourceChain, frame_batch
from venvoy_host.tolerance import StopError, Tolerance

if TYPE_CHECKING:
    from venvoy_host.flow import DataSocket
    from venvoy_host.session import Session

__all__ = ["MiddleLoop"]


class MiddleLoop:
    """One segment between two others. `is_last`: a source's, whose frames go to the worker."""

    def __init__(
        self,
        session: Session,
        request: dict[str, Any],
        chain: SourceChain | SinkChain,
        tolerance: Tolerance,
        before: DataSocket,
        after: DataSocket,
    ) -> None:
        self.session = session
        self.request = request
        self.chain = chain
        self.tolerance = tolerance
        self.before = before
        self.after = after
        self.is_last: bool = request["is_last"]
        self.records_in = self.records_out = 0
        self._groups: dict[int, list[Group]] = {}
        self._on_their_way: set[int] = set()

    def run(self) -> None:
        """Pass frames on until a neighbour closes or a stop is asked for.

        Raises what ends the task, once the batches before are stored or the time for it is up.
        """
        try:
            self._run()
        except StopError:
            return
        except Exception:
            if isinstance(self.chain, SourceChain):
                with contextlib.suppress(Exception):  # the first failure is the one to tell
                    self._settle()
            raise

    def _run(self) -> None:
        ends = [self.before, self.after]
        while not self.session.is_stopping:
            self.session.agree()  # what is on its way arrives; the task's host lets nothing follow
            moved = False
            ack = self.after.receive()
            if ack is not None:
                moved = True
                self._take_ack(ack)
            frame = self.before.receive()
            if frame is not None:
                moved = True
                self._take_frame(frame)
            if moved:
                continue
            if self.before.is_closed or self.after.is_closed:
                return
            flow.wait(ends, self.session.control, self.tolerance.tell())

    def _settle(self) -> None:
        """Pass on the acks of what is on its way into the log."""
        deadline = time.monotonic() + float(self.request["flush_timeout_ms"]) / 1000
        while self._on_their_way and not self.after.is_closed and not self.session.is_stopping:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            ack = self.after.receive()
            if ack is not None:
                self._take_ack(ack)
            else:
                flow.wait([self.after], self.session.control, left)

    def counts(self) -> dict[str, int]:
        """Return how many records came and went."""
        return {"records_in": self.records_in, "records_out": self.records_out}

    def _take_frame(self, frame: Frame) -> None:
        self.records_in += frame.count
        if frame.kind == Kind.END:
            self.after.send(frames.encode_end(batch=frame.batch, epoch=frame.epoch))
        elif isinstance(self.chain, SourceChain):
            self._pass_source(frame, self.chain)
        else:
            self._pass_sink(frame, self.chain)

    def _pass_source(self, frame: Frame, chain: SourceChain) -> None:
        batch = SourceBatch.load(frame.payload)
        fatal = chain.run(batch)
        if fatal is not None:
            raise fatal
        self._on_their_way.add(frame.batch)
        self.records_out += len(batch.records)
        wants = bool(frame.flags & Flag.WANTS_METADATA)
        if self.is_last:
            made, groups = frame_batch(
                batch,
                number=frame.batch,
                source_offsets=frame.source_offsets,
                wants_metadata=wants,
            )
            if wants:
                self._groups[frame.batch] = groups
            for pieces in made:
                self.after.send(pieces)
            return
        self._send_objects(frame, batch.dump(), len(batch.records))

    def _pass_sink(self, frame: Frame, chain: SinkChain) -> None:
        batch = (
            SinkBatch.from_frame(frame)
            if frame.kind == Kind.RECORDS
            else SinkBatch.load(frame.payload)
        )
        chain.run(batch)
        count = batch.count if batch.records is None else len(batch.records)
        self.records_out += count
        self._send_objects(frame, batch.dump(), count)

    def _send_objects(self, frame: Frame, payload: bytes, count: int) -> None:
        self.after.send(
            frames.encode_objects(
                payload,
                count=count,
                batch=frame.batch,
                flags=frame.flags & (Flag.LAST | Flag.WANTS_METADATA),
                source_offsets=frame.source_offsets,
                epoch=frame.epoch,
            )
        )

    def _take_ack(self, ack: Frame) -> None:
        placements = json.loads(ack.payload or b"[]")
        self._on_their_way.discard(ack.batch)
        groups = self._groups.pop(ack.batch, None)
        if groups is not None:
            placements = [
                [*place, group.indices, group.timestamps]
                for place, group in zip(placements, groups)
            ]
        self.before.send(frames.encode_ack(ack.batch, placements))
