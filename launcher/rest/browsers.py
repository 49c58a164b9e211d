"""Who may call from a browser, which sends requests that its user never meant.

A page of any site can make a browser send a POST here (cross-site request forgery), and, when its
name is made to mean 127.0.0.1, read the answers too (DNS rebinding). Kafka Connect guards against
neither; a worker runs code, so this one does. Other clients send neither header and notice nothing.
"""

import ipaddress
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from launcher.rest.responses import error_response

__all__ = ["LocalNames", "SameSite"]

_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_FOREIGN = frozenset(("cross-site", "same-site"))


class SameSite:
    """Refuses what a page of another site asks a browser to change, unless CORS allows the site.

    Browsers say with `Sec-Fetch-Site` whose page asks, and where they leave that out (plain HTTP
    elsewhere than on the local machine) with `Origin`; a page cannot change either header.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 403."""
        if scope["type"] != "http" or not self._is_foreign(scope):
            await self._app(scope, receive, send)
            return
        response = error_response(
            403, "A page of another site asked for this; `access.control.allow.origin` can allow it"
        )
        await response(scope, receive, send)

    def _is_foreign(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        return (
            scope["method"] not in _SAFE
            and _comes_from_elsewhere(headers)
            and "*" not in self._origins
            and headers.get("origin") not in self._origins
        )


class LocalNames:
    """Refuses requests that come under another name than a listener on loopback has.

    A name that a stranger's DNS points at 127.0.0.1 shows itself in the Host header.
    """

    def __init__(self, app: ASGIApp, *, host: str) -> None:
        self._app = app
        self._host = host.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 403."""
        name = Headers(scope=scope).get("host") if scope["type"] == "http" else None
        if name is None or self._is_local(name):
            await self._app(scope, receive, send)
            return
        response = error_response(
            403,
            "This listener answers to names of the local machine only; behind a proxy, set "
            "`rest.basic.auth.file` or `rest.insecure.allow=true`",
        )
        await response(scope, receive, send)

    def _is_local(self, header: str) -> bool:
        name = _without_port(header.lower())
        if name in ("localhost", self._host) or name.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


def _comes_from_elsewhere(headers: Headers) -> bool:
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None or origin is None:
        return site in _FOREIGN
    return origin.partition("://")[2].lower() != headers.get("host", "").lower()


def _without_port(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]
