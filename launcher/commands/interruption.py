"""How a command is ended from outside: Ctrl-C, SIGTERM, a reader of its output that has gone.

Each is an exception in the main thread, so that everything under way is undone in order; a second
signal ends the process at once, whatever it waits for. A command that serves for long takes its
signals itself, with `signals_for`.
"""

import asyncio
import contextlib
import os
import select
import signal
import stat
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import FrameType
from typing import TypeVar

from manager import proc
from manager.errors import VenvoyError

__all__ = [
    "Ended",
    "HungUpError",
    "InterruptedByUserError",
    "OutputClosedError",
    "TerminatedError",
    "drop_closed_outputs",
    "leave_signals",
    "outlive_readers",
    "run_loop",
    "signals_for",
    "take_signals",
    "watch_readers",
]

_T = TypeVar("_T")
_OUTPUTS = (1, 2)


class InterruptedByUserError(VenvoyError):
    """Ctrl-C ended a command before it was done."""

    code = "interrupted"
    exit_code = 130

    def __init__(self, *, hint: str = "run it again; what was finished is kept") -> None:
        super().__init__()
        self._hint = hint

    @property
    def message(self) -> str:
        """That it was interrupted."""
        return "interrupted"

    @property
    def hint(self) -> str:
        """What comes of it."""
        return self._hint


class TerminatedError(InterruptedByUserError):
    """SIGTERM ended a command before it was done."""

    code = "terminated"
    exit_code = 143

    @property
    def message(self) -> str:
        """That it was terminated."""
        return "terminated"


class HungUpError(InterruptedByUserError):
    """The terminal has gone, and with it who asked."""

    code = "hung-up"
    exit_code = 129

    @property
    def message(self) -> str:
        """That nobody is there any more."""
        return "the terminal has gone"


class OutputClosedError(InterruptedByUserError):
    """Nobody reads what the command says: `venvoy … | head -1`. Its exit code is a shell's 141."""

    code = "output-closed"
    exit_code = 141

    @property
    def message(self) -> str:
        """That nobody reads on."""
        return "nobody reads the output any more"


class Ended(KeyboardInterrupt):  # no error: it passes whatever catches those
    """Raised in the main thread by `take_signals`."""

    def __init__(self, fault: VenvoyError) -> None:
        super().__init__(fault)
        self.fault = fault


_FAULTS: dict[int, Callable[[], VenvoyError]] = {
    signal.SIGINT: InterruptedByUserError,
    signal.SIGTERM: TerminatedError,
    signal.SIGHUP: HungUpError,
}


def take_signals() -> None:
    """Have SIGINT, SIGTERM, SIGHUP and output that nobody reads end this process, by `Ended`.

    Call it once, in the main thread. A signal that the caller had ignored (`nohup`, a shell's `&`)
    stays so.
    """
    were_asked: list[int] = []

    def end(number: int, _: FrameType | None) -> None:
        if were_asked:
            _end_at_once(number)
        were_asked.append(number)
        raise Ended(_FAULTS[number]())

    for number in _FAULTS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)
    signal.signal(signal.SIGPIPE, _end_if_nobody_reads)


def leave_signals() -> None:
    """Let signals end the process as they do by themselves: all is done but Python's own end."""
    for number in _FAULTS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def watch_readers() -> None:
    """Have a reader that goes end this process, also while nothing is said to it.

    Only after `take_signals`: in an application of somebody else's it does nothing.
    """
    if signal.getsignal(signal.SIGPIPE) is _end_if_nobody_reads:
        threading.Thread(target=_watch_readers, name="venvoy-readers", daemon=True).start()


def outlive_readers() -> None:
    """Go on without anybody who reads: for a worker, whose log may be taken up again."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def run_loop(work: Coroutine[object, object, _T]) -> _T:
    """Run in an event loop; a signal that comes while the loop is made waits for it.

    An exception inside of asyncio's own set-up leaves a loop that complains as it is collected.
    """
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in _FAULTS}

    def give_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    async def begun() -> _T:
        give_back()
        for number in came:
            signal.raise_signal(number)
        return await work

    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, lambda number, _: came.append(number))
    try:
        return asyncio.run(begun())
    finally:
        give_back()


@contextlib.contextmanager
def signals_for(
    stop: asyncio.Event, *, told: Callable[[signal.Signals], None], reader: bool = False
) -> Iterator[list[signal.Signals]]:
    """Set `stop` at the first signal; end the process at the second, whatever it waits for.

    That is no worse than a kill: the guardian ends the hosts, and what was answered is on disk.
    `told` is called with each. With `reader` one that has gone is such a first signal, SIGPIPE.
    Yields the signals that came. Call it in the event loop's thread, which is the main one.
    """
    loop = asyncio.get_running_loop()
    came: list[signal.Signals] = []

    def take(number: signal.Signals) -> None:
        if number == signal.SIGPIPE and not drop_closed_outputs():
            return  # a socket of ours: whoever writes to it has the error
        came.append(number)
        told(number)
        if stop.is_set() and number != signal.SIGPIPE:
            _end_at_once(signal.SIGINT)  # a user's word, whichever of the two it was
        stop.set()

    numbers = [signal.SIGINT, signal.SIGTERM]
    numbers += [signal.SIGPIPE] if reader else []
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        loop.add_signal_handler(number, take, number)
    try:
        yield came
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def drop_closed_outputs() -> bool:
    """Send what is still to be said nowhere, if nobody reads it; whether that is so."""
    gone = [descriptor for descriptor in _OUTPUTS if _has_no_reader(descriptor)]
    if gone:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in gone:  # else each later word, told while all is undone, ends it again
            os.dup2(nowhere, descriptor)
        os.close(nowhere)
    return bool(gone)


def _end_if_nobody_reads(_number: int, _: FrameType | None) -> None:
    # The kernel sends SIGPIPE for every pipe and socket: only our own output's ends a command.
    if drop_closed_outputs():
        raise Ended(OutputClosedError())


def _end_at_once(number: int) -> None:
    proc.end_runs()
    os._exit(128 + number)


def _watch_readers() -> None:
    """Wait until a reader goes, also while nothing is written, and tell the main thread."""
    poll = select.poll()
    for descriptor in _OUTPUTS:
        if _is_pipe(descriptor):
            poll.register(descriptor, 0)  # nothing but errors: POLLERR is a reader that has gone
    poll.poll()
    main = threading.main_thread().ident
    if main is not None:
        signal.pthread_kill(main, signal.SIGPIPE)


def _has_no_reader(descriptor: int) -> bool:
    if not _is_pipe(descriptor):
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))


def _is_pipe(descriptor: int) -> bool:
    # A socket (a journal's) may come back, and its writers see errors themselves.
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False
