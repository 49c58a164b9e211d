"""The JSON schemas of everything that REST reads and answers, for `/openapi.json`.

Answers allow more keys than they name: a client passes over what it does not know, and so can a
later version say more. Requests allow no others, so that a typing error is told.
"""

from collections.abc import Mapping

from launcher.interface.motion import BuildState
from launcher.interface.move import MoveState
from launcher.interface.views import Json
from launcher.rest.operation import array_of, ref

__all__ = ["SCHEMAS"]


def _answer(required: Mapping[str, Json], **optional: Json) -> Json:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
    }


def _request(required: Mapping[str, Json], **optional: Json) -> Json:
    return {**_answer(required, **optional), "additionalProperties": False}


def _map_of(values: Json) -> Json:
    return {"type": "object", "additionalProperties": values}


_TEXT: Json = {"type": "string"}
_MAYBE_TEXT: Json = {"type": ["string", "null"]}
_COUNT: Json = {"type": "integer", "minimum": 0}
_SCALAR: Json = {"type": ["string", "number", "boolean"]}
_MAYBE_SCALAR: Json = {"type": ["string", "number", "boolean", "null"]}
_STATE: Json = {
    "type": "string",
    "enum": ["UNASSIGNED", "RUNNING", "PAUSED", "STOPPED", "FAILED", "RESTARTING"],
}
_CONNECTOR_TYPE: Json = {"type": "string", "enum": ["source", "sink", "unknown"]}
_PLUGIN_TYPE: Json = {
    "type": "string",
    "enum": ["source", "sink", "transformation", "predicate", "converter", "header_converter"],
}
_ROLE: Json = {
    "type": "string",
    "enum": [
        "connector",
        "key.converter",
        "value.converter",
        "header.converter",
        "transformation",
        "predicate",
    ],
}
_VERSION_KEY = (
    r"^(connector(\.plugin)?|(key|value|header)\.converter\.plugin"
    r"|(transforms|predicates)\..+\.plugin)\.version$"
)
_KEY_TYPE: Json = {
    "type": "string",
    "enum": ["BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"],
}

_WORKER: Mapping[str, Json] = {
    "Error": _answer({"error_code": {"type": "integer"}, "message": {**_TEXT, "minLength": 1}}),
    "ServerInfo": _answer(
        {
            "version": {**_TEXT, "description": "the version of Kafka whose API this is"},
            "commit": _TEXT,
            "kafka_cluster_id": _TEXT,
            "venvoy_version": _TEXT,
        }
    ),
    "WorkerStatus": _answer(
        {
            "status": {"type": "string", "enum": ["starting", "healthy", "unhealthy"]},
            "message": _TEXT,
        }
    ),
    "Message": _answer({"message": _TEXT}),
    "LoggerLevel": _answer({"level": _TEXT, "last_modified": {"type": ["integer", "null"]}}),
    "LoggerLevels": _map_of(ref("LoggerLevel")),
    "SetLevelRequest": {
        **_answer({"level": {**_TEXT, "examples": ["DEBUG"]}}),
        "description": "other keys are passed over, as in Kafka",
    },
}

