"""Hosts that ask plugins about their configuration, kept for a short while."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, cast

from launcher.configs.secrets import Masker
from launcher.hosts.control import Message, PluginFailedError
from launcher.hosts.guardian import Guardian
from launcher.hosts.host import Host, HostSpec, OnOutput
from launcher.interface.faults import RefusedError
from launcher.planning.workplace import Workplace
from launcher.tasks.runtime import Event, OnEvent, RunSettings
from launcher.validation.infos import ConfigKeyInfo, ConfigValueInfo
from manager.plugins.catalog import Plugin
from manager.store.environments import Environment

__all__ = ["Fault", "Inspected", "Inspectors", "Question", "StartHost", "Veil", "host_starter"]


class Veil:
    """Hides the secrets of the config that a host is asked about in all that the host says.

    Those of the config before, too: what a host prints may come late.
    """

    def __init__(self) -> None:
        self._secrets: tuple[frozenset[str], ...] = ()
        self._masker = Masker(())

    def hide(self, secrets: frozenset[str]) -> None:
        """Hide the secrets of the next config."""
        self._secrets = (*self._secrets[-1:], secrets)
        self._masker = Masker(frozenset().union(*self._secrets))

    def mask(self, text: str) -> str:
        """Return the text without secrets."""
        return self._masker.mask(text)


StartHost: TypeAlias = Callable[[Environment, bool, Veil], Awaitable[Host]]
"""Starts a greeted host of mode `connector` in an environment; False: not isolated."""

_NAME = "validation"
_DIED = "died"
_MOST_PER_ENVIRONMENT = 4
_Key: TypeAlias = tuple[str, bool]
_CALLS_ONLY = frozenset(("validation", "no-validation", "no-definition", "exactly-once"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to ask of a plugin; without a `config` only its definition.

    `role` is a stage's role, `ask` names questions for source connectors (`exactly_once`).
    """

    plugin: Plugin
    role: str
    config: Mapping[str, str] | None = None
    ask: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a plugin could not be asked; `kind` is one of `venvoy_host/inspection.py`, or `died`."""

    kind: str
    message: str
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What a plugin says: the keys that it defines, their values, its answers."""

    fault: Fault | None = None
    keys: tuple[ConfigKeyInfo, ...] = ()
    values: tuple[ConfigValueInfo, ...] = ()
    answers: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def has_died(self) -> bool:
        """Whether the host ended instead of answering."""
        return self.fault is not None and self.fault.kind == _DIED

    @property
    def spoils_its_host(self) -> bool:
        """Whether the fault may lie in what the host has loaded, so that it must not be reused."""
        return self.fault is not None and self.fault.kind not in _CALLS_ONLY


class Inspectors:
    """A few hosts, by environment and each used by one request at a time (CachedConnectorsTest).

    A host is kept for `idle_s` seconds after its last answer. One that failed to load a plugin,
    or that was left while it had not answered, is ended, so nothing that went wrong is remembered.
    """

    def __init__(self, start_host: StartHost, *, idle_s: float) -> None:
        self._start_host = start_host
        self._idle_s = idle_s
        self._idle: dict[_Key, list[Host]] = {}
        self._busy: set[Host] = set()
        self._veils: dict[Host, Veil] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._slots: dict[_Key, asyncio.Semaphore] = {}
        self._is_closed = False

    async def ask(
        self,
        environment: Environment,
        questions: Sequence[Question],
        *,
        isolated: bool = True,
        secrets: frozenset[str] = frozenset(),
    ) -> list[Inspected]:
        """Ask plugins of one environment, one after the other; return their answers in order.

        `secrets` are hidden in what the plugins print and log meanwhile.

        Raises:
            VenvoyError: a host could not be started at all, or must not be any more.
        """
        key = (environment.digest, isolated)
        answers: list[Inspected] = []
        slots = self._slots.setdefault(key, asyncio.Semaphore(_MOST_PER_ENVIRONMENT))
        async with slots:
            while len(answers) < len(questions):
                kept = self._take(key)
                host = kept or await self._start(environment, isolated)
                told = await self._ask_host(key, host, questions[len(answers) :], secrets)
                if kept is not None and told[0].has_died:
                    continue  # it may have died before, of something else: a new one will tell
                answers += told
        return answers

    async def _ask_host(
        self, key: _Key, host: Host, questions: Sequence[Question], secrets: frozenset[str]
    ) -> list[Inspected]:
        """Ask one host until one answer spoils it; at least one question is answered."""
        self._veils[host].hide(secrets)
        self._busy.add(host)
        told: list[Inspected] = []
        keep = False
        try:
            for question in questions:
                keep = False
                told.append(await _asked(host, question))
                keep = not told[-1].spoils_its_host
                if not keep:
                    break
        finally:
            self._leave(key, host, keep=keep)
        return told

    async def close(self) -> None:
        """End every host, also those that are waited for; none is started any more."""
        self._is_closed = True
        for host in (*self._busy, *(host for hosts in self._idle.values() for host in hosts)):
            self._end(host)
        self._idle.clear()
        await asyncio.gather(*self._ending)

    async def _start(self, environment: Environment, isolated: bool) -> Host:
        self._refuse_if_closed()
        veil = Veil()
        host = await self._start_host(environment, isolated, veil)
        try:
            self._refuse_if_closed()
        except RefusedError:
            await host.kill()
            raise
        self._veils[host] = veil
        host.ended.add_done_callback(lambda _: self._veils.pop(host, None))
        return host

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise RefusedError("the worker is stopping", remedy="ask it again when it has started")

    def _take(self, key: _Key) -> Host | None:
        kept = self._idle.get(key, [])
        while kept:
            host = kept.pop()
            if not host.ended.done():
                return host
        return None

    def _leave(self, key: _Key, host: Host, *, keep: bool) -> None:
        self._busy.discard(host)
        if not keep:
            self._end(host)
            return
        kept = self._idle.setdefault(key, [])
        kept.append(host)

        def expire() -> None:
            if host in kept:
                kept.remove(host)
                self._end(host)

        asyncio.get_running_loop().call_later(self._idle_s, expire)

    def _end(self, host: Host) -> None:
        ending = asyncio.create_task(host.kill(), name=f"end {host.spec.name}")
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


