"""Mode `verify`: import every entry point once, construct it, read its version.

stdin, one JSON object::

    {"entry_points": [{"type": "source", "name": "csv", "module": "acme", "qualname": "Csv"}, …]}

the result descriptor, one JSON object::

    {"api": "1.0.0", "prefix": "/…", "python": "3.11.7", "results": [
        {"type": "source", "name": "csv", "ok": true, "version": "2.1", "error": null},
        {"type": "sink", "name": "x", "ok": false, "version": null, "error": {
            "kind": "missing-module", "module": "pkg_resources",
            "message": "…", "traceback": "…"}}]}

Kinds: missing-module, import-error, missing-attribute, not-a-plugin, abstract, constructor.
One bad entry point never hides its siblings (PL07). A plugin that ends the process at import
leaves no result at all.
"""

import json
import os
import platform
import sys
from typing import Any, Optional

import venvoy_api
from venvoy_host.loading import LoadError, load_class, make

__all__ = ["main"]


def main(result_fd: int) -> int:
    """Read the question from stdin, write the answer to `result_fd`, return the exit code."""
    question = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    results = [_check(entry) for entry in question["entry_points"]]
    answer = {
        "api": venvoy_api.__version__,
        "prefix": sys.prefix,
        "python": platform.python_version(),
        "results": results,
    }
    with os.fdopen(result_fd, "wb") as result:
        result.write(json.dumps(answer).encode("utf-8"))
    return 0


def _check(entry: dict[str, str]) -> dict[str, Any]:
    result: dict[str, Any] = {"type": entry["type"], "name": entry["name"], "ok": True}
    result["version"] = result["error"] = None
    try:
        plugin = make(load_class(entry["type"], entry["module"], entry["qualname"]))
        result["version"] = _version(plugin)
    except LoadError as error:
        result["ok"] = False
        result["error"] = error.as_json()
    return result


def _version(plugin: Any) -> Optional[str]:
    """Return what `version()` says; None where it has none or raises (usable all the same, PL)."""
    try:
        version = plugin.version()
    except Exception:  # noqa: BLE001  # Kafka: the version is `undefined`, the plugin stays usable
        return None
    return version if isinstance(version, str) else None
