"""Connectors: a host of its own validates one, starts it, asks for its task configs, stops it."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from launcher.configs.connector_keys import undeclared_keys
from launcher.configs.version_keys import unused_versions
from launcher.hosts.control import Message, PluginError, PluginFailedError
from launcher.hosts.host import Host
from launcher.planning.plan import PipelinePlan, Segment
from launcher.storage.topic_log import SourceOffset
from launcher.tasks.runtime import Event, Runtime, segment_message
from manager.errors import VenvoyError

__all__ = [
    "ConnectorHost",
    "InvalidConnectorError",
    "TaskClass",
    "TooManyTasksError",
    "decoded_offsets",
    "validate",
]


class InvalidConnectorError(VenvoyError):
    """A plugin refuses its configuration."""

    code = "invalid-config"

    def __init__(self, *, connector: str, stage: str, key: str | None, reason: str) -> None:
        super().__init__(connector)
        self.connector = connector
        self.stage = stage
        self.key = key
        self.reason = reason

    @property
    def message(self) -> str:
        """The connector, the stage if it is another plugin, and the plugin's own words."""
        where = f"`{self.connector}`"
        if self.stage != "connector":
            where += f", `{self.stage}`"
        return f"{where}: {self.reason}"

    @property
    def hint(self) -> str:
        """What to change."""
        if self.key is None:
            return "mend the plugin, or take another version of it"
        verb = "set" if self.reason.startswith("Missing required configuration") else "correct"
        return f"{verb} `{self.key}` in the config of `{self.connector}`"


