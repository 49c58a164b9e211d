"""Selection: names, versions, own locations and ties, each with its reason; and what fails."""

from pathlib import Path

import pytest

from manager.plugins.catalog import Catalog
from manager.plugins.distributions import PluginType
from manager.plugins.locations import Location
from manager.plugins.selection import (
    AmbiguousNameError,
    Choice,
    NoMatchingVersionError,
    UnknownPluginError,
    WrongTypeError,
    select,
)
from manager.plugins.versions import VersionSpec
from tests.project_maker import CSV, make_builtin, make_project, read_catalog
from tests.wheel_maker import make_wheel

CONNECTORS = (PluginType.SOURCE, PluginType.SINK)
TRIM = {"venvoy.transformation": {"trim": "acme_csv.text:TrimTransformation"}}


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """csv-source in five versions; 1.4.0 ships a transformation, which is newer elsewhere."""
    for version in ("1.0", "2.0", "2.1", "3.0rc1"):
        make_project(tmp_path / "plugins" / f"csv-{version}", version=version)
    make_project(tmp_path / "plugins" / "csv-1.4", version="1.4.0", entry_points=CSV | TRIM)
    make_project(tmp_path / "plugins" / "trim-2", "trim", "2.0", entry_points=TRIM)
    return read_catalog(tmp_path / "plugins")


def connector(catalog: Catalog, spec: str | None = None, name: str = "csv") -> Choice:
    return select(catalog, type=CONNECTORS, name=name, spec=VersionSpec.parse(spec), own=None)


def trim(catalog: Catalog, own: Location, spec: str | None = None) -> Choice:
    kind = PluginType.TRANSFORMATION
    return select(catalog, type=kind, name="trim", spec=VersionSpec.parse(spec), own=own)


@pytest.mark.parametrize(
    ("spec", "version", "reason"),
    [
        (
            None,
            "2.1",
            (
                "the newest of 5 installed versions; "
                "a pre-release does not count beside a release (3.0rc1)"
            ),
        ),
        (
            "latest",
            "2.1",
            (
                "the newest of 5 installed versions; "
                "a pre-release does not count beside a release (3.0rc1)"
            ),
        ),
        ("1.4.0", "1.4.0", "exactly `1.4.0` was asked for"),
        (">=1,<2", "1.4.0", "the highest of 2 installed versions that satisfy `>=1,<2`"),
        ("[1.0,2.0)", "1.4.0", "the highest of 2 installed versions that satisfy `[1.0,2.0)`"),
        ("<1.4", "1.0", "the only one of 5 installed versions that satisfies `<1.4`"),
        (
            ">2.1",
            "3.0rc1",
            (
                "the only one of 5 installed versions that satisfies `>2.1`; "
                "only pre-releases are there"
            ),
        ),
        ("[2.0,)", "3.0rc1", "the highest of 3 installed versions that satisfy `[2.0,)`"),
    ],
)
def test_the_version_that_the_config_asks_for_is_chosen_and_why(
    catalog: Catalog, spec: str | None, version: str, reason: str
) -> None:
    choice = connector(catalog, spec)
    assert (str(choice.plugin.version), choice.reason) == (version, reason)
    assert [str(one.version) for one in choice.candidates] == [
        "1.0", "1.4.0", "2.0", "2.1", "3.0rc1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["csv", "CsvSource", "CsvSourceConnector", "acme_csv.CsvSourceConnector", " csv "]
)
def test_every_name_of_a_plugin_means_it(catalog: Catalog, name: str) -> None:
    assert connector(catalog, name=name).plugin.class_name == "acme_csv.CsvSourceConnector"


@pytest.mark.parametrize(
    "name",
    [
        "venvoy_api.transforms.Cast.Value",
        "venvoy_api.transforms.Cast$Value",
        "Cast.Value",
        "Cast$Value",
        "cast-value",
    ],
)
def test_a_nested_class_goes_by_dots_and_by_javas_dollar(tmp_path: Path, name: str) -> None:
    entries = {
        "venvoy.transformation": {
            "cast-value": "venvoy_api.transforms:Cast.Value",
            "Cast$Key": "venvoy_api.transforms:Cast.Key",
        }
    }
    builtin = make_builtin(tmp_path / "shared", entries)
    choice = select(
        read_catalog(builtin=builtin),
        type=PluginType.TRANSFORMATION,
        name=name,
        spec=VersionSpec.parse(None),
        own=None,
    )
    assert choice.plugin.class_name == "venvoy_api.transforms.Cast.Value"
    assert choice.reason == "built into venvoy, in version 1.0.0 only"


