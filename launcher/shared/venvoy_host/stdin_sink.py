"""The sink of mode `stdio`: records from stdin, put and flushed by a connector's one task."""

from __future__ import annotations

import base64
import json
import os
import select
import sys
import time
from typing import TYPE_CHECKING, Any

import venvoy_api
from venvoy_host import frames
from venvoy_host.contexts import SinkContext
from venvoy_host.sink_chain import SinkBatch, SinkChain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["StdinSink", "StoppedError", "close_all"]

_PUT_RECORDS = 500
_RETRY_S = (0.1, 30.0)
_COMMIT_S = 10.0
_READ_BYTES = 1024 * 1024


class StoppedError(BaseException):
    """SIGINT or SIGTERM; not an Exception, so that a plugin's handler lets it pass."""


class StdinSink:
    """The one task of a sink."""

    def __init__(
        self, task: Any, config: dict[str, str], chain: SinkChain, is_json: dict[str, bool]
    ) -> None:
        self.task, self.config, self.chain, self.is_json = task, config, chain, is_json
        self.context = SinkContext(config, None)
        self.positions: dict[venvoy_api.TopicPartition, int] = {}
        self.is_started = self.is_putting = False
        self.commit_at: float | None = None

    def run(self) -> None:
        """Put what comes until stdin ends or we are stopped, and flush then and now and then."""
        self.task.initialize(self.context)
        self.is_started = True
        self.task.start(dict(self.config))
        try:
            for lines in _batches(sys.stdin.fileno(), self.wait_s):
                self.is_putting = True
                self.put([_parsed(line, number) for number, line in lines])
                self.is_putting = False
                self.commit_when_due()
        except StoppedError:
            if not self.is_putting:
                self.end()
            raise
        self.end()

    def wait_s(self) -> float | None:
        """How long to wait for more before it is time to commit; None when there is nothing to."""
        return None if self.commit_at is None else max(0.0, self.commit_at - time.monotonic())

    def commit_when_due(self) -> None:
        """Have flushed what was put some time ago; a retriable failure waits for the next time."""
        if self.wait_s() != 0:
            return
        try:
            self.task.pre_commit(dict(self.positions))
            self.commit_at = None
        except venvoy_api.RetriableError as error:
            sys.stderr.write(f"warning: a commit failed and is tried again: {error}\n")
            self.commit_at = time.monotonic() + _COMMIT_S

    def end(self) -> None:
        """Have everything flushed, then close what was opened."""
        if self.positions:
            self.task.pre_commit(dict(self.positions))
            self.task.close(sorted(self.context.assigned))

    def put(self, told: list[dict[str, Any]]) -> None:
        """Put records in their order; neighbours of one partition go together."""
        start = 0
        for end in range(1, len(told) + 1):
            if end == len(told) or _place(told[end]) != _place(told[start]):
                self.put_some(told[start:end])
                start = end

    def put_some(self, told: list[dict[str, Any]]) -> None:
        """Put records of one topic and partition."""
        partition = _place(told[0])
        if partition not in self.positions:
            self.positions[partition] = 0
            self.context.assigned.add(partition)
            self.task.open([partition])
        batch = _sink_batch(told, partition, self.positions[partition], self.is_json)
        self.chain.run(batch)
        self.try_put(batch.records or [])
        self.positions[partition] += len(told)
        if self.commit_at is None:
            self.commit_at = time.monotonic() + _COMMIT_S

    def try_put(self, records: list[Any]) -> None:
        """Put, again and again while it is retriable."""
        delay = _RETRY_S[0]
        while not self.tried(records):
            asked, self.context.timeout_ms = self.context.timeout_ms, None
            time.sleep(delay if asked is None else asked / 1000)
            delay = min(delay * 2, _RETRY_S[1])

    def tried(self, records: list[Any]) -> bool:
        """Put once; False when it is to be tried again."""
        try:
            self.task.put(list(records))
        except venvoy_api.RetriableError as error:
            sys.stderr.write(f"warning: put failed and is tried again: {error}\n")
            return False
        return True

    def close(self) -> None:
        """Stop the task if it was started, then close the stages."""
        close_all([*([self.task.stop] if self.is_started else []), self.chain.close])


def _sink_batch(
    told: list[dict[str, Any]],
    partition: venvoy_api.TopicPartition,
    first_offset: int,
    is_json: dict[str, bool],
) -> SinkBatch:
    """Return records of one partition as the chain takes them."""
    batch = SinkBatch()
    batch.topic, batch.partition = partition.topic, partition.partition
    batch.first_offset, batch.count = first_offset, len(told)
    batch.by_log, batch.converted, batch.records = False, [], None
    stamps = [one.get("timestamp") for one in told]
    batch.timestamps = [frames.NO_TIMESTAMP if one is None else int(one) for one in stamps]
    batch.keys = [_data(one.get("key"), is_json.get("key.converter")) for one in told]
    batch.values = [_data(one.get("value"), is_json.get("value.converter")) for one in told]
    batch.headers = [
        frames.encode_headers(
            (str(name), _data(value, is_json.get("header.converter")))
            for name, value in one["headers"]
        )
        if one.get("headers")
        else None
        for one in told
    ]
    return batch


def _batches(fd: int, wait_s: Callable[[], float | None]) -> Iterator[list[tuple[int, bytes]]]:
    """Yield numbered lines, as many as are there, up to one `put`; none when the wait is over."""
    number, parts = 0, [b""]
    while True:
        if not select.select([fd], [], [], wait_s())[0]:
            yield []
            continue
        data = os.read(fd, _READ_BYTES)
        parts.append(data)
        if data and b"\n" not in data:
            continue
        *whole, rest = b"".join(parts).split(b"\n")
        if not data:
            whole.append(rest)
        parts = [rest]
        numbered = enumerate(whole, number + 1)
        lines = [(at, line) for at, line in numbered if line.strip()]
        number += len(whole)
        for start in range(0, len(lines), _PUT_RECORDS):
            yield lines[start : start + _PUT_RECORDS]
        if not data:
            return


def _parsed(line: bytes, number: int) -> dict[str, Any]:
    try:
        told = json.loads(line.decode("utf-8"))
        if isinstance(told, dict) and isinstance(told["topic"], str):
            return told
    except (ValueError, KeyError):
        pass
    raise venvoy_api.DataError(f"line {number} of stdin is no record: it needs a JSON `topic`")


def _place(told: dict[str, Any]) -> venvoy_api.TopicPartition:
    return venvoy_api.TopicPartition(told["topic"], int(told.get("partition") or 0))


def _data(told: Any, is_json: bool | None) -> bytes | None:
    """Return the bytes that a converter reads: those that `_Source.shown` made the line of."""
    if told is None:
        return None
    if not is_json and isinstance(told, str):
        return told.encode("utf-8")
    if not is_json and isinstance(told, dict) and list(told) == ["base64"]:
        return base64.b64decode(told["base64"])
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def close_all(steps: list[Any]) -> None:
    """Do every step, also when one of them raises; then raise the first error."""
    errors: list[Exception] = []
    for step in steps:
        try:
            step()
        except Exception as error:  # noqa: BLE001, PERF203  # told once all are closed
            errors.append(error)
    if errors and sys.exc_info()[0] is None:
        raise errors[0]
