"""DC: DelegatingClassLoaderTest - from a name to the location that provides it."""

from pathlib import Path

import pytest

from manager.plugins.distributions import PluginType
from manager.plugins.selection import UnknownPluginError, select
from manager.plugins.versions import VersionSpec
from tests.project_maker import make_builtin, make_project, read_catalog

LATEST = VersionSpec.parse(None)
CONNECTORS = (PluginType.SOURCE, PluginType.SINK)


def test_DC01_an_unknown_connector_is_an_error_and_never_something_else() -> None:
    with pytest.raises(UnknownPluginError):
        select(read_catalog(), type=CONNECTORS, name="csv", spec=LATEST, own=None)


def test_DC02_what_no_location_offers_may_be_built_in(tmp_path: Path) -> None:
    table = {"venvoy.converter": {"json": "venvoy_api.converters:JsonConverter"}}
    builtin = make_builtin(tmp_path / "shared", table)
    make_project(tmp_path / "plugins" / "acme")
    catalog = read_catalog(tmp_path / "plugins", builtin=builtin)
    own = catalog.locations[0].location
    choice = select(catalog, type=PluginType.CONVERTER, name="json", spec=LATEST, own=own)
    assert choice.plugin.location == builtin


def test_DC04_pruned_simple_and_full_name_lead_to_one_location(tmp_path: Path) -> None:
    make_project(tmp_path / "acme")
    catalog = read_catalog(tmp_path)
    choices = [
        select(catalog, type=CONNECTORS, name=name, spec=LATEST, own=None)
        for name in ("CsvSource", "CsvSourceConnector", "acme_csv.CsvSourceConnector")
    ]
    assert choices[0] == choices[1] == choices[2]
    assert choices[0].plugin.location.name == "acme"
