"""One config's check: the framework's keys, then every plugin that the config names, at once."""

from collections.abc import Mapping, Sequence

from launcher.configs.config_keys import CONNECTOR_PREFIXES, unknown_keys
from launcher.configs.connector_config import keys_below
from launcher.configs.version_keys import unused_versions
from launcher.interface.faults import RequestError
from launcher.validation.aliases import check_alias_rules, choose_alias, unique_aliases
from launcher.validation.asking import ask_all
from launcher.validation.choosing import Chosen, choose, class_names
from launcher.validation.common_keys import (
    CONVERTER_PARTS,
    ConverterDefault,
    Defaults,
    alias_keys,
    common_keys,
    synonym_key,
)
from launcher.validation.converter_defaults import converter_default
from launcher.validation.draft import Draft
from launcher.validation.environments import Environments
from launcher.validation.faults_of_plugins import class_fault_text
from launcher.validation.found_connector import FoundConnector
from launcher.validation.framework_values import ValueFaultError, is_version
from launcher.validation.inspectors import Fault, Inspectors
from launcher.validation.kind_keys import sink_keys, source_keys, topic_creation_keys
from launcher.validation.kind_rules import check_sink, check_source
from launcher.validation.parts import Answer, Part, prefixed_keys, prefixed_values
from launcher.validation.planned import plan_faults
from manager.plugins.catalog import Catalog, Plugin
from manager.plugins.entry_points import PluginType

__all__ = ["Checking"]

_ALIAS_TYPES = {
    "transforms": PluginType.TRANSFORMATION,
    "predicates": PluginType.PREDICATE,
}
_KAFKAS_CONVERTER_ORDER = ("header", "key", "value")


