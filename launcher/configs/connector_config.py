"""A connector's configuration: which plugins it asks for, at which versions, with which keys."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.configs.config_keys import MAX_POLL_RECORDS, MOVE_TIMEOUT, ConfigValueError
from manager.errors import VenvoyError
from manager.plugins.versions import InvalidVersionSpecError, VersionSpec

__all__ = [
    "ConnectorConfig",
    "PluginRequest",
    "TransformRequest",
    "framework_names",
    "keys_below",
    "parse_connector_config",
    "request_converter",
]

_VERSION = "plugin.version"


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRequest:
    """One plugin that a config asks for: a name as written, a version spec, and its own keys.

    `name_key` and `version_key` are where the config says so, for messages; `asked_version` is what
    stands there, None when nothing does.
    """

    name: str
    spec: VersionSpec
    name_key: str
    version_key: str
    asked_version: str | None
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformRequest:
    """One transformation of the chain, with the predicate that decides whether it runs."""

    alias: str
    plugin: PluginRequest
    predicate_alias: str | None
    predicate: PluginRequest | None
    negate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorConfig:
    """A connector's configuration, checked as far as that goes without its plugin.

    `properties` is the whole config as the connector itself receives it; a converter is None
    where only the worker's config names one.
    """

    name: str
    where: str
    connector: PluginRequest
    tasks_max: int
    topics: tuple[str, ...]
    topics_regex: re.Pattern[str] | None
    transforms: tuple[TransformRequest, ...]
    key_converter: PluginRequest | None
    value_converter: PluginRequest | None
    header_converter: PluginRequest | None
    properties: Mapping[str, str]


def parse_connector_config(
    pairs: Mapping[str, str], *, where: str
) -> tuple[ConnectorConfig | None, tuple[VenvoyError, ...]]:
    """Parse a connector's keys; return the config and all of its faults.

    The config is None when a fault leaves no class to go on with; with other faults it is
    returned too, so that the plugin's own checks can add theirs before all are told.
    """
    parser = _Parser(pairs, where)
    config = parser.parse()
    return config, tuple(parser.problems)


def request_converter(
    pairs: Mapping[str, str], part: str, *, where: str, problems: list[VenvoyError]
) -> PluginRequest | None:
    """Return what `<part>.converter` asks for at one level (connector or worker), or None.

    Class and version are a pair from one level (KIP-891): a version without a class is ignored.
    """
    parser = _Parser(pairs, where)
    request = parser.converter(part)
    problems.extend(parser.problems)
    return request


def framework_names(prefix: str) -> frozenset[str]:
    """Return the names below a stage's prefix that are the framework's, not the plugin's own."""
    if prefix.startswith("transforms."):
        return frozenset(("type", "predicate", "negate", _VERSION))
    return frozenset(("type", _VERSION) if prefix.startswith("predicates.") else (_VERSION,))


