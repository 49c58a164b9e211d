"""Pages for people on the same listeners: what answers in HTML, and when it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from launcher.rest.call import Call
from launcher.rest.operation import Endpoint

__all__ = ["Fault", "Page", "prefers_page"]

Fault: TypeAlias = Callable[[Call, int, str], Response]
"""Makes a page of a status and a message."""

_PAGE = "text/html"
_DATA = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A method of a path that answers in HTML, its refusals too.

    Where an operation has the same method and path, the page is for who prefers it.
    """

    method: str
    path: str
    endpoint: Endpoint
    fault: Fault
    needs_start: bool = True


def prefers_page(request: Request) -> bool:
    """Whether the client names HTML, and JSON not as high; `*/*`, which curl sends, is no wish."""
    wishes = dict(map(_wish, ",".join(request.headers.getlist("accept")).split(",")))
    return wishes.get(_PAGE, 0.0) > wishes.get(_DATA, 0.0)


def _wish(text: str) -> tuple[str, float]:
    media_type, *parameters = (part.strip().lower() for part in text.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return media_type, _quality(value)
    return media_type, 1.0


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
