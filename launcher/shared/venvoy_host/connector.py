"""Mode `connector`: one connector's own object: validate, start, task configs, stop."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import venvoy_api
from venvoy_host.contexts import ConnectorLink, OffsetReader, SourceConnectorLink
from venvoy_host.loading import LoadError, load_class, make
from venvoy_host.stages import stage_problems

if TYPE_CHECKING:
    from venvoy_host.control import Control

__all__ = ["ConnectorServer"]

_log = logging.getLogger("venvoy.connector")


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
                if request["type"] == "stop":
                    self._stop()
                    self.control.answer(request, None)
                    return
                self._answer(request)
        finally:
            self._stop()

    def _answer(self, request: dict[str, Any]) -> None:
        calls = {
            "validate": self._validate,
            "start": self._start,
            "task_configs": self._task_configs,
        }
        try:
            value = calls[request["type"]](request)
        except Exception as error:  # noqa: BLE001  # whatever a plugin raises is the answer
            self.control.refuse(request, error)
        else:
            self.control.answer(request, value)

    def _validate(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return every fault of the connector's and its stages' configuration."""
        return {"problems": [one for stage in request["stages"] for one in _problems(stage)]}

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
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

    def _task_configs(self, request: dict[str, Any]) -> dict[str, Any]:
        configs = self.connector.task_configs(request["max"])
        return {
            "configs": [
                {str(key): str(value) for key, value in config.items() if value is not None}
                for config in configs
            ]
        }

    def _stop(self) -> None:
        connector, self.connector = self.connector, None
        if connector is not None:
            try:
                connector.stop()
            except Exception:  # noqa: BLE001  # it is over anyway; the log keeps the reason
                _log.exception("stopping the connector failed")


def _problems(stage: dict[str, Any]) -> list[dict[str, Any]]:
    """Return {"stage", "key" (or None), "message"} for each fault of one stage."""
    try:
        if stage["role"] == "connector":
            return _connector_problems(stage)
        return list(stage_problems(stage))
    except LoadError as error:
        message = error.message
    except Exception as error:  # noqa: BLE001  # whatever a plugin raises is a fault to tell
        message = f"{type(error).__name__}: {error}"
    return [{"stage": stage["role"], "key": None, "message": message}]


def _connector_problems(stage: dict[str, Any]) -> list[dict[str, Any]]:
    connector = make(load_class(stage["type"], stage["module"], stage["qualname"]))
    checked = connector.validate(dict(stage["config"]))
    return [
        {"stage": "connector", "key": value.name, "message": str(message)}
        for value in checked.config_values
        for message in value.error_messages
    ]
