"""One task's hosts without a worker: the test says what it would, and hears what it hears."""

import asyncio
import contextlib
import dataclasses
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping

from launcher.hosts.control import Message
from launcher.hosts.frames import (
    FrameKind,
    WireFrame,
    encode_ack,
    for_feed,
    read_frame,
    with_first_offset,
)
from launcher.hosts.guardian import Guardian
from launcher.hosts.host import Host, HostSpec
from launcher.planning.plan import PipelinePlan
from launcher.settings import SHARED_DIR
from launcher.tasks.runtime import segment_message
from manager.proc import inherited
from manager.store.environments import Environment
from tests.launcher.pipelines import until
from venvoy_host import frames as host_frames


@dataclasses.dataclass
class LoneTask:
    """Hosts that have started; `heard` is what each said, in order, with its place."""

    plan: PipelinePlan
    hosts: list[Host]
    heard: list[tuple[int, Message]]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    offset: int = 0
    batch: int = 0

    @property
    def place(self) -> int:
        """Where the task itself is."""
        segments = self.plan.segments
        return next(at for at, one in enumerate(segments) if self.plan.connector in one.stages)

    def said(self, kind: str) -> list[Message]:
        """Every message of a type, of any host."""
        return [message for _, message in self.heard if message["type"] == kind]

    async def hear(self, kind: str, count: int = 1) -> Message:
        """Wait until a message of that type came so often; return the last one."""
        await until(lambda: len(self.said(kind)) >= count, 60)
        return self.said(kind)[count - 1]

    def send(self, kind: str) -> None:
        """Send a message to every host, as the worker does."""
        for host in self.hosts:
            host.control.send({"type": kind})

    async def next_frame(self) -> WireFrame:
        """Return what a source's last host sent next."""
        async with asyncio.timeout(60):
            frame = await read_frame(self.reader)
        assert frame is not None, self.said("failed")
        return frame

    def acknowledge(self, frame: WireFrame) -> None:
        """Say that a batch is stored."""
        self.writer.write(encode_ack(frame.batch, [(frame.topic, 0, self.offset)]))
        self.offset += frame.count

    def feed(self, *numbers: int, topic: str = "numbers", epoch: int = 0) -> None:
        """Send a sink one frame of records {"n": number} as the log would hold them."""
        self.batch += 1
        data = b"".join(
            host_frames.encode_records(
                topic,
                0,
                keys=[str(number).encode() for number in numbers],
                values=[b'{"n": %d}' % number for number in numbers],
                headers=None,
                timestamps=[1000 + number for number in numbers],
                batch=0,
            )
        )
        data = with_first_offset(data, self.offset)
        self.writer.write(for_feed(data, batch=self.batch, epoch=epoch))
        self.offset += len(numbers)

    async def acked(self) -> WireFrame:
        """Wait for a sink's ack of a frame."""
        frame = await self.next_frame()
        assert frame.kind is FrameKind.ACK
        return frame

    async def stop(self, timeout_s: float = 30) -> None:
        """Stop the host with the task, then the others."""
        for place in sorted(range(len(self.hosts)), key=lambda one: one != self.place):
            await self.hosts[place].stop(timeout_s=timeout_s)


@contextlib.asynccontextmanager
async def lone_task(
    plan: PipelinePlan,
    environments: list[Environment],
    *,
    task_class: str,
    config: Mapping[str, str] | None = None,
    before: str | None = None,
    **fields: object,
) -> AsyncIterator[LoneTask]:
    """Start the hosts of a plan's only task, `acme:<task_class>`; they are killed at the end.

    `before` is a message that is sent ahead of the start.
    """
    pairs = [socket.socketpair() for _ in plan.segments]
    is_source = plan.kind == "source"
    ins = [None, *(pair[1] for pair in pairs[:-1])] if is_source else [one[1] for one in pairs]
    outs = [one[0] for one in pairs] if is_source else [*(one[0] for one in pairs[1:]), None]
    ours = pairs[-1][1] if is_source else pairs[0][0]
    by_path = {one.path: one for one in environments}
    heard: list[tuple[int, Message]] = []
    hosts: list[Host] = []
    with Guardian(parent_environment=inherited()) as guardian:
        try:
            for place, (segment, data_in, data_out) in enumerate(
                zip(plan.segments, ins, outs, strict=True)
            ):
                spec = HostSpec(
                    name=f"{plan.name}-0.{place}",
                    mode="task",
                    python=by_path[segment.location.path].python,
                    api_dir=SHARED_DIR,
                    working_dir=environments[0].path.parent,
                    parent_environment=inherited(),
                    data_in=data_in,
                    data_out=data_out,
                )
                host = Host.spawn(spec, guardian=guardian, on_output=_show)
                hosts.append(host)
                host.on_message = _listener(place, heard)
                await host.greeting()
            reader, writer = await asyncio.open_unix_connection(sock=ours)
            task = LoneTask(plan, hosts, heard, reader, writer)
            if before is not None:
                task.send(before)
            await asyncio.gather(
                *(
                    host.control.request(
                        "start", **_start_fields(plan, place, task_class, config, fields)
                    )
                    for place, host in enumerate(hosts)
                )
            )
            try:
                yield task
            finally:
                writer.transport.abort()
        finally:
            await asyncio.gather(*(host.kill() for host in hosts))


def _start_fields(
    plan: PipelinePlan,
    place: int,
    task_class: str,
    config: Mapping[str, str] | None,
    fields: Mapping[str, object],
) -> dict[str, object]:
    segment = plan.segments[place]
    has_task = plan.connector in segment.stages
    return {
        "kind": plan.kind,
        "config": dict(config if config is not None else plan.config),
        "window_records": 20_000,
        "window_bytes": 2**25,
        "flush_interval_ms": 60_000,
        "flush_timeout_ms": 5000,
        "max_poll_records": 500,
        "until_drained": False,
        "offsets": [],
        "partitions": [[topic, 0, 0] for topic in plan.topics],
        "stages": segment_message(plan, segment),
        "task_class": {"module": "acme", "qualname": task_class} if has_task else None,
        "is_last": place == len(plan.segments) - 1,
        **fields,
    }


def _listener(place: int, heard: list[tuple[int, Message]]) -> Callable[[Message], None]:
    return lambda message: heard.append((place, message))


def _show(name: str, stream: str, line: str) -> None:
    os.write(2, f"{name} {stream}: {line}\n".encode())
