"""What venvoy has of Kafka's own goes by its Java name, as a Java cluster's configs call it."""

from pathlib import Path

import pytest

from launcher.planning.workplace import builtin_location
from manager.plugins.catalog import Catalog, make_catalog
from manager.plugins.entry_points import PluginType
from manager.plugins.plugin_path import Scan
from manager.plugins.selection import UnknownPluginError, select
from manager.plugins.versions import VersionSpec
from tests.project_maker import API

# The services of Kafka 4.4's connect-runtime, connect-json and connect-transforms jars.
KAFKAS = (Path(__file__).parent / "kafka_4_4_plugins.txt").read_text().split()


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The plugins that come with venvoy."""
    return make_catalog(Scan(locations=(), problems=()), api=API, builtin=builtin_location())


@pytest.mark.parametrize("name", KAFKAS)
def test_each_plugin_that_comes_with_kafka_is_ours(catalog: Catalog, name: str) -> None:
    for kind in (PluginType.CONVERTER, PluginType.HEADER_CONVERTER):
        if name.endswith("Converter") and not name.endswith("SimpleHeaderConverter"):
            assert _class(catalog, name, kind).rpartition(".")[2] == name.rpartition(".")[2]
    kinds = tuple(PluginType)
    assert (
        _class(catalog, name, *kinds).rpartition(".")[2]
        == name.replace("$", ".").rpartition(".")[2]
    )


def test_no_other_plugin_that_comes_with_venvoy_has_a_java_name(catalog: Catalog) -> None:
    java = {name for one in catalog.plugins for name in one.dotted_names if "apache" in name}
    assert java == set(KAFKAS)


@pytest.mark.parametrize(
    "name",
    [
        "org.apache.kafka.connect.file.FileStreamSourceConnector",
        "org.apache.kafka.connect.mirror.MirrorSourceConnector",
    ],
)
def test_what_kafka_ships_and_we_do_not_is_named_as_such(catalog: Catalog, name: str) -> None:
    with pytest.raises(UnknownPluginError) as caught:
        _class(catalog, name, PluginType.SOURCE, PluginType.SINK)
    assert caught.value.message == f"no source or sink connector is called `{name}`"
    assert caught.value.hint == (
        "it comes with Kafka, and venvoy has nothing like it; none is installed"
    )


def _class(catalog: Catalog, name: str, *kinds: PluginType) -> str:
    spec = VersionSpec.parse(None)
    return select(catalog, type=kinds, name=name, spec=spec, own=None).plugin.class_name
