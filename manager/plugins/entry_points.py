"""Plugins as entry points: the groups, and their strict reading from a wheel or a project.

::

    [venvoy.source]                          entry_points.txt of a wheel
    csv = acme_csv:CsvSourceConnector

    [project.entry-points."venvoy.source"]   pyproject.toml
    csv = "acme_csv:CsvSourceConnector"
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from manager.errors import VenvoyError

__all__ = [
    "EntryPoint",
    "InvalidEntryPointError",
    "PluginType",
    "UnknownGroupError",
    "group_tables",
    "parse_entry_points",
]

GROUP_PREFIX = "venvoy."
# The packaging specification's advice for new names, plus `$` as in `Cast$Value`.
NAME = re.compile(r"[A-Za-z0-9_][\w.$-]*", re.ASCII)


class PluginType(StrEnum):
    """The six types of plugin, in Kafka's words."""

    SOURCE = "source"
    SINK = "sink"
    TRANSFORMATION = "transformation"
    PREDICATE = "predicate"
    CONVERTER = "converter"
    HEADER_CONVERTER = "header_converter"

    @property
    def group(self) -> str:
        """The entry-point group that holds plugins of this type."""
        return GROUP_PREFIX + self.value


GROUPS = {kind.group: kind for kind in PluginType}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPoint:
    """One plugin as its distribution declares it: `name = module:qualname` in a type's group."""

    type: PluginType
    name: str
    module: str
    qualname: str

    @property
    def class_name(self) -> str:
        """The dotted name by which a config may call the class."""
        return f"{self.module}.{self.qualname}"


class InvalidEntryPointError(VenvoyError):
    """An entry point in one of our groups cannot name a class."""

    code = "invalid-entry-point"

    def __init__(self, *, source: Path, group: str, entry: str, reason: str) -> None:
        super().__init__(str(source), group, entry, reason)
        self.source = source
        self.group = group
        self.entry = entry
        self.reason = reason

    @property
    def message(self) -> str:
        """The entry, where it stands, and what is wrong with it."""
        return (
            f"the entry point `{self.entry}` in the group `{self.group}` of `{self.source}` "
            f"{self.reason}"
        )

    @property
    def hint(self) -> str:
        """The form of an entry point."""
        return 'write `name = "package.module:ClassName"`'


class UnknownGroupError(VenvoyError):
    """A group is named like ours but is none of the six; its plugins are not seen."""

    code = "unknown-entry-point-group"

    def __init__(self, *, source: Path, group: str) -> None:
        super().__init__(str(source), group)
        self.source = source
        self.group = group

    @property
    def message(self) -> str:
        """The group and where it stands."""
        return f"`{self.source}` has entry points in `{self.group}`, which is no type of plugin"

    @property
    def hint(self) -> str:
        """The nearest group, or all of them."""
        near = difflib.get_close_matches(self.group, GROUPS, n=1)
        return f"did you mean `{near[0]}`?" if near else f"the groups are {', '.join(GROUPS)}"


def group_tables(text: str) -> dict[str, dict[str, str]]:
    """Split entry_points.txt into its groups; ValueError names the line that cannot be read.

    Only our groups are held to the letter: what others put into theirs is not our affair.
    """
    tables: dict[str, dict[str, str]] = {}
    group = ""
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
            tables.setdefault(group, {})
        elif group.startswith(GROUP_PREFIX):
            name, equals, value = (part.strip() for part in line.partition("="))
            if not equals:
                raise ValueError(f"line {number} is not `name = module:object`: `{line}`")
            if name in tables[group]:
                raise ValueError(f"line {number} gives `{name}` a second time")
            tables[group][name] = value
    return tables


def parse_entry_points(
    tables: Mapping[str, Mapping[str, str]], *, source: Path
) -> tuple[tuple[EntryPoint, ...], tuple[VenvoyError, ...]]:
    """Return the plugins of a distribution, sorted by group and name, and all that is wrong.

    An `UnknownGroupError` among the faults is for warning: a newer venvoy may know the group.
    """
    found: list[EntryPoint] = []
    faults: list[VenvoyError] = []
    for group, table in sorted(tables.items()):
        kind = GROUPS.get(group)
        if kind is None:
            if group.startswith(GROUP_PREFIX):
                faults.append(UnknownGroupError(source=source, group=group))
            continue
        for name, value in sorted(table.items()):
            module, _, qualname = value.partition(":")
            reason = _fault(name, module, qualname)
            if reason is None:
                found.append(EntryPoint(type=kind, name=name, module=module, qualname=qualname))
            else:
                entry = f"{name} = {value}"
                faults.append(
                    InvalidEntryPointError(source=source, group=group, entry=entry, reason=reason)
                )
    return tuple(found), tuple(faults)


def _fault(name: str, module: str, qualname: str) -> str | None:
    """Why the parts of an entry point cannot be used, or None."""
    if not NAME.fullmatch(name):
        return "has a name of other characters than letters, digits, `_`, `.`, `-` and `$`"
    if not qualname:
        return "names a module but no class in it"
    if "[" in qualname:
        return "asks for extras, which an entry point may no longer do"
    if not _is_dotted(module) or not _is_dotted(qualname):
        return "is not a dotted module, a colon and a class name"
    return None


def _is_dotted(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))
