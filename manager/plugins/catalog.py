"""The catalog: every plugin of the plugin path, what is broken and why, and what is shadowed.

Made from metadata alone; no plugin code runs. `manager.plugins.selection` chooses from it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from packaging.version import Version

from manager.carried.names import dotted_names, short_names
from manager.errors import VenvoyError
from manager.plugins.catalog_faults import (
    ApiMismatchError,
    ClassCollisionError,
    FrameworkClassError,
    NoPluginsError,
    SharedClassError,
)
from manager.plugins.distributions import Distribution
from manager.plugins.entry_points import EntryPoint, PluginType, UnknownGroupError
from manager.plugins.location_content import Build, LocationContent, read_location
from manager.plugins.location_faults import attempt
from manager.plugins.locations import Location, Problem, Shape
from manager.plugins.plugin_path import Scan

__all__ = ["Catalog", "LocationContent", "Plugin", "Shadowed", "make_catalog"]

FRAMEWORK_PACKAGES = frozenset({"venvoy_api", "venvoy_host"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One class of one type at one version, found in a location.

    A class with several entry points of one type is one plugin; `entry_point` is the first by
    name, and all their names are aliases.
    """

    type: PluginType
    class_name: str
    entry_point: EntryPoint
    version: Version
    distribution: Distribution
    location: Location

    @property
    def identity(self) -> tuple[str, Version, PluginType]:
        """What makes two finds the same plugin, wherever they lie (Kafka's PluginDesc.equals)."""
        return self.class_name, self.version, self.type

    @property
    def simple_name(self) -> str:
        """The class name without its module; `Cast.Value` for a nested class."""
        return self.entry_point.qualname

    @property
    def dotted_names(self) -> tuple[str, ...]:
        """The full names, which can mean no other class."""
        return dotted_names(self.entry_point.module, self.entry_point.qualname)

    @property
    def aliases(self) -> tuple[str, ...]:
        """The short names, the entry point's first; another class may have them too."""
        others = (
            entry.name
            for entry in self.distribution.entry_points
            if entry.type is self.type and entry.class_name == self.class_name
        )
        names = (self.entry_point.name, *others)
        return short_names(self.type, self.entry_point.qualname, names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadowed:
    """A plugin that another location offers too, in the same version, and with precedence."""

    plugin: Plugin
    by: Plugin

    @property
    def reason(self) -> str:
        """Why the other wins, in one sentence."""
        mine, other = self.plugin.location, self.by.location
        if mine.place_index != other.place_index:
            return f"`{other.place}` comes before `{mine.place}` on the plugin path"
        return f"in `{mine.place}` the name `{other.name}` comes before `{mine.name}`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """All that the plugin path offers.

    `plugins` is in total order: class name, version, type, and among equals the one that wins
    last; the shadowed ones are in it. `broken` are errors and `warnings` the rest, both in the
    order of the plugin path. `locations` are those that offer a plugin, in the same order; the
    built-in location is not among them.
    """

    plugins: tuple[Plugin, ...]
    broken: tuple[Problem, ...]
    shadowed: tuple[Shadowed, ...]
    warnings: tuple[Problem, ...]
    locations: tuple[LocationContent, ...]


def make_catalog(
    scan: Scan, *, api: Version, builtin: Location | None, build: Build | None = None
) -> Catalog:
    """Read every location of a scan and lay its plugins into one order.

    `api` is the version of the running API, `builtin` the location of the API's own plugins.
    `build` returns the built wheel of a project with dynamic metadata; a VenvoyError from it
    breaks that location only.
    """
    problems = list(scan.problems)
    plugins: list[Plugin] = []
    contents: list[LocationContent] = []
    for location in (*([builtin] if builtin is not None else []), *scan.locations):
        content, faults = read_location(location, build=build)
        problems.extend(faults)
        if content is None:
            continue
        laid = attempt(location.path, lambda read=content: _laid_out(read, api))  # type: ignore[misc]
        if isinstance(laid, VenvoyError):
            problems.append(Problem(path=location.path, error=laid, severity="error"))
            continue
        usable, mismatches, found, clashes = laid
        problems.extend((*mismatches, *clashes))
        plugins.extend(found)
        if found and not location.builtin:
            contents.append(usable)
    ordered = in_order(plugins)
    problems.extend(_collisions(ordered))
    return Catalog(
        plugins=ordered,
        broken=tuple(problem for problem in problems if problem.severity == "error"),
        shadowed=tuple(_shadowed(ordered)),
        warnings=tuple(problem for problem in problems if problem.severity == "warning"),
        locations=tuple(contents),
    )


def _laid_out(
    content: LocationContent, api: Version
) -> tuple[LocationContent, list[Problem], list[Plugin], list[Problem]]:
    usable, mismatches = _usable(content, api)
    found, clashes = _plugins(usable)
    return usable, mismatches, list(found), list(clashes)


def in_order(plugins: Iterable[Plugin]) -> tuple[Plugin, ...]:
    """Return the plugins in the catalog's total order: among equals the one that wins is last."""
    by_name = sorted(plugins, key=lambda plugin: plugin.location.name, reverse=True)
    return tuple(
        sorted(by_name, key=lambda plugin: (*plugin.identity, -plugin.location.place_index))
    )


def _usable(content: LocationContent, api: Version) -> tuple[LocationContent, list[Problem]]:
    """Leave out the distributions that ask for another API."""
    problems: list[Problem] = []
    fitting: list[Distribution] = []
    for distribution in content.distributions:
        required = distribution.api_requirement
        if required is None or required.contains(api, prereleases=True):
            fitting.append(distribution)
        else:
            error = ApiMismatchError(
                distribution=str(distribution),
                location=content.location.path,
                required=required,
                running=api,
            )
            problems.append(_error(content.location, error, distribution))
    usable = LocationContent(
        location=content.location, distributions=tuple(fitting), settings=content.settings
    )
    is_worker = content.location.shape is Shape.WORKER  # of which another warning tells
    if not is_worker and not any(one.entry_points for one in content.distributions):
        problems.append(_warning(content.location, NoPluginsError(path=content.location.path)))
    return usable, problems


def _plugins(content: LocationContent) -> tuple[list[Plugin], list[Problem]]:
    """Return the plugins of a location, each class of a type once."""
    location = content.location
    problems = [
        _warning(location, UnknownGroupError(source=distribution.source, group=group))
        for distribution in content.distributions
        for group in distribution.unknown_groups
    ]
    found: dict[tuple[str, PluginType], list[Plugin]] = {}
    for distribution in content.distributions:
        for entry in distribution.entry_points:
            if not location.builtin and entry.module.split(".")[0] in FRAMEWORK_PACKAGES:
                error = FrameworkClassError(
                    location=location.path, entry=entry.name, class_name=entry.class_name
                )
                problems.append(_warning(location, error))
                continue
            same = found.setdefault((entry.class_name, entry.type), [])
            if all(one.distribution is not distribution for one in same):
                same.append(_plugin(entry, distribution, location))
    for (class_name, _), same in found.items():
        if len(same) > 1:
            named = tuple(str(one.distribution) for one in same)
            shared = SharedClassError(
                location=location.path, class_name=class_name, distributions=named
            )
            problems.append(_error(location, shared, *(one.distribution for one in same)))
    return [same[0] for same in found.values() if len(same) == 1], problems


def _plugin(entry: EntryPoint, distribution: Distribution, location: Location) -> Plugin:
    return Plugin(
        type=entry.type,
        class_name=entry.class_name,
        entry_point=entry,
        version=distribution.version,
        distribution=distribution,
        location=location,
    )


def _shadowed(ordered: Sequence[Plugin]) -> Iterator[Shadowed]:
    for _, group in groupby(ordered, key=lambda plugin: plugin.identity):
        *losers, winner = group
        for loser in losers:
            yield Shadowed(plugin=loser, by=winner)


def _collisions(ordered: Sequence[Plugin]) -> Iterator[Problem]:
    for class_name, group in groupby(ordered, key=lambda plugin: plugin.class_name):
        plugins = list(group)
        names = sorted({plugin.distribution.name for plugin in plugins})
        if len(names) > 1:
            error = ClassCollisionError(class_name=class_name, distributions=tuple(names))
            yield _warning(plugins[0].location, error)


def _error(location: Location, error: VenvoyError, *spoils: Distribution) -> Problem:
    spoiled = tuple((one.name, one.version) for one in spoils)
    return Problem(path=location.path, error=error, severity="error", spoils=spoiled)


def _warning(location: Location, error: VenvoyError) -> Problem:
    return Problem(path=location.path, error=error, severity="warning")
