"""The framework's keys that only sinks or only sources have, as Kafka Connect 4.1 defines them.

Names, types, defaults, groups and orders are Kafka's; the words are ours, and say where a key has
another meaning here, or none.
"""

from launcher.validation.framework_key import COMMON, ERRORS, FrameworkKey, optional_key
from launcher.validation.framework_values import (
    at_least,
    is_group_factor,
    is_list_of_regexes,
    is_not_empty,
    is_regex,
    is_unique,
    one_of,
)

__all__ = ["sink_keys", "source_keys", "topic_creation_keys"]

_TOPIC_CREATION = "Topic Creation"
_EXACTLY_ONCE = "Exactly Once Support"
_OFFSETS_TOPIC = "offsets.topic"


def sink_keys() -> tuple[FrameworkKey, ...]:
    """Return the keys of sink connectors only."""
    medium = "MEDIUM"
    prefix = "errors.deadletterqueue."
    return (
        optional_key(
            "topics",
            "LIST",
            "",
            "The topics that are read, separated by commas. Either this or `topics.regex`.",
            importance="HIGH",
            group=COMMON,
            order=4,
            width="LONG",
            display="Topics",
        ),
        optional_key(
            "topics.regex",
            "STRING",
            "",
            "A regular expression that the whole name of a topic matches if it is to be read. "
            "Either this or `topics`.",
            importance="HIGH",
            group=COMMON,
            order=4,
            width="LONG",
            display="Topics regex",
            check=is_regex,
        ),
        optional_key(
            f"{prefix}topic.name",
            "STRING",
            "",
            "The topic that takes records which failed in the sink, a transformation or a "
            "converter; empty for none.",
            importance=medium,
            group=ERRORS,
            order=6,
            width="MEDIUM",
            display="Dead Letter Queue Topic Name",
        ),
        optional_key(
            f"{prefix}topic.replication.factor",
            "SHORT",
            "3",
            "Accepted for Kafka's configs: topics of the embedded log have no replicas.",
            importance=medium,
            group=ERRORS,
            order=7,
            width="MEDIUM",
            display="Dead Letter Queue Topic Replication Factor",
        ),
        optional_key(
            f"{prefix}context.headers.enable",
            "BOOLEAN",
            "false",
            "Whether dead letters carry headers that tell what failed, `__connect.errors.*`.",
            importance=medium,
            group=ERRORS,
            order=8,
            width="MEDIUM",
            display="Enable Error Context Headers",
        ),
    )


def source_keys() -> tuple[FrameworkKey, ...]:
    """Return the keys of source connectors only."""
    return (
        optional_key(
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
        optional_key(
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
        optional_key(
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
        optional_key(
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
        optional_key(
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
            optional_key(
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
            optional_key(
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
