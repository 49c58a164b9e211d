"""Mode `zygote`: import once, then keep a fork at hand for the next host (design 8).

The worker asks over a SEQPACKET socket, one JSON object a packet::

    zygote  -> worker   {"type": "ready"}, or {"type": "unfit" | "broken", "reason"} and the end
    zygote  -> worker   {"standby": pid}
    worker  -> standby  {"id", "mode", "environment", "names"} + the descriptors that `names` names
    standby -> worker   {"id", "pid"}: it is a host now

`names` are `stdout`, `stderr`, `control`, and of a task `in` and `out`.

The standby is forked before it is wanted, so that a start waits for no fork. It reads the worker's
next request itself and becomes the host; then the zygote forks another. It is the child of a child
that ended at once, so the kernel gave it to the worker, which is a subreaper: the worker sees the
host's end itself, and the end of a zygote ends no host. It leads a session from the start, and
bears the host's mark before it answers: so nothing that is aimed at the zygote, or at what that
has left behind, hits a host.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import json
import os
import socket
import stat
import sys
import time

# By name: what an import of a plugin puts in their place must not change how its hosts start.
from os import _exit, close, dup2, fork, getpid, getppid, pipe, read, setsid, waitpid, write
from select import select
from typing import Any, NamedTuple

import venvoy_api.converters
import venvoy_api.predicates
import venvoy_api.transforms  # noqa: F401  # all three, so that no fork has to
from venvoy_host import boot, logs, serve
from venvoy_host.first import import_module
from venvoy_host.session import prepare_streams

__all__ = ["MARK", "main"]

MARK = "VENVOY_HOST"
"""The variable by which the worker knows what a host has left behind."""

_ONE_THREAD = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
)
_PACKET_BYTES = 1 << 20
_MAX_DESCRIPTORS = 8
_SETTLE_S = 0.5
_PAUSE_S = 0.0001
_CALM_S = 0.02
_MAX_LOST = 3


class _Order(NamedTuple):
    """One host that the worker wants, in that host."""

    request: dict[str, Any]
    descriptors: dict[str, int]


class _UnfitError(Exception):
    """What the import left must not be forked."""


def main(options: dict[str, str]) -> int:
    """Import, then fork for each host until the worker closes the socket.

    Returns the exit code, in the zygote and in each host. `preload` names modules, by commas.
    """
    end = socket.socket(fileno=int(options["control"]))
    boot_environment = dict(os.environ)
    try:
        marker = _Marker(boot_environment[MARK])
        _preload([name for name in options.get("preload", "").split(",") if name])
    except _UnfitError as error:
        _send(end, {"type": "unfit", "reason": str(error)})
        return 0
    except BaseException as error:  # noqa: BLE001  # also SystemExit: a host that imports it tells
        _send(end, {"type": "broken", "reason": f"{type(error).__name__}: {error}"})
        return 0
    _send(end, {"type": "ready"})
    order = _keep_standby(end, marker, worker=int(options["parent"]))
    return 0 if order is None else _serve(order, boot_environment)


class _Marker:
    """The mark in the block of variables that this process began with.

    It is overwritten in place: there `/proc/PID/environ` shows it, also of children that a host
    forks, whatever becomes of `os.environ`.
    """

    def __init__(self, mark: str) -> None:
        getenv = ctypes.CDLL(None).getenv
        getenv.restype = ctypes.c_void_p
        self._address = getenv(MARK.encode())
        self._size = len(mark)

    def overwrite(self, mark: str) -> None:
        """Put another of the same length there."""
        data = mark.encode()
        if len(data) != self._size:
            raise ValueError(mark)
        ctypes.memmove(self._address, data, self._size)


def _preload(modules: list[str]) -> None:
    """Import the modules, each native pool held to one thread, and freeze what is there then."""
    prepare_streams()
    logs.prepare()
    directory = os.getcwd()  # noqa: PTH109
    before = _descriptors()
    held = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        for name in modules:
            import_module(name)
            boot.finder().assert_first()
    finally:
        for name, value in held.items():
            if os.environ.get(name) == "1":
                os.environ.pop(name)
                os.environ.update({} if value is None else {name: value})
    _check_threads()
    _check_children()
    _check_descriptors(_descriptors() - before)
    os.chdir(directory)
    gc.collect()
    gc.freeze()
    _flush()


def _check_threads() -> None:
    """Only a process of one thread may be forked; a thread that is about to end may do so."""
    deadline = time.monotonic() + _SETTLE_S
    while True:
        count = len(os.listdir("/proc/self/task"))  # noqa: PTH208
        if count == 1:
            return
        if time.monotonic() > deadline:
            raise _UnfitError(f"its import leaves {count - 1} more threads running")
        time.sleep(0.01)


def _check_children() -> None:
    """A child that the import started would be the child of one process, not of every host."""
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        raise _UnfitError("its import leaves a process running")


def _descriptors() -> set[int]:
    own = os.open("/proc/self/fd", os.O_RDONLY)
    try:
        return {int(name) for name in os.listdir(own)} - {own}  # noqa: PTH208
    finally:
        close(own)


def _check_descriptors(opened: set[int]) -> None:
    """Forks share an open file's position, and a connection: two tasks would talk into each other.

    Devices, directories and files that are only appended to can be shared.
    """
    for number in sorted(opened):
        mode = os.fstat(number).st_mode
        name = os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115
        is_log = stat.S_ISREG(mode) and fcntl.fcntl(number, fcntl.F_GETFL) & os.O_APPEND
        if not (stat.S_ISCHR(mode) or stat.S_ISDIR(mode) or is_log):
            raise _UnfitError(f"its import leaves {name} open")


def _flush() -> None:
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            with contextlib.suppress(Exception):  # closed by a plugin: nothing is in it
                stream.flush()


def _send(end: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the worker is gone: the next receive tells
        end.send(json.dumps(message).encode())


def _keep_standby(end: socket.socket, marker: _Marker, *, worker: int) -> _Order | None:
    """Keep one fork at hand. Returns None when the worker is gone, and in each host its order."""
    lost = 0
    while lost < _MAX_LOST:
        _flush()
        taken, told = pipe()
        pid, between = _fork_twice()
        if pid == 0:
            close(taken)
            _await_worker(worker, between)
            order = _stand_by(end, marker)
            if order is not None:
                write(told, b"1")
            close(told)
            end.close()
            return order
        close(told)
        _send(end, {"standby": pid})
        was_taken = bool(read(taken, 1))
        close(taken)
        lost = 0 if was_taken else lost + 1
        # Others of a burst are served at once; else the new host goes first.
        if select([end], [], [], _CALM_S)[0] and not end.recv(1, socket.MSG_PEEK):
            return None
    return None


def _fork_twice() -> tuple[int, int]:
    """Return the pid of the grandchild when the worker has it; in the grandchild 0.

    The second is the pid of the child between, which ends at once.
    """
    named, naming = pipe()
    between = fork()
    if between == 0:
        between = getpid()
        try:
            pid = fork()
        except OSError:
            _exit(1)
        if pid == 0:
            close(named)
            close(naming)
            return 0, between
        write(naming, b"%d" % pid)
        _exit(0)
    close(naming)
    said = read(named, 32)
    close(named)
    with contextlib.suppress(ChildProcessError):  # a plugin has SIGCHLD ignored
        waitpid(between, 0)
    if not said:
        raise OSError("a fork failed, or was killed")
    return int(said), between


def _await_worker(worker: int, between: int) -> None:
    """Do what can be done before there is an order; die with the worker from here on."""
    setsid()
    numpy_random: Any = sys.modules.get("numpy.random")
    if numpy_random is not None:  # `random` itself does so after every fork
        with contextlib.suppress(Exception):
            numpy_random.seed()
    while getppid() == between:
        time.sleep(_PAUSE_S)
    boot.die_with_parent(worker)


def _stand_by(end: socket.socket, marker: _Marker) -> _Order | None:
    """Wait for the order that makes this a host; None when the worker is gone."""
    try:
        data, numbers, _, _ = socket.recv_fds(end, _PACKET_BYTES, _MAX_DESCRIPTORS)
    except ConnectionResetError:
        return None
    if not data:
        return None
    request = json.loads(data)
    marker.overwrite(request["environment"][MARK])
    _send(end, {"id": request["id"], "pid": getpid()})
    return _Order(request, dict(zip(request["names"], numbers)))


def _serve(order: _Order, boot_environment: dict[str, str]) -> int:
    """Become the host that a new process would be, and serve."""
    request, descriptors = order
    for target, name in ((1, "stdout"), (2, "stderr")):
        dup2(descriptors[name], target)
        close(descriptors.pop(name))
    _change_environment(boot_environment, request["environment"])
    sys.argv[1:] = [request["mode"]]
    options = {name: str(number) for name, number in descriptors.items()}
    return serve.main(request["mode"], options)


def _change_environment(before: dict[str, str], wanted: dict[str, str]) -> None:
    """Set what differs between two environments; what the import changed besides stays."""
    for name in before.keys() - wanted.keys():
        os.environ.pop(name, None)
    for name, value in wanted.items():
        if before.get(name) != value:
            os.environ[name] = value
