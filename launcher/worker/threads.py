"""Blocking work beside the event loop, in threads that never keep the worker from ending."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["in_thread"]

_T = TypeVar("_T")


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

    threading.Thread(target=run, name="venvoy-work", daemon=True).start()
    return await answer


def _setter(answer: "asyncio.Future[_T]", result: _T) -> Callable[[], None]:
    return lambda: answer.set_result(result)


def _raiser(answer: "asyncio.Future[_T]", error: BaseException) -> Callable[[], None]:
    return lambda: answer.set_exception(error)
