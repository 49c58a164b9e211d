"""What schemathesis makes up, led to what is there: SCHEMATHESIS_HOOKS of its command line.

The variable VALID_CONFIG is a connector config that is valid at the server; a connector `csv` is
there at first.
"""

import json
import os
from typing import Any

import schemathesis

VALID = json.loads(os.environ["VALID_CONFIG"])
THERE = {"connector": "csv", "plugin": VALID["connector.class"], "logger": "root"}


@schemathesis.hook
def map_path_parameters(
    context: schemathesis.HookContext, path_parameters: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Let every other name be one that is there."""
    if path_parameters is None:
        return None
    return {
        name: THERE[name] if name in THERE and len(value) % 2 else value
        for name, value in path_parameters.items()
    }


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """Let every other config be one that is valid, whatever else it says."""
    path = context.operation.path if context.operation is not None else ""
    if path == "/connectors" and isinstance(body, dict) and "config" in body:
        return {**body, "config": _often_valid(body["config"])}
    return _often_valid(body) if "config" in path else body


def _often_valid(config: Any) -> Any:
    if isinstance(config, dict) and len(config) % 2 == 0:
        return {**config, **VALID}
    return config
