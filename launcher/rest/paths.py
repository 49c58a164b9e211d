"""Paths as they were sent: `/` inside a name stays apart from `/` between names."""

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["EncodedPath"]


class EncodedPath:
    """Gives the router the percent-encoded path, without slashes at its end.

    ASGI decodes `path`, so that a connector called `a/b` could not be told from `a`'s child `b`.
    `Call.segment` decodes each part after routing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite the path of a request and pass it on."""
        if scope["type"] == "http":
            raw: bytes = scope["raw_path"]
            scope["path"] = raw.decode("latin-1").rstrip("/") or "/"
        await self._app(scope, receive, send)
