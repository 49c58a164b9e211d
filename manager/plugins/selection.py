"""Chooses the plugin that a config means: which class, which version, which location (design 4).

Pure: it reads a catalog. Nothing ever falls back: a version that is not there is an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from packaging.version import Version

from manager.carried.names import called, near_names
from manager.plugins.catalog import Catalog, Plugin
from manager.plugins.entry_points import PluginType
from manager.plugins.locations import Location, Problem
from manager.plugins.selection_faults import (
    AmbiguousNameError,
    NoMatchingVersionError,
    UnknownPluginError,
    WrongTypeError,
)
from manager.plugins.versions import VersionSpec

__all__ = [
    "AmbiguousNameError",
    "Choice",
    "NoMatchingVersionError",
    "UnknownPluginError",
    "WrongTypeError",
    "select",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The plugin that was chosen.

    `candidates` is everything that is installed of its class, ascending, in the catalog's order;
    `reason` says in one sentence why it is this one.
    """

    plugin: Plugin
    candidates: tuple[Plugin, ...]
    reason: str


def select(
    catalog: Catalog,
    *,
    type: PluginType | tuple[PluginType, ...],  # noqa: A002 - the design's word
    name: str,
    spec: VersionSpec,
    own: Location | None,
) -> Choice:
    """Choose the plugin that `name` and `spec` mean among the plugins of `type`.

    `own` is the location of the connector that the stage belongs to, None for a connector or
    for a stage that only the worker names. Without a version the own location's copy wins, with
    one it wins if it matches; else the highest match anywhere.

    UnknownPluginError, WrongTypeError, AmbiguousNameError, NoMatchingVersionError.
    """
    types = (type,) if isinstance(type, PluginType) else type
    candidates = _candidates(catalog, types, name.strip())
    admitted = _admitted(candidates, spec, own)
    if not admitted:
        raise NoMatchingVersionError(
            plugin=candidates[0].class_name,
            wanted=spec,
            installed=_versions(candidates),
            broken=len(catalog.broken),
            spoiled=_spoiled(catalog, candidates, spec),
        )
    mine = [plugin for plugin in admitted if _is_in(plugin, own)]
    chosen = (mine or admitted)[-1]
    reason = _reason(chosen, admitted, candidates, spec, own)
    return Choice(plugin=chosen, candidates=candidates, reason=reason)


def _spoiled(
    catalog: Catalog, candidates: Sequence[Plugin], spec: VersionSpec
) -> tuple[tuple[Version, Problem], ...]:
    """Return the versions that the spec would admit, and what keeps each from being used."""
    names = {plugin.distribution.name for plugin in candidates}
    return tuple(
        (version, problem)
        for problem in catalog.broken
        for name, version in problem.spoils
        if name in names and spec.matches(version)
    )


def _candidates(catalog: Catalog, types: tuple[PluginType, ...], name: str) -> tuple[Plugin, ...]:
    """Return all that is installed of the one class that the name means."""
    found = called(catalog.plugins, name)
    fitting = tuple(plugin for plugin in found if plugin.type in types)
    if not found:
        known = [plugin for plugin in catalog.plugins if plugin.type in types]
        names = {name for plugin in known for name in (*plugin.dotted_names, *plugin.aliases)}
        raise UnknownPluginError(
            name=name,
            wanted=types,
            near=near_names(name, names),
            installed=tuple(dict.fromkeys(plugin.class_name for plugin in known)),
            broken=len(catalog.broken),
        )
    if not fitting:
        plugin = found[-1]
        raise WrongTypeError(name=name, plugin=plugin.class_name, wanted=types, found=plugin.type)
    classes = tuple(dict.fromkeys(plugin.class_name for plugin in fitting))
    if len(classes) > 1:
        raise AmbiguousNameError(name=name, classes=classes)
    return fitting


def _admitted(
    candidates: Sequence[Plugin], spec: VersionSpec, own: Location | None
) -> list[Plugin]:
    """Return the candidates that the spec admits, ascending.

    Without a version the own location's copy is not measured against others, so that a
    pre-release shipped beside a connector is its own stage's version (KIP-891, MV04).
    """
    if spec.is_latest:
        mine = [plugin for plugin in candidates if _is_in(plugin, own)]
        if mine:
            return mine
    versions = set(spec.admitted(plugin.version for plugin in candidates))
    return [plugin for plugin in candidates if plugin.version in versions]


def _is_in(plugin: Plugin, own: Location | None) -> bool:
    return own is not None and plugin.location.path == own.path


def _versions(plugins: Sequence[Plugin]) -> tuple[Version, ...]:
    return tuple(sorted({plugin.version for plugin in plugins}))


def _reason(
    chosen: Plugin,
    admitted: Sequence[Plugin],
    candidates: Sequence[Plugin],
    spec: VersionSpec,
    own: Location | None,
) -> str:
    if _is_in(chosen, own):
        return _own_reason(chosen, admitted, spec)
    installed = _versions(candidates)
    if chosen.location.builtin and len(installed) == 1:
        return f"built into venvoy, in version {chosen.version} only"
    parts = [_version_reason(_versions(admitted), installed, spec)]
    if chosen.version.is_prerelease and not spec.takes_prereleases:
        parts.append("only pre-releases are there")
    skipped = [
        version for version in installed if version > chosen.version and spec.matches(version)
    ]
    if skipped:
        named = ", ".join(map(str, skipped))
        parts.append(f"a pre-release does not count beside a release ({named})")
    twins = [one for one in candidates if one.identity == chosen.identity and one is not chosen]
    if twins:
        named = ", ".join(f"`{twin.location.path}`" for twin in twins)
        parts.append(f"the same version in {named} is shadowed")
    return "; ".join(parts)


def _own_reason(chosen: Plugin, admitted: Sequence[Plugin], spec: VersionSpec) -> str:
    where = f"the connector's own location `{chosen.location.name}`"
    if spec.is_latest:
        return f"no particular version was asked for, and {where} has {chosen.version}"
    highest = admitted[-1].version
    beside = f", which goes before {highest} elsewhere" if highest > chosen.version else ""
    return f"{where} has {chosen.version}, which satisfies `{spec}`{beside}"


def _version_reason(
    admitted: Sequence[Version], installed: Sequence[Version], spec: VersionSpec
) -> str:
    if spec.is_exact:
        many = f"the highest of {len(admitted)} installed builds of `{spec}`"
        return many if len(admitted) > 1 else f"exactly `{spec}` was asked for"
    if spec.is_latest:
        if len(installed) == 1:
            return "the only version that is installed"
        return f"the newest of {len(installed)} installed versions"
    if len(installed) == 1:
        return f"the only version that is installed, and it satisfies `{spec}`"
    if len(admitted) == 1:
        return f"the only one of {len(installed)} installed versions that satisfies `{spec}`"
    return f"the highest of {len(admitted)} installed versions that satisfy `{spec}`"
