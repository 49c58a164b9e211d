"""PL: PluginsTest - the rows that metadata alone decides; the others need a host."""

from pathlib import Path

import pytest

from manager.plugins.catalog import Catalog
from manager.plugins.distributions import InvalidEntryPointError, PluginType, read_project
from manager.plugins.selection import select
from manager.plugins.versions import VersionSpec
from tests.project_maker import CSV, make_builtin, make_project, read_catalog


def test_PL16_a_nested_class_is_a_plugin_and_a_local_one_is_refused(tmp_path: Path) -> None:
    nested = {"venvoy.sink": {"inner": "acme:Outer.Inner"}}
    (entry,) = read_project(make_project(tmp_path / "a", entry_points=nested)).entry_points
    assert entry.qualname == "Outer.Inner"
    local = {"venvoy.sink": {"inner": "acme:make.<locals>.Inner"}}
    with pytest.raises(InvalidEntryPointError, match="is not a dotted module, a colon and a class"):
        read_project(make_project(tmp_path / "b", entry_points=local))


def test_PL29_PL30_a_class_of_the_framework_is_not_listed_again_under_a_plugin(
    tmp_path: Path,
) -> None:
    table = {"venvoy.converter": {"bytes": "venvoy_api.converters:ByteArrayConverter"}}
    own = {
        "venvoy.converter": {"sub": "acme:SubclassOfByteArrayConverter"} | table["venvoy.converter"]
    }
    builtin = make_builtin(tmp_path / "shared", table)
    make_project(tmp_path / "plugins" / "acme", entry_points=own)
    listed = {
        plugin.simple_name: plugin.location.name
        for plugin in read_catalog(tmp_path / "plugins", builtin=builtin).plugins
    }
    assert listed == {"SubclassOfByteArrayConverter": "acme", "ByteArrayConverter": "shared"}


def test_PL33_scanning_a_path_without_plugins_is_silent(tmp_path: Path) -> None:
    catalog = read_catalog(tmp_path)
    assert catalog == Catalog(plugins=(), broken=(), shadowed=(), warnings=(), locations=())


def test_PL33b_scanning_a_path_with_plugins_is_silent(tmp_path: Path) -> None:
    make_project(tmp_path / "acme", entry_points=CSV)
    catalog = read_catalog(tmp_path)
    assert (len(catalog.plugins), catalog.broken, catalog.warnings) == (1, (), ())


@pytest.mark.parametrize("name", ["text", "AcmeText", "AcmeTextConverter"])
def test_PL40_a_converter_may_be_named_by_any_alias(tmp_path: Path, name: str) -> None:
    make_project(
        tmp_path / "acme",
        entry_points={"venvoy.converter": {"text": "acme.text:AcmeTextConverter"}},
    )
    choice = select(
        read_catalog(tmp_path),
        type=PluginType.CONVERTER,
        name=name,
        spec=VersionSpec.parse(None),
        own=None,
    )
    assert choice.plugin.class_name == "acme.text.AcmeTextConverter"
