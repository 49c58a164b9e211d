"""Versions in motion: rescans of the plugin path, plans, generations and the way back."""

from starlette.responses import Response

from launcher.rest.call import Call
from launcher.rest.operation import Answer, Operation, array_of, ref
from launcher.rest.responses import JsonResponse
from launcher.rest.shapes import read_plan_request, read_rollback

__all__ = ["OPERATIONS"]


async def rescan_plugins(call: Call) -> Response:
    """Read the plugin path anew."""
    return JsonResponse((await call.motion.rescan()).as_json())


async def list_locations(call: Call) -> Response:
    """Answer every location of the plugin path."""
    return JsonResponse([location.as_json() for location in call.motion.locations()])


async def plan_move(call: Call) -> Response:
    """Answer what a config, or other versions, would change."""
    asked = await call.json(read_plan_request)
    plan = await call.motion.plan(call.connector, asked.config, versions=asked.versions)
    return JsonResponse(plan.as_json())


async def list_generations(call: Call) -> Response:
    """Answer what the connector has run with."""
    generations = await call.motion.generations(call.connector)
    return JsonResponse([generation.as_json() for generation in generations])


async def roll_back(call: Call) -> Response:
    """Move to an earlier generation."""
    to = await call.json(read_rollback)
    info = await call.motion.rollback(call.connector, to=to, by=call.by)
    return JsonResponse(info.as_json())


OPERATIONS = (
    Operation(
        method="POST", path="/connector-plugins/rescan", name="rescanPlugins", tag="plugins",
        summary="Read the plugin path anew", endpoint=rescan_plugins,
        description="Answers what has changed; environments of what is new are then made behind "
        "it. Nothing that runs is disturbed.",
        answers={200: Answer(description="what has changed", schema=ref("RescanReport"))},
    ),
    Operation(
        method="GET", path="/connector-plugins/locations", name="listLocations", tag="plugins",
        summary="List the locations of the plugin path, broken and gone ones too",
        endpoint=list_locations,
        answers={200: Answer(description="the locations", schema=array_of(ref("LocationState")))},
    ),
    Operation(
        method="POST", path="/connectors/{connector}/plan", name="planMove", tag="motion",
        summary="Tell what another config, or other versions, would change", endpoint=plan_move,
        description="Nothing is changed. `versions` has version keys beside the config that the "
        "connector has; null takes one away.",
        body=ref("PlanRequest"),
        answers={200: Answer(description="the plan", schema=ref("MovePlan"))},
    ),
    Operation(
        method="GET", path="/connectors/{connector}/generations", name="listGenerations",
        tag="motion", summary="List what a connector has run with, the newest first",
        endpoint=list_generations,
        answers={200: Answer(description="generations", schema=array_of(ref("Generation")))},
    ),
    Operation(
        method="POST", path="/connectors/{connector}/rollback", name="rollBack", tag="motion",
        summary="Move to an earlier generation", endpoint=roll_back,
        description="To the versions that it ran with then, also where its config says `latest`.",
        body=ref("RollbackRequest"),
        answers={200: Answer(description="the connector", schema=ref("ConnectorInfo"))},
        errors={409: "something else is being done to the connector"},
    ),
)  # fmt: skip
