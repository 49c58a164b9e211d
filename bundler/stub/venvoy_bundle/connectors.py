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
from venvoy_bundle.choosing import Choosing
from venvoy_bundle.configs import ConfigError, read_mapping, resolved
from venvoy_bundle.environments import get_api, get_environment

__all__ = ["run"]

_INTERNAL = ("type", "predicate", "negate", "plugin.version")


def run(file: str, connector_file: str, options: list[str]) -> int:
    """Become the host that runs the connector."""
    offsets_file = None
    if options[:1] == ["--offsets"] and len(options[1:]) == 1:
        offsets_file = os.path.abspath(options[1])
        _check_offsets(offsets_file)
    elif options:
        sys.stderr.write("usage: run CONNECTOR_FILE [--offsets FILE]\n")
        return 2
    config = resolved(read_mapping(connector_file))
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
        raise ConfigError(
            f"offsets cannot be kept in `{file}`: there is no `{directory}`", "make it first"
        )
    if os.path.isdir(file) or not os.access(directory, os.W_OK | os.X_OK):
        raise ConfigError(
            f"offsets cannot be kept in `{file}`: it may not be written", "name another file"
        )
    try:
        with open(file, encoding="utf-8") as stream:
            found = json.load(stream)
        is_good = isinstance(found, list) and all(isinstance(pair, list) for pair in found)
    except FileNotFoundError:
        return
    except ValueError:
        is_good = False
    if not is_good:
        raise ConfigError(f"`{file}` holds no offsets", "name a new file, or take it away")


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
        self.config = config
        self.find = Choosing(manifest, config).find

    def build(self) -> dict[str, Any]:
        """Return the request, all but its offsets' file."""
        name = self.config.get("connector.class", "").strip()
        if not name:
            raise ConfigError("`connector.class` is missing", "name a connector of the bundle")
        found = self.find(("source", "sink"), name, self.version_key())
        kind = found["type"]
        connector = {**self.stage("connector", "", found, dict(self.config))}
        transforms = [self.transform(alias) for alias in self.items("transforms")]
        converters = [self.converter(part) for part in ("key", "value", "header")]
        stages = [*transforms, *converters] if kind == "source" else [*converters, *transforms]
        text = self.config.get("tasks.max", "1").strip()
        if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
            raise ConfigError(
                f"`tasks.max` is `{text}`, not a whole number of at least 1", "write `tasks.max=1`"
            )
        return {
            "kind": kind,
            "connector": connector,
            "stages": stages,
            "config": self.config,
            "tasks_max": int(text),
        }

    def version_key(self) -> str:
        """Return the key of the connector's version; its synonym must say the same."""
        key, synonym = "connector.version", "connector.plugin.version"
        if key not in self.config:
            return synonym
        other = self.config.get(synonym, self.config[key])
        if other.strip() != self.config[key].strip():
            raise ConfigError(
                f"`{key}` is `{self.config[key]}` but its synonym `{synonym}` is `{other}`",
                "keep one of the two",
            )
        return key

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
            raise ConfigError(f"`{prefix}type` is missing", f"say which class `{alias}` is")
        found = self.find((role,), name, f"{prefix}plugin.version")
        return self.stage(role, prefix, found, self.below(prefix))

    def transform(self, alias: str) -> dict[str, Any]:
        stage = self.aliased("transformation", "transforms", alias)
        predicate = self.config.get(f"transforms.{alias}.predicate", "").strip()
        if predicate:
            if predicate not in self.items("predicates"):
                raise ConfigError(
                    f"`transforms.{alias}.predicate` is `{predicate}`, which `predicates` lacks",
                    f"add `{predicate}` to `predicates`",
                )
            stage["predicate"] = self.aliased("predicate", "predicates", predicate)
            negate = self.config.get(f"transforms.{alias}.negate", "false")
            stage["negate"] = negate.strip().lower() == "true"
        return stage

    def converter(self, part: str) -> dict[str, Any]:
        role, prefix = f"{part}.converter", f"{part}.converter."
        kind = "header_converter" if part == "header" else "converter"
        name = self.config.get(role, "").strip()
        if name:
            found = self.find((kind,), name, f"{prefix}plugin.version")
            return self.stage(role, prefix, found, self.below(prefix))
        return self.stage(role, prefix, self.find((kind,), "JsonConverter", ""), _PLAIN)


_PLAIN = {"schemas.enable": "false"}