class Checking:
    """Fills a draft; `run` it once."""

    def __init__(
        self,
        *,
        draft: Draft,
        found: FoundConnector,
        catalog: Catalog,
        properties: Mapping[str, str],
        environments: Environments,
        inspectors: Inspectors,
    ) -> None:
        self._draft = draft
        self._config = draft.config
        self._found = found
        self._catalog = catalog
        self._properties = properties
        self._environments = environments
        self._inspectors = inspectors

    async def run(self) -> None:
        """Check everything; RequestError for a connector without a ConfigDef."""
        connector = self._found.plugin
        if connector is None:
            self._check_common(converters=())
            for key, text in self._found.faults:
                self._draft.fault(key, text)
            return
        converters = self._converters(connector)
        aliases = self._aliases(connector)
        parts = [self._connector_part(connector), *aliases, *converters]
        answers = await ask_all(
            parts,
            connector.location,
            self._environments,
            self._inspectors,
            secrets=self._draft.likely_secrets,
        )
        self._check_common(converters=converters)
        self._check_kind(connector, answers[0])
        for answer in answers[1 : len(aliases) + 1]:
            self._take_alias(answer)
        self._take(answers[0])
        for answer in answers[len(aliases) + 1 :]:
            self._take(answer)
        self._warn_of_slips(connector)
        is_faultless = self._draft.is_faultless
        for fault in plan_faults(self._config, self._properties, self._catalog):
            if is_faultless or not fault.is_told_elsewhere:
                self._draft.fault(fault.key, fault.text)

    # -- which plugins ------------------------------------------------------------------------

    def _connector_part(self, connector: Plugin) -> Part:
        required = self._config.get("exactly.once.support", "").strip().lower() == "required"
        asks = required and connector.type is PluginType.SOURCE
        return Part(
            class_key="connector.class",
            version_key="connector.plugin.version",
            prefix="",
            role="connector",
            stage_role="connector",
            config=self._config,
            chosen=Chosen(plugin=connector),
            ask=("exactly_once",) if asks else (),
        )

    def _aliases(self, connector: Plugin) -> list[Part]:
        return [
            choose_alias(
                self._catalog,
                self._config,
                family=family,
                plugin_type=plugin_type,
                alias=alias,
                own=connector.location,
            )
            for family, plugin_type in _ALIAS_TYPES.items()
            for alias in unique_aliases(self._config, family)
            if not self._draft.has_fault(family)
        ]

    def _converters(self, connector: Plugin) -> list[Part]:
        return [
            self._converter(part, connector)
            for part in _KAFKAS_CONVERTER_ORDER
            if f"{part}.converter" in self._config
        ]

    def _converter(self, part: str, connector: Plugin) -> Part:
        class_key = f"{part}.converter"
        version_key = f"{class_key}.plugin.version"
        chosen = choose(
            self._catalog,
            _converter_type(part),
            name=self._config[class_key],
            name_key=class_key,
            version=self._config.get(version_key),
            version_key=version_key,
            own=connector.location,
        )
        return Part(
            class_key=class_key,
            version_key=version_key,
            prefix=f"{class_key}.",
            role=f"{part} converter",
            stage_role=class_key,
            config=keys_below(self._config, f"{class_key}."),
            chosen=chosen,
        )

    # -- the framework's keys -----------------------------------------------------------------

    def _check_common(self, *, converters: Sequence[Part]) -> None:
        draft, found = self._draft, self._found
        newest = str(found.newest.version)
        chosen = {part.class_key: part.chosen for part in converters}
        of = {
            part: converter_default(
                part, self._properties, self._catalog, chosen.get(f"{part}.converter")
            )
            for part in CONVERTER_PARTS
        }
        defaults = Defaults(connector_version=newest, **of)
        draft.check(common_keys(defaults))
        draft.recommend("connector.plugin.version", found.versions)
        if "connector.version" in self._config:
            draft.check((synonym_key(newest),))
            draft.recommend("connector.version", found.versions)
            if "connector.plugin.version" not in self._config:
                draft.show("connector.plugin.version", self._config["connector.version"].strip())
        for part, default in of.items():
            self._recommend_converter(part, default)
        for one in converters:
            self._tell_choice(one)

    def _recommend_converter(self, part: str, default: ConverterDefault) -> None:
        class_key = f"{part}.converter"
        version_key = f"{class_key}.plugin.version"
        self._draft.recommend(class_key, class_names(self._catalog, _converter_type(part)))
        self._draft.recommend(version_key, default.versions)
        if class_key not in self._config:
            self._check_version(version_key)

    def _tell_choice(self, part: Part) -> None:
        """Tell the faults of a class and its version; show the class's full name."""
        chosen = part.chosen
        if chosen is None:
            self._check_version(part.version_key)
            return
        if chosen.class_fault is not None:
            self._draft.fault(part.class_key, chosen.class_fault)
        if chosen.version_fault is not None:
            self._draft.fault(part.version_key, chosen.version_fault)
        name = chosen.plugin.class_name if chosen.plugin is not None else None
        self._draft.show(part.class_key, name)

    def _check_version(self, key: str) -> None:
        """Check a version that belongs to no class: it is not used, but must be readable."""
        if key in self._config:
            try:
                is_version(key, self._config[key])
            except ValueFaultError as fault:
                self._draft.fault(key, str(fault))

    def _check_kind(self, connector: Plugin, answer: Answer) -> None:
        draft = self._draft
        if connector.type is PluginType.SINK:
            draft.check(sink_keys())
            check_sink(draft)
            return
        draft.check(source_keys())
        if any(key.startswith("topic.creation.") for key in self._config):
            groups = unique_aliases(self._config, "topic.creation.groups")
            draft.check(topic_creation_keys(groups))
        inspected = answer.inspected
        check_source(draft, {} if inspected is None else inspected.answers)

    # -- what the plugins say -----------------------------------------------------------------

    def _take_alias(self, answer: Answer) -> None:
        part = answer.part
        family = part.family or ""
        chosen = part.chosen or Chosen()
        keys = alias_keys(
            family,
            part.alias,
            version=chosen.default,
            classes=class_names(self._catalog, _ALIAS_TYPES[family]),
        )
        self._draft.check(keys)
        self._draft.recommend(part.version_key, chosen.versions)
        self._tell_choice(part)
        check_alias_rules(self._draft, part)
        self._take(answer, first_order=len(keys))

    def _take(self, answer: Answer, *, first_order: int = 0) -> None:
        draft, part, inspected = self._draft, answer.part, answer.inspected
        plugin = part.plugin
        if plugin is None:
            return
        if answer.failure is not None:
            failure = answer.failure
            draft.fault(
                part.class_key,
                f"Failed to load class {plugin.class_name}: {failure.message}; {failure.hint}",
            )
        if inspected is None:
            return
        draft.define(prefixed_keys(inspected.keys, part, first_order=first_order))
        for value in prefixed_values(inspected.values, part.prefix):
            draft.value(value)
        if inspected.fault is not None:
            self._take_fault(part, plugin, inspected.fault)

    def _take_fault(self, part: Part, plugin: Plugin, fault: Fault) -> None:
        name = plugin.class_name
        if fault.kind == "exactly-once":
            text = f"An unexpected error occurred with the following message: {fault.message}"
            self._draft.fault("exactly.once.support", text)
        elif fault.kind == "no-validation":
            raise RequestError(f"{name}.validate() must return a Config that is not null.")
        elif fault.kind == "no-definition" and part.role == "connector":
            raise RequestError(f"{name}.config() must return a ConfigDef that is not null.")
        elif fault.kind == "no-definition" and part.family is None:
            self._draft.warnings.append(
                f"{name}.config() has returned no ConfigDef; the keys below `{part.prefix}` are "
                "not checked"
            )
        else:
            text = class_fault_text(fault, plugin, key=part.class_key, role=part.role)
            self._draft.fault(part.class_key, text)

    def _warn_of_slips(self, connector: Plugin) -> None:
        known = self._draft.names | {"connector.version"}
        prefixes = [
            prefix
            for prefix in CONNECTOR_PREFIXES
            if not any(name.startswith(prefix) and "plugin.version" not in name for name in known)
        ]
        where = f"`{self._config.get('name', connector.class_name).strip()}`"
        mistaken, _ = unknown_keys(self._config, where=where, known=known, prefixes=prefixes)
        self._draft.warnings.extend(slip.message for slip in mistaken)
        self._draft.warnings.extend(
            f"{unused.message}; {unused.hint}" for unused in unused_versions(self._config)
        )


def _converter_type(part: str) -> PluginType:
    return PluginType.HEADER_CONVERTER if part == "header" else PluginType.CONVERTER
