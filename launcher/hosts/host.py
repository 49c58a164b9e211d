"""Hosts: the processes that run plugin code, started, listened to, and ended in steps."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from launcher.hosts.control import Control, Message
from launcher.hosts.guardian import Guardian
from launcher.hosts.guardian_process import MARK
from launcher.hosts.host_output import HostOutput, OutputStream
from launcher.hosts.host_process import (
    HostProcess,
    SpawnedProcess,
    end_left_behind,
    exited,
    send_signal,
)
from launcher.hosts.last_words import last_words
from manager import proc
from manager.errors import VenvoyError

__all__ = [
    "BrokenProtocolError",
    "Host",
    "HostDiedError",
    "HostSilentError",
    "HostSpec",
    "OnOutput",
    "ProtocolMismatchError",
]

OnOutput: TypeAlias = Callable[[str, OutputStream, str], None]
"""Called with the task's name, the stream, and one line of a plugin's output."""

_PROTOCOL = 1
_TERM_TIMEOUT_S = 2.0
_GREETING_TIMEOUT_S = 60.0


class HostDiedError(VenvoyError):
    """A host ended without being asked to."""

    code = "host-died"

    def __init__(self, *, task: str, returncode: int, last_lines: tuple[str, ...]) -> None:
        super().__init__(task)
        self.task = task
        self.returncode = returncode
        self.last_lines = last_lines

    @property
    def ending(self) -> str:
        """The signal's name, or the exit code."""
        if self.returncode >= 0:
            return f"exit code {self.returncode}"
        with contextlib.suppress(ValueError):
            return signal.Signals(-self.returncode).name
        return f"signal {-self.returncode}"

    @property
    def message(self) -> str:
        """The task and how its host ended."""
        return f"the host of `{self.task}` died with {self.ending}"

    @property
    def hint(self) -> str:
        """Its last words, as far as a sentence has room for them."""
        words = last_words(self.last_lines)
        if not words:
            return "it wrote nothing to stderr; SIGKILL often means that memory ran out"
        return "its last words on stderr were: " + " | ".join(words)

    @property
    def trace(self) -> str:
        """How it ended, and all that is kept of what it wrote last, line by line."""
        if not self.last_lines:
            return f"{self.message}\n{self.hint}"
        return "\n".join((self.message, "its last lines on stderr were:", *self.last_lines))


class BrokenProtocolError(HostDiedError):
    """A host said what no host says, and was ended: nothing that it says can be relied on."""

    code = "host-broke-protocol"

    def __init__(self, *, task: str, reason: str, last_lines: tuple[str, ...]) -> None:
        super().__init__(task=task, returncode=-signal.SIGKILL, last_lines=last_lines)
        self.reason = reason

    @property
    def message(self) -> str:
        """The task, and what came."""
        return f"the host of `{self.task}` broke the protocol: {self.reason}"

    @property
    def hint(self) -> str:
        """What can cause it."""
        return "the plugin, or a library of its, may write to file descriptors that are not its own"


class HostSilentError(VenvoyError):
    """A host was started and said nothing; it has been ended."""

    code = "host-silent"

    def __init__(self, *, task: str, timeout_s: float) -> None:
        super().__init__(task)
        self.task = task
        self.timeout_s = timeout_s

    @property
    def message(self) -> str:
        """The task and the time."""
        return f"the host of `{self.task}` did not come up within {self.timeout_s:g} s"

    @property
    def hint(self) -> str:
        """What can stand in its way."""
        return "a `.pth` file of its environment may hang, or something stopped the process"


