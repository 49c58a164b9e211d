"""`./x.pyz run CONNECTOR_FILE`: a connector's file made the request that the host takes.

The names mean what they mean to `venvoy run`, but every stage comes from the bundle or from the
API inside it, converters are JSON without schemas unless the file says otherwise, and no topic
exists: `venvoy_host.stdio` tells how records look.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from typing import Any

from venvoy_bundle.bundle_format import read_bundle
from venvoy_bundle.environments import get_api, get_environment
from venvoy_bundle.properties import read_mapping

__all__ = ["run"]

_SUFFIXES = {
    "source": "Connector",
    "sink": "Connector",
    "transformation": "Transformation",
    "predicate": "Predicate",
    "converter": "Converter",
    "header_converter": "HeaderConverter",
}
_RANGE = re.compile(r"([\[(])\s*([0-9.]*)\s*(?:(,)\s*([0-9.]*)\s*)?([\])])\s*,?\s*")
_INTERNAL = ("type", "predicate", "negate", "plugin.version")
_COMPARISON = re.compile(r"\s*(==|!=|>=|<=|>|<)\s*([0-9]+(?:\.[0-9]+)*)\s*")


class _ConfigError(OSError):
    """What is wrong with the connector's file."""


def run(file: str, connector_file: str, options: list[str]) -> int:
    """Become the host that runs the connector."""
    offsets_file = None
    if options[:1] == ["--offsets"] and len(options[1:]) == 1:
        offsets_file = os.path.abspath(options[1])
        _check_offsets(offsets_file)
    elif options:
        sys.stderr.write("usage: run CONNECTOR_FILE [--offsets FILE]\n")
        return 2
    config = read_mapping(connector_file)
    with open(file, "rb") as stream:
        manifest = read_bundle(stream, whole=False).manifest
    request = _Request(manifest, config).build()
    request["offsets_file"] = offsets_file
    environment = get_environment(file, make_warm=False)
    api = get_api(file)
    descriptor = _as_descriptor(json.dumps(request).encode("utf-8"))
    python = os.path.join(environment, "bin", "python")
    host = os.path.join(api, "venvoy_host")
    sys.stdout.flush()
    arguments = [python, "-I", "-S", "-B", host, "stdio", "--request-fd", str(descriptor)]
    os.execv(python, arguments)
    return 1  # not reached


def _check_offsets(file: str) -> None:
    """Refuse a file that offsets cannot be read from, or written to: before any record is read."""
    directory = os.path.dirname(file)
    if not os.path.isdir(directory):
        raise _ConfigError(f"offsets cannot be kept in `{file}`: there is no `{directory}`")
    if os.path.isdir(file) or not os.access(directory, os.W_OK | os.X_OK):
        raise _ConfigError(f"offsets cannot be kept in `{file}`: it may not be written")
    try:
        with open(file, encoding="utf-8") as stream:
            found = json.load(stream)
        is_good = isinstance(found, list) and all(isinstance(pair, list) for pair in found)
    except FileNotFoundError:
        return
    except ValueError:
        is_good = False
    if not is_good:
        raise _ConfigError(f"`{file}` holds no offsets: name a new file, or take it away")


def _as_descriptor(data: bytes) -> int:
    """Return a descriptor of a nameless file: a config may hold secrets, an argv is public."""
    with tempfile.TemporaryFile() as stream:
        stream.write(data)
        stream.seek(0)
        descriptor = os.dup(stream.fileno())
    os.set_inheritable(descriptor, True)
    return descriptor


