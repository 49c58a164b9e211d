"""The framework's own keys of a connector's config, as Kafka Connect 4.1 defines them.

Names, types, defaults, groups and orders are Kafka's; the words are ours, and say where a key has
another meaning here, or none.
"""

from dataclasses import dataclass

from launcher.validation.framework_values import (
    Check,
    at_least,
    is_group_factor,
    is_list_of_regexes,
    is_not_empty,
    is_plain_name,
    is_regex,
    is_unique,
    one_of,
)
from launcher.validation.infos import ConfigKeyInfo

__all__ = [
    "CONVERTER_PARTS",
    "ConverterDefault",
    "Defaults",
    "FrameworkKey",
    "alias_keys",
    "common_keys",
    "sink_keys",
    "source_keys",
    "synonym_key",
    "topic_creation_keys",
]

CONVERTER_PARTS = ("key", "value", "header")
_COMMON = "Common"
_TRANSFORMS = "Transforms"
_PREDICATES = "Predicates"
_ERRORS = "Error Handling"
_TOPIC_CREATION = "Topic Creation"
_EXACTLY_ONCE = "Exactly Once Support"
_OFFSETS_TOPIC = "offsets.topic"
_VERSIONS = (
    "`latest` or nothing is the newest installed one, `1.2.3` exactly that one; ranges are "
    "`>=1.2,<2` or `[1.0,2.0)`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkKey:
    """A key of the framework: its definition, and the check of its value."""

    info: ConfigKeyInfo
    check: Check | None = None
    recommended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConverterDefault:
    """What is used where a connector names no converter, the worker's, and which version of it.

    `versions` are those that are installed of what is used, ascending.
    """

    class_name: str | None = None
    version: str | None = None
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """Defaults that hang on what is installed and on the worker's config (KIP-891)."""

    connector_version: str | None = None
    key: ConverterDefault = ConverterDefault()
    value: ConverterDefault = ConverterDefault()
    header: ConverterDefault = ConverterDefault()

    def of(self, part: str) -> ConverterDefault:
        """Return the default of a converter by `key`, `value` or `header`."""
        return {"key": self.key, "value": self.value, "header": self.header}[part]


def common_keys(defaults: Defaults) -> tuple[FrameworkKey, ...]:
    """Return the keys of every connector."""
    return (
        *_identity_keys(defaults),
        *_converter_keys(defaults),
        *_pipeline_keys(),
        *_error_keys(),
    )


def _identity_keys(defaults: Defaults) -> tuple[FrameworkKey, ...]:
    return (
        _required(
            "name",
            "The connector's name, unique in the worker; its offsets are kept under it.",
            importance="HIGH",
            group=_COMMON,
            order=1,
            width="MEDIUM",
            display="Connector name",
            check=is_plain_name,
        ),
        _required(
            "connector.class",
            "The connector's class: its full name, its simple name with or without `Connector`, "
            "or the name of its entry point.",
            importance="HIGH",
            group=_COMMON,
            order=2,
            width="LONG",
            display="Connector class",
        ),
        _key(
            "connector.plugin.version",
            "STRING",
            defaults.connector_version,
            f"Version of the connector. {_VERSIONS} `connector.version` is a synonym.",
            importance="MEDIUM",
            group=_COMMON,
            order=3,
            width="MEDIUM",
            display="Connector version",
        ),
        _key(
            "tasks.max",
            "INT",
            "1",
            "The most tasks that the connector may split its work into.",
            importance="HIGH",
            group=_COMMON,
            order=4,
            width="SHORT",
            display="Tasks max",
            check=at_least(1),
        ),
        _key(
            "tasks.max.enforce",
            "BOOLEAN",
            "true",
            "(Deprecated) Whether a connector that makes more tasks than `tasks.max` fails.",
            group=_COMMON,
            order=5,
            width="SHORT",
            display="Enforce tasks max",
        ),
    )


def synonym_key(default_version: str | None) -> FrameworkKey:
    """Return `connector.version`, which a config may write for `connector.plugin.version`."""
    return _key(
        "connector.version",
        "STRING",
        default_version,
        f"Version of the connector. {_VERSIONS} A synonym of Kafka's `connector.plugin.version`.",
        importance="MEDIUM",
        group=_COMMON,
        order=3,
        width="MEDIUM",
        display="Connector version",
    )


def _converter_keys(defaults: Defaults) -> tuple[FrameworkKey, ...]:
    keys: list[FrameworkKey] = []
    for order, part in zip((6, 8, 10), CONVERTER_PARTS, strict=True):
        default = defaults.of(part)
        what = "header values" if part == "header" else f"{part}s"
        keys += (
            _key(
                f"{part}.converter",
                "CLASS",
                default.class_name,
                f"The converter that turns {what} into bytes and back; its own keys stand below "
                f"`{part}.converter.`. Without it the worker's is used, with the worker's keys.",
                group=_COMMON,
                order=order,
                width="SHORT",
                display=f"{part.capitalize()} converter class",
            ),
            _key(
                f"{part}.converter.plugin.version",
                "STRING",
                default.version,
                f"Version of the {part} converter. {_VERSIONS}",
                group=_COMMON,
                order=order + 1,
                width="SHORT",
                display=f"{part.capitalize()} converter version",
            ),
        )
    return tuple(keys)


def _pipeline_keys() -> tuple[FrameworkKey, ...]:
    return (
        _key(
            "transforms",
            "LIST",
            "",
            "Aliases of the transformations that records pass, in this order; each has its keys "
            "below `transforms.<alias>.`.",
            group=_TRANSFORMS,
            order=12,
            width="LONG",
            display="Transforms",
            check=is_unique,
        ),
        _key(
            "predicates",
            "LIST",
            "",
            "Aliases of the predicates that decide whether a transformation applies; each has its "
            "keys below `predicates.<alias>.`.",
            group=_PREDICATES,
            order=13,
            width="LONG",
            display="Predicates",
            check=is_unique,
        ),
        _key(
            "config.action.reload",
            "STRING",
            "restart",
            "What to do when a config provider's value changes. Accepted for Kafka's configs: "
            "here variables are read when a connector or a task starts.",
            group=_COMMON,
            order=14,
            width="MEDIUM",
            display="Reload Action",
            check=one_of(("none", "restart")),
            recommended=("none", "restart"),
        ),
    )


def _error_keys() -> tuple[FrameworkKey, ...]:
    medium = "MEDIUM"
    return (
        _key(
            "errors.retry.timeout",
            "LONG",
            "0",
            "For how many milliseconds an operation that failed with a RetriableError is tried "
            "again; 0 is not at all, -1 for ever.",
            importance=medium,
            group=_ERRORS,
            order=1,
            width="MEDIUM",
            display="Retry Timeout for Errors",
            check=at_least(-1),
        ),
        _key(
            "errors.retry.delay.max.ms",
            "LONG",
            "60000",
            "The longest pause in milliseconds between two tries.",
            importance=medium,
            group=_ERRORS,
            order=2,
            width="MEDIUM",
            display="Maximum Delay Between Retries for Errors",
            check=at_least(0),
        ),
        _key(
            "errors.tolerance",
            "STRING",
            "none",
            "`none`: the first bad record fails its task. `all`: bad records are skipped.",
            importance=medium,
            group=_ERRORS,
            order=3,
            width="SHORT",
            display="Error Tolerance",
            check=one_of(("none", "all")),
            recommended=("none", "all"),
        ),
        _key(
            "errors.log.enable",
            "BOOLEAN",
            "false",
            "Whether each failed operation is written to the worker's log, tolerated ones too.",
            importance=medium,
            group=_ERRORS,
            order=4,
            width="SHORT",
            display="Log Errors",
        ),
        _key(
            "errors.log.include.messages",
            "BOOLEAN",
            "false",
            "Whether the log shows the record that failed. It may hold secrets.",
            importance=medium,
            group=_ERRORS,
            order=5,
            width="SHORT",
            display="Log Error Details",
        ),
    )


def sink_keys() -> tuple[FrameworkKey, ...]:
    """Return the keys of sink connectors only."""
    medium = "MEDIUM"
    prefix = "errors.deadletterqueue."
    return (
        _key(
            "topics",
            "LIST",
            "",
            "The topics that are read, separated by commas. Either this or `topics.regex`.",
            importance="HIGH",
            group=_COMMON,
            order=4,
            width="LONG",
            display="Topics",
        ),
        _key(
            "topics.regex",
            "STRING",
            "",
            "A regular expression that the whole name of a topic matches if it is to be read. "
            "Either this or `topics`.",
            importance="HIGH",
            group=_COMMON,
            order=4,
            width="LONG",
            display="Topics regex",
            check=is_regex,
        ),
        _key(
            f"{prefix}topic.name",
            "STRING",
            "",
            "The topic that takes records which failed in the sink, a transformation or a "
            "converter; empty for none.",
            importance=medium,
            group=_ERRORS,
            order=6,
            width="MEDIUM",
            display="Dead Letter Queue Topic Name",
        ),
        _key(
            f"{prefix}topic.replication.factor",
            "SHORT",
            "3",
            "Accepted for Kafka's configs: topics of the embedded log have no replicas.",
            importance=medium,
            group=_ERRORS,
            order=7,
            width="MEDIUM",
            display="Dead Letter Queue Topic Replication Factor",
        ),
        _key(
            f"{prefix}context.headers.enable",
            "BOOLEAN",
            "false",
            "Whether dead letters carry headers that tell what failed, `__connect.errors.*`.",
            importance=medium,
            group=_ERRORS,
            order=8,
            width="MEDIUM",
            display="Enable Error Context Headers",
        ),
    )


def source_keys() -> tuple[FrameworkKey, ...]:
    """Return the keys of source connectors only."""
    return (
        _key(
            "topic.creation.groups",
            "LIST",
            "",
            "Aliases of groups of topics. Accepted and checked for Kafka's configs: topics of the "
            "embedded log need no settings.",
            group=_TOPIC_CREATION,
            order=1,
            width="LONG",
            display="Topic Creation Groups",
            check=is_unique,
        ),
        _key(
            "exactly.once.support",
            "STRING",
            "requested",
            "`required` asks the connector whether it can deliver exactly once with this config, "
            "and refuses it otherwise. Records and source offsets are always stored together.",
            importance="MEDIUM",
            group=_EXACTLY_ONCE,
            order=2,
            width="SHORT",
            display="Exactly once support",
            check=one_of(("requested", "required"), any_case=True),
        ),
        _key(
            "transaction.boundary",
            "STRING",
            "poll",
            "What is stored at once: `poll` is what a task returns from one call. `interval` is "
            "accepted and means the same here; `connector` is not supported.",
            importance="MEDIUM",
            group=_EXACTLY_ONCE,
            order=3,
            width="SHORT",
            display="Transaction Boundary",
            check=one_of(("poll", "connector", "interval"), any_case=True),
        ),
        _key(
            "transaction.boundary.interval.ms",
            "LONG",
            None,
            "Accepted for Kafka's configs: it has no effect here.",
            group=_EXACTLY_ONCE,
            order=4,
            width="SHORT",
            display="Transaction boundary interval",
            check=at_least(0),
        ),
        _key(
            "offsets.storage.topic",
            "STRING",
            None,
            "Accepted for Kafka's configs: offsets are kept in the worker's own storage.",
            group=_OFFSETS_TOPIC,
            order=1,
            width="LONG",
            display="Offsets topic",
            check=is_not_empty,
        ),
    )


def topic_creation_keys(groups: tuple[str, ...]) -> tuple[FrameworkKey, ...]:
    """Return the keys of the topic creation groups, `default` first (KIP-158)."""
    keys: list[FrameworkKey] = []
    for alias in dict.fromkeys(("default", *groups)):
        group, prefix = f"{_TOPIC_CREATION}: {alias}", f"topic.creation.{alias}."
        regexes = () if alias == "default" else ("include", "exclude")
        counts = (("replication.factor", "SHORT"), ("partitions", "INT"))
        accepted = "Accepted for Kafka's configs; it has no effect on the embedded log."
        keys += (
            _key(
                f"{prefix}{name}",
                "LIST",
                "",
                f"Regular expressions of topics. {accepted}",
                importance="HIGH" if name == "include" else "MEDIUM",
                group=group,
                order=order,
                width="LONG",
                check=is_list_of_regexes,
            )
            for order, name in enumerate(regexes, 1)
        )
        keys += (
            _key(
                f"{prefix}{name}",
                kind,
                None,
                f"-1 is the default of Kafka's broker. {accepted}",
                group=group,
                order=order,
                width="LONG",
                check=is_group_factor,
                required=alias == "default",
            )
            for order, (name, kind) in enumerate(counts, len(regexes) + 1)
        )
    return tuple(keys)


def alias_keys(
    family: str, alias: str, *, version: str | None, classes: tuple[str, ...]
) -> tuple[FrameworkKey, ...]:
    """Return the framework's keys of one transformation or predicate.

    `family` is `transforms` or `predicates`, `version` the default, `classes` what is installed.
    """
    word = "transformation" if family == "transforms" else "predicate"
    prefix, group = f"{family}.{alias}.", f"{family.capitalize()}: {alias}"
    keys = [
        _required(
            f"{prefix}type",
            f"Class for the '{alias}' {word}.",
            kind="CLASS",
            importance="HIGH",
            group=group,
            order=0,
            width="LONG",
            display=f"{word.capitalize()} type for {alias}",
            recommended=classes,
        ),
        _key(
            f"{prefix}plugin.version",
            "STRING",
            version,
            f"Version of the '{alias}' {word}. {_VERSIONS} Without it the copy in the connector's "
            "own location is used, if there is one.",
            importance="HIGH",
            group=group,
            order=1,
            width="LONG",
            display=f"{word.capitalize()} version for {alias}",
        ),
    ]
    if word == "transformation":
        keys += (
            _key(
                f"{prefix}predicate",
                "STRING",
                None,
                "The alias of the predicate that decides whether this transformation applies.",
                importance="MEDIUM",
                group=group,
                order=2,
                display="predicate",
            ),
            _key(
                f"{prefix}negate",
                "BOOLEAN",
                "false",
                "Whether the transformation applies where the predicate is not true.",
                importance="MEDIUM",
                group=group,
                order=3,
                display="negate",
            ),
        )
    return tuple(keys)


def _key(
    name: str,
    kind: str,
    default: str | None,
    documentation: str,
    *,
    group: str,
    order: int,
    importance: str = "LOW",
    width: str = "NONE",
    display: str | None = None,
    check: Check | None = None,
    recommended: tuple[str, ...] = (),
    required: bool = False,
) -> FrameworkKey:
    return FrameworkKey(
        info=ConfigKeyInfo(
            name=name,
            type=kind,
            required=required,
            default_value=default,
            importance=importance,
            documentation=documentation,
            group=group,
            width=width,
            display_name=name if display is None else display,
            order=order,
        ),
        check=check,
        recommended=recommended,
    )


def _required(
    name: str,
    documentation: str,
    *,
    group: str,
    order: int,
    importance: str,
    width: str,
    display: str,
    kind: str = "STRING",
    check: Check | None = None,
    recommended: tuple[str, ...] = (),
) -> FrameworkKey:
    return _key(
        name,
        kind,
        None,
        documentation,
        group=group,
        order=order,
        importance=importance,
        width=width,
        display=display,
        check=check,
        recommended=recommended,
        required=True,
    )
