"""Which plugin a name and a version mean, with faults in Kafka Connect's words."""

from dataclasses import dataclass

from launcher.validation.framework_values import ValueFaultError
from manager.plugins.catalog import Catalog, Plugin
from manager.plugins.entry_points import PluginType
from manager.plugins.locations import Location
from manager.plugins.selection import (
    AmbiguousNameError,
    NoMatchingVersionError,
    UnknownPluginError,
    WrongTypeError,
    select,
)
from manager.plugins.versions import InvalidVersionSpecError, VersionSpec

__all__ = [
    "INTERFACES",
    "Chosen",
    "abstract_text",
    "choose",
    "class_names",
    "missing_version_text",
    "wrong_type_text",
]

INTERFACES = {
    PluginType.SOURCE: "SourceConnector",
    PluginType.SINK: "SinkConnector",
    PluginType.TRANSFORMATION: "Transformation",
    PluginType.PREDICATE: "Predicate",
    PluginType.CONVERTER: "Converter",
    PluginType.HEADER_CONVERTER: "HeaderConverter",
}
_LATEST = VersionSpec.parse(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was chosen, or the faults of the key that names the class and the one of its version.

    `versions` is everything that is installed of the class, ascending; `default` what is taken
    when no version is named. `plugin` is None when either key has a fault.
    """

    plugin: Plugin | None = None
    versions: tuple[str, ...] = ()
    default: str | None = None
    class_fault: str | None = None
    version_fault: str | None = None


def choose(
    catalog: Catalog,
    plugin_type: PluginType,
    *,
    name: str,
    name_key: str,
    version: str | None,
    version_key: str,
    own: Location | None,
) -> Chosen:
    """Choose a plugin that a connector's config names; `own` is the connector's location."""
    try:
        spec, version_fault = VersionSpec.parse(version), None
    except InvalidVersionSpecError as error:
        spec, version_fault = _LATEST, syntax_text(version_key, error)
    try:
        newest = select(catalog, type=plugin_type, name=name, spec=_LATEST, own=own)
    except (UnknownPluginError, WrongTypeError, AmbiguousNameError) as error:
        fault = _class_text(catalog, plugin_type, name, name_key, error)
        return Chosen(class_fault=fault, version_fault=version_fault)
    versions = tuple(map(str, sorted({one.version for one in newest.candidates})))
    default = str(newest.plugin.version)
    if version_fault is not None:
        return Chosen(versions=versions, default=default, version_fault=version_fault)
    try:
        chosen = select(catalog, type=plugin_type, name=name, spec=spec, own=own)
    except NoMatchingVersionError as error:
        text = missing_version_text(error)
        return Chosen(versions=versions, default=default, class_fault=text, version_fault=text)
    return Chosen(plugin=chosen.plugin, versions=versions, default=default)


def class_names(catalog: Catalog, plugin_type: PluginType) -> tuple[str, ...]:
    """Return every class of a type, ascending."""
    return tuple(sorted({one.class_name for one in catalog.plugins if one.type is plugin_type}))


def missing_version_text(error: NoMatchingVersionError) -> str:
    """Return Kafka's sentence for a version that is not installed, then why one is broken."""
    wanted = f"[{error.wanted}]" if error.wanted.is_exact else str(error.wanted)
    installed = ", ".join(map(str, error.installed))
    return (
        f"Plugin {error.plugin} not found that matches the version range {wanted}, "
        f"available versions: [{installed}]{error.spoiled_text}"
    )


def syntax_text(key: str, error: InvalidVersionSpecError) -> str:
    """Return Kafka's sentence for a version that cannot be read."""
    return str(ValueFaultError(key, error.spec, f"{error.reason}; {error.hint}"))


def wrong_type_text(class_name: str, plugin_type: PluginType) -> str:
    """Return Kafka's sentence for a class of another type."""
    return f"Class {class_name} does not implement the {INTERFACES[plugin_type]} interface"


def abstract_text(children: tuple[str, ...]) -> str:
    """Return Kafka's sentence for an abstract class, with the concrete ones inside it."""
    meant = f" Did you mean {', '.join(children)}?" if children else ""
    return f"This class is abstract and cannot be created.{meant}"


def _class_text(
    catalog: Catalog,
    plugin_type: PluginType,
    name: str,
    key: str,
    error: UnknownPluginError | WrongTypeError | AmbiguousNameError,
) -> str:
    if isinstance(error, WrongTypeError):
        return wrong_type_text(error.plugin, plugin_type)
    if isinstance(error, AmbiguousNameError):
        return str(ValueFaultError(key, name, f"{error.message}; {error.hint}"))
    inner = _inside(catalog, plugin_type, name.strip())
    if inner:
        return abstract_text(inner)
    near = f" Did you mean {' or '.join(error.near)}?" if error.near else ""
    return str(ValueFaultError(key, name, f"Class {name} could not be found.{near}"))


def _inside(catalog: Catalog, plugin_type: PluginType, name: str) -> tuple[str, ...]:
    """Return the classes that are defined inside the class of that name (`Cast`: `Cast.Key`)."""
    return tuple(
        dict.fromkeys(
            plugin.class_name
            for plugin in catalog.plugins
            if plugin.type is plugin_type
            and any(
                called.startswith(f"{name}.") for called in (plugin.class_name, plugin.simple_name)
            )
            and "." in plugin.simple_name
        )
    )
