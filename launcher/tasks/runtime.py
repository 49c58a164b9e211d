"""What every connector and task of one run shares."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

from launcher.hosts.control import Message
from launcher.hosts.guardian import Guardian
from launcher.hosts.host import Host, HostSpec, OnOutput
from launcher.hosts.zygotes import IDLE_S, Zygotes
from launcher.planning.plan import PipelinePlan, Segment, Stage
from launcher.storage.topic_log import TopicLog
from manager.errors import VenvoyError
from manager.plugins.locations import Shape
from manager.plugins.tool_settings import read_tool_settings
from manager.store.api_copies import ApiCopy
from manager.store.environments import Environment

__all__ = ["Event", "OnEvent", "RunSettings", "Runtime", "Signals", "segment_message"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something to tell: a plugin's log record, or a change of a connector's or task's state.

    `subject` is the task's or connector's name, `level` as in `logging`, `logger` the plugin's
    logger (empty for the worker's own words).
    """

    kind: Literal["log", "state"]
    subject: str
    level: str
    logger: str
    text: str

    @classmethod
    def from_message(cls, subject: str, message: Message) -> "Event":
        """Take a host's `log` message."""
        return cls(
            kind="log",
            subject=subject,
            level=str(message.get("level", "INFO")),
            logger=str(message.get("logger", "")),
            text=str(message.get("message", "")),
        )


OnEvent: TypeAlias = Callable[[Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """Times in seconds; windows bound what is on its way between the worker and one host.

    `working_dir` is where hosts run, so that relative paths in configs mean what they say.
    `parent_environment` is what hosts' environment variables are picked from. `until_drained`:
    sources that have no more to poll for good are complete; otherwise they run on until stopped.
    """

    working_dir: Path
    parent_environment: Mapping[str, str]
    flush_interval_s: float = 10.0
    shutdown_timeout_s: float = 5.0
    window_records: int = 20_000
    window_bytes: int = 32 * 1024 * 1024
    zygote_idle_s: float = IDLE_S
    until_drained: bool = True


class Signals:
    """What happens in a run that several tasks wait for."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        """Someone wants the run to end."""
        self.sources_done = asyncio.Event()
        """No source of this run will append anything more."""
        self._watchers: dict[asyncio.Event, Callable[[str], bool]] = {}

    def watch(self, reads: Callable[[str], bool] = lambda _topic: False) -> asyncio.Event:
        """Return an event that is set whenever something may have changed; the caller clears it.

        `reads` says which topics' growth is such a change.
        """
        watcher = asyncio.Event()
        self._watchers[watcher] = reads
        return watcher

    def unwatch(self, watcher: asyncio.Event) -> None:
        """Forget a watcher."""
        self._watchers.pop(watcher, None)

    def ask_to_stop(self) -> None:
        """End the run soon."""
        self.stop.set()
        self.changed()

    def changed(self) -> None:
        """`stop` or `sources_done` was set."""
        for watcher in self._watchers:
            watcher.set()

    def appended(self, *topics: str) -> None:
        """Topics have grown."""
        for watcher, reads in self._watchers.items():
            if not watcher.is_set() and any(map(reads, topics)):
                watcher.set()


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """The surroundings of connectors and tasks: of one run, or of one connector that stands.

    `open_log` is called once, when the log is first used. `mask` takes the secrets of a connector
    out of a text. What `dataclasses.replace` makes shares hosts, zygotes and signals.
    """

    environments: Mapping[Path, Environment]
    api: ApiCopy
    open_log: Callable[[], TopicLog]
    guardian: Guardian
    settings: RunSettings
    on_output: OnOutput
    on_event: OnEvent
    signals: Signals = field(default_factory=Signals)
    host_messages: Callable[[], Iterable[Message]] = tuple
    mask: Callable[[str], str] = str
    _hosts: list[Host] = field(default_factory=list)
    _started: list[Zygotes] = field(default_factory=list)

    @cached_property
    def log(self) -> TopicLog:
        """Topics and offsets; raises what `open_log` raises."""
        return self.open_log()

    async def start_host(
        self,
        segment: Segment,
        *,
        name: str,
        mode: Literal["connector", "task"],
        data_in: socket.socket | None = None,
        data_out: socket.socket | None = None,
    ) -> Host:
        """Start a host in a segment's environment; raises what `start` and `greeting` raise."""
        spec = HostSpec(
            name=name,
            mode=mode,
            python=self.environment(segment).python,
            api_dir=self.api.path,
            working_dir=self.settings.working_dir,
            parent_environment=self.settings.parent_environment,
            data_in=data_in,
            data_out=data_out,
            isolated=segment.location.shape is not Shape.WORKER,
            preload=_preload(segment),
        )
        host = await self._zygotes().start(spec, on_output=self.on_output)
        self._hosts[:] = [one for one in self._hosts if not one.ended.done()]
        self._hosts.append(host)
        await host.greeting()
        for message in self.host_messages():
            host.control.send(message)
        return host

    def broadcast(self, message: Message) -> None:
        """Tell every host that runs now."""
        for host in self._hosts:
            host.control.send(message)

    async def end_hosts(self) -> None:
        """End every host that still lives, and every zygote: nothing starts any more."""
        await asyncio.gather(*(host.kill() for host in self._hosts))
        while self._started:
            await self._started.pop().close()

    def _zygotes(self) -> Zygotes:
        """Return the one for this runtime and all that `replace` made of it."""
        if not self._started:
            zygotes = Zygotes(
                guardian=self.guardian,
                parent_environment=self.settings.parent_environment,
                on_output=self.on_output,
                tell=self.tell,
                idle_s=self.settings.zygote_idle_s,
            )
            self._started.append(zygotes)
        return self._started[0]

    def environment(self, segment: Segment) -> Environment:
        """Return the environment that a segment runs in."""
        return self.environments[segment.location.path]

    def tell(self, subject: str, text: str, *, level: str = "INFO") -> None:
        """Tell a change of state."""
        event = Event(kind="state", subject=subject, level=level, logger="", text=text)
        self.on_event(event)


def _preload(segment: Segment) -> tuple[str, ...] | None:
    """Return the modules that a zygote may import before it forks; None: do not fork.

    The worker's own environment may change while it runs, so its plugins are imported each time.
    """
    location = segment.location
    if location.shape is Shape.WORKER:
        return None
    wanted = None
    with contextlib.suppress(VenvoyError):  # whoever made the environment has told it
        wanted = read_tool_settings(location).preload
    if wanted is False:
        return None
    if isinstance(wanted, tuple):
        return wanted
    plugins = [stage.plugin for stage in segment.stages]
    plugins += [one.predicate.plugin for one in segment.stages if one.predicate is not None]
    modules = {plugin.entry_point.module for plugin in plugins if not plugin.location.builtin}
    return tuple(sorted(modules))


def segment_message(plan: PipelinePlan, segment: Segment) -> list[dict[str, object]]:
    """Return the stages of a segment as they cross to its host."""
    return [_stage_message(plan, stage) for stage in segment.stages]


def _stage_message(plan: PipelinePlan, stage: Stage) -> dict[str, object]:
    entry_point = stage.plugin.entry_point
    is_connector = stage is plan.connector
    return {
        "role": str(stage.role),
        "prefix": stage.prefix,
        "type": str(stage.plugin.type),
        "module": entry_point.module,
        "qualname": entry_point.qualname,
        "config": dict(plan.config if is_connector else stage.config),
        "predicate": None if stage.predicate is None else _stage_message(plan, stage.predicate),
        "negate": stage.negate,
        "is_marked": stage.is_marked,
    }