class ProtocolMismatchError(VenvoyError):
    """The API copy in the store speaks another protocol than this worker."""

    code = "host-protocol"

    def __init__(self, *, task: str, spoken: tuple[int, ...]) -> None:
        super().__init__(task)
        self.task = task
        self.spoken = spoken

    @property
    def message(self) -> str:
        """Both sides' protocols."""
        spoken = ", ".join(map(str, self.spoken)) or "none"
        return f"the host of `{self.task}` speaks protocol {spoken}, the worker {_PROTOCOL}"

    @property
    def hint(self) -> str:
        """How to bring them together."""
        return "start the worker again, so that hosts use the API of this version"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSpec:
    """What is needed to start a host. `data_in` and `data_out` are ends that it takes over.

    One that is not `isolated` sees what `.pth` files of its environment name outside it. A zygote
    imports `preload` before it forks the host; None: the host has a new process.
    """

    name: str
    mode: Literal["connector", "task"]
    python: Path
    api_dir: Path
    working_dir: Path
    parent_environment: Mapping[str, str]
    extra_environment: Mapping[str, str] = field(default_factory=dict)
    data_in: socket.socket | None = None
    data_out: socket.socket | None = None
    isolated: bool = True
    preload: tuple[str, ...] | None = None

    @property
    def data_ends(self) -> dict[str, socket.socket]:
        """The data sockets, by the names that the host gives them."""
        ends = (("in", self.data_in), ("out", self.data_out))
        return {name: end for name, end in ends if end is not None}

    def close(self) -> None:
        """Close the data sockets on our side: the host has them, or there will be none."""
        for end in self.data_ends.values():
            end.close()

    def environment(self, mark: str) -> dict[str, str]:
        """Return the host's environment variables, its mark among them."""
        extra = {**self.extra_environment, MARK: mark}
        return proc.child_environment(self.parent_environment, extra)

    def argv(self, control_fd: int) -> tuple[str, ...]:
        """Return the command line (design 7, third place)."""
        options = ["--parent", str(os.getpid()), "--control", str(control_fd)]
        for name, end in self.data_ends.items():
            options += [f"--{name}", str(end.fileno())]
        if not self.isolated:
            options += ["--isolated", "no"]
        host_dir = self.api_dir / "venvoy_host"
        return (str(self.python), "-I", "-S", "-B", str(host_dir), self.mode, *options)


