"""Tasks: one host for each segment, joined by sockets; started, watched, stopped as one."""

import asyncio
import contextlib
import socket
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from launcher.configs.config_keys import MAX_POLL_RECORDS
from launcher.hosts.control import Message, PluginError, PluginFailedError
from launcher.hosts.host import Host
from launcher.planning.plan import PipelinePlan, Segment
from launcher.tasks.connector_host import TaskClass
from launcher.tasks.report import RunState, TaskReport
from launcher.tasks.runtime import Event, Runtime, segment_message
from manager.errors import InternalError, VenvoyError

__all__ = ["Task", "TaskSpec"]

_MAX_POLL_RECORDS = 500
_FLUSH_SHARE = 0.6  # of the time to stop in; the rest is the plugin's own `stop`


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """One task of a connector: `index` from 0 of `of`, with the config that the connector made."""

    plan: PipelinePlan
    index: int
    of: int
    task_class: TaskClass
    config: Mapping[str, str]

    @property
    def name(self) -> str:
        """Kafka's name of a task."""
        return f"{self.plan.name}-{self.index}"


class Task(ABC):
    """What source and sink tasks share: their hosts, and how those end.

    `run` returns a report and raises nothing that a plugin can cause.
    """

    def __init__(self, spec: TaskSpec, runtime: Runtime) -> None:
        self.spec = spec
        self.runtime = runtime
        self.hosts: list[Host] = []
        self.records_in = 0
        self.records_out = 0
        self.is_complete = False
        self._failure: VenvoyError | None = None
        self._orderly: set[int] = set()
        self._began = time.monotonic()
        self._wake = runtime.signals.watch()

    async def run(self) -> TaskReport:
        """Run to the end: nothing more to do, a stop, or a failure."""
        try:
            await self._run()
        except VenvoyError as error:
            self._failure = self._failure or error
        except Exception as error:  # noqa: BLE001  # our bug ends this task and no other
            self.runtime.tell(self.spec.name, traceback.format_exc(), level="ERROR")
            self._failure = InternalError(what=f"{type(error).__name__}: {error}")
        finally:
            self.runtime.signals.unwatch(self._wake)
        return self._report()

    async def _run(self) -> None:
        with contextlib.ExitStack() as unopened:
            ends, ours = self._sockets(unopened)
            await self._start_hosts(ends)
            unopened.pop_all()
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        try:
            fields = await self.start_fields()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._begin(fields))
                flow = group.create_task(self.flow(reader, writer), name=self.spec.name)
                await self._watch()
                await self._stop_hosts()
                await self.settle(flow)
        except ExceptionGroup as failures:
            raise _first(failures) from failures
        finally:
            await self._stop_hosts()
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        self._failure = self._failure or self._death()

    @abstractmethod
    async def flow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Move frames between the hosts and the log."""

    @abstractmethod
    async def settle(self, flow: asyncio.Task[None]) -> None:
        """Finish `flow` after every host has ended."""

    @abstractmethod
    async def start_fields(self) -> dict[str, object]:
        """Return what the start message holds besides: offsets or partitions."""

    @abstractmethod
    def take(self, message: Message) -> None:
        """Take a message of the host that holds the task."""

    def fail(self, error: VenvoyError) -> None:
        """End the task with this error, unless another came first."""
        self._failure = self._failure or error
        self._wake.set()

    def _sockets(
        self, unopened: contextlib.ExitStack
    ) -> tuple[list[tuple[socket.socket | None, socket.socket | None]], socket.socket]:
        """Return each host's (in, out) ends, and ours: last of a source, first of a sink."""
        count = len(self.spec.plan.segments)
        pairs = [socket.socketpair() for _ in range(count)]
        for end in (end for pair in pairs for end in pair):
            unopened.callback(end.close)
        if self.spec.plan.kind == "source":
            ins = [None, *(pair[1] for pair in pairs[:-1])]
            return list(zip(ins, (pair[0] for pair in pairs), strict=True)), pairs[-1][1]
        outs = [*(pair[0] for pair in pairs[1:]), None]
        return list(zip((pair[1] for pair in pairs), outs, strict=True)), pairs[0][0]

    async def _start_hosts(
        self, ends: list[tuple[socket.socket | None, socket.socket | None]]
    ) -> None:
        starts = [
            self._start_host(place, segment, *pair)
            for place, (segment, pair) in enumerate(zip(self.spec.plan.segments, ends, strict=True))
        ]
        results = await asyncio.gather(*starts, return_exceptions=True)
        self.hosts = [host for host in results if isinstance(host, Host)]
        for place, host in enumerate(self.hosts):
            host.on_message = self._listener(place, host)
        errors = [error for error in results if isinstance(error, BaseException)]
        if errors:
            await asyncio.gather(*(host.kill() for host in self.hosts))
            raise errors[0]

    async def _start_host(
        self,
        place: int,
        segment: Segment,
        data_in: socket.socket | None,
        data_out: socket.socket | None,
    ) -> Host:
        name = self.spec.name if self._has_task(place) else f"{self.spec.name}.{place}"
        return await self.runtime.start_host(
            segment, name=name, mode="task", data_in=data_in, data_out=data_out
        )

    def _has_task(self, place: int) -> bool:
        return self.spec.plan.connector in self.spec.plan.segments[place].stages

    async def _begin(self, fields: Mapping[str, object]) -> None:
        """Send every host its start message; return when the task has started, or one failed."""
        settings = self.runtime.settings
        plan = self.spec.plan
        common: dict[str, object] = {
            "kind": plan.kind,
            "config": dict(self.spec.config),
            "window_records": settings.window_records,
            "window_bytes": settings.window_bytes,
            "flush_interval_ms": int(settings.flush_interval_s * 1000),
            "flush_timeout_ms": int(settings.shutdown_timeout_s * _FLUSH_SHARE * 1000),
            "max_poll_records": int(plan.config.get(MAX_POLL_RECORDS, _MAX_POLL_RECORDS)),
            "until_drained": True,
            **fields,
        }
        task_class = {
            "module": self.spec.task_class.module,
            "qualname": self.spec.task_class.qualname,
        }
        starts = [
            host.control.request(
                "start",
                **common,
                stages=segment_message(plan, plan.segments[place]),
                task_class=task_class if self._has_task(place) else None,
                is_last=place == len(self.hosts) - 1,
            )
            for place, host in enumerate(self.hosts)
        ]
        results = await asyncio.gather(*starts, return_exceptions=True)
        if not any(isinstance(result, BaseException) for result in results):
            self.runtime.tell(self.spec.name, "RUNNING")

    async def _watch(self) -> None:
        """Wait until the task is complete, has failed, or is to stop."""
        for host in self.hosts:
            host.ended.add_done_callback(lambda _: self._wake.set())
        while not (
            self.is_complete
            or self._failure is not None
            or self.runtime.signals.stop.is_set()
            or any(host.ended.done() for host in self.hosts)
        ):
            await self._wake.wait()
            self._wake.clear()

    async def _stop_hosts(self) -> None:
        """Stop the host with the task first: its neighbours follow as their sockets close."""
        timeout_s = self.runtime.settings.shutdown_timeout_s
        for place in sorted(range(len(self.hosts)), key=lambda one: not self._has_task(one)):
            await self.hosts[place].stop(timeout_s=timeout_s)

    def _listener(self, place: int, host: Host) -> Callable[[Message], None]:
        def listen(message: Message) -> None:
            if message["type"] == "log":
                self.runtime.on_event(Event.from_message(host.spec.name, message))
            elif message["type"] == "failed":
                error = PluginError.from_message(message.get("error"))
                failure = PluginFailedError(task=host.spec.name, error=error)
                if not host.was_signalled:  # then it only tells that SIGTERM broke into something
                    self._failure = self._failure or failure
            else:
                if message["type"] == "stopped":
                    self._orderly.add(place)
                if self._has_task(place):
                    self.take(message)
            self._wake.set()

        return listen

    def _death(self) -> VenvoyError | None:
        """Return the error of the first host that ended without a last word."""
        for place, host in enumerate(self.hosts):
            if place not in self._orderly and not host.was_signalled:
                return host.death()
        return None

    def _report(self) -> TaskReport:
        if self._failure is not None:
            state = RunState.FAILED
        else:
            state = RunState.COMPLETED if self.is_complete else RunState.STOPPED
        text = self._failure.message if self._failure else str(state)
        self.runtime.tell(self.spec.name, text, level="ERROR" if self._failure else "INFO")
        return TaskReport(
            name=self.spec.name,
            state=state,
            records_in=self.records_in,
            records_out=self.records_out,
            failure=self._failure,
            seconds=time.monotonic() - self._began,
        )


def _first(failures: ExceptionGroup[Exception]) -> Exception:
    """Return the first exception inside, however deep."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first
