"""What a plugin says of its configuration: the keys that it defines, and each key's value.

The request `inspect` carries a stage as in `stages.py`, `config` (null: only the definition is
wanted), and `ask`, questions that only a source connector answers. Its answer::

    {"error": {"kind", "message", "children"} or null,
     "keys": [Kafka's ConfigKeyInfo, …], "values": [Kafka's ConfigValueInfo, …],
     "answers": {"exactly_once": "supported" or "unsupported" or null}}

Names are without the stage's prefix. The kinds of an error are those of `loading.py`, and
`no-constructor` (it wants arguments), `definition` (`config()` raised), `no-definition` (it
returned None), `validation` (checking raised), `no-validation` (`validate` returned None) and
`exactly-once` (`exactly_once_support` raised).
"""

from __future__ import annotations

import inspect
import sys
from typing import Any

from venvoy_host.loading import API_CLASSES, LoadError, load_class, make
from venvoy_host.stages import with_converter_type

__all__ = ["inspect_stage"]


class _FaultError(Exception):
    def __init__(self, kind: str, error: BaseException | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.message = "" if error is None else _text(error)
        self.children: list[str] = []


def inspect_stage(request: dict[str, Any]) -> dict[str, Any]:
    """Answer the request; whatever a plugin raises is part of the answer."""
    stage = request["stage"]
    answer: dict[str, Any] = {"error": None, "keys": [], "values": [], "answers": {}}
    try:
        plugin = _made(stage)
        definition = _definition(plugin)
        answer["keys"] = definition.to_json()
        if request.get("config") is not None:
            answer["values"] = _values(plugin, definition, request)
            answer["answers"] = _answers(plugin, request)
    except _FaultError as fault:
        answer["error"] = {
            "kind": fault.kind,
            "message": fault.message,
            "children": fault.children,
        }
    return answer


def _made(stage: dict[str, Any]) -> Any:
    try:
        cls = load_class(stage["type"], stage["module"], stage["qualname"])
    except LoadError as error:
        fault = _FaultError(error.kind)
        fault.message = error.message
        if error.kind == "abstract":
            fault.children = _children(stage)
        raise fault from error
    try:
        inspect.signature(cls).bind()
    except TypeError as error:
        raise _FaultError("no-constructor", error) from error
    except ValueError:  # a class in C tells no signature
        pass
    try:
        return make(cls)
    except LoadError as error:
        fault = _FaultError("constructor")
        fault.message = str(error.__cause__ or error.message)
        raise fault from error


def _children(stage: dict[str, Any]) -> list[str]:
    """Return the concrete classes inside an abstract one, such as `Cast.Key` and `Cast.Value`."""
    wanted = API_CLASSES[stage["type"]]
    outer: Any = sys.modules[stage["module"]]
    for name in stage["qualname"].split("."):
        outer = getattr(outer, name)
    return [
        f"{stage['module']}.{stage['qualname']}.{name}"
        for name, inner in vars(outer).items()
        if isinstance(inner, type) and issubclass(inner, wanted) and not inspect.isabstract(inner)
    ]


def _definition(plugin: Any) -> Any:
    try:
        definition = plugin.config()
        if definition is not None:
            definition.to_json()
    except (Exception, SystemExit) as error:
        raise _FaultError("definition", error) from error
    if definition is None:
        raise _FaultError("no-definition")
    return definition


def _values(plugin: Any, definition: Any, request: dict[str, Any]) -> list[dict[str, Any]]:
    keys = definition.config_keys
    internal = {name for name, key in keys.items() if key.internal}
    try:
        checked = _checked(plugin, definition, request)
        if checked is not None:
            return [one.to_json(keys.get(one.name)) for one in checked if one.name not in internal]
    except (Exception, SystemExit) as error:
        raise _FaultError("validation", error) from error
    raise _FaultError("no-validation")


def _checked(plugin: Any, definition: Any, request: dict[str, Any]) -> Any:
    """Return the ConfigValues of a config; None when a connector returned nothing."""
    stage = {**request["stage"], "config": dict(request["config"])}
    if stage["role"] != "connector":
        return definition.validate(with_converter_type(stage))
    checked = plugin.validate(stage["config"])
    return None if checked is None else list(checked.config_values)


def _answers(plugin: Any, request: dict[str, Any]) -> dict[str, Any]:
    if "exactly_once" not in request.get("ask", ()):
        return {}
    try:
        support = plugin.exactly_once_support(dict(request["config"]))
    except (Exception, SystemExit) as error:
        raise _FaultError("exactly-once", error) from error
    return {"exactly_once": None if support is None else str(support.value)}


def _text(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
