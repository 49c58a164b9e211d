"""What an endpoint is: the one source of the routes and of `/openapi.json`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from starlette.responses import Response

from launcher.interface.views import Json
from launcher.rest.call import Call

__all__ = ["Answer", "Endpoint", "Operation", "QueryParameter", "array_of", "flag", "ref"]

Endpoint: TypeAlias = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryParameter:
    """One parameter of the query; all are optional."""

    name: str
    schema: Json
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A successful answer; `schema` None: it has no body.

    `links` name operations that can follow, with the expression that gives their connector.
    """

    description: str
    schema: Json | None = None
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A method of a path, and the function that answers it.

    `body` is the schema of the request's JSON, None when it has none; `errors` are the statuses,
    with their reasons, that this operation has beside those that every one has. One that
    `needs_start` is refused while the worker does not know its own connectors yet.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    endpoint: Endpoint
    answers: Mapping[int, Answer]
    description: str = ""
    query: tuple[QueryParameter, ...] = ()
    body: Json | None = None
    errors: Mapping[int, str] = field(default_factory=dict)
    needs_start: bool = True


def ref(name: str) -> Json:
    """Return a reference to one of the document's schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def array_of(items: Json) -> Json:
    """Return the schema of an array."""
    return {"type": "array", "items": items}


def flag(*, default: bool) -> Json:
    """Return the schema of a boolean of the query; a name without a value is true."""
    return {"enum": [True, False, ""], "default": default}
