"""Tasks: one host for each segment, joined by sockets; started, watched, stopped as one."""

import asyncio
import contextlib
import socket
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from launcher.configs.config_keys import MAX_POLL_RECORDS
from launcher.configs.error_settings import ErrorSettings
from launcher.hosts.control import Message, PluginError, PluginFailedError
from launcher.hosts.host import Host
from launcher.planning.plan import PipelinePlan, Segment
from launcher.tasks.connector_host import TaskClass
from launcher.tasks.report import RunState, TaskReport
from launcher.tasks.runtime import Event, Runtime, segment_message
from manager.errors import InternalError, VenvoyError

__all__ = ["Phase", "Task", "TaskListener", "TaskSpec"]

_MAX_POLL_RECORDS = 500
_LAST_ERROR = "last-error-timestamp"
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

    @property
    def error_settings(self) -> ErrorSettings:
        """What the connector's `errors.*` keys say; raises ConfigValueError."""
        return ErrorSettings.of(self.plan.config, connector=self.plan.name)


class Phase(StrEnum):
    """What a task that has started does."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskListener:
    """Whom a task tells what has come true: its phase, and that its first poll or put succeeded.

    Until then also each error after which it tries again; and each topic, whenever it uses it.
    """

    phase: Callable[[Phase], None] = lambda _phase: None
    healthy: Callable[[], None] = lambda: None
    retrying: Callable[[PluginError], None] = lambda _error: None
    topic: Callable[[str], None] = lambda _topic: None


class Task(ABC):
    """What source and sink tasks share: their hosts, and how those end.

    `run` returns a report and raises nothing that a plugin can cause. `records_in` and
    `records_out` are what it has done so far.
    """

    def __init__(
        self,
        spec: TaskSpec,
        runtime: Runtime,
        *,
        listener: TaskListener | None = None,
        paused: bool = False,
    ) -> None:
        self.spec = spec
        self.runtime = runtime
        self.listener = listener or TaskListener()
        self.hosts: list[Host] = []
        self.records_in = 0
        self.records_out = 0
        self._errors: dict[int, Mapping[str, int]] = {}
        self.is_complete = False
        self._is_paused = paused
        self._is_begun = False
        self._has_phase = False
        self._stop_asked = False
        self._failure: VenvoyError | None = None
        self._orderly: set[int] = set()
        self._began = time.monotonic()
        self._watched: list[asyncio.Event] = []
        self._wake = self.watch()

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
            for watched in self._watched:
                self.runtime.signals.unwatch(watched)
        return self._report()

    def watch(self, reads: Callable[[str], bool] = lambda _topic: False) -> asyncio.Event:
        """Return what `Signals.watch` does; `run` ends it."""
        watched = self.runtime.signals.watch(reads)
        self._watched.append(watched)
        return watched

    @property
    def errors(self) -> Mapping[str, int]:
        """Kafka's task-error-metrics by name, of all its hosts together."""
        names = {name for counts in self._errors.values() for name in counts}
        join = {name: max if name == _LAST_ERROR else sum for name in names}
        return {
            name: join[name](counts.get(name, 0) for counts in self._errors.values())
            for name in sorted(names)
        }

    def stop(self) -> None:
        """End the task in order; `run` returns when it has ended."""
        self._stop_asked = True
        self._wake.set()

    def set_paused(self, paused: bool) -> None:
        """Move records no more, or again; the listener hears when it has come true."""
        if paused is self._is_paused:
            return
        self._is_paused = paused
        if self._is_begun:  # else the start message says it
            for host in self.hosts:
                host.control.send({"type": "pause" if paused else "resume"})

    async def _run(self) -> None:
        with contextlib.ExitStack() as unopened:
            ends, ours = self._sockets(unopened)
            await self._start_hosts_unless_stopped(ends)
            if not self.hosts:
                return
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

    @property
    def _is_stopping(self) -> bool:
        return self._stop_asked or self.runtime.signals.stop.is_set()

    async def _start_hosts_unless_stopped(
        self, ends: list[tuple[socket.socket | None, socket.socket | None]]
    ) -> None:
        """Start every host, which may take a plugin's time; none is left when a stop comes first.

        Raises what the first host that cannot be started raises.
        """
        started: dict[int, Host] = {}
        starting = asyncio.create_task(self._start_hosts(ends, started))
        starting.add_done_callback(lambda _: self._wake.set())
        while not (starting.done() or self._is_stopping):
            await self._wake.wait()
            self._wake.clear()
        starting.cancel()
        await asyncio.wait((starting,))
        errors = () if starting.cancelled() else starting.result()
        if starting.cancelled() or errors:
            await asyncio.gather(*(host.kill() for host in started.values()))
            for error in errors:
                raise error
            return
        self.hosts = [started[place] for place in sorted(started)]
        for place, host in started.items():
            host.on_message = self._listener(place, host)

    async def _start_hosts(
        self,
        ends: list[tuple[socket.socket | None, socket.socket | None]],
        started: dict[int, Host],
    ) -> list[BaseException]:
        """Start every host into `started`; return what kept the others from it."""

        async def start(place: int, segment: Segment) -> None:
            started[place] = await self._start_host(place, segment, *ends[place])

        starts = [start(place, one) for place, one in enumerate(self.spec.plan.segments)]
        results = await asyncio.gather(*starts, return_exceptions=True)
        return [error for error in results if error is not None]

    async def _start_host(
        self,
        place: int,
        segment: Segment,
        data_in: socket.socket | None,
        data_out: socket.socket | None,
    ) -> Host:
        name = self.spec.name if self.has_task(place) else f"{self.spec.name}.{place}"
        return await self.runtime.start_host(
            segment, name=name, mode="task", data_in=data_in, data_out=data_out
        )

    def has_task(self, place: int) -> bool:
        """Whether the host at that place of `hosts` is the one with the task itself."""
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
            "until_drained": settings.until_drained,
            "paused": self._is_paused,
            "errors": self.spec.error_settings.as_message(
                connector=plan.name, task=self.spec.index
            ),
            **fields,
        }
        began_paused, self._is_begun = self._is_paused, True
        task_class = {
            "module": self.spec.task_class.module,
            "qualname": self.spec.task_class.qualname,
        }
        starts = [
            host.control.request(
                "start",
                **common,
                stages=segment_message(plan, plan.segments[place]),
                task_class=task_class if self.has_task(place) else None,
                is_last=place == len(self.hosts) - 1,
            )
            for place, host in enumerate(self.hosts)
        ]
        results = await asyncio.gather(*starts, return_exceptions=True)
        is_started = not any(isinstance(result, BaseException) for result in results)
        if is_started and not self._has_phase:  # else the host has told a newer one meanwhile
            self._tell_phase(Phase.PAUSED if began_paused else Phase.RUNNING)

    def _tell_phase(self, phase: Phase) -> None:
        self._has_phase = True
        self.runtime.tell(self.spec.name, phase)
        self.listener.phase(phase)

    async def _watch(self) -> None:
        """Wait until the task is complete, has failed, or is to stop."""
        for host in self.hosts:
            host.ended.add_done_callback(lambda _: self._wake.set())
        while not (
            self.is_complete
            or self._failure is not None
            or self._is_stopping
            or any(host.ended.done() for host in self.hosts)
        ):
            await self._wake.wait()
            self._wake.clear()

    async def _stop_hosts(self) -> None:
        """Stop the host with the task first: its neighbours follow as their sockets close."""
        timeout_s = self.runtime.settings.shutdown_timeout_s
        for place in sorted(range(len(self.hosts)), key=lambda one: not self.has_task(one)):
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
            elif message["type"] == "retrying":
                self.listener.retrying(PluginError.from_message(message.get("error")))
            else:
                if message["type"] == "stopped":
                    self._orderly.add(place)
                if message["type"] == "errors":
                    self._errors[place] = _counts(message)
                if self.has_task(place):
                    self._take_own(message)
                    self.take(message)
            self._wake.set()

        return listen

    def _take_own(self, message: Message) -> None:
        """Take what source and sink tasks tell alike."""
        kind = message["type"]
        if kind == "paused" and self._is_paused:
            self._tell_phase(Phase.PAUSED)
        elif kind == "resumed" and not self._is_paused:
            self._tell_phase(Phase.RUNNING)
        elif kind == "healthy":
            self.listener.healthy()

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


def _counts(message: Message) -> dict[str, int]:
    """Return the numbers of an `errors` message, by Kafka's names."""
    return {name: count for name, count in message.items() if isinstance(count, int)}


def _first(failures: ExceptionGroup[Exception]) -> Exception:
    """Return the first exception inside, however deep."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first