def test_a_stage_without_a_version_comes_from_the_connectors_own_location(
    catalog: Catalog,
) -> None:
    own = connector(catalog, "1.4.0").plugin.location
    for spec in (None, "latest"):
        choice = trim(catalog, own, spec)
        assert choice.plugin.location == own
        assert choice.reason == (
            "no particular version was asked for, "
            "and the connector's own location `csv-1.4` has 1.4.0"
        )


def test_a_stage_without_a_version_comes_from_anywhere_if_its_own_location_has_none(
    catalog: Catalog,
) -> None:
    own = connector(catalog, "2.0").plugin.location
    assert trim(catalog, own).plugin.location.name == "trim-2"


def test_a_stage_with_a_version_comes_from_its_own_location_if_that_matches(
    catalog: Catalog,
) -> None:
    own = connector(catalog, "1.4.0").plugin.location
    choice = trim(catalog, own, ">=1")
    assert choice.plugin.location == own
    assert choice.reason == (
        "the connector's own location `csv-1.4` has 1.4.0, which satisfies `>=1`, "
        "which goes before 2.0 elsewhere"
    )


def test_a_stage_with_a_version_comes_from_the_highest_match_if_its_own_does_not(
    catalog: Catalog,
) -> None:
    own = connector(catalog, "1.4.0").plugin.location
    for spec in (">=2", "2.0", "[2.0,)"):
        assert trim(catalog, own, spec).plugin.location.name == "trim-2"


def test_a_pre_release_of_ones_own_counts_for_no_specifier_beside_a_release(
    tmp_path: Path,
) -> None:
    make_project(tmp_path / "csv", version="2.0rc1", entry_points=CSV | TRIM)
    make_project(tmp_path / "trim", "trim", "1.0", entry_points=TRIM)
    catalog = read_catalog(tmp_path)
    own = connector(catalog).plugin.location
    assert str(trim(catalog, own).plugin.version) == "2.0rc1"
    assert str(trim(catalog, own, ">=1").plugin.version) == "1.0"
    assert str(trim(catalog, own, "[1,)").plugin.version) == "2.0rc1"


def test_the_only_version_is_not_called_one_of_one(tmp_path: Path) -> None:
    make_project(tmp_path / "csv", version="1.4")
    choice = connector(read_catalog(tmp_path), ">=1,<2")
    assert choice.reason == "the only version that is installed, and it satisfies `>=1,<2`"


def test_a_tie_goes_to_the_earlier_place_and_then_to_the_smaller_name(tmp_path: Path) -> None:
    for place, name in (("one", "z"), ("one", "b"), ("two", "a")):
        make_project(tmp_path / place / name)
    choice = connector(read_catalog(tmp_path / "one", tmp_path / "two"))
    assert choice.plugin.location.path == tmp_path / "one" / "b"
    assert choice.reason == (
        f"the only version that is installed; the same version in `{tmp_path}/two/a`, "
        f"`{tmp_path}/one/z` is shadowed"
    )


def test_a_shadowed_copy_is_still_its_own_locations(tmp_path: Path) -> None:
    make_project(tmp_path / "a", "trim", "1.0", entry_points=TRIM)
    make_project(tmp_path / "b", version="1.0", entry_points=CSV | TRIM)
    catalog = read_catalog(tmp_path)
    own = connector(catalog).plugin.location
    assert trim(catalog, own).plugin.location.name == "b"
    assert trim(catalog, own, "1.0").plugin.location.name == "b"


def test_an_unknown_name_is_answered_with_the_nearest(catalog: Catalog) -> None:
    with pytest.raises(UnknownPluginError) as caught:
        connector(catalog, name="CsvSourceConector")
    assert caught.value.message == "no source or sink connector is called `CsvSourceConector`"
    assert caught.value.hint.startswith("did you mean `CsvSourceConnector`")


def test_the_full_name_of_another_package_is_answered_with_ours(catalog: Catalog) -> None:
    with pytest.raises(UnknownPluginError) as caught:
        connector(catalog, name="com.acme.connect.CsvSourceConnector")
    assert caught.value.hint == "did you mean `CsvSourceConnector`?"


def test_a_name_like_no_other_is_answered_with_what_is_installed(catalog: Catalog) -> None:
    with pytest.raises(UnknownPluginError) as caught:
        connector(catalog, name="kinesis")
    assert caught.value.hint == "installed: `acme_csv.CsvSourceConnector`"


