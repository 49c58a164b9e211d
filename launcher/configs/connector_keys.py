"""Which keys of a connector's config nobody reads, once its plugins have told theirs."""

from collections.abc import Iterator, Mapping, Sequence

from launcher.configs.config_keys import (
    CONNECTOR_KEYS,
    CONNECTOR_PREFIXES,
    UnknownKeyError,
    unknown_keys,
)
from launcher.planning.plan import PipelinePlan

__all__ = ["undeclared_keys"]

_STAGE_KEYS = frozenset(("type", "predicate", "negate", "plugin.version"))
_SINK_KEYS = frozenset(("topics", "topics.regex"))


def undeclared_keys(
    plan: PipelinePlan, declared: Mapping[str, Sequence[str]]
) -> tuple[tuple[UnknownKeyError, ...], tuple[str, ...]]:
    """Split the keys that nobody declares into likely typing errors and plain strangers.

    `declared` maps the prefix of each stage's keys (empty for the connector) to the keys that its
    plugin defines, without the prefix.
    """
    mistaken: list[UnknownKeyError] = []
    strangers: list[str] = []
    for prefix, names in declared.items():
        known = set(names) | (_STAGE_KEYS if prefix else _framework_keys(plan))
        wrong, strange = unknown_keys(
            _keys_below(plan, prefix), where=f"`{plan.name}`", known=known
        )
        mistaken += [
            UnknownKeyError(where=one.where, key=prefix + one.key, meant=prefix + one.meant)
            for one in wrong
        ]
        strangers += [prefix + key for key in strange]
    return tuple(mistaken), tuple(strangers)


def _framework_keys(plan: PipelinePlan) -> frozenset[str]:
    """The framework's own keys; `topic` of a source must not be taken for a sink's `topics`."""
    return CONNECTOR_KEYS - _SINK_KEYS if plan.kind == "source" else CONNECTOR_KEYS


def _keys_below(plan: PipelinePlan, prefix: str) -> Iterator[str]:
    for key in plan.config:
        if prefix and key.startswith(prefix):
            yield key.removeprefix(prefix)
        elif not prefix and (key in CONNECTOR_KEYS or not key.startswith(CONNECTOR_PREFIXES)):
            yield key
