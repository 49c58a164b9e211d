"""What one location holds: its plugin distributions and settings, or why it cannot be used."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import assert_never

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from manager.errors import VenvoyError
from manager.plugins.bundles import bundle_distributions, bundle_settings, open_bundle
from manager.plugins.catalog_faults import SeveralVersionsError
from manager.plugins.distributions import (
    Distribution,
    DynamicMetadataError,
    parse_project,
    read_plugin_wheel,
    read_wheel,
)
from manager.plugins.location_faults import location_fault
from manager.plugins.locations import Location, Problem, Shape
from manager.plugins.own_plugins import own_distributions
from manager.plugins.place_faults import DanglingLinkError, NoMetadataError
from manager.plugins.toml_tables import raise_all, read_toml
from manager.plugins.tool_settings import (
    NO_SETTINGS,
    ToolSettings,
    parse_tool_settings,
    read_tool_settings,
    tool_table,
)

__all__ = ["Build", "LocationContent", "read_location"]

Build = Callable[[Location], Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationContent:
    """A location that could be read.

    `distributions` are those that may carry plugins, by name: a project's or a wheel's own, and
    in a directory of wheels every one that has plugin entry points.
    """

    location: Location
    distributions: tuple[Distribution, ...]
    settings: ToolSettings


def read_location(
    location: Location, *, build: Build | None = None
) -> tuple[LocationContent | None, tuple[Problem, ...]]:
    """Read one location: its content, None if nothing of it can be used, and its problems.

    `build` makes the wheel of a project whose metadata is dynamic; without it such a project is
    a problem. In a directory of wheels a broken one is a problem and the others stay usable.
    """
    problems: list[Problem] = []
    try:
        content = _content(location, build, problems)
    except Exception as error:  # noqa: BLE001  # no location may stop another
        is_told = isinstance(error, VenvoyError) and location.shape is Shape.WHEEL
        fault = Problem(
            path=location.path,
            error=location_fault(location.path, error),
            severity="error",
            spoils=_named_by(location.path) if is_told else (),
        )
        return None, (*problems, fault)
    usable = content.distributions or not problems
    return (content if usable else None), tuple(problems)


def _content(location: Location, build: Build | None, problems: list[Problem]) -> LocationContent:
    distributions: tuple[Distribution, ...]
    match location.shape:
        case Shape.PROJECT:
            return _project(location, build)
        case Shape.BUNDLE:
            bundle = open_bundle(location.path)
            return LocationContent(
                location=location,
                distributions=bundle_distributions(bundle),
                settings=bundle_settings(bundle),
            )
        case Shape.WHEEL:
            distributions = (read_wheel(location.path),)
        case Shape.WHEELS:
            distributions = tuple(_wheels(location, problems))
        case Shape.WORKER:
            distributions = tuple(own_distributions(problems))
            return LocationContent(
                location=location, distributions=distributions, settings=NO_SETTINGS
            )
        case _:
            assert_never(location.shape)
    settings = read_tool_settings(location)
    return LocationContent(location=location, distributions=distributions, settings=settings)


def _project(location: Location, build: Build | None) -> LocationContent:
    top = read_toml(location.settings_file)
    subject = f"`{location.settings_file}`"
    settings = parse_tool_settings(tool_table(top))
    try:
        distribution = parse_project(top, location.path)
    except DynamicMetadataError:
        raise_all(subject, top.problems)
        if build is None:
            raise
        distribution = read_wheel(build(location))
    raise_all(subject, top.problems)
    if distribution is None:  # each way to get here has reported a problem
        raise NoMetadataError(path=location.path)
    return LocationContent(location=location, distributions=(distribution,), settings=settings)


def _wheels(location: Location, problems: list[Problem]) -> Iterator[Distribution]:
    found: list[Distribution] = []
    for file in location.wheel_files():
        try:
            distribution = read_plugin_wheel(file)
        except Exception as error:  # noqa: BLE001  # nor a wheel another wheel
            if file.is_symlink() and not file.exists():
                gone = DanglingLinkError(path=file, target=str(file.readlink()))
                problems.append(Problem(path=file, error=gone, severity="warning"))
            else:
                spoils = _named_by(file)
                fault = location_fault(file, error)
                problems.append(Problem(path=file, error=fault, severity="error", spoils=spoils))
        else:
            if distribution is not None:
                found.append(distribution)
    found.sort(key=lambda one: (one.name, one.version))  # stable: files stay in their order
    for name, group in groupby(found, key=lambda one: one.name):
        # One version may lie there as several wheels, one for each platform.
        versions = {one.version: one.source for one in reversed(list(group))}
        if len(versions) > 1:
            fault = SeveralVersionsError(
                location=location.path, distribution=name, found=tuple(sorted(versions.items()))
            )
            spoils = tuple((name, version) for version in sorted(versions))
            problems.append(
                Problem(path=location.path, error=fault, severity="error", spoils=spoils)
            )
        else:
            yield next(one for one in found if one.name == name)


def _named_by(wheel: Path) -> tuple[tuple[str, Version], ...]:
    """Return the distribution that a wheel's file name tells, if it tells one."""
    try:
        name, version, _, _ = parse_wheel_filename(wheel.name)
    except (InvalidWheelFilename, InvalidVersion):
        return ()
    return ((name, version),)
