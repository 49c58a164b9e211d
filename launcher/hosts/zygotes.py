"""Every start of a host: a fork of its environment's zygote where that can be, else a new process.

The first host of an environment and its preload set waits for their zygote; each that follows is a
fork of it within milliseconds, and shares its memory (design 8).
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from launcher.hosts.guardian import Guardian
from launcher.hosts.host import Host, HostSpec, OnOutput
from launcher.hosts.subreaper import Subreaper
from launcher.hosts.zygote import Zygote, ZygoteKey
from manager.proc import UnstartableError

__all__ = ["IDLE_S", "PRELOAD_TIMEOUT_S", "Zygotes"]

IDLE_S = 300.0
"""How long a zygote waits for the next host, by default."""

PRELOAD_TIMEOUT_S = 60.0
"""How long an import may take before the hosts do it themselves."""

_TEND_S = 5.0
_SECOND_TRY_S = 60.0


class Zygotes:
    """Starts the hosts of one worker; `close` it when they have ended, from the same event loop.

    `tell` is called once for each environment and preload set that cannot be forked, with the name
    of the host that was to be and the reason. Where a process can be no subreaper (outside Linux,
    without ctypes), and with an `idle_s` of 0, every host has a new process.
    """

    def __init__(
        self,
        *,
        guardian: Guardian,
        parent_environment: Mapping[str, str],
        on_output: OnOutput,
        tell: Callable[[str, str], None],
        idle_s: float = IDLE_S,
        preload_timeout_s: float = PRELOAD_TIMEOUT_S,
    ) -> None:
        self._guardian = guardian
        self._parent_environment = parent_environment
        self._on_output = on_output
        self._tell = tell
        self._idle_s = idle_s
        self._preload_timeout_s = preload_timeout_s
        self._starts: dict[ZygoteKey, asyncio.Task[Zygote | None]] = {}
        self._living: set[Zygote] = set()
        self._forked: set[int] = set()
        self._subreaper: Subreaper | None = None
        self._tending: asyncio.Task[None] | None = None

    async def start(self, spec: HostSpec, *, on_output: OnOutput | None = None) -> Host:
        """Start a host; the caller sees to its end, and waits for its `greeting` first.

        `on_output` hears this host instead of the one that all share. The data sockets of `spec`
        are closed on our side, whatever happens.

        Raises:
            UnstartableError: the interpreter is not there.
        """
        listener = on_output or self._on_output
        with contextlib.ExitStack() as unused:
            unused.callback(spec.close)
            host = await self._forked_host(spec, listener)
            if host is not None:
                return host
            unused.pop_all()
        return Host.spawn(spec, guardian=self._guardian, on_output=listener)

    async def close(self) -> None:
        """End every zygote, and whatever became our child besides."""
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.wait((self._tending,))
        for starting in self._starts.values():
            starting.cancel()
        if self._starts:
            await asyncio.wait(self._starts.values())
        await asyncio.gather(*(zygote.stop() for zygote in self._living))
        self._starts.clear()
        if self._subreaper is not None:
            await asyncio.to_thread(self._subreaper.close)
            self._subreaper = None

    async def _forked_host(self, spec: HostSpec, on_output: OnOutput) -> Host | None:
        if spec.preload is None or self._idle_s <= 0 or not self._may_fork():
            return None
        key = ZygoteKey(
            python=spec.python,
            api_dir=spec.api_dir,
            working_dir=spec.working_dir,
            isolated=spec.isolated,
            preload=spec.preload,
        )
        zygote = await self._zygote(key, spec.name)
        if zygote is None:
            return None
        forking = asyncio.create_task(self._fork(zygote, spec, on_output))
        try:
            return await asyncio.shield(forking)
        except asyncio.CancelledError:
            host = await forking
            if host is not None:
                await host.kill()
            raise

    async def _fork(self, zygote: Zygote, spec: HostSpec, on_output: OnOutput) -> Host | None:
        mark = self._guardian.new_mark()
        ours, theirs = socket.socketpair()
        try:
            process = await zygote.fork(spec, theirs, mark)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        if process is None:
            ours.close()
            return None
        host = Host(
            spec,
            process,
            ours,
            mark=mark,
            guardian=self._guardian,
            on_output=on_output,
        )
        host.ended.add_done_callback(lambda _: self._forked.discard(process.pid))
        host.has_said(zygote.lines)
        return host

    async def _zygote(self, key: ZygoteKey, name: str) -> Zygote | None:
        """Return the zygote, which may have to be started; None when there cannot be one."""
        for zygote in [one for one in self._living if one.ended.done()]:
            self._end_of(zygote)
        starting = self._starts.get(key)
        if starting is None:
            starting = asyncio.create_task(self._start(key, name))
            self._starts[key] = starting
        return await asyncio.shield(starting)

    async def _start(self, key: ZygoteKey, name: str) -> Zygote | None:
        try:
            zygote = Zygote(
                key,
                parent_environment=self._parent_environment,
                guardian=self._guardian,
                on_fork=self._forked.add,
            )
        except (UnstartableError, OSError):  # a host of its own tells it to whoever wants one
            self._starts.pop(key)
            return None
        self._living.add(zygote)
        zygote.ended.add_done_callback(lambda _: self._end_of(zygote))
        verdict = await zygote.verdict(timeout_s=self._preload_timeout_s)
        if verdict == "ready":
            return zygote
        if verdict == "broken" and key.preload:  # each host imports it, and tells what is wrong
            return await self._zygote(replace(key, preload=()), name)
        if verdict == "unfit":
            self._tell(name, f"{zygote.reason}: every host of it gets a process of its own")
            return None
        asyncio.get_running_loop().call_later(_SECOND_TRY_S, self._starts.pop, key, None)
        return None

    def _end_of(self, zygote: Zygote) -> None:
        self._living.discard(zygote)
        self._forget(zygote)

    def _forget(self, zygote: Zygote) -> None:
        """Let the next host start another, if this one was ready."""
        for key, starting in list(self._starts.items()):
            if starting.done() and not starting.cancelled() and starting.result() is zygote:
                del self._starts[key]

    def _may_fork(self) -> bool:
        if self._subreaper is None:
            self._subreaper = Subreaper(self._is_ours)
        if self._tending is None:
            self._tending = asyncio.create_task(self._tend(), name="tend zygotes")
        return self._subreaper.is_one

    def _is_ours(self, pid: int) -> bool:
        """Say whether a child of ours is a host, or may be one that its zygote has yet to name."""
        return pid in self._forked or any(zygote.is_busy for zygote in list(self._living))

    async def _tend(self) -> None:
        """Reap adopted orphans and end idle zygotes, now and then."""
        while True:
            await asyncio.sleep(min(_TEND_S, self._idle_s))
            if self._subreaper is not None:
                await asyncio.to_thread(self._subreaper.reap)
            idle_since = time.monotonic() - self._idle_s
            for zygote in [*self._living]:
                if zygote.is_ready and not zygote.is_busy and zygote.used_at < idle_since:
                    self._forget(zygote)
                    await zygote.stop()
