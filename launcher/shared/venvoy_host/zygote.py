"""Mode `zygote`: import once, then wait; every host of the environment is a fork (design 8).

The worker asks over a SEQPACKET socket, one JSON object a packet::

    zygote -> worker   {"type": "ready"}, or {"type": "unfit" | "broken", "reason"} and the end
    worker -> zygote   {"id", "mode", "environment", "names"} + the descriptors that `names` names
    zygote -> worker   {"id", "pid"} | {"id", "error"}

`names` are `stdout`, `stderr`, `control`, and of a task `in` and `out`.

A host is the child of a child that ends at once, so the kernel gives it to the worker, which is a
subreaper: the worker sees its end itself, and the end of a zygote ends no host. The child between
leads a session and bears the host's mark before the host exists: so nothing that is aimed at the
zygote, or at what it has left behind, hits a host.
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


class _Order(NamedTuple):
    """One host that the worker wants, in that host."""

    request: dict[str, Any]
    descriptors: dict[str, int]
    between: int


class _UnfitError(Exception):
    """What the import left must not be forked."""


def main(options: dict[str, str]) -> int:
    """Import, then fork for each request until the worker closes the socket.

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
    order = _wait(end, marker)
    if order is None:
        return 0
    end.close()
    return _serve(order, boot_environment, worker=int(options["parent"]))


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


def _wait(end: socket.socket, marker: _Marker) -> _Order | None:
    """Fork for each request. Returns None when the worker is gone, and in each host its order."""
    while True:
        try:
            data, numbers, _, _ = socket.recv_fds(end, _PACKET_BYTES, _MAX_DESCRIPTORS)
        except ConnectionResetError:
            return None
        if not data:
            return None
        request = json.loads(data)
        answer: dict[str, Any] = {"id": request["id"]}
        try:
            pid, between = _fork_twice(marker, request["environment"][MARK])
        except OSError as error:
            answer["error"] = str(error)
        else:
            if pid == 0:
                return _Order(request, dict(zip(request["names"], numbers)), between)
            answer["pid"] = pid
        for number in numbers:
            close(number)
        _send(end, answer)


def _fork_twice(marker: _Marker, mark: str) -> tuple[int, int]:
    """Return the pids of the host, 0 in the host itself, and of the process between.

    When this returns in the zygote the process between has gone, and the host is the worker's.
    """
    _flush()
    read_end, write_end = pipe()
    try:
        between = fork()
    except OSError:
        close(read_end)
        close(write_end)
        raise
    if between == 0:
        try:
            setsid()
            marker.overwrite(mark)
            between = getpid()
            pid = fork()
        except OSError as error:
            write(write_end, b"-%d" % (error.errno or 1))
            _exit(1)
        if pid == 0:
            close(read_end)
            close(write_end)
            return 0, between
        write(write_end, b"%d" % pid)
        _exit(0)
    close(write_end)
    said = read(read_end, 32)
    close(read_end)
    with contextlib.suppress(ChildProcessError):  # a plugin has SIGCHLD ignored
        waitpid(between, 0)
    pid = int(said or b"0")
    if pid <= 0:
        raise OSError(-pid, os.strerror(-pid) if pid else "the process between was killed")
    return pid, between


def _serve(order: _Order, boot_environment: dict[str, str], *, worker: int) -> int:
    """Become the host that a new process would be, and serve."""
    request, descriptors = order.request, order.descriptors
    setsid()
    for target, name in ((1, "stdout"), (2, "stderr")):
        dup2(descriptors[name], target)
        close(descriptors.pop(name))
    _change_environment(boot_environment, request["environment"])
    sys.argv[1:] = [request["mode"]]
    numpy_random: Any = sys.modules.get("numpy.random")
    if numpy_random is not None:  # `random` itself does so after every fork
        with contextlib.suppress(Exception):
            numpy_random.seed()
    while getppid() == order.between:
        time.sleep(_PAUSE_S)
    boot.die_with_parent(worker)
    return serve.main(request["mode"], {name: str(number) for name, number in descriptors.items()})


def _change_environment(before: dict[str, str], wanted: dict[str, str]) -> None:
    """Set what differs between two environments; what the import changed besides stays."""
    for name in before.keys() - wanted.keys():
        os.environ.pop(name, None)
    for name, value in wanted.items():
        if before.get(name) != value:
            os.environ[name] = value
