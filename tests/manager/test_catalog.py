"""The catalog: found, broken, shadowed, and that one bad location never hides another."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from manager.errors import VenvoyError
from manager.plugins.catalog import Catalog
from manager.plugins.distributions import DynamicMetadataError, PluginType
from manager.plugins.locations import Location
from manager.plugins.place_faults import NoMetadataError
from tests.project_maker import CSV, make_builtin, make_project, read_catalog
from tests.wheel_maker import make_wheel

MakeWheel = Callable[..., Path]
SINK = {"venvoy.sink": {"sql": "acme_sql:SqlSinkConnector"}}


def found(catalog: Catalog) -> list[str]:
    return [f"{one.class_name} {one.version} {one.location.name}" for one in catalog.plugins]


def broken(catalog: Catalog) -> list[tuple[str, str]]:
    return [(problem.error.code, problem.path.name) for problem in catalog.broken]


def warned(catalog: Catalog) -> list[tuple[str, str]]:
    return [(problem.error.code, problem.path.name) for problem in catalog.warnings]


def test_plugins_of_every_shape_are_found(tmp_path: Path) -> None:
    make_project(tmp_path / "project")
    make_wheel(tmp_path / "wheels", "acme-sql", "2.0", entry_points=SINK)
    make_wheel(tmp_path / "wheels" / "wheels", "dependency", "3.0")
    make_wheel(tmp_path, "solo", "3.0", entry_points={"venvoy.predicate": {"is": "solo:IsSolo"}})
    catalog = read_catalog(tmp_path)
    assert found(catalog) == [
        "acme_csv.CsvSourceConnector 1.0 project",
        "acme_sql.SqlSinkConnector 2.0 wheels",
        "solo.IsSolo 3.0 solo-3.0-py3-none-any.whl",
    ]
    assert (catalog.broken, catalog.warnings, catalog.shadowed) == ((), (), ())
    assert [one.location.name for one in catalog.locations] == [
        "project",
        "solo-3.0-py3-none-any.whl",
        "wheels",
    ]
    assert [str(one) for one in catalog.locations[2].distributions] == ["acme-sql 2.0"]


def test_settings_come_with_their_location(tmp_path: Path) -> None:
    make_project(tmp_path / "acme", more='[tool.venvoy]\npython = "3.9"\n')
    (content,) = read_catalog(tmp_path).locations
    assert content.settings.python == "3.9"


def test_every_bad_location_is_reported_and_hides_no_other(tmp_path: Path) -> None:
    make_project(tmp_path / "good")
    make_project(tmp_path / "bad-settings", more="[tool.venvoy]\npyhton = '3.9'\n")
    make_project(tmp_path / "bad-version", version="one")
    make_project(tmp_path / "bad-entry", entry_points={"venvoy.source": {"csv": "acme"}})
    make_project(tmp_path / "two-faults", version="one", more="[tool.venvoy]\npyhton = '3.9'\n")
    (tmp_path / "bad-toml").mkdir()
    (tmp_path / "bad-toml" / "pyproject.toml").write_text("[project")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "acme.py").write_text("")
    (tmp_path / "empty-1.0-py3-none-any.whl").write_bytes(b"")
    (tmp_path / "app.pyz").write_bytes(b"")
    catalog = read_catalog(tmp_path / "missing", tmp_path)
    assert found(catalog) == ["acme_csv.CsvSourceConnector 1.0 good"]
    assert [one.location.name for one in catalog.locations] == ["good"]
    assert broken(catalog) == [
        ("missing-place", "missing"),
        ("no-metadata", "code"),
        ("bad-bundle", "app.pyz"),
        ("invalid-entry-point", "bad-entry"),
        ("invalid-metadata", "bad-settings"),
        ("unreadable-project", "bad-toml"),
        ("invalid-metadata", "bad-version"),
        ("corrupt-wheel", "empty-1.0-py3-none-any.whl"),
        ("problems", "two-faults"),
    ]
    assert all(problem.error.message and problem.error.hint for problem in catalog.broken)


def test_a_location_without_plugins_is_a_warning(tmp_path: Path) -> None:
    make_project(tmp_path / "project", entry_points={})
    make_wheel(tmp_path / "wheels", "dependency", "1.0")
    make_wheel(tmp_path, "single", "1.0")
    catalog = read_catalog(tmp_path)
    assert (catalog.plugins, catalog.broken, catalog.locations) == ((), (), ())
    assert warned(catalog) == [
        ("no-plugins", "project"),
        ("no-plugins", "single-1.0-py3-none-any.whl"),
        ("no-plugins", "wheels"),
    ]


def test_a_broken_wheel_does_not_hide_its_neighbours(tmp_path: Path) -> None:
    make_wheel(tmp_path / "acme", "acme-csv", "1.0", entry_points=CSV)
    (tmp_path / "acme" / "other-1.0-py3-none-any.whl").write_bytes(b"")
    catalog = read_catalog(tmp_path)
    assert found(catalog) == ["acme_csv.CsvSourceConnector 1.0 acme"]
    assert broken(catalog) == [("corrupt-wheel", "other-1.0-py3-none-any.whl")]


def test_a_wheel_that_is_a_dangling_link_is_a_warning(tmp_path: Path) -> None:
    make_wheel(tmp_path / "acme", "acme-csv", "1.0", entry_points=CSV)
    (tmp_path / "acme" / "gone-1.0-py3-none-any.whl").symlink_to("nowhere.whl")
    catalog = read_catalog(tmp_path)
    assert (len(catalog.plugins), catalog.broken) == (1, ())
    assert warned(catalog) == [("dangling-link", "gone-1.0-py3-none-any.whl")]


def test_two_versions_of_one_distribution_in_one_directory_are_refused(tmp_path: Path) -> None:
    for version in ("1.0", "2.0"):
        make_wheel(tmp_path / "acme", "acme-csv", version, entry_points=CSV)
    make_wheel(tmp_path / "acme", "acme-sql", "1.0", entry_points=SINK)
    catalog = read_catalog(tmp_path)
    assert found(catalog) == ["acme_sql.SqlSinkConnector 1.0 acme"]
    assert broken(catalog) == [("several-versions", "acme")]
    assert catalog.broken[0].error.message == (
        f"`{tmp_path / 'acme'}` holds acme-csv in several versions: "
        "1.0 (`acme_csv-1.0-py3-none-any.whl`) and 2.0 (`acme_csv-2.0-py3-none-any.whl`)"
    )


def test_one_version_may_lie_there_for_several_platforms(tmp_path: Path) -> None:
    for tag in ("cp311-cp311-linux_x86_64", "cp312-cp312-linux_x86_64"):
        make_wheel(tmp_path / "acme", "acme-csv", "1.0", entry_points=CSV, tag=tag)
    catalog = read_catalog(tmp_path)
    assert (len(catalog.plugins), catalog.broken) == (1, ())
    assert "cp311" in catalog.plugins[0].distribution.source.name


def test_a_dependency_may_lie_there_in_several_versions(tmp_path: Path) -> None:
    make_wheel(tmp_path / "acme", "acme-csv", "1.0", entry_points=CSV)
    for version in ("1.26", "2.0"):
        make_wheel(tmp_path / "acme" / "wheels", "numpy", version)
    catalog = read_catalog(tmp_path)
    assert (len(catalog.plugins), catalog.broken) == (1, ())


def test_another_api_than_the_running_one_is_an_error_that_names_both(tmp_path: Path) -> None:
    make_project(tmp_path / "new", dependencies=["venvoy-api>=2"])
    make_project(tmp_path / "old", dependencies=["venvoy-api>=1,<2"])
    catalog = read_catalog(tmp_path)
    assert found(catalog) == ["acme_csv.CsvSourceConnector 1.0 old"]
    assert broken(catalog) == [("api-mismatch", "new")]
    assert catalog.broken[0].error.message == (
        f"`acme-csv 1.0` at `{tmp_path}/new` requires venvoy-api >=2, "
        "but this venvoy runs venvoy-api 1.0.0"
    )


def test_the_same_class_and_version_twice_is_shadowed_by_the_earlier_place(
    tmp_path: Path,
) -> None:
    for place, name in (("first", "b"), ("first", "a"), ("second", "a")):
        make_project(tmp_path / place / name)
    catalog = read_catalog(tmp_path / "second", tmp_path / "first")
    winner = catalog.plugins[-1]
    assert winner.location.path == tmp_path / "second" / "a"
    assert [(one.plugin.location.name, one.reason) for one in catalog.shadowed] == [
        ("b", f"`{tmp_path}/second` comes before `{tmp_path}/first` on the plugin path"),
        ("a", f"`{tmp_path}/second` comes before `{tmp_path}/first` on the plugin path"),
    ]
    assert all(one.by == winner for one in catalog.shadowed)


def test_within_a_place_the_smaller_name_shadows(tmp_path: Path) -> None:
    for name in ("zeta", "alpha"):
        make_project(tmp_path / name)
    (shadowed,) = read_catalog(tmp_path).shadowed
    assert (shadowed.plugin.location.name, shadowed.by.location.name) == ("zeta", "alpha")
    assert shadowed.reason == f"in `{tmp_path}` the name `alpha` comes before `zeta`"


def test_several_entry_points_of_one_class_are_one_plugin(tmp_path: Path) -> None:
    make_project(tmp_path / "acme", entry_points={"venvoy.sink": {"b": "acme:S", "a": "acme:S"}})
    (plugin,) = read_catalog(tmp_path).plugins
    assert plugin.entry_point.name == "a"
    assert plugin.aliases == ("a", "b", "S")


def test_a_class_of_two_types_is_two_plugins(tmp_path: Path) -> None:
    make_project(
        tmp_path / "acme",
        entry_points={
            "venvoy.converter": {"text": "acme:TextConverter"},
            "venvoy.header_converter": {"text": "acme:TextConverter"},
        },
    )
    types = [plugin.type for plugin in read_catalog(tmp_path).plugins]
    assert types == [PluginType.CONVERTER, PluginType.HEADER_CONVERTER]


def test_one_class_in_two_distributions_of_one_location_is_refused(tmp_path: Path) -> None:
    make_wheel(tmp_path / "acme", "acme-csv", "1.0", entry_points=CSV)
    make_wheel(tmp_path / "acme", "fork-csv", "2.0", entry_points=CSV)
    catalog = read_catalog(tmp_path)
    assert catalog.plugins == ()
    assert broken(catalog) == [("shared-class", "acme")]
    assert "`acme-csv 1.0` and `fork-csv 2.0`" in catalog.broken[0].error.message


def test_one_class_from_two_distributions_is_a_warning(tmp_path: Path) -> None:
    make_project(tmp_path / "acme", "acme-csv", "1.0")
    make_project(tmp_path / "fork", "fork-csv", "2.0")
    catalog = read_catalog(tmp_path)
    assert len(catalog.plugins) == 2
    assert warned(catalog) == [("class-collision", "acme")]
    assert "`acme-csv`, `fork-csv`" in catalog.warnings[0].error.message


def test_an_unknown_group_is_a_warning_with_the_group_that_was_meant(tmp_path: Path) -> None:
    make_project(tmp_path / "acme", entry_points={"venvoy.sources": {"a": "b:C"}} | SINK)
    catalog = read_catalog(tmp_path)
    assert len(catalog.plugins) == 1
    assert catalog.warnings[0].error.code == "unknown-entry-point-group"
    assert catalog.warnings[0].error.hint == "did you mean `venvoy.source`?"


def test_a_class_of_the_framework_cannot_be_declared_by_a_plugin(tmp_path: Path) -> None:
    cast = {"venvoy.transformation": {"cast": "venvoy_api.transforms:Cast"}}
    builtin = make_builtin(tmp_path / "shared", cast)
    make_project(tmp_path / "plugins" / "acme", entry_points=cast | SINK)
    catalog = read_catalog(tmp_path / "plugins", builtin=builtin)
    assert found(catalog) == [
        "acme_sql.SqlSinkConnector 1.0 acme",
        "venvoy_api.transforms.Cast 1.0.0 shared",
    ]
    assert warned(catalog) == [("framework-class", "acme")]


def test_a_dynamic_project_is_built_and_its_wheel_is_read(
    tmp_path: Path, make_wheel: MakeWheel
) -> None:
    wheel = make_wheel("acme-csv", "4.2", entry_points=CSV)
    dynamic(tmp_path / "plugins" / "acme")
    asked: list[Location] = []

    def build(location: Location) -> Path:
        asked.append(location)
        return wheel

    make_project(tmp_path / "plugins" / "static")
    catalog = read_catalog(tmp_path / "plugins", build=build)
    assert [str(plugin.version) for plugin in catalog.plugins] == ["1.0", "4.2"]
    assert [location.name for location in asked] == ["acme"]
    assert catalog.locations[0].settings.python == "3.9"


def test_a_dynamic_project_that_does_not_build_is_broken(tmp_path: Path) -> None:
    def build(location: Location) -> Path:
        raise NoMetadataError(path=location.path)

    dynamic(tmp_path / "acme")
    make_project(tmp_path / "static")
    catalog = read_catalog(tmp_path, build=build)
    assert (len(catalog.plugins), broken(catalog)) == (1, [("no-metadata", "acme")])


def test_a_dynamic_project_without_a_builder_is_broken(tmp_path: Path) -> None:
    dynamic(tmp_path / "acme")
    (problem,) = read_catalog(tmp_path).broken
    assert isinstance(problem.error, DynamicMetadataError)
    assert "`version`" in problem.error.message


def dynamic(directory: Path) -> None:
    directory.mkdir(parents=True)
    text = '[project]\nname = "acme"\ndynamic = ["version"]\n[tool.venvoy]\npython = "3.9"\n'
    (directory / "pyproject.toml").write_text(text)


def test_a_hundred_locations_are_read_in_less_than_a_moment(tmp_path: Path) -> None:
    for number in range(100):
        make_project(tmp_path / f"acme-{number}", f"acme-{number}", dependencies=["pydantic<2"])
    took_s = []
    for _ in range(3):
        begin = time.thread_time()  # not what others do meanwhile
        assert len(read_catalog(tmp_path).plugins) == 100
        took_s.append(time.thread_time() - begin)
    assert min(took_s) < 0.3  # about 0.05


def test_faults_are_values_that_the_command_line_can_show(tmp_path: Path) -> None:
    make_project(tmp_path / "acme", version="one")
    (problem,) = read_catalog(tmp_path).broken
    assert isinstance(problem.error, VenvoyError)
    with pytest.raises(VenvoyError, match="is not a PEP 440 version"):
        raise problem.error
