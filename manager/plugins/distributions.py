"""Distributions: what a wheel or a project says of itself, read without running any of it.

A static `[project]` table is read as it stands; a wheel's dist-info is read through zipfile.
Entry points are in `entry_points`, `[tool.venvoy]` in `tool_settings`; both are offered here too,
since whoever reads metadata needs all three.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.metadata import InvalidMetadata, Metadata, parse_email
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidName,
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from manager.errors import VenvoyError
from manager.plugins.entry_points import (
    EntryPoint,
    InvalidEntryPointError,
    PluginType,
    UnknownGroupError,
    group_tables,
    parse_entry_points,
)
from manager.plugins.metadata_faults import (
    DynamicMetadataError,
    InvalidMetadataError,
    UnreadableProjectError,
    UnreadableWheelError,
)
from manager.plugins.place_faults import NoMetadataError
from manager.plugins.toml_tables import TomlTable, raise_all, read_toml
from manager.plugins.tool_settings import NO_SETTINGS, ToolSettings, read_tool_settings
from manager.plugins.wheel_archive import has_entry_points, read_dist_info

__all__ = [
    "API_NAME",
    "NO_SETTINGS",
    "Distribution",
    "DynamicMetadataError",
    "EntryPoint",
    "InvalidEntryPointError",
    "InvalidMetadataError",
    "PluginType",
    "ToolSettings",
    "UnreadableProjectError",
    "UnreadableWheelError",
    "parse_project",
    "read_installed",
    "read_plugin_wheel",
    "read_project",
    "read_tool_settings",
    "read_wheel",
]

# The distribution that venvoy provides itself: never resolved, locked or installed (design 5).
API_NAME = canonicalize_name("venvoy-api")
# What must be static for a project to be read without a build.
NEEDED = ("version", "requires-python", "dependencies", "entry-points")
# One comparison of a marker as `str(Marker)` writes it.
COMPARISON = re.compile(
    r"""(?P<left>"[^"]*"|'[^']*'|[\w.]+)\s*(?:not\s+in|in|[<>=!~]{1,3})\s*(?P<right>"[^"]*"|'[^']*'|[\w.]+)"""
)
DIST_INFO_FILES = ("METADATA", "entry_points.txt")
ALWAYS = 'extra != "-"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One distribution at one version.

    `requires` leaves out `venvoy-api` and what only extras ask for, which is in `of_extras` with
    the extras in its markers; markers on the interpreter stay. `api_requirement` is None when the
    distribution does not mention the API. `unknown_groups` are entry-point groups named like ours
    that we do not know. `source` is what was read: the wheel, or the project's directory.
    """

    name: NormalizedName
    version: Version
    requires_python: SpecifierSet | None
    requires: tuple[Requirement, ...]
    api_requirement: SpecifierSet | None
    entry_points: tuple[EntryPoint, ...]
    source: Path
    unknown_groups: tuple[str, ...] = ()
    of_extras: tuple[Requirement, ...] = ()

    def __str__(self) -> str:
        """Return the name and version, for messages."""
        return f"{self.name} {self.version}"

    @property
    def extras(self) -> tuple[str, ...]:
        """The extras that ask for something, sorted."""
        found: set[str] = set()
        for requirement in self.of_extras:
            for match in COMPARISON.finditer(str(requirement.marker)):
                if "extra" in (match["left"], match["right"]):
                    name = match["right"] if match["left"] == "extra" else match["left"]
                    found.add(canonicalize_name(name.strip("\"'")))
        return tuple(sorted(found))


def read_wheel(file: Path) -> Distribution:
    """Read a wheel's dist-info.

    UnreadableWheelError when the archive or its name is broken, InvalidMetadataError or
    InvalidEntryPointError when what it says is, ProblemsError for several faults.
    """
    name, version = _names(file)
    return _from_wheel(file, name, version, read_dist_info(file, *DIST_INFO_FILES))


def read_plugin_wheel(file: Path) -> Distribution | None:
    """Read a wheel that may be a plugin or a dependency: None when it holds no plugin.

    Far cheaper than `read_wheel` for a dependency. Raises what `read_wheel` raises.
    """
    name, version = _names(file)
    if not has_entry_points(file):
        return None
    texts = read_dist_info(file, *DIST_INFO_FILES)
    if "[venvoy." not in texts.get("entry_points.txt", ""):
        return None
    return _from_wheel(file, name, version, texts)


def read_installed(source: Path, metadata: str, entry_points: str) -> Distribution:
    """Read what is installed in `source`, from the texts of its dist-info.

    Raises what `read_wheel` raises.
    """
    raw, _ = parse_email(_headers(metadata))
    try:
        name, version = canonicalize_name(raw.get("name", "")), Version(raw.get("version", ""))
    except InvalidVersion as error:
        raise InvalidMetadataError(
            source=source, field="Version", reason=f"is wrong: {error}"
        ) from error
    texts = {"METADATA": metadata, "entry_points.txt": entry_points}
    return _from_wheel(source, name, version, texts)


def _names(file: Path) -> tuple[NormalizedName, Version]:
    """What the file's name says of the distribution."""
    try:
        name, version, _, _ = parse_wheel_filename(file.name)
    except InvalidWheelFilename as error:
        if file.name.split("-")[1:2] == ["latest"]:
            raise _latest(file) from error
        said = str(error).partition(":")[0].lower()
        reason = f"its name is not a wheel's ({said})"
        raise UnreadableWheelError(file=file, reason=reason) from error
    return name, version