_CONNECTORS: Mapping[str, Json] = {
    "ConnectorConfig": {
        **_map_of(_SCALAR),
        "description": "numbers and booleans are taken as their text",
    },
    "ConfigPatch": {**_map_of(_MAYBE_SCALAR), "description": "null takes a key away"},
    "CreateConnectorRequest": _request(
        {"config": ref("ConnectorConfig")},
        name={**_MAYBE_TEXT, "description": "blanks around it are cut off"},
        initial_state={
            "type": ["string", "null"],
            "enum": ["RUNNING", "PAUSED", "STOPPED", None],
        },
    ),
    "TaskId": _answer({"connector": _TEXT, "task": _COUNT}),
    "ConnectorInfo": _answer(
        {
            "name": _TEXT,
            "config": _map_of(_TEXT),
            "tasks": array_of(ref("TaskId")),
            "type": _CONNECTOR_TYPE,
        }
    ),
    "TaskInfo": _answer({"id": ref("TaskId"), "config": _map_of(_TEXT)}),
    "ConnectorState": _answer(
        {"state": _STATE, "worker_id": _TEXT},
        trace={**_TEXT, "description": "left out when there is none"},
        version={**_TEXT, "description": "of what runs, or ran last"},
        environment={**_TEXT, "description": "the environment that it runs in"},
    ),
    "TaskState": _answer(
        {"id": _COUNT, "state": _STATE, "worker_id": _TEXT}, trace=_TEXT, version=_TEXT
    ),
    "StageVersion": _answer(
        {
            "role": _ROLE,
            "class": _TEXT,
            "version": _TEXT,
        },
        alias=_TEXT,
        environment=_TEXT,
    ),
    "ConnectorStateInfo": _answer(
        {
            "name": _TEXT,
            "connector": ref("ConnectorState"),
            "tasks": array_of(ref("TaskState")),
            "type": _CONNECTOR_TYPE,
        },
        stages=array_of(ref("StageVersion")),
        last_move=ref("Move"),
        next_versions={
            **array_of(ref("StageVersion")),
            "description": "what a restart would move",
        },
        locked={**_map_of(_TEXT), "description": "what each key that says `locked` stays on"},
        location_gone={
            **array_of(_TEXT),
            "description": "paths that it runs from and that are no longer on the plugin path",
        },
        location_changed={
            **array_of(_TEXT),
            "description": "paths that it runs from as they were; a restart takes the new files",
        },
    ),
    "Move": _answer(
        {
            "from_generation": _COUNT,
            "to_generation": _COUNT,
            "state": {"type": "string", "enum": [str(state) for state in MoveState]},
            "from_version": _TEXT,
            "to_version": _TEXT,
            "began_at": _COUNT,
        },
        reason=_TEXT,
    ),
    "ExpandedConnectors": _map_of(
        _answer({}, status=ref("ConnectorStateInfo"), info=ref("ConnectorInfo"))
    ),
}

_OFFSETS: Mapping[str, Json] = {
    "ConnectorOffsets": _answer(
        {
            "offsets": array_of(
                _answer({"partition": {"type": "object"}, "offset": {"type": ["object", "null"]}})
            )
        }
    ),
    "AlterOffsetsRequest": _request(
        {
            "offsets": {
                "type": "array",
                "minItems": 1,
                "items": _request(
                    {"partition": {"type": "object"}, "offset": {"type": ["object", "null"]}}
                ),
            }
        }
    ),
    "ActiveTopics": {
        **_map_of(_answer({"topics": array_of(_TEXT)})),
        "minProperties": 1,
        "maxProperties": 1,
    },
}

_PLUGINS: Mapping[str, Json] = {
    "PluginInfo": _answer(
        {"class": _TEXT, "type": _PLUGIN_TYPE},
        version=_TEXT,
        location={**_TEXT, "description": "where on the plugin path it is"},
    ),
    "ConfigKeyInfo": _answer(
        {
            "name": _TEXT,
            "type": _KEY_TYPE,
            "required": {"type": "boolean"},
            "default_value": _MAYBE_TEXT,
            "importance": {"type": "string", "enum": ["HIGH", "MEDIUM", "LOW"]},
            "documentation": _MAYBE_TEXT,
            "group": _MAYBE_TEXT,
            "width": {"type": "string", "enum": ["NONE", "SHORT", "MEDIUM", "LONG"]},
            "display_name": _MAYBE_TEXT,
            "dependents": array_of(_TEXT),
            "order": {"type": "integer"},
        }
    ),
    "ConfigValueInfo": _answer(
        {
            "name": _TEXT,
            "value": _MAYBE_TEXT,
            "recommended_values": array_of(_TEXT),
            "errors": array_of(_TEXT),
            "visible": {"type": "boolean"},
        }
    ),
    "ConfigInfo": _answer(
        {
            "definition": {"anyOf": [ref("ConfigKeyInfo"), {"type": "null"}]},
            "value": ref("ConfigValueInfo"),
        }
    ),
    "ConfigInfos": _answer(
        {
            "name": _TEXT,
            "error_count": _COUNT,
            "groups": array_of(_TEXT),
            "configs": array_of(ref("ConfigInfo")),
        }
    ),
}

