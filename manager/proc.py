"""The one door to child processes: an argv, a built environment, a directory, a time limit.

Every child starts in a session of its own, so that the whole family can be ended at once, and
gets no file descriptor but the ones named. What runs to its end goes through `run`; a host, which
lives longer than the call, through `start`.
"""

import contextlib
import fnmatch
import os
import signal
import subprocess
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from manager.errors import VenvoyError

__all__ = [
    "ALLOWED_VARIABLES",
    "Completed",
    "Process",
    "ProcessTimeoutError",
    "UnstartableError",
    "child_environment",
    "end_runs",
    "inherited",
    "no_start",
    "run",
    "start",
]

Process: TypeAlias = subprocess.Popen[bytes]

_starting = threading.Lock()
_started: "weakref.WeakSet[Process]" = weakref.WeakSet()
_running: set[Process] = set()

ALLOWED_VARIABLES = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TZDIR",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
)
"""Names (shell patterns) that a child may take over from its parent: never `PYTHON*`, and no
variable that changes which code a child loads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a child ended; `returncode` is negative for a signal, as in `subprocess`."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str


class UnstartableError(VenvoyError):
    """A program could not be started at all."""

    code = "unstartable"

    def __init__(self, *, program: str, reason: str) -> None:
        super().__init__(program)
        self.program = program
        self.reason = reason

    @property
    def message(self) -> str:
        """The program and what the system says."""
        return f"`{self.program}` could not be started: {self.reason}"

    @property
    def hint(self) -> str:
        """Where to look."""
        return f"check that `{self.program}` exists and may be executed"


class ProcessTimeoutError(VenvoyError):
    """A child took longer than it may, and was ended with all its children."""

    code = "process-timeout"

    def __init__(self, *, argv: Sequence[str], timeout_s: float, stderr: str) -> None:
        super().__init__(argv)
        self.argv = tuple(argv)
        self.timeout_s = timeout_s
        self.stderr = stderr

    @property
    def message(self) -> str:
        """The program and its limit."""
        return f"`{' '.join(self.argv[:4])} …` did not end within {self.timeout_s:g} s"

    @property
    def hint(self) -> str:
        """Its last words, if it had any."""
        last = self.stderr.strip().splitlines()[-1:]
        return f"its last line was: {last[0]}" if last else "run it by hand to see where it waits"


def inherited() -> dict[str, str]:
    """Return this process's own environment: the only place below the launcher that reads it."""
    return dict(os.environ)


def child_environment(
    parent: Mapping[str, str],
    extra: Mapping[str, str] | None = None,
    *,
    passing: Sequence[str] = (),
) -> dict[str, str]:
    """Build a child's environment: allowed names of `parent`, then `extra` on top.

    `passing` adds shell patterns of names to take over, such as `PIP_*` for pip.
    """
    patterns = (*ALLOWED_VARIABLES, *passing)
    taken = {
        name: value
        for name, value in parent.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }
    return taken | dict(extra or {})


def run(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path | None,
    timeout_s: float | None,
    input: str | bytes | None = None,  # noqa: A002  # the name that subprocess gives it
    pass_fds: Sequence[int] = (),
) -> Completed:
    """Run a child to its end and return what it said, decoded as UTF-8 with replacements.

    `cwd` None is the file system's root, so that no child depends on where we were started.
    `timeout_s` None means that the caller has a reason to wait for ever. A non-zero end is not an
    error here. Raises `UnstartableError` and `ProcessTimeoutError`.
    """
    arguments = tuple(map(str, argv))
    process = _popen(
        arguments,
        env=env,
        cwd=cwd,
        pass_fds=pass_fds,
        stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
    )
    data = input.encode() if isinstance(input, str) else input
    _running.add(process)
    try:
        stdout, stderr = process.communicate(data, timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        _kill(process)
        _, stderr = process.communicate()
        raise ProcessTimeoutError(
            argv=arguments, timeout_s=timeout_s or 0, stderr=stderr.decode(errors="replace")
        ) from error
    except BaseException:
        _kill(process)
        process.communicate()
        raise
    finally:
        _running.discard(process)
    return Completed(
        argv=arguments,
        returncode=process.returncode,
        stdout=stdout.decode(errors="replace"),
        stderr=stderr.decode(errors="replace"),
    )


def start(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path | None,
    pass_fds: Sequence[int] = (),
) -> Process:
    """Start a child that outlives this call; stdout and stderr are pipes, stdin is empty.

    The child leads a session of its own (its pid is its process group). The caller reads the
    pipes, waits for it, and closes them. Raises `UnstartableError`.
    """
    return _popen(
        tuple(map(str, argv)), env=env, cwd=cwd, pass_fds=pass_fds, stdin=subprocess.DEVNULL
    )


def end_runs() -> None:
    """End every child that a `run` in another thread waits for: this process is about to end."""
    for process in tuple(_running):
        if process.returncode is None:
            _kill(process)


@contextlib.contextmanager
def no_start() -> Iterator[frozenset[int]]:
    """Hold back new children; give the pids of those that someone has yet to wait for.

    For whoever looks at this process's children: a subreaper gets some that are not from here.
    """
    with _starting:
        yield frozenset(process.pid for process in _started if process.returncode is None)


def _popen(
    argv: tuple[str, ...],
    *,
    env: Mapping[str, str],
    cwd: Path | None,
    pass_fds: Sequence[int],
    stdin: int,
) -> Process:
    try:
        with _starting:
            process = subprocess.Popen(
                argv,
                env=dict(env),
                cwd="/" if cwd is None else cwd,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=tuple(pass_fds),
                start_new_session=True,
            )
            _started.add(process)
    except OSError as error:
        raise UnstartableError(program=argv[0], reason=error.strerror or str(error)) from error
    return process


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
