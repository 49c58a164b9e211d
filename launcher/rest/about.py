"""The worker itself: `/`, `/health`."""

from importlib.metadata import version

from starlette.responses import Response

from launcher.rest.call import Call
from launcher.rest.operation import Answer, Operation, ref
from launcher.rest.responses import JsonResponse

__all__ = ["KAFKA_VERSION", "OPERATIONS", "venvoy_version"]

KAFKA_VERSION = "4.1.0"
"""Whose API this is: clients read `version` as Kafka's, and pass over what an older one lacks."""

_STATUSES = {"healthy": 200, "starting": 503, "unhealthy": 500}


def venvoy_version() -> str:
    """Return the version of venvoy."""
    return version("venvoy")


async def show_server(call: Call) -> Response:
    """Answer Kafka's ServerInfo, and our own version."""
    return JsonResponse(
        {
            "version": KAFKA_VERSION,
            "commit": "unknown",
            "kafka_cluster_id": call.worker.cluster_id,
            "venvoy_version": venvoy_version(),
        }
    )


async def show_health(call: Call) -> Response:
    """Answer Kafka's WorkerStatus (KIP-1017)."""
    health = call.worker.health()
    return JsonResponse(health.as_json(), status_code=_STATUSES[health.status])


OPERATIONS = (
    Operation(
        method="GET", path="/", name="showServer", tag="worker",
        summary="Show which worker this is", endpoint=show_server,
        answers={200: Answer(description="the worker", schema=ref("ServerInfo"))},
    ),
    Operation(
        method="GET", path="/health", name="showHealth", tag="worker",
        summary="Say whether the worker is ready", endpoint=show_health, needs_start=False,
        description="Open to all, without authentication.",
        answers={
            200: Answer(description="ready", schema=ref("WorkerStatus")),
            500: Answer(description="not able to work", schema=ref("WorkerStatus")),
            503: Answer(description="starting", schema=ref("WorkerStatus")),
        },
    ),
)  # fmt: skip
