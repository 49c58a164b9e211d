"""Generations as rows of a table, each with what differs from the one before."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from launcher.configs.version_keys import is_version_key

__all__ = ["GENERATION_COLUMNS", "generation_rows"]

GENERATION_COLUMNS = ("generation", "version", "at (UTC)", "by", "changed", "outcome", "")
_SHOWN_CHARACTERS = 160  # of a reason; `--json` has all of it

Shown = Mapping[str, object]


def generation_rows(generations: Sequence[Shown]) -> list[tuple[str, ...]]:
    """Return a row for each, the newest first, as they come.

    A generation is compared with the one that it took over from: one that went back is passed over.
    """
    return [
        _row(one, next((each for each in generations[place:] if _stayed(each)), None))
        for place, one in enumerate(generations, start=1)
    ]


def _stayed(one: Shown) -> bool:
    return one["outcome"] != "RETURNED"


def _row(one: Shown, before: Shown | None) -> tuple[str, ...]:
    at = datetime.fromtimestamp(cast("int", one["at"]) / 1000, tz=UTC)
    reason = str(one.get("reason", "")).partition("\n")[0]
    if len(reason) > _SHOWN_CHARACTERS:
        reason = f"{reason[:_SHOWN_CHARACTERS]}…"
    return (
        f"{one['generation']}{' *' if one['current'] else ''}",
        _versions(one).get("connector", ("", ""))[1],
        at.strftime("%Y-%m-%d %H:%M:%S"),
        str(one["by"]),
        "" if before is None else ", ".join(_changes(before, one)),
        str(one["outcome"]),
        reason,
    )


def _changes(before: Shown, after: Shown) -> Iterator[str]:
    """Yield versions with both sides, then keys of the config, else what else there is.

    Values are left out: a key may be a password's.
    """
    old, new = _versions(before), _versions(after)
    moved = [place for place in dict.fromkeys((*new, *old)) if old.get(place) != new.get(place)]
    yield from (_moved(place, old.get(place), new.get(place)) for place in moved)
    was, becomes = (cast("Mapping[str, str]", one["config"]) for one in (before, after))
    keys = {key for key in was.keys() | becomes.keys() if was.get(key) != becomes.get(key)}
    told = sorted(key for key in keys if not (moved and is_version_key(key)))
    yield from (f"`{key}`" for key in told)
    if not moved and not told and before["plugin_digests"] != after["plugin_digests"]:
        yield "plugin files"


def _moved(place: str, old: tuple[str, str] | None, new: tuple[str, str] | None) -> str:
    if old is None or new is None:
        return f"{place} {'added' if old is None else 'removed'}"
    if old[1] == new[1]:
        return f"{place} {old[0]} -> {new[0]}"
    return f"{place} {old[1]} -> {new[1]}"


def _versions(one: Shown) -> dict[str, tuple[str, str]]:
    """Return class and version of each place: the connector, an alias, a converter."""
    found: dict[str, tuple[str, str]] = {}
    for each in cast("Sequence[Mapping[str, str]]", one["versions"]):
        alias = each.get("alias")
        place = f"{each['role']} {alias}" if alias else each["role"]
        found[place] = (each["class"], each["version"])
    return found