def test_an_unknown_name_points_at_what_is_broken(tmp_path: Path) -> None:
    make_project(tmp_path / "acme", version="one")
    with pytest.raises(UnknownPluginError) as caught:
        connector(read_catalog(tmp_path))
    assert caught.value.hint == (
        "no source or sink connector is installed; see `plugin.path`; something on the plugin "
        "path is broken, `venvoy plugins list` says what"
    )


def test_a_name_of_another_type_says_which(catalog: Catalog) -> None:
    with pytest.raises(WrongTypeError) as caught:
        connector(catalog, name="trim")
    assert caught.value.message == (
        "`trim` is the transformation `acme_csv.text.TrimTransformation`, "
        "but a source or sink connector is wanted here"
    )


def test_a_short_name_of_two_classes_lists_them(tmp_path: Path) -> None:
    make_project(tmp_path / "a", entry_points={"venvoy.source": {"csv": "acme:CsvSource"}})
    make_project(tmp_path / "b", "b", entry_points={"venvoy.sink": {"csv": "acme:CsvSink"}})
    catalog = read_catalog(tmp_path)
    with pytest.raises(AmbiguousNameError) as caught:
        connector(catalog, name="csv")
    assert caught.value.message == (
        "the name `csv` means 2 classes: `acme.CsvSink` and `acme.CsvSource`"
    )
    assert caught.value.hint == "write the full name, such as `acme.CsvSink`"
    assert connector(catalog, name="CsvSource").plugin.type is PluginType.SOURCE
    assert connector(catalog, name="acme.CsvSink").plugin.type is PluginType.SINK


def test_a_full_name_goes_before_an_alias_that_looks_like_one(tmp_path: Path) -> None:
    make_project(tmp_path / "a", entry_points={"venvoy.source": {"x": "acme:Csv"}})
    make_project(tmp_path / "b", "b", entry_points={"venvoy.source": {"acme.Csv": "other:Csv"}})
    assert connector(read_catalog(tmp_path), name="acme.Csv").plugin.class_name == "acme.Csv"


@pytest.mark.parametrize("spec", ["1.5", ">=4", "[1.5,2.0)", "==1.4.1"])
def test_a_version_that_is_not_there_is_an_error_that_lists_what_is(
    catalog: Catalog, spec: str
) -> None:
    with pytest.raises(NoMatchingVersionError) as caught:
        connector(catalog, spec)
    assert caught.value.message == (
        f"no installed version of `acme_csv.CsvSourceConnector` matches `{spec}`"
    )
    assert caught.value.hint.startswith("installed: 1.0, 1.4.0, 2.0, 2.1, 3.0rc1; add the version")


def test_one_directory_of_wheels_holds_six_types_each_in_its_own_version(tmp_path: Path) -> None:
    for number, kind in enumerate(PluginType):
        make_wheel(
            tmp_path / "combined",
            f"acme-{kind.value}",
            f"0.{number}.0",
            entry_points={kind.group: {"acme": f"acme_{kind.value}:Plugin"}},
        )
    catalog = read_catalog(tmp_path)
    for number, kind in enumerate(PluginType):
        choice = select(catalog, type=kind, name="acme", spec=VersionSpec.parse(None), own=None)
        assert str(choice.plugin.version) == f"0.{number}.0"


def test_a_version_that_is_there_and_broken_says_where_and_why(tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    make_wheel(plugins / "csv-1", "acme-csv", "1.0", entry_points=CSV)
    make_wheel(plugins / "csv-3", "acme-csv", "3.0", entry_points=CSV, requires=["venvoy-api>=7"])
    make_wheel(plugins / "other-5", "other", "5.0", entry_points=CSV, requires=["venvoy-api>=7"])
    cut = plugins / "acme_csv-4.0-py3-none-any.whl"
    cut.write_bytes(make_wheel(tmp_path, "acme-csv", "4.0").read_bytes()[:80])
    for version in ("6.0", "6.1"):
        make_wheel(plugins / "csv-6", "acme-csv", version, entry_points=CSV)
    catalog = read_catalog(plugins)
    spoiled = {"3.0": "requires venvoy-api >=7", "4.0": str(cut), "6.1": "csv-6"}
    for version, reason in spoiled.items():
        with pytest.raises(NoMatchingVersionError) as caught:
            connector(catalog, version)
        text = caught.value.message
        assert f"matches `{version}`; {version} is there, but broken: " in text
        assert reason in text
        assert text.count(str(plugins)) == 1
        assert "broken" not in caught.value.hint
    for version in ("5.0", "9"):
        with pytest.raises(NoMatchingVersionError) as caught:
            connector(catalog, version)
        assert "there" not in caught.value.message
        assert "something on the plugin path is broken" in caught.value.hint
