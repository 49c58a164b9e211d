"""The ASGI application: middleware, the route table, and what becomes of an exception."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Iterable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from launcher.interface.faults import RefusedError
from launcher.interface.motion import StandingInterface
from launcher.rest import about, connectors, loggers, motion, offsets, plugins
from launcher.rest.authentication import Authenticated, Users
from launcher.rest.browsers import LocalNames, SameSite
from launcher.rest.call import Call
from launcher.rest.config import RestConfig
from launcher.rest.faults import RequestTimeoutError, StartingError
from launcher.rest.metrics import Metrics
from launcher.rest.openapi import document_operation
from launcher.rest.operation import Operation
from launcher.rest.pages import Page, prefers_page
from launcher.rest.paths import EncodedPath
from launcher.rest.responses import error_response
from manager.errors import VenvoyError

__all__ = ["application", "operations"]

_log = logging.getLogger(__name__)
_ROUTE = "venvoy.route"
_REQUEST_TIMEOUT_S = 90.0
"""Kafka Connect's DEFAULT_REST_REQUEST_TIMEOUT_MS."""
_INTERNAL = "Internal server error; the worker's log tells more"


def operations(metrics: Metrics, *, authenticated: bool) -> tuple[Operation, ...]:
    """Return the whole route table."""
    others = (
        *about.OPERATIONS,
        *connectors.OPERATIONS,
        *offsets.OPERATIONS,
        *motion.OPERATIONS,
        *plugins.OPERATIONS,
        *loggers.OPERATIONS,
        metrics.operation,
    )
    return (*others, document_operation(others, authenticated=authenticated))


def application(
    worker: StandingInterface,
    config: RestConfig,
    *,
    metrics: Metrics,
    users: Users | None = None,
    local_host: str | None = None,
    pages: Sequence[Page] = (),
    timeout_s: float = _REQUEST_TIMEOUT_S,
) -> ASGIApp:
    """Return the application for one listener.

    Args:
        worker: what is asked.
        config: its settings.
        metrics: shared by all listeners.
        users: None: no authentication.
        local_host: the listener's own name, when it may be called by local names only.
        pages: what answers people, in HTML.
        timeout_s: how long a request may take before 500; the worker goes on with it.
    """
    by_path: dict[str, list[Operation | Page]] = defaultdict(list)
    entries: list[Operation | Page] = [
        *operations(metrics, authenticated=users is not None),
        *pages,
    ]
    for entry in entries:
        by_path[entry.path].append(entry)
    routes = [
        Route(path, _PathEndpoint(path, own, worker, config, timeout_s))
        for path, own in by_path.items()
    ]
    return Starlette(
        routes=routes,
        middleware=list(_middleware(config, metrics, users, local_host)),
        exception_handlers={HTTPException: _http_exception, Exception: _unexpected_exception},
    )


def _middleware(
    config: RestConfig, metrics: Metrics, users: Users | None, local_host: str | None
) -> Iterable[Middleware]:
    yield Middleware(_Measured, metrics=metrics)
    if local_host is not None:
        yield Middleware(LocalNames, host=local_host)
    origins = _listed(config.properties, "access.control.allow.origin")
    if origins:
        yield Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=_listed(config.properties, "access.control.allow.methods")
            or ("GET", "POST", "HEAD"),
            allow_headers=("Authorization", "Content-Type", "X-Requested-With"),
            expose_headers=("Location",),
        )
    yield Middleware(SameSite, origins=origins)
    yield Middleware(EncodedPath)
    if users is not None:
        yield Middleware(Authenticated, users=users)


def _listed(properties: Mapping[str, str], key: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in properties.get(key, "").split(",") if part.strip())


class _PathEndpoint:
    """Every method of one path."""

    def __init__(
        self,
        path: str,
        entries: Sequence[Operation | Page],
        worker: StandingInterface,
        config: RestConfig,
        timeout_s: float,
    ) -> None:
        self._path = path
        self._operations = {one.method: one for one in entries if isinstance(one, Operation)}
        self._pages = {one.method: one for one in entries if isinstance(one, Page)}
        methods = {*self._operations, *self._pages, "OPTIONS"}
        self._allowed = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
        self._worker = worker
        self._config = config
        self._timeout_s = timeout_s
        self._unfinished: set[asyncio.Task[Response]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        scope[_ROUTE] = self._path
        entry = self._entry(request)
        if entry is not None:
            response = await self._answer(entry, request)
        elif request.method == "OPTIONS":
            response = PlainTextResponse(self._allowed, headers={"Allow": self._allowed})
        else:
            response = error_response(
                405, "HTTP 405 Method Not Allowed", headers={"Allow": self._allowed}
            )
        await response(scope, receive, send)

    def _entry(self, request: Request) -> Operation | Page | None:
        method = "GET" if request.method == "HEAD" else request.method
        operation, page = self._operations.get(method), self._pages.get(method)
        return page if operation is None or (page and prefers_page(request)) else operation

    async def _answer(self, entry: Operation | Page, request: Request) -> Response:
        call = Call(request=request, worker=self._worker, config=self._config)
        try:
            self._must_have_started(entry)
            return await self._within_time(entry.endpoint(call))
        except RefusedError as error:
            status, message = error.status, error.message
        except ClientDisconnect:
            status, message = 400, "The client went away"
        except VenvoyError as error:
            _log.error("%s %s: %s", entry.method, entry.path, error.message)
            status, message = 500, error.message
        except Exception:  # noqa: BLE001 (told in the log; the worker goes on)
            _log.exception("%s %s failed", entry.method, entry.path)
            status, message = 500, _INTERNAL
        if isinstance(entry, Page):
            return entry.fault(call, status, message)
        return error_response(status, message)

    def _must_have_started(self, entry: Operation | Page) -> None:
        if entry.needs_start and self._worker.health().status == "starting":
            raise StartingError

    async def _within_time(self, answering: Awaitable[Response]) -> Response:
        """Wait for an answer; what is not ready in time, or whose client is gone, goes on."""
        task = asyncio.ensure_future(answering)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        done, _ = await asyncio.wait({task}, timeout=self._timeout_s)
        if done:
            return task.result()
        task.add_done_callback(_log_late_fault)
        raise RequestTimeoutError(seconds=self._timeout_s)


class _Measured:
    """Counts requests and how long they take."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        try:
            await self._app(scope, receive, noting_status)
        finally:
            self._metrics.observe(
                method=scope["method"],
                path=scope.get(_ROUTE, "none"),
                status=status,
                duration_s=time.perf_counter() - started,
            )


async def _http_exception(request: Request, error: Exception) -> Response:  # noqa: ARG001 (theirs)
    """Answer what the router refuses, in the words of Kafka Connect's server."""
    if not isinstance(error, HTTPException):
        raise TypeError(type(error).__name__)
    return error_response(
        error.status_code, f"HTTP {error.status_code} {error.detail}", headers=error.headers
    )


async def _unexpected_exception(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Answer a fault of the middleware; Starlette raises it again, and uvicorn logs it."""
    return error_response(500, _INTERNAL)


def _log_late_fault(task: asyncio.Task[Response]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _log.error("a request that timed out has failed: %s", error, exc_info=error)
