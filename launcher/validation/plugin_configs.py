"""What may be configured of one plugin, of any type and version."""

from launcher.interface.faults import NotFoundError, RequestError
from launcher.validation.choosing import missing_version_text
from launcher.validation.common_keys import Defaults, common_keys
from launcher.validation.environments import Environments
from launcher.validation.faults_of_plugins import class_fault_text
from launcher.validation.infos import ConfigKeyInfo
from launcher.validation.inspectors import Inspectors, Question
from launcher.validation.kind_keys import sink_keys, source_keys
from manager.errors import VenvoyError
from manager.plugins.catalog import Catalog, Plugin
from manager.plugins.entry_points import PluginType
from manager.plugins.locations import Shape
from manager.plugins.selection import (
    AmbiguousNameError,
    NoMatchingVersionError,
    UnknownPluginError,
    select,
)
from manager.plugins.versions import InvalidVersionSpecError, VersionSpec

__all__ = ["plugin_config"]

_IN_KAFKAS_ORDER = (
    PluginType.SINK,
    PluginType.SOURCE,
    PluginType.CONVERTER,
    PluginType.HEADER_CONVERTER,
    PluginType.TRANSFORMATION,
    PluginType.PREDICATE,
)
_STAGE_ROLES = {
    PluginType.SINK: "connector",
    PluginType.SOURCE: "connector",
    PluginType.CONVERTER: "value.converter",
    PluginType.HEADER_CONVERTER: "header.converter",
    PluginType.TRANSFORMATION: "transformation",
    PluginType.PREDICATE: "predicate",
}
_NO_PLUGINS = ("FileConfigProvider", "EnvVarConfigProvider", "DirectoryConfigProvider")


async def plugin_config(
    catalog: Catalog,
    name: str,
    version: str | None,
    environments: Environments,
    inspectors: Inspectors,
) -> tuple[ConfigKeyInfo, ...]:
    """Return the keys that a plugin defines, and for connectors those of the framework besides.

    Raises:
        NotFoundError: there is no such plugin.
        RequestError: it is there in other versions only, or cannot be asked.
    """
    plugin = _chosen(catalog, name, version)
    role = _STAGE_ROLES[plugin.type]
    try:
        (inspected,) = await inspectors.ask(
            await environments.of(plugin.location),
            [Question(plugin=plugin, role=role)],
            isolated=plugin.location.shape is not Shape.WORKER,
        )
    except VenvoyError as error:
        text = f"Failed to load plugin {plugin.class_name}: {error.message}; {error.hint}"
        raise RequestError(text, remedy=error.hint) from error
    is_converter = plugin.type in (PluginType.CONVERTER, PluginType.HEADER_CONVERTER)
    fault = inspected.fault
    if fault is not None and not (is_converter and fault.kind == "no-definition"):
        raise RequestError(class_fault_text(fault, plugin, key="plugin", role="plugin"))
    return _with_framework_keys(plugin, inspected.keys)


def _with_framework_keys(
    plugin: Plugin, keys: tuple[ConfigKeyInfo, ...]
) -> tuple[ConfigKeyInfo, ...]:
    """Add the framework's keys of connectors behind their own, which go first (KIP-769)."""
    common: tuple[ConfigKeyInfo, ...] = ()
    if plugin.type in (PluginType.SINK, PluginType.SOURCE):
        more = sink_keys() if plugin.type is PluginType.SINK else source_keys()
        common = tuple(key.info for key in (*common_keys(Defaults()), *more))
    own = {key.name for key in keys}
    return (*keys, *(key for key in common if key.name not in own))


def _chosen(catalog: Catalog, name: str, version: str | None) -> Plugin:
    try:
        spec = VersionSpec.parse(version)
        return _selected(catalog, name, spec)
    except InvalidVersionSpecError as error:
        raise RequestError(f"{error.message}; {error.hint}", remedy=error.hint) from error
    except NoMatchingVersionError as error:
        raise RequestError(missing_version_text(error), remedy=error.hint) from error
    except AmbiguousNameError as error:
        raise RequestError(f"{error.message}; {error.hint}", remedy=error.hint) from error


def _selected(catalog: Catalog, name: str, spec: VersionSpec) -> Plugin:
    """Select the class that the name means, as the type that comes first in Kafka's order.

    A class may be of two types, as JsonConverter is. A short name of two classes is refused.
    """
    try:
        chosen = select(catalog, type=_IN_KAFKAS_ORDER, name=name, spec=spec, own=None).plugin
    except UnknownPluginError as error:
        if name.strip().rpartition(".")[2] in _NO_PLUGINS:
            valid = ", ".join(sorted(str(one) for one in PluginType))
            text = f"Invalid plugin class {name}. Valid types are {valid}."
            raise RequestError(text) from error
        raise NotFoundError(
            f"Unknown plugin {name}.", remedy="`venvoy plugins list` shows what is installed"
        ) from error
    twins = [one for one in catalog.plugins if one.class_name == chosen.class_name]
    first = min((one.type for one in twins), key=_IN_KAFKAS_ORDER.index)
    return select(catalog, type=first, name=chosen.class_name, spec=spec, own=None).plugin
