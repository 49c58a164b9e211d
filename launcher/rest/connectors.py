"""`/connectors`: make, see, change, steer and delete connectors and their tasks."""

from collections.abc import Mapping
from urllib.parse import quote

from starlette.responses import Response

from launcher.interface.connectors import WorkerInterface
from launcher.interface.faults import InvalidConnectorConfigError, NotFoundError, RequestError
from launcher.interface.views import ConnectorInfo, Json
from launcher.rest.call import Call
from launcher.rest.operation import Answer, Operation, QueryParameter, array_of, flag, ref
from launcher.rest.responses import JsonResponse
from launcher.rest.shapes import read_config, read_create_request

__all__ = ["OPERATIONS"]

_NAME = "name"
_CLASS = "connector.class"


async def list_connectors(call: Call) -> Response:
    """Answer the names, or with `expand` what is asked for about each."""
    wanted = set(call.request.query_params.getlist("expand")) & {"info", "status"}
    names = call.worker.connectors()
    if not wanted:
        return JsonResponse(names)
    expanded = ((name, _expanded(call.worker, name, wanted)) for name in names)
    return JsonResponse({name: parts for name, parts in expanded if parts is not None})


async def create_connector(call: Call) -> Response:
    """Make a connector."""
    asked = await call.json(read_create_request)
    config = await _checked(call.worker, asked.name, asked.config)
    info = await call.worker.create(
        asked.name, config, initial_state=asked.initial_state, by=call.by
    )
    return _created(info)


async def show_connector(call: Call) -> Response:
    """Answer config and tasks."""
    return JsonResponse(call.worker.info(call.connector).as_json())


async def show_config(call: Call) -> Response:
    """Answer the config."""
    return JsonResponse(dict(call.worker.config(call.connector)))


async def put_config(call: Call) -> Response:
    """Make or change a connector."""
    name = call.connector
    config = await _checked(call.worker, name, await call.json(read_config))
    info, is_new = await call.worker.put_config(name, config, by=call.by)
    return _created(info) if is_new else JsonResponse(info.as_json())


async def patch_config(call: Call) -> Response:
    """Change some keys."""
    patch = await call.json(read_config)
    info = await call.worker.patch_config(call.connector, patch, by=call.by)
    return JsonResponse(info.as_json())


async def delete_connector(call: Call) -> Response:
    """Stop and forget a connector."""
    await call.worker.delete(call.connector)
    return Response(status_code=204)


async def show_status(call: Call) -> Response:
    """Answer states and versions."""
    return JsonResponse(call.worker.status(call.connector).as_json())


async def restart_connector(call: Call) -> Response:
    """Restart the connector, and its tasks when asked."""
    include_tasks = call.flag("includeTasks", default=False)
    only_failed = call.flag("onlyFailed", default=False)
    status = await call.worker.restart(
        call.connector, include_tasks=include_tasks, only_failed=only_failed
    )
    if include_tasks or only_failed:
        return JsonResponse(status.as_json(), status_code=202)
    return Response(status_code=204)


async def pause_connector(call: Call) -> Response:
    """Pause."""
    await call.worker.pause(call.connector)
    return Response(status_code=202)


async def resume_connector(call: Call) -> Response:
    """Resume."""
    await call.worker.resume(call.connector)
    return Response(status_code=202)


async def stop_connector(call: Call) -> Response:
    """Stop."""
    await call.worker.stop(call.connector)
    return Response(status_code=204)


async def list_tasks(call: Call) -> Response:
    """Answer the tasks' configs."""
    return JsonResponse([task.as_json() for task in call.worker.tasks(call.connector)])


async def show_task_status(call: Call) -> Response:
    """Answer one task's state."""
    return JsonResponse(call.worker.task_status(call.connector, call.task).as_json())


async def restart_task(call: Call) -> Response:
    """Restart one task."""
    await call.worker.restart_task(call.connector, call.task)
    return Response(status_code=204)


def _expanded(worker: WorkerInterface, name: str, wanted: set[str]) -> Json | None:
    """Return what is asked for; None when the connector is just being deleted, as in Kafka."""
    try:
        return {
            **({"status": worker.status(name).as_json()} if "status" in wanted else {}),
            **({"info": worker.info(name).as_json()} if "info" in wanted else {}),
        }
    except NotFoundError:
        return None


def _created(info: ConnectorInfo) -> Response:
    location = f"/connectors/{quote(info.name, safe='')}"
    return JsonResponse(info.as_json(), status_code=201, headers={"Location": location})


async def _checked(
    worker: WorkerInterface, name: str, config: Mapping[str, str | None]
) -> dict[str, str]:
    """Put the name in the config, and refuse a name that differs, or a null with all else wrong."""
    included = config.get(_NAME)
    if included is not None and included != name:
        raise RequestError(
            f"Connector name configuration ({included}) doesn't match connector name in the URL "
            f"({name})"
        )
    named = {**config, _NAME: name}
    present = {key: value for key, value in named.items() if value is not None}
    if len(present) < len(named):
        raise InvalidConnectorConfigError(await _faults(worker, named))
    return present


async def _faults(worker: WorkerInterface, config: Mapping[str, str | None]) -> tuple[str, ...]:
    infos = await worker.validate(config.get(_CLASS) or "", config)
    return tuple(_errors_of(infos))


def _errors_of(infos: Json) -> list[str]:
    configs = infos["configs"]
    if not isinstance(configs, list | tuple):
        raise TypeError(f"ConfigInfos.configs is a {type(configs).__name__}")
    return [error for entry in configs for error in entry["value"]["errors"]]