def read_project(directory: Path) -> Distribution:
    """Read the static `[project]` table of a directory.

    DynamicMetadataError when a field that we need is left to the build backend, NoMetadataError
    when nothing in the directory describes a project, otherwise as `read_wheel`.
    """
    file = directory / "pyproject.toml"
    try:
        top = read_toml(file)
    except FileNotFoundError as error:
        raise NoMetadataError(path=directory) from error
    distribution = parse_project(top, directory)
    raise_all(f"`{file}`", top.problems)
    if distribution is None:  # each way to get here has reported a problem
        raise NoMetadataError(path=directory)
    return distribution


def parse_project(top: TomlTable, directory: Path) -> Distribution | None:
    """Read the top table of a `pyproject.toml`: None when a fault was reported to it.

    DynamicMetadataError and NoMetadataError as in `read_project`.
    """
    project = top.table("project")
    if project is None:
        if "project" in top.values:
            return None
        setup = any((directory / name).is_file() for name in ("setup.py", "setup.cfg"))
        if setup or "build-system" in top.values:
            raise DynamicMetadataError(project=directory, fields=("project",))
        raise NoMetadataError(path=directory)
    dynamic = tuple(name for name in NEEDED if name in project.strings("dynamic"))
    if dynamic:
        raise DynamicMetadataError(project=directory, fields=dynamic)
    return _from_project(project, directory)


def _from_project(project: TomlTable, directory: Path) -> Distribution | None:
    name = _project_name(project)
    version = _project_version(project)
    requires_python = project.string("requires-python")
    try:
        python = None if requires_python is None else SpecifierSet(requires_python)
    except InvalidSpecifier:
        python = None
        project.report("requires-python", f"is not a version specifier: `{requires_python}`")
    requirements = project.requirements("dependencies")
    optional = _optional(project)
    groups = project.table("entry-points")
    tables = {} if groups is None else {key: _strings(table) for key, table in groups.tables()}
    entry_points, faults = parse_entry_points(tables, source=project.source)
    project.problems.extend(_serious(faults))
    if name is None or version is None:
        return None
    return Distribution(
        name=name,
        version=version,
        requires_python=python,
        requires=_wanted(requirements),
        api_requirement=_api_requirement(requirements),
        entry_points=entry_points,
        source=directory,
        unknown_groups=_unknown_groups(faults),
        of_extras=_of_extras(optional),
    )


def _optional(project: TomlTable) -> list[Requirement]:
    """Return `optional-dependencies` as a wheel has them: with the extra in the marker."""
    table = project.table("optional-dependencies")
    found: list[Requirement] = []
    if table is None:
        return found
    for extra in table.values:
        for requirement in table.requirements(extra):
            asked = f'extra == "{canonicalize_name(extra)}"'
            one = Requirement(str(requirement))
            one.marker = Marker(asked if one.marker is None else f"({one.marker}) and {asked}")
            found.append(one)
    return found


def _project_name(project: TomlTable) -> NormalizedName | None:
    name = project.string("name")
    if name is None:
        if "name" not in project.values:
            project.report("name", "is missing")
        return None
    try:
        return canonicalize_name(name, validate=True)
    except InvalidName:
        project.report("name", f"is not a distribution's name: `{name}`")
        return None