class TooManyTasksError(VenvoyError):
    """A connector wants more tasks than `tasks.max` allows."""

    code = "too-many-tasks"

    def __init__(self, *, connector: str, wanted: int, allowed: int) -> None:
        super().__init__(connector)
        self.connector = connector
        self.wanted = wanted
        self.allowed = allowed

    @property
    def message(self) -> str:
        """Both numbers."""
        return (
            f"`{self.connector}` returned {self.wanted} task configs; tasks.max is {self.allowed}"
        )

    @property
    def hint(self) -> str:
        """Whose fault it is."""
        return f"raise `tasks.max` to {self.wanted}, or report it to the connector's author"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskClass:
    """Where a connector's task class is."""

    module: str
    qualname: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What plugins say of their configuration: their faults, and by prefix the keys they define."""

    faults: tuple[InvalidConnectorError, ...]
    keys: Mapping[str, tuple[str, ...]]


class ConnectorHost:
    """The host in which a plan's segments are validated, and its connector lives."""

    def __init__(self, host: Host, plan: PipelinePlan, runtime: Runtime) -> None:
        self._host = host
        self._plan = plan
        self._runtime = runtime
        self._is_stopping = False
        self._asking = 0
        self.failure: VenvoyError | None = None
        self.on_failure: Callable[[VenvoyError], None] = lambda _failure: None
        """Called when the connector says that it failed, or its host dies."""
        self.on_reconfigure: Callable[[], None] = self._pass_over
        """Called when the connector asks for its task configs to be taken again."""
        host.on_message = self._take
        host.ended.add_done_callback(lambda _: self._ended())

    @classmethod
    async def start(cls, plan: PipelinePlan, segment: Segment, runtime: Runtime) -> "ConnectorHost":
        """Start a host in the segment's environment; raises what `start_host` raises."""
        host = await runtime.start_host(segment, name=plan.name, mode="connector")
        return cls(host, plan, runtime)

    async def check(self, segment: Segment) -> Checked:
        """Have the stages of a segment check their configuration."""
        stages = segment_message(self._plan, segment)
        answer = cast("Mapping[str, object]", await self._request("validate", stages=stages))
        problems = cast("Sequence[Mapping[str, str | None]]", answer["problems"])
        keys = cast("Sequence[tuple[str, Sequence[str]]]", answer["keys"])
        return Checked(
            faults=tuple(
                InvalidConnectorError(
                    connector=self._plan.name,
                    stage=str(problem["stage"]),
                    key=problem["key"],
                    reason=str(problem["message"]).rstrip("."),
                )
                for problem in problems
            ),
            keys={prefix: tuple(names) for prefix, names in keys},
        )

    async def begin(self, offsets: Sequence[SourceOffset]) -> TaskClass:
        """Start the connector; return the class of its tasks."""
        answer = cast(
            "dict[str, str]",
            await self._request(
                "start",
                connector=self._connector_message(),
                config=dict(self._plan.config),
                offsets=decoded_offsets(offsets),
            ),
        )
        return TaskClass(module=answer["module"], qualname=answer["qualname"])

    async def task_configs(self) -> tuple[Mapping[str, str], ...]:
        """Return the configs of the tasks.

        Raises:
            TooManyTasksError: there are more than `tasks.max`, and `tasks.max.enforce` is not
                false (KIP-1004).
        """
        allowed = self._plan.tasks_max
        answer = cast(
            "dict[str, list[dict[str, str]]]", await self._request("task_configs", max=allowed)
        )
        configs = tuple(answer["configs"])
        if len(configs) > allowed:
            error = TooManyTasksError(
                connector=self._plan.name, wanted=len(configs), allowed=allowed
            )
            if self._plan.config.get("tasks.max.enforce", "true").strip().lower() != "false":
                raise error
            self._runtime.tell(self._plan.name, error.message, level="WARNING")
        return configs

    async def alter_offsets(self, offsets: Sequence[object]) -> bool:
        """Tell a connector that is not started of new offsets; return whether it knew of them.

        `offsets` are [partition, offset] of a source or [topic, partition, offset] of a sink, the
        offset None when it is forgotten.

        Raises:
            PluginFailedError: the connector refuses them.
        """
        answer = await self._request(
            "alter_offsets",
            connector=self._connector_message(),
            config=dict(self._plan.config),
            offsets=list(offsets),
        )
        return answer is True

    def _connector_message(self) -> dict[str, object]:
        return next(
            stage
            for segment in self._plan.segments
            for stage in segment_message(self._plan, segment)
            if stage["role"] == "connector"
        )

    async def stop(self) -> None:
        """Stop the connector and its host; one that died by itself has failed."""
        self._is_stopping = True
        await self._host.stop(timeout_s=self._runtime.settings.shutdown_timeout_s)
        if self._host.ended.result() != 0 and not self._host.was_signalled:
            self.failure = self.failure or self._host.death()

    async def _request(self, kind: str, /, **fields: object) -> object:
        self._asking += 1
        try:
            return await self._host.control.request(kind, **fields)
        except ConnectionResetError:
            await asyncio.wait((self._host.ended,))
            raise self._host.death() from None
        finally:
            self._asking -= 1

    def _take(self, message: Message) -> None:
        name = self._plan.name
        if message["type"] == "log":
            self._runtime.on_event(Event.from_message(name, message))
        elif message["type"] == "failed":
            error = PluginError.from_message(message.get("error"))
            self.failure = PluginFailedError(task=name, error=error)
            self._runtime.tell(name, self.failure.message, level="ERROR")
            self.on_failure(self.failure)
        elif message["type"] == "reconfigure":
            self.on_reconfigure()

    def _pass_over(self) -> None:
        text = "asks for new task configs; its tasks keep theirs until the next start"
        self._runtime.tell(self._plan.name, text, level="WARNING")

    def _ended(self) -> None:
        """Tell a death, unless whoever waits for an answer will hear of it."""
        if not (self._is_stopping or self._asking or self._host.was_signalled):
            self.on_failure(self._host.death())


async def validate(
    plan: PipelinePlan, runtime: Runtime
) -> tuple[ConnectorHost | None, tuple[VenvoyError, ...]]:
    """Check a plan's stages, each in its own environment; keep the connector's host.

    Returns the host, still running, and no faults; or None and every fault.
    """
    kept: ConnectorHost | None = None
    faults: list[VenvoyError] = []
    keys: dict[str, tuple[str, ...]] = {}
    for segment in plan.segments:
        host = None
        try:
            host = await ConnectorHost.start(plan, segment, runtime)
            checked = await host.check(segment)
            faults += checked.faults
            keys |= checked.keys
        except VenvoyError as error:
            faults.append(error)
        if host is not None and plan.connector in segment.stages:
            kept = host
        elif host is not None:
            await host.stop()
    for unused in unused_versions(plan.config):
        runtime.tell(plan.name, f"{unused.message}; {unused.hint}", level="WARNING")
    mistaken, strangers = undeclared_keys(plan, keys)
    faults += mistaken
    if strangers and not faults:
        named = ", ".join(f"`{key}`" for key in strangers)
        runtime.tell(plan.name, f"passes on {named}, which its plugins do not declare")
    if faults and kept is not None:
        await kept.stop()
        kept = None
    return kept, tuple(faults)


def decoded_offsets(offsets: Sequence[SourceOffset]) -> list[object]:
    """Return [partition, offset] pairs as values, for a message."""
    return [[json.loads(partition), json.loads(offset)] for partition, offset in offsets]
