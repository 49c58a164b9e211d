"""What a move would change: versions, packages and config keys of a pipeline before and after.

Pure: it compares plans, what their environments hold, and what their plugins define.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.specifiers import SpecifierSet

from launcher.interface.motion import ConfigChange, PackageChange, StageChange
from launcher.planning.plan import PipelinePlan, Stage, StageRole, all_stages
from launcher.validation.infos import ConfigKeyInfo
from manager.plugins.location_content import LocationContent

__all__ = [
    "Packages",
    "Place",
    "api_requirement",
    "config_changes",
    "moved_stages",
    "package_changes",
    "stage_changes",
]

Packages = Mapping[str, str]
"""Versions by package name."""
Place = tuple[StageRole, str | None]
"""A stage's role and alias."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    before: Stage | None
    after: Stage | None


def stage_changes(
    before: PipelinePlan | None,
    after: PipelinePlan,
    *,
    ready: Mapping[Path, bool],
    failed: Collection[Path] = (),
) -> tuple[StageChange, ...]:
    """Return every stage of either pipeline, the connector first, then in record order.

    `ready` says of each location whether its environment is there; `failed` are those whose
    environments could not be made, or not be verified.
    """
    return tuple(
        StageChange(
            role=str(role),
            alias=alias,
            class_before=_class(sides.before),
            class_after=_class(sides.after),
            version_before=_version(sides.before),
            version_after=_version(sides.after),
            location_after=None if sides.after is None else str(sides.after.plugin.location.path),
            environment_is_ready=sides.after is None
            or (
                sides.after.plugin.location.path not in failed
                and ready.get(sides.after.plugin.location.path, True)
            ),
            environment_has_failed=sides.after is not None
            and sides.after.plugin.location.path in failed,
        )
        for (role, alias), sides in _paired(before, after).items()
    )


def moved_stages(
    before: PipelinePlan | None, after: PipelinePlan
) -> tuple[tuple[Stage, Stage], ...]:
    """Return the stages of both pipelines whose class, version or location differs."""
    return tuple(
        (sides.before, sides.after)
        for sides in _paired(before, after).values()
        if sides.before is not None
        and sides.after is not None
        and _identity(sides.before) != _identity(sides.after)
    )


def package_changes(
    before: Mapping[Path, Packages], after: Mapping[Path, Packages]
) -> tuple[PackageChange, ...]:
    """Return the packages that differ, by name, over all locations that are not the same.

    A package that stands in several of them has all their versions, by commas. One that only comes
    or only goes is counted in the locations that are the same, too: it may be there before or stay.
    """
    same = {path for path in before.keys() & after.keys() if before[path] == after[path]}
    old, new = _united(before, same), _united(after, same)
    all_old, all_new = _united(before, set()), _united(after, set())
    changes = (
        PackageChange(name=name, before=old[name], after=new[name])
        if name in old and name in new
        else PackageChange(name=name, before=all_old.get(name), after=all_new.get(name))
        for name in sorted(old.keys() | new.keys())
    )
    return tuple(one for one in changes if one.before != one.after)


def config_changes(
    before: Sequence[ConfigKeyInfo],
    after: Sequence[ConfigKeyInfo],
    *,
    prefix: str,
    config: Mapping[str, str],
) -> tuple[ConfigChange, ...]:
    """Return what one plugin's definitions changed, by key; `config` is the connector's.

    A key that appears and must be set is told as `required`, too.
    """
    old = {key.name: key for key in before}
    new = {key.name: key for key in after}
    found: list[ConfigChange] = []
    for name in sorted(old.keys() | new.keys()):
        found += (
            ConfigChange(
                key=prefix + name,
                change=change,
                before=was,
                after=becomes,
                is_set=prefix + name in config,
            )
            for change, was, becomes in _differences(old.get(name), new.get(name))
        )
    return tuple(found)


def api_requirement(content: LocationContent | None) -> str:
    """Return what a location's distributions ask of the API, empty for any."""
    asked = [] if content is None else [one.api_requirement for one in content.distributions]
    return str(SpecifierSet(",".join(str(one) for one in asked if one)))


_Difference = tuple[
    Literal["appears", "vanishes", "default", "type", "required"], str | None, str | None
]


def _differences(old: ConfigKeyInfo | None, new: ConfigKeyInfo | None) -> Iterator[_Difference]:
    if old is None and new is not None:
        yield "appears", None, new.default_value
        if new.required:
            yield "required", None, "true"
    elif old is not None and new is None:
        yield "vanishes", old.default_value, None
    elif old is not None and new is not None:
        if old.default_value != new.default_value:
            yield "default", old.default_value, new.default_value
        if old.type != new.type:
            yield "type", old.type, new.type
        if old.required != new.required:
            yield "required", str(old.required).lower(), str(new.required).lower()


def _paired(before: PipelinePlan | None, after: PipelinePlan) -> Mapping[Place, _Sides]:
    old, new = _by_place(before), _by_place(after)
    places = sorted(
        dict.fromkeys((*new, *old)), key=lambda place: place[0] is not StageRole.CONNECTOR
    )
    return {place: _Sides(before=old.get(place), after=new.get(place)) for place in places}


def _by_place(plan: PipelinePlan | None) -> Mapping[Place, Stage]:
    stages = () if plan is None else all_stages(plan)
    return {(stage.role, stage.alias): stage for stage in stages}


def _identity(stage: Stage) -> tuple[str, str, Path]:
    plugin = stage.plugin
    return plugin.class_name, str(plugin.version), plugin.location.path


def _class(stage: Stage | None) -> str | None:
    return None if stage is None else stage.plugin.class_name


def _version(stage: Stage | None) -> str | None:
    return None if stage is None else str(stage.plugin.version)


def _united(locations: Mapping[Path, Packages], left_out: set[Path]) -> Packages:
    found: dict[str, set[str]] = defaultdict(set)
    for path, packages in locations.items():
        for name, version in packages.items() if path not in left_out else ():
            found[name].add(version)
    return {name: ", ".join(sorted(versions)) for name, versions in found.items()}
