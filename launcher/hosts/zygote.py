"""One zygote: a process that has imported a plugin and forks hosts of it, at the worker's end.

The messages are listed in `launcher/shared/venvoy_host/zygote.py`.
"""

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from launcher.hosts.control import Message
from launcher.hosts.guardian import Guardian
from launcher.hosts.guardian_process import MARK
from launcher.hosts.host import HostSpec
from launcher.hosts.host_output import HostOutput, OutputStream
from launcher.hosts.host_process import (
    ForkedProcess,
    SpawnedProcess,
    end_left_behind,
    exited,
    is_stopped,
    send_signal,
)
from manager import proc
from manager.errors import VenvoyError

__all__ = ["Verdict", "Zygote", "ZygoteKey"]

Verdict: TypeAlias = Literal["ready", "unfit", "broken", "died", "silent"]
"""What became of a start: it forks hosts; what it imported must not be forked; the import raised;
it ended by itself; it was ended, for it said nothing."""

_FORK_TIMEOUT_S = 5.0
_LOOK_S = 0.25
_STOP_S = 1.0
_PACKET_BYTES = 64 * 1024
_KEPT_LINES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ZygoteKey:
    """What hosts of one zygote have in common."""

    python: Path
    api_dir: Path
    working_dir: Path
    isolated: bool
    preload: tuple[str, ...]

    def argv(self, control_fd: int) -> tuple[str, ...]:
        """Return the command line: a host's (design 7), in another mode."""
        options = ["--parent", str(os.getpid()), "--control", str(control_fd)]
        if self.preload:
            options += ["--preload", ",".join(self.preload)]
        if not self.isolated:
            options += ["--isolated", "no"]
        host_dir = self.api_dir / "venvoy_host"
        return (str(self.python), "-I", "-S", "-B", str(host_dir), "zygote", *options)