_EXPAND = QueryParameter(
    name="expand",
    schema=array_of({"type": "string"}),
    description="`info`, `status` or both, repeated; anything else is passed over, as in Kafka",
)
_INCLUDE_TASKS = QueryParameter(
    name="includeTasks",
    schema=flag(default=False),
    description="restart the tasks too",
)
_ONLY_FAILED = QueryParameter(
    name="onlyFailed",
    schema=flag(default=False),
    description="restart only what has FAILED",
)
_LOCATION = {"Location": "the new connector's path, percent-encoded"}
_FOLLOWING = (
    "showConnector", "showStatus", "showConfig", "listTasks", "pauseConnector", "stopConnector",
    "resumeConnector", "restartConnector", "showOffsets", "showTopics", "deleteConnector",
)  # fmt: skip
_CREATED = Answer(
    description="created",
    schema=ref("ConnectorInfo"),
    headers=_LOCATION,
    links=dict.fromkeys(_FOLLOWING, "$response.body#/name"),
)
_INFO = Answer(description="the connector", schema=ref("ConnectorInfo"))
_CONFLICT = "something else is being done to the connector"

OPERATIONS = (
    Operation(
        method="GET", path="/connectors", name="listConnectors", tag="connectors",
        summary="List the connectors", endpoint=list_connectors, query=(_EXPAND,),
        answers={200: Answer(
            description="the names, sorted; an object of them with `expand`",
            schema={"anyOf": [array_of({"type": "string"}), ref("ExpandedConnectors")]},
        )},
    ),
    Operation(
        method="POST", path="/connectors", name="createConnector", tag="connectors",
        summary="Make a connector", endpoint=create_connector, body=ref("CreateConnectorRequest"),
        answers={201: _CREATED}, errors={409: "the connector exists"},
    ),
    Operation(
        method="GET", path="/connectors/{connector}", name="showConnector", tag="connectors",
        summary="Show a connector's config and tasks", endpoint=show_connector,
        answers={200: _INFO},
    ),
    Operation(
        method="DELETE", path="/connectors/{connector}", name="deleteConnector", tag="connectors",
        summary="Stop and forget a connector", endpoint=delete_connector,
        description="Its offsets stay: a connector of the same name goes on from them.",
        answers={204: Answer(description="deleted")}, errors={409: _CONFLICT},
    ),
    Operation(
        method="GET", path="/connectors/{connector}/config", name="showConfig", tag="connectors",
        summary="Show a connector's config", endpoint=show_config,
        description="As it was written, variables unresolved; passwords read `[hidden]`.",
        answers={200: Answer(description="the config", schema=ref("ConnectorConfig"))},
    ),
    Operation(
        method="PUT", path="/connectors/{connector}/config", name="putConfig", tag="connectors",
        summary="Make a connector, or change its whole config", endpoint=put_config,
        body=ref("ConnectorConfig"), answers={200: _INFO, 201: _CREATED}, errors={409: _CONFLICT},
    ),
    Operation(
        method="PATCH", path="/connectors/{connector}/config", name="patchConfig",
        tag="connectors", summary="Change some keys of a config; null takes one away",
        endpoint=patch_config, body=ref("ConfigPatch"), answers={200: _INFO},
        errors={409: _CONFLICT},
    ),
    Operation(
        method="GET", path="/connectors/{connector}/status", name="showStatus", tag="connectors",
        summary="Show states, traces and the versions that run", endpoint=show_status,
        answers={200: Answer(description="the status", schema=ref("ConnectorStateInfo"))},
    ),
    Operation(
        method="POST", path="/connectors/{connector}/restart", name="restartConnector",
        tag="connectors", summary="Restart a connector, its tasks too when asked",
        endpoint=restart_connector, query=(_INCLUDE_TASKS, _ONLY_FAILED),
        answers={
            202: Answer(description="restarting, tasks too", schema=ref("ConnectorStateInfo")),
            204: Answer(description="restarting the connector only"),
        },
        errors={409: _CONFLICT},
    ),
    Operation(
        method="PUT", path="/connectors/{connector}/pause", name="pauseConnector",
        tag="connectors", summary="Keep the tasks, but move no records", endpoint=pause_connector,
        answers={202: Answer(description="pausing")},
    ),
    Operation(
        method="PUT", path="/connectors/{connector}/resume", name="resumeConnector",
        tag="connectors", summary="Run again after a pause or a stop", endpoint=resume_connector,
        answers={202: Answer(description="resuming")},
    ),
    Operation(
        method="PUT", path="/connectors/{connector}/stop", name="stopConnector", tag="connectors",
        summary="End the tasks; offsets may be changed then", endpoint=stop_connector,
        answers={204: Answer(description="stopping")}, errors={409: _CONFLICT},
    ),
    Operation(
        method="GET", path="/connectors/{connector}/tasks", name="listTasks", tag="connectors",
        summary="List the tasks' configs", endpoint=list_tasks,
        answers={200: Answer(description="the tasks", schema=array_of(ref("TaskInfo")))},
    ),
    Operation(
        method="GET", path="/connectors/{connector}/tasks/{task}/status", name="showTaskStatus",
        tag="connectors", summary="Show one task's state", endpoint=show_task_status,
        answers={200: Answer(description="the state", schema=ref("TaskState"))},
    ),
    Operation(
        method="POST", path="/connectors/{connector}/tasks/{task}/restart", name="restartTask",
        tag="connectors", summary="Restart one task", endpoint=restart_task,
        answers={204: Answer(description="restarting")}, errors={409: _CONFLICT},
    ),
)  # fmt: skip
