"""How a command fails: every fault told once, in words, or in the envelope that was asked for."""

import errno
from collections.abc import Callable

import click

from launcher import render
from launcher.commands.interruption import (
    Ended,
    InterruptedByUserError,
    OutputClosedError,
    drop_closed_outputs,
    watch_readers,
)
from manager.errors import InternalError, UsageError, VenvoyError

__all__ = [
    "CommandGroup",
    "SystemFaultError",
    "as_fault",
    "refuse",
    "told_code",
]

_SYSTEM = frozenset(
    (
        errno.EACCES, errno.EDQUOT, errno.EIO, errno.EISDIR, errno.EMFILE, errno.ENAMETOOLONG,
        errno.ENFILE, errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS,
    )
)  # fmt: skip
"""What the machine refuses, whatever the program: no bug of ours."""


_LASTING = "standalone"
"""The command that goes on when nobody reads its log: that reader is restarted now and then."""


class SystemFaultError(VenvoyError):
    """The operating system refused something: rights, space, a disk."""

    code = "system"

    def __init__(self, *, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    @property
    def message(self) -> str:
        """The path, if there is one, and the system's reason."""
        where = f"`{self.path}`: " if self.path else ""
        return f"{where}{self.reason[:1].lower()}{self.reason[1:]}"

    @property
    def hint(self) -> str:
        """What to look at."""
        return "check the rights, the free space and the disk that it is on, then run it again"


def as_fault(error: BaseException) -> VenvoyError:
    """Return what ended a command as a fault to tell; a bug of ours leaves its traceback, too."""
    if isinstance(error, VenvoyError):
        return error
    if isinstance(error, click.exceptions.Abort) and error.__cause__ is not None:
        error = error.__cause__  # click's own word for what came
    if isinstance(error, Ended):
        return error.fault
    if isinstance(error, BrokenPipeError) and drop_closed_outputs():
        return OutputClosedError()
    if isinstance(error, (click.exceptions.Abort, KeyboardInterrupt)):
        return InterruptedByUserError()
    if isinstance(error, OSError) and error.errno in _SYSTEM:
        return SystemFaultError(path=str(error.filename or ""), reason=error.strerror or str(error))
    render.unexpected(error)
    return InternalError(what=f"unexpected {type(error).__name__}: {error}")


def told_code(fault: VenvoyError) -> int:
    """Tell what ended a command, if anybody listens; return its exit code."""
    if not isinstance(fault, OutputClosedError):
        render.failure(fault)
    return fault.exit_code


def refuse(error: click.ClickException, *, as_json: bool) -> int:
    """Tell in our own words what click found wrong with the command line; return the exit code."""
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    command = ctx.command_path if ctx is not None else "venvoy"
    said = error.format_message().rstrip(".")
    fault = UsageError(
        what=said[:1].lower() + said[1:], remedy=f"`{command} --help` tells how to call it"
    )
    if as_json:
        name = command.partition(" ")[2]
        render.json_envelope(name, None, errors=[fault], exit_code=error.exit_code)
    else:
        render.failure(fault)
    return error.exit_code


class _Command(click.Command):
    """A command whose faults are told in the envelope, too, when it was asked for one."""

    def invoke(self, ctx: click.Context) -> object:
        """Run it; under `--json` print an envelope whatever comes, and raise nothing."""
        if self.name != _LASTING:
            watch_readers()
        if not ctx.params.get("as_json"):
            return super().invoke(ctx)
        try:
            return super().invoke(ctx)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last net
            fault = as_fault(error)
        name = ctx.command_path.partition(" ")[2]
        render.json_envelope(name, None, errors=[fault], exit_code=fault.exit_code)
        return fault.exit_code


class CommandGroup(click.Group):
    """A group whose commands tell their faults so, and whose groups are like it."""

    command_class = _Command
    group_class = type


def command(name: str, *, short_help: str) -> Callable[[Callable[..., object]], click.Command]:
    """Return a decorator for a command that a `CommandGroup` gets from another file."""
    return click.command(name, cls=_Command, short_help=short_help)
