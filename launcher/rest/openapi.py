"""`/openapi.json`: the route table as an OpenAPI 3.1 document."""

import re
from collections.abc import Iterable, Mapping

from starlette.responses import Response

from launcher.interface.views import Json
from launcher.rest.about import venvoy_version
from launcher.rest.call import Call
from launcher.rest.operation import Answer, Operation, QueryParameter, ref
from launcher.rest.responses import JsonResponse
from launcher.rest.schemas import SCHEMAS

__all__ = ["document", "document_operation"]

_NAME: Json = {"type": "string", "minLength": 1}
_PATH_PARAMETERS: Mapping[str, tuple[Json, str]] = {
    "connector": (_NAME, "the connector's name, percent-encoded; slashes too"),
    "task": ({"type": "integer", "minimum": 0}, "the task's number"),
    "plugin": (_NAME, "a class, a simple class name or an alias"),
    "logger": (_NAME, "the logger's name"),
}
_BODY_ERRORS = {
    413: "the body is larger than the worker reads",
    415: "the body is not declared as `application/json`",
}
_OPEN = frozenset({"/health"})


def document(operations: Iterable[Operation], *, authenticated: bool) -> Json:
    """Return the document; `authenticated`: the worker has a file of users."""
    paths: dict[str, dict[str, object]] = {}
    for operation in operations:
        item = paths.setdefault(operation.path, {})
        item[operation.method.lower()] = _operation(operation, authenticated)
    scheme = {"securitySchemes": {"basic": {"type": "http", "scheme": "basic"}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "venvoy",
            "version": venvoy_version(),
            "description": "Kafka Connect's REST API. Every error is `{error_code, message}`; "
            "a path may end in a slash.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": SCHEMAS, **(scheme if authenticated else {})},
        **({"security": [{"basic": []}]} if authenticated else {}),
    }


def document_operation(others: Iterable[Operation], *, authenticated: bool) -> Operation:
    """Return the operation that answers the document of the others and of itself."""

    async def show_document(call: Call) -> Response:  # noqa: ARG001 (it answers the same to all)
        return JsonResponse(content)

    operation = Operation(
        method="GET",
        path="/openapi.json",
        name="showDocument",
        tag="worker",
        summary="Show this document",
        endpoint=show_document,
        needs_start=False,
        answers={200: Answer(description="OpenAPI 3.1", schema={"type": "object"})},
    )
    content = document((*others, operation), authenticated=authenticated)
    return operation


def _operation(operation: Operation, authenticated: bool) -> Json:
    segments = re.findall(r"\{(\w+)\}", operation.path)
    parameters = [_path_parameter(name) for name in segments]
    parameters.extend(_query_parameter(parameter) for parameter in operation.query)
    is_open = authenticated and operation.path in _OPEN
    return {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        **({"description": operation.description} if operation.description else {}),
        **({"parameters": parameters} if parameters else {}),
        **({"requestBody": _body(operation.body)} if operation.body is not None else {}),
        **({"security": []} if is_open else {}),
        "responses": _responses(operation, authenticated and not is_open),
    }


def _path_parameter(name: str) -> Json:
    schema, description = _PATH_PARAMETERS[name]
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": schema,
        "description": description,
    }


def _query_parameter(parameter: QueryParameter) -> Json:
    return {
        "name": parameter.name,
        "in": "query",
        "schema": parameter.schema,
        "description": parameter.description,
    }


def _body(schema: Json) -> Json:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _responses(operation: Operation, authenticated: bool) -> Json:
    errors = {
        403: "a browser calls from a foreign page, or this is disabled",
        500: "a fault of the worker's own, or no end within the time",
        **({503: "the worker is starting"} if operation.needs_start else {}),
        **({401: "no user, or a wrong password"} if authenticated else {}),
        **({400: "a parameter or the body is wrong"} if operation.query else {}),
        **({404: "there is no such thing"} if "{" in operation.path else {}),
        **({400: "a name in the path is not UTF-8"} if "{" in operation.path else {}),
        **({400: "the body is wrong", **_BODY_ERRORS} if operation.body is not None else {}),
        **operation.errors,
    }
    every: dict[int, Json] = {status: _error(reason) for status, reason in errors.items()}
    every |= {status: _answer(answer) for status, answer in operation.answers.items()}
    return {str(status): every[status] for status in sorted(every)}


def _error(reason: str) -> Json:
    return {"description": reason, "content": {"application/json": {"schema": ref("Error")}}}


def _answer(answer: Answer) -> Json:
    content = {answer.media_type: {"schema": answer.schema}}
    headers = {
        name: {"description": meaning, "required": True, "schema": {"type": "string"}}
        for name, meaning in answer.headers.items()
    }
    links = {
        operation: {"operationId": operation, "parameters": {"path.connector": expression}}
        for operation, expression in answer.links.items()
    }
    return {
        "description": answer.description,
        **({"content": content} if answer.schema is not None else {}),
        **({"headers": headers} if headers else {}),
        **({"links": links} if links else {}),
    }
