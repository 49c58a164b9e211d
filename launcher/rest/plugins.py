"""`/connector-plugins`: what is installed, at which versions, and what it asks of a config."""

from starlette.responses import Response

from launcher.rest.call import Call
from launcher.rest.operation import Answer, Operation, QueryParameter, array_of, flag, ref
from launcher.rest.responses import JsonResponse
from launcher.rest.shapes import read_config

__all__ = ["OPERATIONS"]


async def list_plugins(call: Call) -> Response:
    """Answer the plugins."""
    rows = call.worker.plugins(connectors_only=call.flag("connectorsOnly", default=True))
    return JsonResponse([row.as_json() for row in rows])


async def show_plugin_config(call: Call) -> Response:
    """Answer the keys that a plugin has, at a version."""
    version = call.request.query_params.get("version")
    return JsonResponse(await call.worker.plugin_config(call.segment("plugin"), version))


async def validate_config(call: Call) -> Response:
    """Answer every fault of a config; the version is the body's, as in Kafka (KIP-891)."""
    config = await call.json(read_config)
    return JsonResponse(await call.worker.validate(call.segment("plugin"), config))


OPERATIONS = (
    Operation(
        method="GET", path="/connector-plugins", name="listPlugins", tag="plugins",
        summary="List the plugins, one row for each class, type and version",
        endpoint=list_plugins,
        query=(QueryParameter(
            name="connectorsOnly", schema=flag(default=True),
            description="false: transformations, predicates and converters too",
        ),),
        answers={200: Answer(description="the plugins", schema=array_of(ref("PluginInfo")))},
    ),
    Operation(
        method="GET", path="/connector-plugins/{plugin}/config", name="showPluginConfig",
        tag="plugins", summary="Show the keys that a plugin has, at a version",
        endpoint=show_plugin_config,
        query=(QueryParameter(
            name="version", schema={"type": "string", "default": "latest"},
            description="a version or a range; the newest that matches",
        ),),
        answers={200: Answer(description="the keys", schema=array_of(ref("ConfigKeyInfo")))},
        errors={400: "no such version, or no version"},
    ),
    Operation(
        method="PUT", path="/connector-plugins/{plugin}/config/validate", name="validateConfig",
        tag="plugins", summary="Find every fault of a config, without storing it",
        endpoint=validate_config, body=ref("ConfigPatch"),
        description="200 also when the config has faults. The version is the one that it names.",
        answers={200: Answer(description="keys, values and faults", schema=ref("ConfigInfos"))},
    ),
)  # fmt: skip