class Host:
    """One host process; made by `spawn`, or of what a zygote forked, from the event loop's thread.

    That is the main one. `ended` is done when the process, its whole group and everything that it
    has started are gone and its last words are read; its result is the return code, negative for a
    signal.
    """

    def __init__(
        self,
        spec: HostSpec,
        process: HostProcess,
        control_end: socket.socket,
        *,
        mark: str,
        guardian: Guardian,
        on_output: OnOutput,
    ) -> None:
        self.spec = spec
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[int] = loop.create_future()
        self._listener: Callable[[Message], None] | None = None
        self._unheard: list[Message] = []
        self.control = Control(owner=spec.name, on_message=self._take, on_broken=self._end_broken)
        self._broken = ""
        self.was_signalled = False
        """Whether we sent it a signal: then its end is no news."""
        self._hello: asyncio.Future[Message] = loop.create_future()
        self._process = process
        self._mark = mark
        self._guardian = guardian
        guardian.add(process.pid)
        self._outputs: dict[OutputStream, HostOutput] = {
            "stdout": self._listen("stdout", on_output),
            "stderr": self._listen("stderr", on_output),
        }
        self._watching = asyncio.create_task(self._watch(control_end), name=f"watch {spec.name}")

    @classmethod
    def spawn(cls, spec: HostSpec, *, guardian: Guardian, on_output: OnOutput) -> "Host":
        """Start a process of its own; the caller sees to its end, and waits for `greeting` first.

        The data sockets of `spec` are closed on our side, whatever happens.

        Raises:
            UnstartableError: the interpreter is not there.
        """
        mark = guardian.new_mark()
        ours, theirs = socket.socketpair()
        try:
            process = proc.start(
                spec.argv(theirs.fileno()),
                env=spec.environment(mark),
                cwd=spec.working_dir,
                pass_fds=(theirs.fileno(), *(end.fileno() for end in spec.data_ends.values())),
            )
        except VenvoyError:
            ours.close()
            raise
        finally:
            theirs.close()
            spec.close()
        return cls(
            spec,
            SpawnedProcess(process),
            ours,
            mark=mark,
            guardian=guardian,
            on_output=on_output,
        )

    def has_said(self, lines: Iterable[tuple[OutputStream, str]]) -> None:
        """Take lines that were written for it before it was there: by its zygote's import."""
        for stream, line in lines:
            self._outputs[stream].tell(line)

    async def greeting(self, *, timeout_s: float = _GREETING_TIMEOUT_S) -> None:
        """Wait for its hello. A host that does not greet, or is not waited for, is ended.

        Raises:
            HostDiedError: it ended before it said hello.
            HostSilentError: it lives, and said nothing for `timeout_s`.
            ProtocolMismatchError: it speaks another protocol.
        """
        try:
            await asyncio.wait(
                (self._hello, self.ended),
                return_when=asyncio.FIRST_COMPLETED,
                timeout=timeout_s,
            )
        except asyncio.CancelledError:
            await self.kill()
            raise
        if not self._hello.done():
            self._hello.cancel()
            if self.ended.done():
                raise self.death()
            await self.kill()
            raise HostSilentError(task=self.spec.name, timeout_s=timeout_s)
        spoken = self._hello.result().get("protocols")
        protocols = tuple(spoken) if isinstance(spoken, list) else ()
        if _PROTOCOL not in protocols:
            await self.kill()
            raise ProtocolMismatchError(task=self.spec.name, spoken=protocols)

    @property
    def on_message(self) -> Callable[[Message], None] | None:
        """Who hears what it says unasked; whoever is set first hears what it has said by then."""
        return self._listener

    @on_message.setter
    def on_message(self, on_message: Callable[[Message], None]) -> None:
        self._listener = on_message
        while self._unheard:
            on_message(self._unheard.pop(0))

    @property
    def pid(self) -> int:
        """The host's process id, which is also its process group."""
        return self._process.pid

    def death(self) -> HostDiedError:
        """Return what its end looks like, for a host that was not asked to end."""
        lines = tuple(self._outputs["stderr"].last_lines)
        if self._broken:
            return BrokenProtocolError(task=self.spec.name, reason=self._broken, last_lines=lines)
        return HostDiedError(task=self.spec.name, returncode=self.ended.result(), last_lines=lines)

    async def stop(self, *, timeout_s: float) -> None:
        """End the host in steps: ask, wait `timeout_s`, SIGTERM, wait, SIGKILL."""
        if not self.ended.done():
            self.control.send({"type": "stop"})
        for limit_s, number in ((timeout_s, signal.SIGTERM), (_TERM_TIMEOUT_S, signal.SIGKILL)):
            await asyncio.wait((self.ended,), timeout=limit_s)
            if self.ended.done():
                return
            self._signal(number)
        await asyncio.wait((self.ended,))

    async def kill(self) -> None:
        """End the host at once."""
        if not self.ended.done():
            self._signal(signal.SIGKILL)
            await asyncio.wait((self.ended,))

    def _listen(self, stream: OutputStream, on_output: OnOutput) -> HostOutput:
        def pass_on(line: str) -> None:
            on_output(self.spec.name, stream, line)

        pipe = self._process.stdout if stream == "stdout" else self._process.stderr
        return HostOutput(pipe, pass_on)

    async def _watch(self, control_end: socket.socket) -> None:
        """Wait for the end, and end what it left; only then may its pid be given to another."""
        await self.control.open(control_end)
        await exited(self._process.pid)
        send_signal(self._process.pid, signal.SIGKILL)
        try:
            await end_left_behind(self._mark)
            await self.control.drain()
            await self.control.close()
        finally:
            self._close_outputs()
            self._guardian.remove(self._process.pid)
            self.ended.set_result(self._process.wait())

    def _close_outputs(self) -> None:
        with contextlib.ExitStack() as closing:  # also when telling the last line of one fails
            for output in self._outputs.values():
                closing.callback(output.close)

    def _end_broken(self, reason: str) -> None:
        self._broken = reason
        send_signal(self._process.pid, signal.SIGKILL)  # not `_signal`: its end is news

    def _signal(self, number: signal.Signals) -> None:
        self.was_signalled = True
        send_signal(self._process.pid, number)

    def _take(self, message: Message) -> None:
        if message.get("type") == "hello":
            if not self._hello.done():
                self._hello.set_result(message)
            return
        if self._listener is None:
            self._unheard.append(message)
        else:
            self._listener(message)
