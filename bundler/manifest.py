"""The manifest of a bundle: `venvoy-bundle.json`, canonical JSON, laid down for good.

::

    {"schema": 1, "name", "version",                 the main plugin distribution's
     "distributions": [{"name", "version"}],         all that carry plugins
     "plugin_digest", "own": {"tree"} | {"wheels"},  what CI compares; its part besides the lock
     "api_requirement", "requires_python",           specifiers, "" for any
     "entry_points": [{"type", "name", "module", "qualname", "distribution", "version"}],
     "targets": [{"name", "environment": {"wheels": [[name, version, sha256]]}}],
     "wheels": [{"file", "sha256", "size", "name", "version"}],
     "members": [{"file", "sha256", "size"}],        all others but this one
     "framework": {"version", "entry_points"},       the API that is inside
     "settings": {"python", "preload"}}

No dates, no paths, no names of machines.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from bundler.contents import Contents
from manager.digests import JsonValue
from manager.plugins.distributions import Distribution
from manager.plugins.entry_points import EntryPoint
from manager.plugins.tool_settings import ToolSettings

__all__ = ["make_manifest"]


def make_manifest(
    contents: Contents, framework: Distribution, members: Mapping[str, bytes]
) -> dict[str, JsonValue]:
    """Return the manifest; `members` are the small ones, with their bytes."""
    plugins = contents.content.distributions
    main = plugins[0]
    python = ",".join(sorted(str(one.requires_python) for one in plugins if one.requires_python))
    api = ",".join(sorted(str(one.api_requirement) for one in plugins if one.api_requirement))
    places = contents.wheel_members
    return {
        "schema": 1,
        "name": main.name,
        "version": str(main.version),
        "distributions": [{"name": one.name, "version": str(one.version)} for one in plugins],
        "plugin_digest": contents.plugin_digest,
        "own": dict(contents.own),
        "api_requirement": api,
        "requires_python": python,
        "entry_points": [
            {**_entry_point(each), "distribution": one.name, "version": str(one.version)}
            for one in plugins
            for each in one.entry_points
        ],
        "targets": [
            {"name": each.name, "environment": {"wheels": [list(key) for key in each.wheels]}}
            for each in contents.targets
        ],
        "wheels": [
            {
                "file": places[wheel.sha256],
                "sha256": wheel.sha256,
                "size": wheel.size_bytes,
                "name": wheel.name,
                "version": str(wheel.version),
            }
            for wheel in contents.wheels
        ],
        "members": [
            {"file": name, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            for name, data in sorted(members.items())
        ],
        "framework": {
            "version": str(framework.version),
            "entry_points": [_entry_point(each) for each in framework.entry_points],
        },
        "settings": _settings(contents.content.settings),
    }


def _entry_point(each: EntryPoint) -> dict[str, JsonValue]:
    return {
        "type": each.type.value,
        "name": each.name,
        "module": each.module,
        "qualname": each.qualname,
    }


def _settings(settings: ToolSettings) -> dict[str, JsonValue]:
    """Return what running needs; an interpreter named by its path is this machine's affair."""
    told: dict[str, JsonValue] = {}
    if settings.python is not None and Path(settings.python).name == settings.python:
        told["python"] = settings.python
    preload = settings.preload
    if preload is not None:
        told["preload"] = preload if isinstance(preload, bool) else list(preload)
    return told