def _project_version(project: TomlTable) -> Version | None:
    version = project.string("version")
    if version is None:
        if "version" not in project.values:
            project.report("version", "is missing")
        return None
    if version == "latest":
        project.problems.append(_latest(project.source, "project.version"))
        return None
    try:
        return Version(version)
    except InvalidVersion:
        project.report("version", f"is not a PEP 440 version: `{version}`")
        return None


def _strings(table: TomlTable) -> dict[str, str]:
    return {key: text for key in table.values if (text := table.string(key)) is not None}


def _from_wheel(
    file: Path, name: NormalizedName, version: Version, texts: Mapping[str, str]
) -> Distribution:
    problems: list[VenvoyError] = []
    raw, _ = parse_email(_headers(texts["METADATA"]))
    said = raw.get("version", "")
    if said == "latest":
        raise _latest(file)
    metadata = Metadata.from_raw(raw, validate=False)
    try:
        if canonicalize_name(metadata.name) != name or metadata.version != version:
            reason = f"it holds {metadata.name} {metadata.version}, which its name does not say"
            problems.append(UnreadableWheelError(file=file, reason=reason))
        requires_python = metadata.requires_python
        requirements = tuple(metadata.requires_dist or ())
    except InvalidMetadata as error:
        field, reason = error.field, str(error.__cause__ or error).partition("\n")[0]
        raise InvalidMetadataError(
            source=file, field=field, reason=f"is wrong: {reason}"
        ) from error
    try:
        tables = group_tables(texts.get("entry_points.txt", ""))
    except ValueError as error:
        raise InvalidMetadataError(
            source=file, field="entry_points.txt", reason=f"cannot be read: {error}"
        ) from error
    entry_points, faults = parse_entry_points(tables, source=file)
    problems.extend(_serious(faults))
    raise_all(f"the wheel `{file}`", problems)
    return Distribution(
        name=name,
        version=version,
        requires_python=requires_python,
        requires=_wanted(requirements),
        api_requirement=_api_requirement(requirements),
        entry_points=entry_points,
        source=file,
        unknown_groups=_unknown_groups(faults),
        of_extras=_of_extras(requirements),
    )


def _headers(metadata: str) -> str:
    """METADATA without its body: the README says nothing that we need and is long."""
    return metadata.replace("\r\n", "\n").partition("\n\n")[0] + "\n"


def _latest(file: Path, field: str = "Version") -> InvalidMetadataError:
    return InvalidMetadataError(
        source=file,
        field=field,
        reason="is `latest`, which in a config means the newest version and so can name none",
    )


def _serious(faults: Iterable[VenvoyError]) -> list[VenvoyError]:
    return [fault for fault in faults if not isinstance(fault, UnknownGroupError)]


def _unknown_groups(faults: Iterable[VenvoyError]) -> tuple[str, ...]:
    return tuple(fault.group for fault in faults if isinstance(fault, UnknownGroupError))


def _wanted(requirements: Iterable[Requirement]) -> tuple[Requirement, ...]:
    return tuple(
        requirement
        for requirement in requirements
        if canonicalize_name(requirement.name) != API_NAME and not _only_for_extras(requirement)
    )


def _of_extras(requirements: Iterable[Requirement]) -> tuple[Requirement, ...]:
    return tuple(
        requirement
        for requirement in requirements
        if canonicalize_name(requirement.name) != API_NAME and _only_for_extras(requirement)
    )


def _api_requirement(requirements: Iterable[Requirement]) -> SpecifierSet | None:
    found = [
        requirement.specifier
        for requirement in requirements
        if canonicalize_name(requirement.name) == API_NAME and not _only_for_extras(requirement)
    ]
    return SpecifierSet(",".join(map(str, found))) if found else None


def _only_for_extras(requirement: Requirement) -> bool:
    """Whether no interpreter makes the requirement count unless an extra is asked for."""
    if requirement.marker is None or "extra" not in str(requirement.marker):
        return False
    # Every comparison that does not look at extras is taken to hold.
    text = COMPARISON.sub(
        lambda match: match[0] if "extra" in (match["left"], match["right"]) else ALWAYS,
        str(requirement.marker),
    )
    return not Marker(text).evaluate({"extra": ""})
