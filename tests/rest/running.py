"""A real server on real sockets, in a thread with an event loop of its own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from launcher.interface.motion import StandingInterface
from launcher.page import pages
from launcher.rest.listeners import BoundListener, bind_listeners
from launcher.rest.server import serve
from tests.rest.settings import Settings

_Value = TypeVar("_Value")
PATIENCE_S = 60


@dataclass(frozen=True, kw_only=True)
class Running:
    """Where the server listens, and the loop that it runs in."""

    listeners: tuple[BoundListener, ...]
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        return self.listeners[0].url

    def call(self, function: Callable[[], _Value]) -> _Value:
        """Call something of the worker in its own event loop."""

        async def calling() -> _Value:
            return function()

        return asyncio.run_coroutine_threadsafe(calling(), self.loop).result(PATIENCE_S)


@contextmanager
def served(worker: StandingInterface, settings: Settings | None = None) -> Iterator[Running]:
    """Serve a worker until the block ends; a fault of the server is raised then."""
    config = settings or Settings()
    listeners = bind_listeners(config)
    started = threading.Event()
    handles: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    faults: list[BaseException] = []

    async def main() -> None:
        stop = asyncio.Event()
        handles.append((asyncio.get_running_loop(), stop))
        started.set()
        await serve(worker, config, stop, listeners=listeners, pages=pages())

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as fault:  # noqa: BLE001 (raised again below)
            faults.append(fault)

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(PATIENCE_S)
    loop, stop = handles[0]
    try:
        yield Running(listeners=listeners, loop=loop)
    finally:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_S)
    assert not thread.is_alive(), "the server did not stop"
    if faults:
        raise faults[0]
