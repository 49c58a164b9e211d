"""Mode `stdio`: one connector without a worker: a source to stdout, a sink from stdin.

One record a line, as JSON; what is missing is null or empty::

    {"topic": "t", "partition": 0, "key": …, "value": …, "headers": [["name", …]], "timestamp": ms}

Keys, values and headers are what their converters make: JSON where that is JSON, else text, else
{"base64": "…"}; a sink's converters are given the same bytes again. What plugins print goes to
stderr. The request is one JSON object::

    {"kind", "connector": stage, "stages": [stage], "config": {…}, "tasks_max": 1,
     "offsets_file": path or null}
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import venvoy_api
from venvoy_host import frames
from venvoy_host.connector import ConnectorServer
from venvoy_host.contexts import OffsetReader, SourceContext, canonical
from venvoy_host.control import describe
from venvoy_host.loading import make
from venvoy_host.serve import task_class
from venvoy_host.sink_chain import SinkChain
from venvoy_host.source import last_offsets
from venvoy_host.source_chain import SourceBatch, SourceChain
from venvoy_host.stages import CONVERTER_ROLES, make_stages
from venvoy_host.stdin_sink import StdinSink, StoppedError, close_all
from venvoy_host.tolerance import Tolerance

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["main"]

_STRICT = Tolerance(None, None)
_IDLE_S = 0.05
_RETRY_S = (0.1, 30.0)


class _Told:
    """Stands where the control socket is: what a connector says goes to stderr."""

    failure: str | None = None

    def send(self, message: dict[str, Any]) -> None:
        """Keep a failure; nobody takes the rest."""
        if message["type"] == "failed":
            self.failure = str(message["error"]["message"])


def main(request_fd: int) -> int:
    """Run the connector; 0 when it has nothing left, 1 when it failed, 130 when interrupted."""
    with os.fdopen(request_fd, "rb") as stream:
        request: dict[str, Any] = json.loads(stream.read().decode("utf-8"))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    told: Any = _Told()
    server = ConnectorServer(told)
    try:
        return _run(request, server, told, out)
    except StoppedError:
        return 130
    except BrokenPipeError:  # whoever read has enough
        return 0
    except Exception as error:  # noqa: BLE001  # whatever a plugin raises is told
        known = describe(error)
        sys.stderr.write(known["traceback"])
        sys.stderr.write(f"error: {known['class']}: {known['message']}\n")
        return 1
    finally:
        server.stop()


def _stop(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise StoppedError


def _run(request: dict[str, Any], server: ConnectorServer, told: Any, out: BinaryIO) -> int:
    stages = [request["connector"], *request["stages"]]
    problems = server.validate({"stages": stages})["problems"]
    for problem in problems:
        sys.stderr.write(f"error: {problem['message']}\n")
    if problems:
        return 1
    offsets_file = request["offsets_file"]
    offsets = _read_offsets(offsets_file)
    start = {"connector": request["connector"], "config": request["config"], "offsets": offsets}
    task_name = server.start(start)
    is_source = request["kind"] == "source"
    configs = server.task_configs({"max": request["tasks_max"] if is_source else 1})["configs"]
    made = make_stages(request["stages"])
    if is_source:
        runner: _Source | StdinSink = _Source(
            [(make(task_class(task_name)), config) for config in configs],
            SourceChain(made, _STRICT), _plain_json(request), out, offsets, offsets_file,
        )  # fmt: skip
    else:
        runner = StdinSink(
            make(task_class(task_name)), configs[0], SinkChain(made, _STRICT), _plain_json(request)
        )
    try:
        runner.run()
    finally:
        runner.close()
    if told.failure is not None:
        raise venvoy_api.ConnectError(told.failure)
    return 0


def _plain_json(request: dict[str, Any]) -> dict[str, bool]:
    """Which converters write and read JSON, so that it stands in the line as it is."""
    return {
        stage["role"]: stage["qualname"] == "JsonConverter"
        for stage in request["stages"]
        if stage["role"] in CONVERTER_ROLES
    }


class _Source:
    """The tasks of a source, polled in turn in one process."""

    def __init__(
        self,
        tasks: list[tuple[Any, dict[str, str]]],
        chain: SourceChain,
        is_json: dict[str, bool],
        out: BinaryIO,
        offsets: list[list[Any]],
        offsets_file: str | None,
    ) -> None:
        self.tasks, self.chain, self.is_json, self.out = tasks, chain, is_json, out
        self.reader = OffsetReader(offsets)
        self.offsets = {canonical(partition): [partition, offset] for partition, offset in offsets}
        self.offsets_file = offsets_file
        self.started: list[Any] = []
        self.retry_s = 0.0

    def run(self) -> None:
        """Poll until every task says that it is drained."""
        for task, config in self.tasks:
            task.initialize(SourceContext(config, self.reader))
            self.started.append(task)
            task.start(dict(config))
        waiting = list(self.started)
        while waiting:
            moved = False
            for task in list(waiting):
                records = self.poll(task)
                if records:
                    moved = True
                    self.write(task, list(records))
                elif not self.retry_s and task.drained():
                    waiting.remove(task)
                    moved = True
            if not moved:
                time.sleep(max(_IDLE_S, self.retry_s))

    def poll(self, task: Any) -> Any:
        """Poll once; a retriable error makes the next try wait."""
        try:
            records = task.poll()
        except venvoy_api.RetriableError as error:
            sys.stderr.write(f"warning: poll failed and is tried again: {error}\n")
            self.retry_s = min((self.retry_s or _RETRY_S[0] / 2) * 2, _RETRY_S[1])
            return None
        self.retry_s = 0.0
        return records

    def write(self, task: Any, records: list[Any]) -> None:
        """Write a batch, then keep its offsets: what is lost in between is read again."""
        batch = SourceBatch(records, list(range(len(records))))
        failure = self.chain.run(batch)
        records = records[: batch.end]  # what came before the record that failed
        pairs = last_offsets(records)
        self.out.write(b"".join(self.line(batch, row) for row in range(len(batch.records))))
        self.out.flush()
        self.reader.remember(pairs)
        self.offsets.update({canonical(pair[0]): pair for pair in pairs})
        if self.offsets_file is not None and pairs:
            _write_offsets(self.offsets_file, list(self.offsets.values()))
        for record in records:
            task.commit_record(record, None)
        task.commit()
        if failure is not None:
            raise failure

    def line(self, batch: SourceBatch, row: int) -> bytes:
        """Return one record's line."""
        record = batch.records[row]
        headers = batch.headers[row] if batch.headers else None
        pairs = frames.decode_headers(headers) if headers else []
        told = {
            "topic": record.topic,
            "partition": record.partition,
            "key": self.shown("key.converter", (batch.keys or [])[row]),
            "value": self.shown("value.converter", (batch.values or [])[row]),
            "headers": [[name, self.shown("header.converter", value)] for name, value in pairs],
            "timestamp": record.timestamp,
        }
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    def shown(self, role: str, data: bytes | None) -> Any:
        """Return a converter's bytes as a line holds them."""
        if data is None:
            return None
        if self.is_json.get(role):
            return json.loads(data.decode("utf-8"))
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(data).decode("ascii")}

    def close(self) -> None:
        """Stop every task that was started, then close the stages."""
        close_all([*(task.stop for task in self.started), self.chain.close])


def _read_offsets(file: str | None) -> list[list[Any]]:
    if file is None:
        return []
    try:
        with open(file, encoding="utf-8") as stream:  # noqa: PTH123  # no pathlib in hosts
            found: list[list[Any]] = json.load(stream)
    except FileNotFoundError:
        return []
    return found


def _write_offsets(file: str, pairs: list[list[Any]]) -> None:
    temporary = f"{file}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as stream:  # noqa: PTH123
        json.dump(pairs, stream, ensure_ascii=False)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, file)  # noqa: PTH105
