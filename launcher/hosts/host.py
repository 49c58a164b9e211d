"""Hosts: the processes that run plugin code, started, listened to, and ended in steps."""

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from launcher.hosts.control import Control, Message
from launcher.hosts.guardian import Guardian
from launcher.hosts.host_output import HostOutput, OutputStream
from manager import proc
from manager.errors import InternalError, VenvoyError

__all__ = ["Host", "HostDiedError", "HostSpec", "OnOutput", "ProtocolMismatchError"]

OnOutput: TypeAlias = Callable[[str, OutputStream, str], None]
"""Called with the task's name, the stream, and one line of a plugin's output."""

_PROTOCOL = 1
_TERM_TIMEOUT_S = 2.0


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
        """Its last words."""
        if not self.last_lines:
            return "it wrote nothing to stderr; SIGKILL often means that memory ran out"
        return "its last lines on stderr were: " + " | ".join(self.last_lines)


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

    One that is not `isolated` sees what `.pth` files of its environment name outside it.
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

    def argv(self, control_fd: int) -> tuple[str, ...]:
        """Return the command line (design 7, third place)."""
        options = ["--parent", str(os.getpid()), "--control", str(control_fd)]
        for name, end in (("--in", self.data_in), ("--out", self.data_out)):
            if end is not None:
                options += [name, str(end.fileno())]
        if not self.isolated:
            options += ["--isolated", "no"]
        host_dir = self.api_dir / "venvoy_host"
        return (str(self.python), "-I", "-S", "-B", str(host_dir), self.mode, *options)


class Host:
    """One host process; made by `spawn`, from the event loop's (the main) thread.

    `ended` is done when the process and its whole group are gone and its last words are read; its
    result is the return code, negative for a signal.
    """

    def __init__(self, spec: HostSpec, guardian: Guardian) -> None:
        self.spec = spec
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.on_message: Callable[[Message], None] = lambda _message: None
        self.control = Control(owner=spec.name, on_message=self._take)
        self._guardian = guardian
        self._hello: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._process: proc.Process
        self._outputs: dict[OutputStream, HostOutput] = {}
        self._watching: asyncio.Task[None] | None = None
        self.was_signalled = False
        """Whether we sent it a signal: then its end is no news."""

    @classmethod
    def spawn(cls, spec: HostSpec, *, guardian: Guardian, on_output: OnOutput) -> "Host":
        """Start the process; the caller sees to its end, and waits for `greeting` first.

        The data sockets of `spec` are closed on our side, whatever happens.

        Raises:
            UnstartableError: the interpreter is not there.
        """
        host = cls(spec, guardian)
        host._spawn(on_output)
        return host

    async def greeting(self) -> None:
        """Wait for its hello. A host that does not greet, or is not waited for, is ended.

        Raises:
            HostDiedError: it ended before it said hello.
            ProtocolMismatchError: it speaks another protocol.
        """
        try:
            waited = (self._hello, self.ended)
            done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.kill()
            raise
        if self._hello not in done:
            self._hello.cancel()
            raise self.death()
        spoken = self._hello.result().get("protocols")
        protocols = tuple(spoken) if isinstance(spoken, list) else ()
        if _PROTOCOL not in protocols:
            await self.kill()
            raise ProtocolMismatchError(task=self.spec.name, spoken=protocols)

    @property
    def pid(self) -> int:
        """The host's process id, which is also its process group."""
        return self._process.pid

    def death(self) -> HostDiedError:
        """Return what its end looks like, for a host that was not asked to end."""
        lines = tuple(self._outputs["stderr"].last_lines)
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

    def _spawn(self, on_output: OnOutput) -> None:
        ours, theirs = socket.socketpair()
        given = [end for end in (self.spec.data_in, self.spec.data_out) if end is not None]
        try:
            self._process = proc.start(
                self.spec.argv(theirs.fileno()),
                env=proc.child_environment(
                    self.spec.parent_environment, self.spec.extra_environment
                ),
                cwd=self.spec.working_dir,
                pass_fds=(theirs.fileno(), *(end.fileno() for end in given)),
            )
        except VenvoyError:
            ours.close()
            raise
        finally:
            for end in (theirs, *given):
                end.close()
        self._guardian.add(self._process.pid)
        self._listen(on_output)
        self._watching = asyncio.create_task(self._watch(ours), name=f"watch {self.spec.name}")

    def _listen(self, on_output: OnOutput) -> None:
        streams: tuple[OutputStream, ...] = ("stdout", "stderr")
        for stream, pipe in zip(streams, (self._process.stdout, self._process.stderr), strict=True):
            if pipe is None:
                raise InternalError(what="a host was started without pipes")

            def pass_on(line: str, stream: OutputStream = stream) -> None:
                on_output(self.spec.name, stream, line)

            self._outputs[stream] = HostOutput(pipe, pass_on)

    async def _watch(self, control_end: socket.socket) -> None:
        """Wait for the end; end the group before the pid can be given to another process."""
        await self.control.open(control_end)
        await _exited(self._process.pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        returncode = self._process.wait()
        self._guardian.remove(self._process.pid)
        try:
            await self.control.drain()
            await self.control.close()
        finally:
            self._close_outputs()
            self.ended.set_result(returncode)

    def _close_outputs(self) -> None:
        with contextlib.ExitStack() as closing:  # also when telling the last line of one fails
            for output in self._outputs.values():
                closing.callback(output.close)

    def _signal(self, number: signal.Signals) -> None:
        self.was_signalled = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _take(self, message: Message) -> None:
        if message.get("type") == "hello":
            if not self._hello.done():
                self._hello.set_result(message)
            return
        self.on_message(message)


async def _exited(pid: int) -> None:
    """Wait until a child has ended, and leave it to be waited for: its pid stays taken."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def finish() -> None:
        if not ended.done():
            ended.set_result(None)

    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):  # an old kernel: a thread waits instead

        def wait() -> None:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            loop.call_soon_threadsafe(finish)

        threading.Thread(target=wait, name=f"wait for {pid}", daemon=True).start()
        await ended
        return
    loop.add_reader(descriptor, finish)
    try:
        await ended
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
