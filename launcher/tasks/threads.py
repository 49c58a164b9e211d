"""Blocking work beside the event loop, in threads that never keep the worker from ending."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from manager import proc

__all__ = ["end_threads", "in_thread"]

_T = TypeVar("_T")

_living: set[threading.Thread] = set()
_PAUSE_S = 0.05
_PATIENCE_S = 5.0


async def in_thread(work: Callable[[], _T]) -> _T:
    """Do the work in a thread of its own; return or raise what it does.

    A cancelled call leaves the work to end by itself. The thread is a daemon: asyncio's own
    executor would have the end of the worker wait for a build.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_T] = loop.create_future()

    def settle(take: Callable[[], None]) -> None:
        if not answer.done():
            take()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            take = _raiser(answer, error)
        else:
            take = _setter(answer, result)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, take)
        _living.discard(threading.current_thread())

    thread = threading.Thread(target=run, name="venvoy-work", daemon=True)
    _living.add(thread)
    thread.start()
    return await answer


async def end_threads() -> None:
    """End what builds are waiting for, and with it the builds; give up after a few seconds.

    For the end of a worker: pip and its children would go on for nobody.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while _living and time.monotonic() < deadline:
        proc.end_runs()
        await asyncio.sleep(_PAUSE_S)


def _setter(answer: "asyncio.Future[_T]", result: _T) -> Callable[[], None]:
    return lambda: answer.set_result(result)


def _raiser(answer: "asyncio.Future[_T]", error: BaseException) -> Callable[[], None]:
    return lambda: answer.set_exception(error)