def host_starter(
    *,
    guardian: Guardian,
    workplace: Callable[[], Workplace],
    settings: RunSettings,
    on_output: OnOutput,
    on_event: OnEvent = lambda _event: None,
) -> StartHost:
    """Return what starts hosts as those of tasks are started; call it from the main thread.

    What plugins print and log is told under the name `validation`.
    """

    async def start(environment: Environment, isolated: bool, veil: Veil) -> Host:
        spec = HostSpec(
            name=_NAME,
            mode="connector",
            python=environment.python,
            api_dir=workplace().context.api.path,
            working_dir=settings.working_dir,
            parent_environment=settings.parent_environment,
            isolated=isolated,
        )

        def take(message: Message) -> None:
            if message.get("type") == "log":
                event = Event.from_message(_NAME, message)
                on_event(replace(event, text=veil.mask(event.text)))

        host = Host.spawn(
            spec,
            guardian=guardian,
            on_output=lambda name, stream, line: on_output(name, stream, veil.mask(line)),
        )
        host.on_message = take
        await host.greeting()
        return host

    return start


async def _asked(host: Host, question: Question) -> Inspected:
    try:
        answer = await host.control.request("inspect", **_message(question))
    except PluginFailedError as error:
        return Inspected(fault=Fault(kind="failed", message=error.message))
    except ConnectionResetError:
        await asyncio.wait((host.ended,))
        death = host.death()
        return Inspected(fault=Fault(kind=_DIED, message=f"{death.message}; {death.hint}"))
    return _inspected(cast("Mapping[str, object]", answer))


def _message(question: Question) -> dict[str, object]:
    entry_point = question.plugin.entry_point
    return {
        "stage": {
            "role": question.role,
            "type": str(question.plugin.type),
            "module": entry_point.module,
            "qualname": entry_point.qualname,
        },
        "config": None if question.config is None else dict(question.config),
        "ask": list(question.ask),
    }


def _inspected(answer: Mapping[str, object]) -> Inspected:
    error = cast("Mapping[str, object] | None", answer["error"])
    keys = cast("Sequence[Mapping[str, object]]", answer["keys"])
    values = cast("Sequence[Mapping[str, object]]", answer["values"])
    return Inspected(
        fault=None if error is None else _fault(error),
        keys=tuple(map(ConfigKeyInfo.from_json, keys)),
        values=tuple(map(ConfigValueInfo.from_json, values)),
        answers=cast("Mapping[str, str | None]", answer["answers"]),
    )


def _fault(error: Mapping[str, object]) -> Fault:
    return Fault(
        kind=str(error["kind"]),
        message=str(error["message"]),
        children=tuple(cast("Sequence[str]", error["children"])),
    )
