"""`[tool.venvoy]`: what a location says about how its environment is made.

::

    [tool.venvoy]                        in pyproject.toml; the same keys at the top of venvoy.toml
    python = ">=3.10"                    or "3.9", or the path of an interpreter
    extra = ["setuptools<81"]            needed, but not declared by the plugin
    override = ["urllib3==2.2.3"]        instead of what anybody declares
    exclude-newer = 2026-01-31           leave out what was uploaded after that day
    preload = ["acme_csv.tables"]        modules for the zygote; false: spawn every task
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from packaging.requirements import Requirement

from manager.plugins.locations import Location, Shape
from manager.plugins.toml_tables import TomlTable, raise_all, read_toml

__all__ = ["NO_SETTINGS", "ToolSettings", "read_tool_settings"]

KEYS = ("python", "extra", "override", "exclude-newer", "preload")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSettings:
    """The settings of one location; absent ones are None or empty.

    `exclude_newer` is an instant in UTC: a mere day means its end, as in uv. `preload` is None
    for the default, a bool to allow or forbid it, or the modules to import.
    """

    python: str | None = None
    extra: tuple[Requirement, ...] = ()
    override: tuple[Requirement, ...] = ()
    exclude_newer: datetime | None = None
    preload: tuple[str, ...] | bool | None = None


NO_SETTINGS = ToolSettings()


def read_tool_settings(location: Location) -> ToolSettings:
    """Return the settings of a location, the defaults when it says nothing.

    UnreadableProjectError when the file is no TOML, InvalidMetadataError for a wrong or unknown
    key, ProblemsError for several.
    """
    if location.shape is Shape.BUNDLE:
        return NO_SETTINGS
    try:
        top = read_toml(location.settings_file)
    except FileNotFoundError:
        return NO_SETTINGS
    table = tool_table(top) if location.shape is Shape.PROJECT else top
    settings = parse_tool_settings(table)
    raise_all(f"`{location.settings_file}`", top.problems)
    return settings


def tool_table(pyproject: TomlTable) -> TomlTable | None:
    """Return `[tool.venvoy]` of a `pyproject.toml`, or None; other tools' tables are not read."""
    tool = pyproject.table("tool")
    return None if tool is None else tool.table("venvoy")


def parse_tool_settings(table: TomlTable | None) -> ToolSettings:
    """Read the table; faults are reported to it."""
    if table is None:
        return NO_SETTINGS
    table.refuse_unknown(KEYS)
    return ToolSettings(
        python=table.string("python"),
        extra=table.requirements("extra"),
        override=table.requirements("override"),
        exclude_newer=_instant(table, "exclude-newer"),
        preload=_preload(table),
    )


def _preload(table: TomlTable) -> tuple[str, ...] | bool | None:
    value = table.values.get("preload")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    table.report("preload", "must be true, false or a list of modules")
    return None


def _instant(table: TomlTable, key: str) -> datetime | None:
    value = table.values.get(key)
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if _is_day(value) else datetime.fromisoformat(value)
        except ValueError:
            value = ""
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), tzinfo=UTC) + timedelta(days=1)
    if value is not None:
        table.report(key, "must be a day such as 2026-01-31, or a date and time")
    return None


def _is_day(text: str) -> bool:
    return len(text) == len("2026-01-31")
