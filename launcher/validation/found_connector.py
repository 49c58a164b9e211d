"""The connector that a config names, at the version that it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass

from launcher.interface.faults import RequestError
from launcher.validation.choosing import missing_version_text, syntax_text
from launcher.validation.framework_values import ValueFaultError
from manager.plugins.catalog import Catalog, Plugin
from manager.plugins.entry_points import PluginType
from manager.plugins.selection import (
    AmbiguousNameError,
    NoMatchingVersionError,
    UnknownPluginError,
    WrongTypeError,
    select,
)
from manager.plugins.versions import InvalidVersionSpecError, VersionSpec

__all__ = ["VERSION_KEYS", "FoundConnector", "find_connector", "refuse_other_plugin"]

VERSION_KEYS = ("connector.plugin.version", "connector.version")
"""Kafka's key, and its synonym (design 4)."""

_TYPES = (PluginType.SOURCE, PluginType.SINK)
_SUFFIX = "Connector"
_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundConnector:
    """The connector's class: `newest` as installed, and `plugin` as asked for.

    `plugin` is None when `faults`, by key, tell why there is none. `versions` are ascending.
    """

    newest: Plugin
    versions: tuple[str, ...]
    plugin: Plugin | None = None
    faults: tuple[tuple[str, str], ...] = ()


def find_connector(catalog: Catalog, config: Mapping[str, str]) -> FoundConnector:
    """Find what `connector.class` and a version key name.

    Raises:
        RequestError: there is no such connector, in Kafka's words.
    """
    name = config["connector.class"].strip()
    try:
        choice = select(catalog, type=_TYPES, name=name, spec=VersionSpec.parse(None), own=None)
    except (UnknownPluginError, WrongTypeError) as error:
        raise RequestError(_unknown_text(catalog, name, error), remedy=error.hint) from error
    except AmbiguousNameError as error:
        raise RequestError(
            f"More than one connector matches alias {name}. Please use full package and class name "
            f"instead. Classes found: {', '.join(error.classes)}",
            remedy=error.hint,
        ) from error
    newest = choice.plugin
    versions = tuple(map(str, sorted({one.version for one in choice.candidates})))
    plugin, faults = _at_version(catalog, config, name)
    return FoundConnector(newest=newest, versions=versions, plugin=plugin, faults=faults)


def refuse_other_plugin(catalog: Catalog, config: Mapping[str, str], plugin: str) -> None:
    """Refuse a config whose class is not the plugin that the request is about; RequestError."""
    included = config["connector.class"].strip()
    if _cut(included).endswith(_cut(plugin)) or _is_same(catalog, included, plugin):
        return
    raise RequestError(
        f"Included connector type {included} does not match request type {plugin}",
        remedy="name one and the same connector in both places",
    )


def _at_version(
    catalog: Catalog, config: Mapping[str, str], name: str
) -> tuple[Plugin | None, tuple[tuple[str, str], ...]]:
    written = {key: config[key] for key in VERSION_KEYS if key in config}
    if len({text.strip() for text in written.values()}) > 1:
        kafkas, ours = VERSION_KEYS
        reason = f"{kafkas} is {written[kafkas]}, of which {ours} is a synonym; keep one of the two"
        text = str(ValueFaultError(ours, written[ours], reason))
        return None, tuple((key, text) for key in VERSION_KEYS)
    key = next(iter(written), VERSION_KEYS[0])
    try:
        spec = VersionSpec.parse(written.get(key))
        return select(catalog, type=_TYPES, name=name, spec=spec, own=None).plugin, ()
    except InvalidVersionSpecError as error:
        return None, ((key, syntax_text(key, error)),)
    except NoMatchingVersionError as error:
        text = missing_version_text(error)
        return None, (("connector.class", text), (key, text))


def _unknown_text(catalog: Catalog, name: str, error: UnknownPluginError | WrongTypeError) -> str:
    versions: dict[str, list[str]] = {}
    for plugin in catalog.plugins:
        if plugin.type in _TYPES:
            versions.setdefault(plugin.class_name, []).append(str(plugin.version))
    shown = [
        f"{class_name} ({', '.join(dict.fromkeys(each))})" for class_name, each in versions.items()
    ]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    why = f"; {error.message}" if isinstance(error, WrongTypeError) else ""
    near = error.near if isinstance(error, UnknownPluginError) else ()
    meant = f". Did you mean {' or '.join(near)}?" if near else ""
    return (
        "Failed to find any class that implements Connector and which name matches "
        f"{name}, available connectors are: {', '.join(shown[:_SHOWN])}{more}{why}{meant}"
    )


def _is_same(catalog: Catalog, one: str, other: str) -> bool:
    """Whether two names mean one class: by the names of entry points, say."""
    try:
        first, second = (
            select(catalog, type=_TYPES, name=name, spec=VersionSpec.parse(None), own=None)
            for name in (one, other)
        )
    except (UnknownPluginError, WrongTypeError, AmbiguousNameError):
        return False
    return first.plugin.class_name == second.plugin.class_name


def _cut(name: str) -> str:
    return name.removesuffix(_SUFFIX) or name
