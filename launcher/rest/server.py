"""uvicorn on every listener, in the worker's own event loop."""

import asyncio
import contextlib
from collections.abc import Generator, Sequence

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from launcher.interface.motion import StandingInterface
from launcher.rest.application import application
from launcher.rest.authentication import Users, read_users
from launcher.rest.config import RestConfig
from launcher.rest.listeners import BoundListener, bind_listeners
from launcher.rest.metrics import Metrics
from launcher.rest.pages import Page
from launcher.rest.responses import error_response

__all__ = ["serve"]

_GRACEFUL_S = 5
_KEEP_ALIVE_S = 30


async def serve(
    worker: StandingInterface,
    config: RestConfig,
    stop: asyncio.Event,
    *,
    listeners: Sequence[BoundListener] | None = None,
    pages: Sequence[Page] = (),
) -> None:
    """Answer requests until `stop` is set, then finish those under way and close the listeners.

    Args:
        worker: what is asked; its methods are called in this event loop.
        config: its settings.
        stop: set by whoever handles signals; the server handles none.
        listeners: from `bind_listeners`; None: they are opened here.
        pages: what answers people, in HTML.

    Raises:
        BadUsersFileError: the file of users cannot be used.
        VenvoyError: those of `bind_listeners`.
    """
    users = None if config.rest_auth_file is None else read_users(config.rest_auth_file)
    bound = bind_listeners(config) if listeners is None else tuple(listeners)
    metrics = Metrics(worker)
    servers = [_server(each, worker, config, metrics, users, pages) for each in bound]
    running = [
        asyncio.create_task(server.serve(sockets=[each.socket]))
        for server, each in zip(servers, bound, strict=True)
    ]
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopping, *running}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*running)


class _Http(H11Protocol):
    """HTTP/1.1 that tells in JSON, too, that it understood nothing."""

    def send_400_response(self, msg: str) -> None:
        """Answer, unless an answer is under way, and close."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or not cycle.response_started or cycle.response_complete:
            answer = error_response(400, msg, headers={"Connection": "close"})
            lines = (b"%s: %s\r\n" % pair for pair in answer.raw_headers)
            head = b"HTTP/1.1 400 Bad Request\r\n" + b"".join(lines) + b"\r\n"
            self.transport.write(head + bytes(answer.body))
        self.transport.close()


class _Server(uvicorn.Server):
    """A server that leaves signals to the worker."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _server(
    listener: BoundListener,
    worker: StandingInterface,
    config: RestConfig,
    metrics: Metrics,
    users: Users | None,
    pages: Sequence[Page],
) -> _Server:
    only_local = listener.is_loopback and users is None and not config.insecure_ok
    is_tls = listener.scheme == "https"
    return _Server(
        uvicorn.Config(
            application(
                worker,
                config,
                metrics=metrics,
                users=users,
                local_host=listener.host if only_local else None,
                pages=pages,
            ),
            http=_Http,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_GRACEFUL_S,
            ssl_certfile=config.ssl_certificate if is_tls else None,
            ssl_keyfile=config.ssl_key if is_tls else None,
        )
    )
