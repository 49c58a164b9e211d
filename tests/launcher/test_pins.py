"""Pins: which versions of a worker's connector are behind what is installed."""

from collections.abc import Mapping

import pytest

from launcher.commands.pins import Pin, running_pins

PLUGINS = [
    {"class": "acme.Csv", "type": "source", "version": "1.0"},
    {"class": "acme.Csv", "type": "source", "version": "1.4"},
    {"class": "acme.Csv", "type": "source", "version": "2.0"},
    {"class": "acme.Csv", "type": "source", "version": "3.0rc1"},
    {"class": "acme.Mask", "type": "transformation", "version": "1.0"},
    {"class": "acme.Mask", "type": "transformation", "version": "1.1"},
]


def version(class_name: str, text: str, role: str = "connector", **more: str) -> dict[str, str]:
    return {"role": role, "class": class_name, "version": text, **more}


@pytest.mark.parametrize(
    ("keys", "runs", "asked", "match"),
    [
        ({"connector.version": "1.0"}, "1.0", "1.0", None),
        ({"connector.plugin.version": "1.0"}, "1.0", "1.0", None),
        ({"connector.version": "<2"}, "1.0", "<2", "1.4"),
        ({"connector.version": "[1.0,2.0)"}, "1.4", "[1.0,2.0)", None),
        ({"connector.version": "locked"}, "1.0", "locked", None),
        ({}, "1.4", "latest", "2.0"),
        ({"connector.version": "[1,4)"}, "2.0", "[1,4)", "3.0rc1"),
        ({"connector.version": "${env:WANTED}"}, "1.0", "${env:WANTED}", "2.0"),
    ],
)
def test_a_connector_that_is_behind(
    keys: Mapping[str, str], runs: str, asked: str, match: str | None
) -> None:
    config = {"connector.class": "Csv", **keys}
    (pin,) = running_pins("c", config, [version("acme.Csv", runs)], PLUGINS)
    assert (pin.asked, pin.runs, pin.match, pin.newest) == (asked, runs, match, "2.0")
    assert pin.key == next(iter(keys), "connector.version")


@pytest.mark.parametrize("keys", [{}, {"connector.version": "2.0"}, {"connector.version": ">=1"}])
def test_the_newest_release_is_not_behind(keys: Mapping[str, str]) -> None:
    config = {"connector.class": "Csv", **keys}
    assert running_pins("c", config, [version("acme.Csv", "2.0")], PLUGINS) == ()


def test_stages_are_told_by_their_alias_and_the_workers_own_are_not() -> None:
    config = {"connector.class": "Csv", "transforms.m.type": "Mask", "connector.version": "2.0"}
    versions = [
        version("acme.Csv", "2.0"),
        version("acme.Mask", "1.0", "transformation", alias="m"),
        version("acme.Mask", "1.0", "value.converter"),
    ]
    assert running_pins("c", config, versions, PLUGINS) == (
        Pin(
            connector="c", stage="m", key="transforms.m.plugin.version", asked="latest",
            runs="1.0", match="1.1", newest="1.1",
        ),
    )  # fmt: skip