_MOTION: Mapping[str, Json] = {
    "RescanReport": _answer(
        {
            "added": {**array_of(_TEXT), "description": "plugins, as `class version`"},
            "removed": array_of(_TEXT),
            "broken": {**array_of(_TEXT), "description": "locations, by path"},
            "mended": array_of(_TEXT),
            "changed": {**array_of(_TEXT), "description": "locations with other files"},
            "locations": {**_COUNT, "description": "how many there are"},
        }
    ),
    "LocationState": _answer(
        {
            "path": _TEXT,
            "name": _TEXT,
            "plugins": {**array_of(_TEXT), "description": "as `class version`"},
            "gone": {"type": "boolean"},
            "build": {
                "enum": [*(str(state) for state in BuildState), None],
                "description": "how far its environment is",
            },
            "environment": _MAYBE_TEXT,
            "problem": _MAYBE_TEXT,
            "hint": _MAYBE_TEXT,
            "shadowed": array_of(_TEXT),
            "used_by": {**array_of(_TEXT), "description": "connectors that run from it"},
            "used_as_it_was": {
                **array_of(_TEXT),
                "description": "connectors that run on what it was before its files changed",
            },
            "progress": {**_MAYBE_TEXT, "description": "what a build is at"},
        }
    ),
    "PlanRequest": {
        "anyOf": [
            ref("ConnectorConfig"),
            _request(
                {
                    "versions": {
                        "type": "object",
                        "propertyNames": {"pattern": _VERSION_KEY},
                        "additionalProperties": _MAYBE_SCALAR,
                    }
                }
            ),
        ],
        "examples": [{"versions": {"connector.version": "2.1.0"}}],
    },
    "StageChange": _answer(
        {
            "role": _ROLE,
            "class_before": _MAYBE_TEXT,
            "class_after": _MAYBE_TEXT,
            "version_before": _MAYBE_TEXT,
            "version_after": _MAYBE_TEXT,
            "location_after": _MAYBE_TEXT,
            "environment_ready": {"type": "boolean"},
            "environment_failed": {"type": "boolean"},
        },
        alias=_TEXT,
    ),
    "PackageChange": _answer({"name": _TEXT, "before": _MAYBE_TEXT, "after": _MAYBE_TEXT}),
    "ConfigChange": _answer(
        {
            "key": _TEXT,
            "change": {"enum": ["appears", "vanishes", "default", "type", "required"]},
            "before": _MAYBE_TEXT,
            "after": _MAYBE_TEXT,
            "set": {"type": "boolean", "description": "whether the connector's config has it"},
        }
    ),
    "MovePlan": _answer(
        {
            "name": _TEXT,
            "stages": array_of(ref("StageChange")),
            "packages": array_of(ref("PackageChange")),
            "config": array_of(ref("ConfigChange")),
            "api_requirement": _TEXT,
            "api_version": _TEXT,
            "restarts": {**array_of(_TEXT), "description": "the connector and tasks, by name"},
            "problems": {**array_of(_TEXT), "description": "why it would be refused"},
            "notes": {**array_of(_TEXT), "description": "what could not be compared, and why"},
        }
    ),
    "Generation": _answer(
        {
            "generation": {**_COUNT, "minimum": 1},
            "config": _map_of(_TEXT),
            "versions": array_of(ref("StageVersion")),
            "plugin_digests": {**_map_of(_TEXT), "description": "by location"},
            "environment_digests": {**_map_of(_TEXT), "description": "by location"},
            "at": {**_COUNT, "description": "milliseconds since 1970"},
            "by": _TEXT,
            "current": {"type": "boolean"},
            "outcome": {"type": "string", "enum": [str(state) for state in MoveState]},
        },
        reason=_TEXT,
    ),
    "RollbackRequest": _request(
        {},
        to={
            "type": ["integer", "null"],
            "minimum": 1,
            "description": "a generation; absent: the last good one before this",
        },
    ),
}

SCHEMAS: Mapping[str, Json] = {**_WORKER, **_CONNECTORS, **_OFFSETS, **_PLUGINS, **_MOTION}
"""By the name that `ref` takes."""
