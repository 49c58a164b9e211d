"""MV: MultiVersionTest (KIP-891) - versions side by side, and which one a spec means."""

from pathlib import Path

import pytest

from manager.plugins.catalog import Catalog
from manager.plugins.distributions import PluginType
from manager.plugins.locations import Location
from manager.plugins.selection import Choice, NoMatchingVersionError, select
from manager.plugins.versions import VersionSpec
from tests.project_maker import read_catalog
from tests.wheel_maker import make_wheel

ISOLATED = ("1.1.0", "2.3.0", "4.3.0")
COMBINED = {
    PluginType.SOURCE: "0.0.0",
    PluginType.SINK: "0.1.0",
    PluginType.CONVERTER: "0.2.0",
    PluginType.HEADER_CONVERTER: "0.3.0",
    PluginType.TRANSFORMATION: "0.4.0",
    PluginType.PREDICATE: "0.5.0",
}
RANGE_VERSIONS = ("1.0.0", "1.1.0", "1.1.2", "2.0.0", "2.0.2", "3.0.0", "4.0.0")


def make_plugin(directory: Path, kind: PluginType, version: str) -> None:
    make_wheel(
        directory,
        f"versioned-{kind.value}",
        version,
        entry_points={kind.group: {"versioned": f"versioned_{kind.value}:Versioned"}},
    )


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """Every type three times in directories of its own, and all six in `combined`."""
    for kind, combined in COMBINED.items():
        for version in ISOLATED:
            make_plugin(tmp_path / "isolated" / f"{kind.value}-{version}", kind, version)
        make_plugin(tmp_path / "combined" / "all", kind, combined)
    return read_catalog(tmp_path / "isolated", tmp_path / "combined")


def choose(
    catalog: Catalog, kind: PluginType, spec: str | None = None, own: Location | None = None
) -> Choice:
    return select(catalog, type=kind, name="versioned", spec=VersionSpec.parse(spec), own=own)


def test_MV01_one_directory_holds_six_plugins_each_in_its_own_version(catalog: Catalog) -> None:
    combined = [one for one in catalog.plugins if one.location.name == "all"]
    assert {one.type: str(one.version) for one in combined} == COMBINED
    for kind, version in COMBINED.items():
        plugin = choose(catalog, kind, version).plugin
        assert (plugin.location.name, plugin.distribution.name) == (
            "all",
            f"versioned-{kind.value.replace('_', '-')}",
        )


@pytest.mark.parametrize("kind", PluginType)
def test_MV02_three_versions_lie_side_by_side(catalog: Catalog, kind: PluginType) -> None:
    for version in ISOLATED:
        plugin = choose(catalog, kind, version).plugin
        assert str(plugin.version) == version
        assert plugin.location.name == f"{kind.value}-{version}"
    assert (catalog.broken, catalog.shadowed, catalog.warnings) == ((), (), ())


@pytest.mark.parametrize("kind", PluginType)
@pytest.mark.parametrize("spec", [None, "latest"])
def test_MV03_latest_is_the_newest(catalog: Catalog, kind: PluginType, spec: str | None) -> None:
    assert str(choose(catalog, kind, spec).plugin.version) == "4.3.0"


@pytest.mark.parametrize("kind", PluginType)
def test_MV04_the_connectors_own_copy_goes_before_a_newer_one(
    catalog: Catalog, kind: PluginType
) -> None:
    own = choose(catalog, PluginType.SOURCE, "0.0.0").plugin.location
    assert str(choose(catalog, kind, own=own).plugin.version) == COMBINED[kind]
    assert str(choose(catalog, kind).plugin.version) == "4.3.0"


@pytest.fixture
def ranged(tmp_path: Path) -> Catalog:
    """One source in the versions of Kafka's range tests."""
    for version in RANGE_VERSIONS:
        make_plugin(tmp_path / version, PluginType.SOURCE, version)
    return read_catalog(tmp_path)


@pytest.mark.parametrize(
    ("spec", "version"),
    [
        ("latest", "4.0.0"),
        (None, "4.0.0"),
        ("1.0.0", "1.0.0"),
        ("[2.0.2]", "2.0.2"),
        ("[1.1.0,3.0.1]", "3.0.0"),
        ("(,2.0.0)", "1.1.2"),
        ("(,1.0.0]", "1.0.0"),
        ("[2.0.0,)", "4.0.0"),
        ("(,2.0.0],[2.0.3, 2.0.4)", "2.0.0"),
        ("(2.0.0,3.0.0)", "2.0.2"),
        ("(,1.1.0),[4.1.1,)", "1.0.0"),
        ("[1.1.0,1.1.0]", "1.1.0"),
        ("(,1.1.0),(2.0.0, 2.0.2]", "2.0.2"),
        ("[1.1.0,1.1.3)", "1.1.2"),
    ],
)
def test_MV05_the_highest_version_in_the_range_is_chosen(
    ranged: Catalog, spec: str | None, version: str
) -> None:
    assert str(choose(ranged, PluginType.SOURCE, spec).plugin.version) == version


@pytest.mark.parametrize(
    "spec",
    [
        "0.9.0",
        "[4.0.1,)",
        "(4.0.0,)",
        "[4.0.1]",
        "(2.0.0, 2.0.1)",
        "(,1.0.0)",
        "(1.1.0, 1.1.2)",
        "(1.1.0, 1.1.2),[1.1.3, 2.0.0)",
    ],
)
def test_MV06_a_range_without_a_version_is_an_error_with_those_that_are_there(
    ranged: Catalog, spec: str
) -> None:
    with pytest.raises(NoMatchingVersionError) as caught:
        choose(ranged, PluginType.SOURCE, spec)
    assert [str(version) for version in caught.value.installed] == list(RANGE_VERSIONS)
    assert str(caught.value.wanted) == spec
