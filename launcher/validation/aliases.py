"""Transformations and predicates: which plugins their aliases name, and Kafka's rules for them."""

from collections.abc import Mapping

from launcher.configs.connector_config import keys_below
from launcher.validation.choosing import choose
from launcher.validation.draft import Draft
from launcher.validation.framework_values import read_value
from launcher.validation.parts import Part
from manager.plugins.catalog import Catalog
from manager.plugins.entry_points import PluginType
from manager.plugins.locations import Location

__all__ = ["check_alias_rules", "choose_alias", "unique_aliases"]


def unique_aliases(config: Mapping[str, str], key: str) -> tuple[str, ...]:
    """Return the aliases that a key lists, each once, in order."""
    aliases = read_value(key, config.get(key, ""), "LIST")
    if not isinstance(aliases, tuple):
        return ()
    return tuple(dict.fromkeys(alias for alias in aliases if alias))


def choose_alias(
    catalog: Catalog,
    config: Mapping[str, str],
    *,
    family: str,
    plugin_type: PluginType,
    alias: str,
    own: Location,
) -> Part:
    """Return the part of one alias; nothing is chosen where its type is missing."""
    prefix = f"{family}.{alias}."
    class_key, version_key = f"{prefix}type", f"{prefix}plugin.version"
    chosen = None
    if class_key in config:
        chosen = choose(
            catalog,
            plugin_type,
            name=config[class_key],
            name_key=class_key,
            version=config.get(version_key),
            version_key=version_key,
            own=own,
        )
    return Part(
        class_key=class_key,
        version_key=version_key,
        prefix=prefix,
        role=str(plugin_type),
        stage_role=str(plugin_type),
        config=keys_below(config, prefix),
        chosen=chosen,
        family=family,
        alias=alias,
    )


def check_alias_rules(draft: Draft, part: Part) -> None:
    """Check the keys by which a transformation names its predicate (KIP-585)."""
    if part.family != "transforms":
        return
    negate, predicate = f"{part.prefix}negate", f"{part.prefix}predicate"
    named = draft.config.get(predicate)
    if negate in draft.config and named is None:
        draft.fault(
            part.class_key,
            f"Config '{negate}' was provided but there is no config '{predicate}' defining a "
            "predicate to be negated.",
        )
    if named is not None and named.strip() not in unique_aliases(draft.config, "predicates"):
        draft.fault(
            predicate,
            f"Invalid value {named} for configuration {predicate}: `predicates` does not list a "
            "predicate of this alias",
        )