class Zygote:
    """Made in the event loop's thread, which is the main one: a zygote dies with its thread.

    `on_fork` gets the pid of each host that is ours to wait for. `ended` is done when the process
    and what its import has started are gone. `reason` tells more of a verdict that is not `ready`.
    """

    def __init__(
        self,
        key: ZygoteKey,
        *,
        parent_environment: Mapping[str, str],
        guardian: Guardian,
        on_fork: Callable[[int], None],
    ) -> None:
        self.key = key
        self.used_at = time.monotonic()
        self.is_ready = False
        self.reason = ""
        self.lines: list[tuple[OutputStream, str]] = []
        """What its import wrote; every host that imports for itself writes the same."""
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = loop.create_future()
        self._said: asyncio.Future[Message] = loop.create_future()
        self._answers: dict[int, asyncio.Future[Message]] = {}
        self._last_id = 0
        self._turn = asyncio.Lock()
        self._standby: int | None = None
        self._last_host: int | None = None
        self._on_fork = on_fork
        self._mark = guardian.new_mark()
        self._guardian = guardian
        self._end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._end.setblocking(False)
        try:
            process = proc.start(
                key.argv(theirs.fileno()),
                env=proc.child_environment(parent_environment, {MARK: self._mark}),
                cwd=key.working_dir,
                pass_fds=(theirs.fileno(),),
            )
        except VenvoyError:
            self._end.close()
            raise
        finally:
            theirs.close()
        self._process = SpawnedProcess(process)
        guardian.add(process.pid)
        self._outputs = [
            HostOutput(self._process.stdout, self._keeper("stdout")),
            HostOutput(self._process.stderr, self._keeper("stderr")),
        ]
        loop.add_reader(self._end.fileno(), self._read)
        self._watching = asyncio.create_task(self._watch(), name=f"watch zygote {process.pid}")

    @property
    def pid(self) -> int:
        """Its process id, which is also its group's."""
        return self._process.pid

    @property
    def is_busy(self) -> bool:
        """Whether a host is being forked, so that there may be a child that nobody knows yet."""
        return bool(self._answers)

    async def verdict(self, *, timeout_s: float) -> Verdict:
        """Wait until it is ready, or is not going to be; then it has ended or is about to."""
        await self._wait_for(self._said, timeout_s)
        if not self._said.done():
            self._said.cancel()
            if self.ended.done():
                return "died"
            self.kill()
            return "silent"
        for output in self._outputs:
            output.drain()
        message = self._said.result()
        self.reason = str(message.get("reason", ""))
        self.is_ready = message.get("type") == "ready"
        if self.is_ready:
            self.used_at = time.monotonic()  # its import is no idle time
            return "ready"
        return "unfit" if message.get("type") == "unfit" else "broken"

    async def fork(
        self, spec: HostSpec, control_end: socket.socket, mark: str
    ) -> ForkedProcess | None:
        """Have a host forked that takes over `control_end` and the data sockets of `spec`.

        None when it did not come to be: then nothing of it is left, and a zygote that was in the
        way has been ended. Our copies of the sockets stay open.
        """
        self.used_at = time.monotonic()
        pairs = [os.pipe(), os.pipe()]
        stdout, stderr = (os.fdopen(ours, "rb", buffering=0) for ours, _ in pairs)
        ends = {"stdout": pairs[0][1], "stderr": pairs[1][1], "control": control_end.fileno()}
        ends |= {name: end.fileno() for name, end in spec.data_ends.items()}
        pid = None
        try:
            async with self._turn:
                pid = await self._ask(spec, ends, mark)
        finally:
            for _, theirs in pairs:
                os.close(theirs)
            if pid is None:
                stdout.close()
                stderr.close()
        return None if pid is None else ForkedProcess(pid=pid, stdout=stdout, stderr=stderr)

    async def stop(self) -> None:
        """Let it end: it waits for requests, and finds the socket closed."""
        self._close()
        await asyncio.wait((self.ended,), timeout=_STOP_S)
        self.kill()
        await asyncio.wait((self.ended,))

    def kill(self) -> None:
        """End it at once; its hosts live on."""
        if not self.ended.done():
            send_signal(self.pid, signal.SIGKILL)

    async def _ask(self, spec: HostSpec, ends: Mapping[str, int], mark: str) -> int | None:
        """Return the pid of a new host."""
        self._last_id += 1
        number = self._last_id
        environment = spec.environment(mark)
        request = {"id": number, "mode": spec.mode, "environment": environment, "names": [*ends]}
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            # One too long for a packet, or for a socket that is not being read, is none either.
            socket.send_fds(self._end, [json.dumps(request).encode()], list(ends.values()))
        except OSError:
            self._answers.pop(number)
            return None
        await self._wait_for(answer, _FORK_TIMEOUT_S)
        if not answer.done():
            self.kill()
            await asyncio.wait((self.ended,))
        pid = answer.result().get("pid") if answer.done() else None
        if not isinstance(pid, int):
            await end_left_behind(mark)
            pid = None
        self._answers.pop(number, None)
        return pid

    async def _wait_for(self, answer: asyncio.Future[Message], timeout_s: float) -> None:
        """Wait until it answers, or will not: it has ended, is stopped, or its time is up."""
        deadline = time.monotonic() + timeout_s
        while not answer.done() and not self.ended.done():
            left_s = deadline - time.monotonic()
            await asyncio.wait(
                (answer, self.ended),
                timeout=min(_LOOK_S, left_s),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if left_s <= _LOOK_S or is_stopped(self._standby or self.pid):
                return

    def _read(self) -> None:
        try:
            data = self._end.recv(_PACKET_BYTES)
            message = json.loads(data) if data else None
        except BlockingIOError:
            return
        except (OSError, ValueError):  # it is gone, or a plugin has written into its socket
            message = None
        if not isinstance(message, dict):
            self._close()
        elif "id" in message:
            self._take(message)
        elif "standby" in message:  # it may have been faster, and be a host already
            pid = int(str(message["standby"]))
            self._standby = None if pid == self._last_host else pid
        elif not self._said.done():
            self._said.set_result(message)

    def _take(self, message: Message) -> None:
        pid = message.get("pid")
        if isinstance(pid, int):
            self._standby, self._last_host = None, pid
            self._on_fork(pid)
        answer = self._answers.get(int(str(message["id"])))
        if answer is not None and not answer.done():
            answer.set_result(message)

    def _keeper(self, stream: OutputStream) -> Callable[[str], None]:
        def keep(line: str) -> None:
            if len(self.lines) < _KEPT_LINES:
                self.lines.append((stream, line))

        return keep

    async def _watch(self) -> None:
        await exited(self.pid)
        send_signal(self.pid, signal.SIGKILL)
        try:
            await end_left_behind(self._mark, and_reap=[self._standby] if self._standby else [])
        finally:
            for output in self._outputs:
                output.close()
            self._close()
            self._guardian.remove(self.pid)
            self._process.wait()
            self.ended.set_result(None)

    def _close(self) -> None:
        if self._end.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._end.fileno())
            self._end.close()
