"""Mode `connector`: one connector's own object: validate, start, task configs, stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import venvoy_api
from venvoy_host import logs
from venvoy_host.contexts import ConnectorLink, OffsetReader, SourceConnectorLink
from venvoy_host.inspection import inspect_stage
from venvoy_host.loading import LoadError, load_class, make
from venvoy_host.logs import framework_logger
from venvoy_host.stages import stage_values

if TYPE_CHECKING:
    from venvoy_host.control import Control

__all__ = ["ConnectorServer"]

_log = framework_logger("venvoy.connector")


class ConnectorServer:
    """Answers requests one at a time, on the main thread."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self.connector: Any = None

    def run(self) -> None:
        """Serve until `stop` or until the worker is gone; then stop the connector."""
        try:
            while True:
                request = self.control.receive()
                if request is None:
                    return
                if logs.take(request):
                    continue
                if request["type"] == "stop":
                    self.stop()
                    self.control.answer(request, None)
                    return
                self._answer(request)
        finally:
            self.stop()

    def _answer(self, request: dict[str, Any]) -> None:
        calls = {
            "inspect": inspect_stage,
            "validate": self.validate,
            "start": self.start,
            "task_configs": self.task_configs,
            "alter_offsets": self.alter_offsets,
        }
        try:
            value = calls[request["type"]](request)
        except Exception as error:  # noqa: BLE001  # whatever a plugin raises is the answer
            self.control.refuse(request, error)
        else:
            self.control.answer(request, value)

    def validate(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return every fault of the stages' configuration, and the keys that each defines.

        {"problems": [{"stage", "key" (or null), "message"}], "keys": [[prefix, [name, …]], …]};
        the key is as the connector's config has it, the names are without the stage's prefix. A
        stage that could not be asked has no entry in `keys`.
        """
        problems: list[dict[str, Any]] = []
        keys: list[tuple[str, list[str]]] = []
        for stage in request["stages"]:
            for each in filter(None, (stage, stage.get("predicate"))):
                found, names = _checked(each)
                problems += found
                if names is not None:
                    keys.append((each["prefix"], names))
        return {"problems": problems, "keys": keys}

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start the connector; return where its task class is."""
        stage = request["connector"]
        connector = make(load_class(stage["type"], stage["module"], stage["qualname"]))
        self.connector = connector
        if stage["type"] == "source":
            reader = OffsetReader(request["offsets"])
            connector.initialize(SourceConnectorLink(self.control, reader))
        else:
            connector.initialize(ConnectorLink(self.control))
        connector.start(dict(request["config"]))
        task_class = connector.task_class()
        wanted = venvoy_api.SourceTask if stage["type"] == "source" else venvoy_api.SinkTask
        if not isinstance(task_class, type) or not issubclass(task_class, wanted):
            raise venvoy_api.ConnectError(
                f"{stage['module']}.{stage['qualname']}.task_class() returned {task_class!r}, "
                f"which is not a subclass of venvoy_api.{wanted.__name__}"
            )
        if "<locals>" in task_class.__qualname__:
            raise venvoy_api.ConnectError(
                f"the task class {task_class.__qualname__} is defined inside a function; "
                "tasks run in other processes, so it must be importable"
            )
        return {"module": task_class.__module__, "qualname": task_class.__qualname__}

    def task_configs(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return {"configs": […]}, one for each task."""
        configs = self.connector.task_configs(request["max"])
        return {
            "configs": [
                {str(key): str(value) for key, value in config.items() if value is not None}
                for config in configs
            ]
        }

    def alter_offsets(self, request: dict[str, Any]) -> bool:
        """Have a connector that is not started take or refuse offsets; whether it knew of them.

        `offsets` are [partition, offset] of a source or [topic, partition, offset] of a sink; an
        offset of None is forgotten.
        """
        stage = request["connector"]
        connector = make(load_class(stage["type"], stage["module"], stage["qualname"]))
        offsets: Any = [tuple(pair) for pair in request["offsets"]]
        if stage["type"] == "sink":
            offsets = {
                venvoy_api.TopicPartition(topic, partition): offset
                for topic, partition, offset in offsets
            }
        return bool(connector.alter_offsets(dict(request["config"]), offsets))

    def stop(self) -> None:
        """Stop the connector, if it was started."""
        connector, self.connector = self.connector, None
        if connector is not None:
            try:
                connector.stop()
            except Exception:  # noqa: BLE001  # it is over anyway; the log keeps the reason
                _log.exception("stopping the connector failed")


def _checked(stage: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str] | None]:
    """Return the faults of one stage, and the names of its keys; None when it cannot be asked."""
    try:
        is_connector = stage["role"] == "connector"
        values = _connector_values(stage) if is_connector else stage_values(stage)
    except LoadError as error:
        message = error.message
    except Exception as error:  # noqa: BLE001  # whatever a plugin raises is a fault to tell
        message = f"checking its configuration raised {type(error).__name__}: {error}"
    else:
        problems = [
            _problem(stage, stage["prefix"] + value.name, str(message))
            for value in values
            for message in value.error_messages
        ]
        return problems, [value.name for value in values]
    return [_problem(stage, None, message)], None


def _problem(stage: dict[str, Any], key: str | None, message: str) -> dict[str, Any]:
    return {"stage": stage["prefix"].rstrip(".") or "connector", "key": key, "message": message}


def _connector_values(stage: dict[str, Any]) -> list[Any]:
    """Return the ConfigValue of each key; one that `config` defines is known even so."""
    connector = make(load_class(stage["type"], stage["module"], stage["qualname"]))
    values = list(connector.validate(dict(stage["config"])).config_values)
    checked = {value.name for value in values}
    definition = connector.config()
    names = definition.names() if definition is not None else ()
    return [*values, *(venvoy_api.ConfigValue(name) for name in names if name not in checked)]
