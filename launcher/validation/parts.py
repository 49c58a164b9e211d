"""The parts of a config that plugins of their own check: the connector, aliases, converters."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from launcher.configs.connector_config import framework_names
from launcher.validation.choosing import Chosen
from launcher.validation.infos import ConfigKeyInfo, ConfigValueInfo
from launcher.validation.inspectors import Inspected, Question
from manager.errors import VenvoyError
from manager.plugins.catalog import Plugin

__all__ = ["Answer", "Part", "prefixed_keys", "prefixed_values"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One plugin of a config at its place.

    `class_key` and `version_key` are where the config names it; `role` is Kafka's word for it in
    texts. A `family` (`transforms`, `predicates`) and an `alias` are those of aliases only.
    """

    class_key: str
    version_key: str
    prefix: str
    role: str
    stage_role: str
    config: Mapping[str, str]
    chosen: Chosen | None
    family: str | None = None
    alias: str = ""
    ask: tuple[str, ...] = ()

    @property
    def plugin(self) -> Plugin | None:
        """The plugin to ask, None when none could be chosen."""
        return None if self.chosen is None else self.chosen.plugin

    def question(self, plugin: Plugin) -> Question:
        """Return what to ask it."""
        return Question(plugin=plugin, role=self.stage_role, config=self.config, ask=self.ask)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a part's plugin says, or why it could not be asked at all."""

    part: Part
    inspected: Inspected | None = None
    failure: VenvoyError | None = None


def prefixed_keys(
    keys: tuple[ConfigKeyInfo, ...], part: Part, *, first_order: int
) -> tuple[ConfigKeyInfo, ...]:
    """Return a plugin's definitions as they stand in its connector's config.

    An alias's are embedded: they get its group and go on with its order. Keys that the framework
    defines for it itself are masked (RV57).
    """
    if not part.prefix:
        return keys
    masked = framework_names(part.prefix)
    named = [
        replace(
            key,
            name=part.prefix + key.name,
            dependents=tuple(part.prefix + name for name in key.dependents),
        )
        for key in keys
        if key.name not in masked
    ]
    if part.family is None:
        return tuple(named)
    group = f"{part.family.capitalize()}: {part.alias}"
    return tuple(
        replace(key, group=group if key.group is None else f"{group}: {key.group}", order=order)
        for order, key in enumerate(named, first_order)
    )


def prefixed_values(
    values: tuple[ConfigValueInfo, ...], prefix: str
) -> tuple[ConfigValueInfo, ...]:
    """Return a plugin's values under their full names, which their faults tell, too."""
    if not prefix:
        return values
    masked = framework_names(prefix)
    return tuple(
        replace(
            value,
            name=prefix + value.name,
            errors=tuple(_named(error, value.name, prefix) for error in value.errors),
        )
        for value in values
        if value.name not in masked
    )


def _named(error: str, name: str, prefix: str) -> str:
    for before in ("configuration ", 'configuration "'):
        error = error.replace(before + name, before + prefix + name, 1)
    return error
