"""Where a connector stands, and which topics it used."""

from starlette.responses import Response

from launcher.rest.call import Call
from launcher.rest.faults import ForbiddenError
from launcher.rest.operation import Answer, Operation, ref
from launcher.rest.responses import JsonResponse
from launcher.rest.shapes import read_offsets

__all__ = ["OPERATIONS"]


async def show_offsets(call: Call) -> Response:
    """Answer the offsets."""
    return JsonResponse({"offsets": await call.worker.offsets(call.connector)})


async def alter_offsets(call: Call) -> Response:
    """Change offsets of a stopped connector."""
    offsets = await call.json(read_offsets)
    return JsonResponse({"message": await call.worker.alter_offsets(call.connector, offsets)})


async def reset_offsets(call: Call) -> Response:
    """Forget the offsets of a stopped connector."""
    return JsonResponse({"message": await call.worker.reset_offsets(call.connector)})


async def show_topics(call: Call) -> Response:
    """Answer the topics that were used."""
    _must_track(call)
    name = call.connector
    return JsonResponse({name: {"topics": call.worker.topics(name)}})


async def reset_topics(call: Call) -> Response:
    """Forget which topics were used."""
    _must_track(call)
    if not call.config.topic_tracking_reset_allowed:
        raise ForbiddenError("Topic tracking reset is disabled.")
    await call.worker.reset_topics(call.connector)
    return Response(status_code=202)


def _must_track(call: Call) -> None:
    if not call.config.topic_tracking_enabled:
        raise ForbiddenError("Topic tracking is disabled.")


_MESSAGE = Answer(description="what was done", schema=ref("Message"))
_STOPPED = "the connector is not STOPPED, or the offsets are not its"

OPERATIONS = (
    Operation(
        method="GET", path="/connectors/{connector}/offsets", name="showOffsets", tag="offsets",
        summary="Show a connector's committed offsets", endpoint=show_offsets,
        answers={200: Answer(description="the offsets", schema=ref("ConnectorOffsets"))},
    ),
    Operation(
        method="PATCH", path="/connectors/{connector}/offsets", name="alterOffsets",
        tag="offsets", summary="Change offsets of a stopped connector; null resets a partition",
        endpoint=alter_offsets, body=ref("AlterOffsetsRequest"), answers={200: _MESSAGE},
        errors={400: _STOPPED},
    ),
    Operation(
        method="DELETE", path="/connectors/{connector}/offsets", name="resetOffsets",
        tag="offsets", summary="Forget the offsets of a stopped connector",
        endpoint=reset_offsets, answers={200: _MESSAGE}, errors={400: _STOPPED},
    ),
    Operation(
        method="GET", path="/connectors/{connector}/topics", name="showTopics", tag="offsets",
        summary="Show the topics used since the last reset", endpoint=show_topics,
        answers={200: Answer(description="the topics", schema=ref("ActiveTopics"))},
    ),
    Operation(
        method="PUT", path="/connectors/{connector}/topics/reset", name="resetTopics",
        tag="offsets", summary="Forget which topics were used", endpoint=reset_topics,
        answers={202: Answer(description="forgotten")},
    ),
)  # fmt: skip