class _Request:
    """One connector's file on its way to being a request."""

    def __init__(self, manifest: dict[str, Any], config: dict[str, str]) -> None:
        self.manifest = manifest
        self.config = config

    def build(self) -> dict[str, Any]:
        """Return the request, all but its offsets' file."""
        name = self.config.get("connector.class", "").strip()
        if not name:
            raise _ConfigError("`connector.class` is missing: name a connector of the bundle")
        version = self.config.get("connector.version", self.config.get("connector.plugin.version"))
        found = self.find(("source", "sink"), name, version)
        kind = found["type"]
        connector = {**self.stage("connector", "", found, dict(self.config))}
        transforms = [self.transform(alias) for alias in self.items("transforms")]
        converters = [self.converter(part) for part in ("key", "value", "header")]
        stages = [*transforms, *converters] if kind == "source" else [*converters, *transforms]
        text = self.config.get("tasks.max", "1").strip()
        if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
            raise _ConfigError(f"`tasks.max` is `{text}`, not a whole number of at least 1")
        return {
            "kind": kind,
            "connector": connector,
            "stages": stages,
            "config": self.config,
            "tasks_max": int(text),
        }

    def items(self, key: str) -> list[str]:
        parts = [part.strip() for part in self.config.get(key, "").split(",")]
        return list(dict.fromkeys(part for part in parts if part))

    def below(self, prefix: str) -> dict[str, str]:
        pairs = {
            key[len(prefix) :]: value
            for key, value in self.config.items()
            if key.startswith(prefix)
        }
        return {key: value for key, value in pairs.items() if key not in _INTERNAL}

    def stage(
        self, role: str, prefix: str, found: dict[str, Any], config: dict[str, str]
    ) -> dict[str, Any]:
        return {
            "role": role,
            "prefix": prefix,
            "type": found["type"],
            "module": found["module"],
            "qualname": found["qualname"],
            "config": config,
            "predicate": None,
            "negate": False,
        }

    def aliased(self, role: str, group: str, alias: str) -> dict[str, Any]:
        prefix = f"{group}.{alias}."
        name = self.config.get(f"{prefix}type", "").strip()
        if not name:
            raise _ConfigError(f"`{prefix}type` is missing: say which class `{alias}` is")
        found = self.find((role,), name, self.config.get(f"{prefix}plugin.version"))
        return self.stage(role, prefix, found, self.below(prefix))

    def transform(self, alias: str) -> dict[str, Any]:
        stage = self.aliased("transformation", "transforms", alias)
        predicate = self.config.get(f"transforms.{alias}.predicate", "").strip()
        if predicate:
            if predicate not in self.items("predicates"):
                raise _ConfigError(f"`transforms.{alias}.predicate` names no predicate of the file")
            stage["predicate"] = self.aliased("predicate", "predicates", predicate)
            negate = self.config.get(f"transforms.{alias}.negate", "false")
            stage["negate"] = negate.strip().lower() == "true"
        return stage

    def converter(self, part: str) -> dict[str, Any]:
        role, prefix = f"{part}.converter", f"{part}.converter."
        kind = "header_converter" if part == "header" else "converter"
        name = self.config.get(role, "").strip()
        if name:
            found = self.find((kind,), name, self.config.get(f"{prefix}plugin.version"))
            return self.stage(role, prefix, found, self.below(prefix))
        return self.stage(role, prefix, self.find((kind,), "JsonConverter", None), _PLAIN)

    def find(self, kinds: tuple[str, ...], name: str, wanted: str | None) -> dict[str, Any]:
        """Return the entry point that a name means."""
        own = list(self.manifest["entry_points"])
        framework = self.manifest["framework"]
        own += [{**one, "version": framework["version"]} for one in framework["entry_points"]]
        right = [one for one in own if one["type"] in kinds]
        found: dict[tuple[str, str, str], dict[str, Any]] = {
            (one["module"], one["qualname"], one["version"]): one
            for one in right
            if name in _names(one)
        }
        if not found:
            known = ", ".join(sorted(f"{one['module']}.{one['qualname']}" for one in right))
            raise _ConfigError(f"the bundle has no {' or '.join(kinds)} `{name}`; it has {known}")
        if len(found) > 1:
            names = ", ".join(sorted(f"{module}.{qualname}" for module, qualname, _ in found))
            raise _ConfigError(f"`{name}` may be {names}: write the whole name")
        (one,) = found.values()
        if not _matches(one["version"], wanted):
            raise _ConfigError(
                f"the bundle has `{name}` in version {one['version']}, and {wanted} is asked for"
            )
        return one


_PLAIN = {"schemas.enable": "false"}


def _names(one: dict[str, Any]) -> set[str]:
    """Return the names of a plugin, as `manager.plugins.names` has them."""
    qualname = one["qualname"]
    suffix = _SUFFIXES[one["type"]]
    forms = {qualname, qualname.replace(".", "$")}
    names = {one["name"], *forms, *(f"{one['module']}.{form}" for form in forms)}
    if qualname.endswith(suffix) and qualname != suffix:
        cut = qualname[: -len(suffix)]
        names |= {cut, cut.replace(".", "$")}
    return names


def _matches(version: str, wanted: str | None) -> bool:
    """Whether the one version there is will do.

    Plain versions, comparisons of releases and Maven's ranges are read: for the rest of PEP 440
    there is venvoy.
    """
    text = (wanted or "latest").strip()
    if text in ("latest", "", version):
        return True
    mine = _release(version)
    if text[0] in "[(":
        return _in_ranges(mine, text)
    for part in text.split(","):
        comparison = _COMPARISON.fullmatch(part)
        if comparison is None:
            return False
        operator, other = comparison[1], _release(comparison[2])
        holds = {
            "==": mine == other,
            "!=": mine != other,
            ">=": mine >= other,
            "<=": mine <= other,
            ">": mine > other,
            "<": mine < other,
        }
        if not holds[operator]:
            return False
    return True


def _in_ranges(mine: tuple[int, ...], text: str) -> bool:
    """Whether a release is in one of Maven's ranges, `[1.0,2.0)` or `(,1.1),(2.0,)`."""
    place = 0
    while place < len(text):
        found = _RANGE.match(text, place)
        if found is None:
            return False
        place = found.end()
        opening, low, comma, high, closing = found.groups()
        if comma is None:
            high = low
        above = not low or (mine >= _release(low) if opening == "[" else mine > _release(low))
        below = not high or (mine <= _release(high) if closing == "]" else mine < _release(high))
        if above and below:
            return True
    return False


def _release(version: str) -> tuple[int, ...]:
    found = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
