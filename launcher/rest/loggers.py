"""`/admin/loggers`: log levels, changed while the worker runs."""

from starlette.responses import Response

from launcher.interface.faults import RequestError
from launcher.rest.call import Call
from launcher.rest.operation import Answer, Operation, QueryParameter, array_of, ref
from launcher.rest.responses import JsonResponse
from launcher.rest.shapes import read_level

__all__ = ["OPERATIONS"]

_SCOPES = ("worker", "cluster")


async def list_loggers(call: Call) -> Response:
    """Answer the loggers that have a level of their own."""
    levels = call.worker.loggers()
    return JsonResponse({name: level.as_json() for name, level in levels.items()})


async def show_logger(call: Call) -> Response:
    """Answer one logger's level."""
    return JsonResponse(call.worker.logger(call.segment("logger")).as_json())


async def set_logger(call: Call) -> Response:
    """Set a level; 204 with the scope `cluster`, of which this worker is the whole (KIP-976)."""
    scope = call.request.query_params.get("scope", "worker").lower()
    if scope not in _SCOPES:
        raise RequestError(f"The query parameter scope is `{scope}`, not worker or cluster")
    level = await call.json(read_level)
    changed = call.worker.set_logger(call.segment("logger"), level)
    return Response(status_code=204) if scope == "cluster" else JsonResponse(changed)


OPERATIONS = (
    Operation(
        method="GET", path="/admin/loggers", name="listLoggers", tag="loggers",
        summary="List the loggers that have a level of their own", endpoint=list_loggers,
        answers={200: Answer(description="the levels by logger", schema=ref("LoggerLevels"))},
    ),
    Operation(
        method="GET", path="/admin/loggers/{logger}", name="showLogger", tag="loggers",
        summary="Show a logger's level", endpoint=show_logger,
        answers={200: Answer(description="the level", schema=ref("LoggerLevel"))},
    ),
    Operation(
        method="PUT", path="/admin/loggers/{logger}", name="setLogger", tag="loggers",
        summary="Set the level of a logger and of those below it", endpoint=set_logger,
        body=ref("SetLevelRequest"),
        query=(QueryParameter(
            name="scope", schema={"type": "string", "enum": list(_SCOPES), "default": "worker"},
            description="`cluster` answers 204 without the list",
        ),),
        answers={
            200: Answer(description="the changed loggers", schema=array_of({"type": "string"})),
            204: Answer(description="changed"),
        },
    ),
)  # fmt: skip
