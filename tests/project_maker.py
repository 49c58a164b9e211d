"""Writes plugin projects with a static `[project]` table, and reads catalogs of places."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.version import Version

from manager.plugins.catalog import Catalog, make_catalog
from manager.plugins.location_content import Build
from manager.plugins.locations import Location, Shape
from manager.plugins.plugin_path import scan

API = Version("1.0.0")
CSV = {"venvoy.source": {"csv": "acme_csv:CsvSourceConnector"}}


def make_project(
    directory: Path,
    name: str = "acme-csv",
    version: str = "1.0",
    *,
    entry_points: Mapping[str, Mapping[str, str]] = CSV,
    dependencies: Sequence[str] = (),
    requires_python: str | None = None,
    more: str = "",
) -> Path:
    """Write `directory/pyproject.toml` and return the directory; `more` is appended as it is."""
    directory.mkdir(parents=True)
    lines = [
        "[build-system]",
        'requires = ["setuptools>=77"]',
        'build-backend = "setuptools.build_meta"',
        "[project]",
        f'name = "{name}"',
        f'version = "{version}"',
        f"dependencies = {list(dependencies)!r}",
    ]
    if requires_python is not None:
        lines.append(f'requires-python = "{requires_python}"')
    for group, table in entry_points.items():
        lines.append(f'[project.entry-points."{group}"]')
        lines.extend(f'"{key}" = "{value}"' for key, value in table.items())
    (directory / "pyproject.toml").write_text("\n".join([*lines, more]), encoding="utf-8")
    return directory


def read_catalog(
    *places: Path, api: Version = API, builtin: Location | None = None, build: Build | None = None
) -> Catalog:
    """Return the catalog of a plugin path."""
    return make_catalog(scan(places), api=api, builtin=builtin, build=build)


def make_builtin(directory: Path, entry_points: Mapping[str, Mapping[str, str]]) -> Location:
    """Write a project in the place of the API's own and return its location."""
    make_project(directory, "venvoy-api", str(API), entry_points=entry_points)
    return Location(
        path=directory, shape=Shape.PROJECT, place=directory.parent, place_index=0, builtin=True
    )
