"""PD: PluginDescTest - what a plugin is, when two are the same, and their total order."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from packaging.version import Version

from manager.plugins.catalog import Plugin
from manager.plugins.distributions import InvalidMetadataError, PluginType, read_project
from tests.project_maker import CSV, make_builtin, make_project, read_catalog
from tests.wheel_maker import make_wheel


@pytest.mark.parametrize("version", ["1.0", "2.0.dev1", "2.0rc1", "1!1.0+local.2"])
def test_PD01_a_plugin_has_class_version_type_and_location(tmp_path: Path, version: str) -> None:
    make_project(tmp_path / "acme", version=version)
    (plugin,) = read_catalog(tmp_path).plugins
    assert plugin.class_name == "acme_csv.CsvSourceConnector"
    assert plugin.simple_name == "CsvSourceConnector"
    assert (plugin.version, plugin.type) == (Version(version), PluginType.SOURCE)
    assert plugin.location.path == tmp_path / "acme"
    assert not plugin.location.builtin


def test_PD02_the_apis_own_plugins_are_marked_as_built_in(tmp_path: Path) -> None:
    table = {"venvoy.predicate": {"tombstone": "venvoy_api.predicates:RecordIsTombstone"}}
    catalog = read_catalog(builtin=make_builtin(tmp_path / "shared", table))
    (plugin,) = catalog.plugins
    assert plugin.location.builtin
    assert str(plugin.version) == "1.0.0"
    assert catalog.locations == ()  # nothing to lock or to make


def test_PD03_a_distribution_without_a_version_is_refused(tmp_path: Path) -> None:
    directory = make_project(tmp_path / "acme")
    file = directory / "pyproject.toml"
    file.write_text(file.read_text().replace('version = "1.0"', ""))
    with pytest.raises(InvalidMetadataError, match=r"`project\.version` in .* is missing"):
        read_project(directory)


def test_PD04_two_finds_are_the_same_by_class_version_and_type_not_by_location(
    tmp_path: Path,
) -> None:
    make_project(tmp_path / "a", version="1.0")
    make_project(tmp_path / "b", version="1.0.0")
    make_project(tmp_path / "c", version="1.1")
    first, second, third = read_catalog(tmp_path).plugins
    assert first.identity == second.identity != third.identity
    assert first.location != second.location


def test_PD05_the_order_is_total_and_the_winner_of_a_tie_comes_last(tmp_path: Path) -> None:
    table = {"venvoy.converter": {"t": "acme:Text"}, "venvoy.header_converter": {"t": "acme:Text"}}
    for place, name, version in (
        ("one", "b", "1.0"),
        ("one", "a", "1.0"),
        ("two", "a", "1.0"),
        ("two", "z", "2.0"),
    ):
        make_project(tmp_path / place / name, version=version, entry_points=CSV | table)
    places = (tmp_path / "one", tmp_path / "two")

    def shown(plugin: Plugin) -> str:
        location = plugin.location
        kind = plugin.type.value.partition("_")[0]
        where = f"{location.place.name}/{location.name}"
        return f"{plugin.simple_name} {plugin.version} {kind} {where}"

    assert [shown(plugin) for plugin in read_catalog(*places).plugins] == [
        "Text 1.0 converter two/a",
        "Text 1.0 converter one/b",
        "Text 1.0 converter one/a",
        "Text 1.0 header two/a",
        "Text 1.0 header one/b",
        "Text 1.0 header one/a",
        "Text 2.0 converter two/z",
        "Text 2.0 header two/z",
        "CsvSourceConnector 1.0 source two/a",
        "CsvSourceConnector 1.0 source one/b",
        "CsvSourceConnector 1.0 source one/a",
        "CsvSourceConnector 2.0 source two/z",
    ]


def test_PD06_a_plugin_cannot_lack_a_field_nor_change(tmp_path: Path) -> None:
    make_wheel(tmp_path, "acme", "1.0", entry_points=CSV)
    (plugin,) = read_catalog(tmp_path).plugins
    with pytest.raises(TypeError):
        Plugin(type=PluginType.SOURCE, class_name="a.B")  # type: ignore[call-arg]  # the point
    with pytest.raises(FrozenInstanceError):
        plugin.class_name = "a.B"  # type: ignore[misc]  # the point
