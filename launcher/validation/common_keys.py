"""The framework's keys that every connector has, as Kafka Connect 4.1 defines them.

Names, types, defaults, groups and orders are Kafka's; the words are ours, and say where a key has
another meaning here, or none.
"""

from dataclasses import dataclass

from launcher.validation.framework_key import (
    COMMON,
    ERRORS,
    FrameworkKey,
    optional_key,
    required_key,
)
from launcher.validation.framework_values import at_least, is_plain_name, is_unique, one_of

__all__ = [
    "CONVERTER_PARTS",
    "ConverterDefault",
    "Defaults",
    "alias_keys",
    "common_keys",
    "synonym_key",
]

CONVERTER_PARTS = ("key", "value", "header")
_TRANSFORMS = "Transforms"
_PREDICATES = "Predicates"
_VERSIONS = (
    "`latest` or nothing is the newest installed one, `1.2.3` exactly that one; ranges are "
    "`>=1.2,<2` or `[1.0,2.0)`."
)


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
        required_key(
            "name",
            "The connector's name, unique in the worker; its offsets are kept under it.",
            importance="HIGH",
            group=COMMON,
            order=1,
            width="MEDIUM",
            display="Connector name",
            check=is_plain_name,
        ),
        required_key(
            "connector.class",
            "The connector's class: its full name, its simple name with or without `Connector`, "
            "or the name of its entry point.",
            importance="HIGH",
            group=COMMON,
            order=2,
            width="LONG",
            display="Connector class",
        ),
        optional_key(
            "connector.plugin.version",
            "STRING",
            defaults.connector_version,
            f"Version of the connector. {_VERSIONS} `connector.version` is a synonym.",
            importance="MEDIUM",
            group=COMMON,
            order=3,
            width="MEDIUM",
            display="Connector version",
        ),
        optional_key(
            "tasks.max",
            "INT",
            "1",
            "The most tasks that the connector may split its work into.",
            importance="HIGH",
            group=COMMON,
            order=4,
            width="SHORT",
            display="Tasks max",
            check=at_least(1),
        ),
        optional_key(
            "tasks.max.enforce",
            "BOOLEAN",
            "true",
            "(Deprecated) Whether a connector that makes more tasks than `tasks.max` fails.",
            group=COMMON,
            order=5,
            width="SHORT",
            display="Enforce tasks max",
        ),
    )


def synonym_key(default_version: str | None) -> FrameworkKey:
    """Return `connector.version`, which a config may write for `connector.plugin.version`."""
    return optional_key(
        "connector.version",
        "STRING",
        default_version,
        f"Version of the connector. {_VERSIONS} A synonym of Kafka's `connector.plugin.version`.",
        importance="MEDIUM",
        group=COMMON,
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
            optional_key(
                f"{part}.converter",
                "CLASS",
                default.class_name,
                f"The converter that turns {what} into bytes and back; its own keys stand below "
                f"`{part}.converter.`. Without it the worker's is used, with the worker's keys.",
                group=COMMON,
                order=order,
                width="SHORT",
                display=f"{part.capitalize()} converter class",
            ),
            optional_key(
                f"{part}.converter.plugin.version",
                "STRING",
                default.version,
                f"Version of the {part} converter. {_VERSIONS}",
                group=COMMON,
                order=order + 1,
                width="SHORT",
                display=f"{part.capitalize()} converter version",
            ),
        )
    return tuple(keys)


def _pipeline_keys() -> tuple[FrameworkKey, ...]:
    return (
        optional_key(
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
        optional_key(
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
        optional_key(
            "config.action.reload",
            "STRING",
            "restart",
            "What to do when a config provider's value changes. Accepted for Kafka's configs: "
            "here variables are read when a connector or a task starts.",
            group=COMMON,
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
        optional_key(
            "errors.retry.timeout",
            "LONG",
            "0",
            "For how many milliseconds an operation that failed with a RetriableError is tried "
            "again; 0 is not at all, -1 for ever.",
            importance=medium,
            group=ERRORS,
            order=1,
            width="MEDIUM",
            display="Retry Timeout for Errors",
            check=at_least(-1),
        ),
        optional_key(
            "errors.retry.delay.max.ms",
            "LONG",
            "60000",
            "The longest pause in milliseconds between two tries.",
            importance=medium,
            group=ERRORS,
            order=2,
            width="MEDIUM",
            display="Maximum Delay Between Retries for Errors",
            check=at_least(0),
        ),
        optional_key(
            "errors.tolerance",
            "STRING",
            "none",
            "`none`: the first bad record fails its task. `all`: bad records are skipped.",
            importance=medium,
            group=ERRORS,
            order=3,
            width="SHORT",
            display="Error Tolerance",
            check=one_of(("none", "all")),
            recommended=("none", "all"),
        ),
        optional_key(
            "errors.log.enable",
            "BOOLEAN",
            "false",
            "Whether each failed operation is written to the worker's log, tolerated ones too.",
            importance=medium,
            group=ERRORS,
            order=4,
            width="SHORT",
            display="Log Errors",
        ),
        optional_key(
            "errors.log.include.messages",
            "BOOLEAN",
            "false",
            "Whether the log shows the record that failed. It may hold secrets.",
            importance=medium,
            group=ERRORS,
            order=5,
            width="SHORT",
            display="Log Error Details",
        ),
    )


def alias_keys(
    family: str, alias: str, *, version: str | None, classes: tuple[str, ...]
) -> tuple[FrameworkKey, ...]:
    """Return the framework's keys of one transformation or predicate.

    `family` is `transforms` or `predicates`, `version` the default, `classes` what is installed.
    """
    word = "transformation" if family == "transforms" else "predicate"
    prefix, group = f"{family}.{alias}.", f"{family.capitalize()}: {alias}"
    keys = [
        required_key(
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
        optional_key(
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
            optional_key(
                f"{prefix}predicate",
                "STRING",
                None,
                "The alias of the predicate that decides whether this transformation applies.",
                importance="MEDIUM",
                group=group,
                order=2,
                display="predicate",
            ),
            optional_key(
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