def keys_below(pairs: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Return the plugin's own keys of a stage, without their prefix."""
    names = framework_names(prefix)
    cut = {
        key.removeprefix(prefix): value for key, value in pairs.items() if key.startswith(prefix)
    }
    return {name: value for name, value in cut.items() if name not in names}


class _Parser:
    """Collects the faults of one config while taking it apart."""

    def __init__(self, pairs: Mapping[str, str], where: str) -> None:
        self.pairs = pairs
        self.where = where
        self.problems: list[VenvoyError] = []

    def parse(self) -> ConnectorConfig | None:
        name = self.required("name", "give the connector a name, such as `name=my-source`")
        connector = self.connector()
        tasks_max = self.positive("tasks.max", 1)
        topics = self.items("topics")
        topics_regex = self.pattern("topics.regex")
        if topics and topics_regex is not None:
            self.fault("topics.regex", "is set beside `topics`", "keep one of the two")
        self.positive(MAX_POLL_RECORDS, 1)
        self.positive(MOVE_TIMEOUT, 1)
        transforms = self.transforms()
        converters = {part: self.converter(part) for part in ("key", "value", "header")}
        if connector is None:
            return None
        return ConnectorConfig(
            name=name or Path(self.where).stem,  # for the other faults to be told under
            where=self.where,
            connector=connector,
            tasks_max=tasks_max,
            topics=topics,
            topics_regex=topics_regex,
            transforms=transforms,
            key_converter=converters["key"],
            value_converter=converters["value"],
            header_converter=converters["header"],
            properties=self.pairs,
        )

    def fault(self, key: str, reason: str, remedy: str) -> None:
        self.problems.append(
            ConfigValueError(where=self.where, key=key, reason=reason, remedy=remedy)
        )

    def required(self, key: str, remedy: str) -> str | None:
        value = self.pairs.get(key, "").strip()
        if value:
            return value
        self.fault(key, "is missing" if key not in self.pairs else "is empty", remedy)
        return None

    def positive(self, key: str, default: int) -> int:
        text = self.pairs.get(key, str(default)).strip()
        if re.fullmatch(r"[0-9]{1,9}", text) and int(text) >= 1:
            return int(text)
        self.fault(key, f"is `{text}`, not a whole number of at least 1", f"write `{key}=1`")
        return default

    def items(self, key: str) -> tuple[str, ...]:
        parts = (part.strip() for part in self.pairs.get(key, "").split(","))
        return tuple(dict.fromkeys(part for part in parts if part))

    def pattern(self, key: str) -> re.Pattern[str] | None:
        text = self.pairs.get(key, "").strip()
        if not text:
            return None
        try:
            return re.compile(text)
        except re.error as error:
            reason = f"is `{text}`, which is no regular expression: {error}"
            self.fault(key, reason, f"write a pattern such as `{key}=orders_.*`")
            return None

    def connector(self) -> PluginRequest | None:
        name = self.required("connector.class", "name a connector that `venvoy plugins list` shows")
        version_key = "connector.version"
        synonym = "connector.plugin.version"
        wanted = self.pairs.get(version_key)
        if synonym in self.pairs:
            if wanted is not None and wanted.strip() != self.pairs[synonym].strip():
                self.fault(
                    version_key,
                    f"is `{wanted}` but its synonym `{synonym}` is `{self.pairs[synonym]}`",
                    "keep one of the two",
                )
            version_key = synonym if wanted is None else version_key
        spec = self.spec(version_key)
        if name is None or spec is None:
            return None
        return PluginRequest(
            name=name,
            spec=spec,
            name_key="connector.class",
            version_key=version_key,
            asked_version=self.pairs.get(version_key),
            config=self.pairs,
        )

    def spec(self, key: str) -> VersionSpec | None:
        try:
            return VersionSpec.parse(self.pairs.get(key))
        except InvalidVersionSpecError as error:
            self.fault(key, f"is invalid: {error.message}", error.hint)
            return None

    def converter(self, part: str) -> PluginRequest | None:
        name_key = f"{part}.converter"
        if name_key not in self.pairs:
            return None
        name = self.required(name_key, f"name a converter, such as `{name_key}=JsonConverter`")
        prefix = f"{name_key}."
        spec = self.spec(f"{prefix}plugin.version")
        if name is None or spec is None:
            return None
        return PluginRequest(
            name=name,
            spec=spec,
            name_key=name_key,
            version_key=f"{prefix}plugin.version",
            asked_version=self.pairs.get(f"{prefix}plugin.version"),
            config=keys_below(self.pairs, prefix),
        )

    def transforms(self) -> tuple[TransformRequest, ...]:
        predicates = self.aliases("predicates")
        found = (self.transform(alias, predicates) for alias in self.aliases("transforms"))
        transforms = tuple(item for item in found if item is not None)
        used = {item.predicate_alias for item in transforms}
        for alias in predicates:
            if alias not in used:  # still checked, as in Kafka
                self.aliased("predicates", alias)
        return transforms

    def aliases(self, key: str) -> tuple[str, ...]:
        parts = [part.strip() for part in self.pairs.get(key, "").split(",") if part.strip()]
        twice = sorted({part for part in parts if parts.count(part) > 1})
        if twice:
            self.fault(key, f"names {', '.join(twice)} twice", "name each alias once")
        return tuple(dict.fromkeys(parts))

    def aliased(self, group: str, alias: str) -> PluginRequest | None:
        prefix = f"{group}.{alias}."
        name = self.required(f"{prefix}type", f"say which class `{alias}` is")
        spec = self.spec(f"{prefix}plugin.version")
        if name is None or spec is None:
            return None
        return PluginRequest(
            name=name,
            spec=spec,
            name_key=f"{prefix}type",
            version_key=f"{prefix}plugin.version",
            asked_version=self.pairs.get(f"{prefix}plugin.version"),
            config=keys_below(self.pairs, prefix),
        )

    def transform(self, alias: str, predicates: tuple[str, ...]) -> TransformRequest | None:
        plugin = self.aliased("transforms", alias)
        predicate_alias = self.pairs.get(f"transforms.{alias}.predicate", "").strip() or None
        negate_key = f"transforms.{alias}.negate"
        negate = self.pairs.get(negate_key, "false").strip().lower()
        if negate not in ("true", "false"):
            self.fault(
                negate_key, f"is `{negate}`, not true or false", f"write `{negate_key}=true`"
            )
        if negate_key in self.pairs and predicate_alias is None:
            self.fault(negate_key, "is set without a predicate", "name one, or remove it")
        predicate = None
        if predicate_alias is not None and predicate_alias not in predicates:
            self.fault(
                f"transforms.{alias}.predicate",
                f"names `{predicate_alias}`, which `predicates` does not",
                f"add `{predicate_alias}` to `predicates`",
            )
        elif predicate_alias is not None:
            predicate = self.aliased("predicates", predicate_alias)
        if plugin is None:
            return None
        return TransformRequest(
            alias=alias,
            plugin=plugin,
            predicate_alias=predicate_alias,
            predicate=predicate,
            negate=negate == "true",
        )
