"""Generations in a table: what differs from the generation before, and reasons cut short."""

from collections.abc import Mapping

import pytest

from launcher.commands.generation_rows import GENERATION_COLUMNS, generation_rows

CONFIG = {"connector.class": "acme.Tick", "transforms": "m", "transforms.m.type": "acme.Mark"}
KEY = "transforms.m.plugin.version"


def generation(
    number: int,
    *,
    connector: str = "1.0",
    mark: str | None = "1.0",
    mark_class: str = "acme.Mark",
    digest: str = "a",
    reason: str = "",
    **keys: str,
) -> Mapping[str, object]:
    """One, as REST tells it; `__` stands for a dot."""
    versions = [{"role": "connector", "class": "acme.Tick", "version": connector}]
    if mark is not None:
        versions.append(
            {"role": "transformation", "alias": "m", "class": mark_class, "version": mark}
        )
    return {
        "generation": number,
        "config": {**CONFIG, **{key.replace("__", "."): value for key, value in keys.items()}},
        "versions": versions,
        "plugin_digests": {"/p": digest},
        "at": 0,
        "by": "anna",
        "current": number == 2,
        "outcome": "DONE",
        **({"reason": reason} if reason else {}),
    }


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({}, {"connector": "2.0"}, "connector 1.0 -> 2.0"),
        (
            {},
            {"mark": "2.0", "transforms__m__plugin__version": "2.0"},
            "transformation m 1.0 -> 2.0",
        ),
        ({"mark": None}, {}, "transformation m added"),
        ({}, {"mark": None}, "transformation m removed"),
        ({}, {"mark_class": "acme.Other"}, "transformation m acme.Mark -> acme.Other"),
        ({}, {"transforms__m__plugin__version": "locked"}, f"`{KEY}`"),
        (
            {"batch": "1"},
            {"connector": "2.0", "limit": "3"},
            "connector 1.0 -> 2.0, `batch`, `limit`",
        ),
        ({}, {"digest": "b"}, "plugin files"),
        ({}, {}, ""),
    ],
)
def test_a_row_tells_what_changed_against_the_generation_before(
    before: dict[str, str], after: dict[str, str], changed: str
) -> None:
    rows = generation_rows([generation(2, **after), generation(1, **before)])
    column = GENERATION_COLUMNS.index("changed")
    assert [row[column] for row in rows] == [changed, ""]
    assert rows[0][:2] == ("2 *", str(after.get("connector", "1.0")))


def test_what_went_back_is_not_compared_with() -> None:
    returned = {**generation(2, connector="3.0"), "outcome": "RETURNED"}
    rows = generation_rows([generation(3, connector="2.0"), returned, generation(1)])
    column = GENERATION_COLUMNS.index("changed")
    assert [row[column] for row in rows] == ["connector 1.0 -> 2.0", "connector 1.0 -> 3.0", ""]


def test_a_long_reason_is_cut_at_its_first_line() -> None:
    (row,) = generation_rows([generation(1, reason="x" * 200 + "\nmore")])
    assert row[-1] == "x" * 160 + "…"
