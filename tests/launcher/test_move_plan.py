"""What a move would change, worked out of plans, packages and definitions alone."""

from pathlib import Path

from launcher.configs.connector_config import parse_connector_config
from launcher.interface.motion import PackageChange
from launcher.planning.plan import PipelinePlan, plan_pipeline
from launcher.planning.preparation import worker_converters
from launcher.worker.move_plan import moved_stages, package_changes, stage_changes
from manager.plugins.locations import Location
from tests.project_maker import make_builtin, make_project, read_catalog

CSV = {"venvoy.source": {"csv": "acme_csv:CsvSourceConnector"}}
MASK = {
    "venvoy.transformation": {"Mask": "acme_mask:Mask"},
    "venvoy.predicate": {"Rare": "acme_mask:Rare"},
}
BUILTIN = {
    "venvoy.converter": {"json": "venvoy_api.converters:JsonConverter"},
    "venvoy.header_converter": {"simple": "venvoy_api.converters:SimpleHeaderConverter"},
}
A, B, C = Path("/p/a"), Path("/p/b"), Path("/p/c")


def planned(place: Path, shared: Location, **keys: str) -> PipelinePlan:
    """The plan of a config; `__` stands for a dot."""
    pairs = {key.replace("__", "."): value for key, value in keys.items()}
    config, _ = parse_connector_config({"name": "c", "connector.class": "csv", **pairs}, where="c")
    assert config is not None
    catalog = read_catalog(place, builtin=shared)
    plan, problems = plan_pipeline(config, worker_converters({}, where="w"), catalog)
    assert plan is not None, problems
    return plan


def test_stages_are_paired_by_role_and_alias_the_connector_first(tmp_path: Path) -> None:
    place = tmp_path / "plugins"
    make_project(place / "csv_1", version="1.4.0", entry_points=CSV)
    make_project(place / "csv_2", version="2.0.0", entry_points=CSV)
    make_project(place / "mask", "acme-mask", "9.0", entry_points=MASK)
    mask = {"transforms": "m", "transforms__m__type": "Mask"}
    shared = make_builtin(tmp_path / "shared", BUILTIN)
    before = planned(place, shared, connector__version="1.4.0")
    after = planned(place, shared, **mask)
    found = stage_changes(before, after, ready={place / "csv_2": True, place / "mask": False})
    told = [(one.role, one.alias, one.version_before, one.version_after) for one in found]
    assert told[:2] == [
        ("connector", None, "1.4.0", "2.0.0"),
        ("transformation", "m", None, "9.0"),
    ]
    assert [one.environment_is_ready for one in found[:2]] == [True, False]
    assert [one.role for one in found[2:]] == [
        "key.converter",
        "value.converter",
        "header.converter",
    ]
    failing = stage_changes(before, after, ready={place / "csv_2": True}, failed={place / "csv_2"})
    assert [(one.environment_is_ready, one.environment_has_failed) for one in failing[:2]] == [
        (False, True),
        (True, False),
    ]
    gone = stage_changes(after, before, ready={})
    assert [(one.version_before, one.version_after) for one in gone if one.alias] == [("9.0", None)]
    moved = [(str(old.role), str(new.plugin.version)) for old, new in moved_stages(before, after)]
    assert moved == [("connector", "2.0.0")]


def test_without_a_before_everything_is_new(tmp_path: Path) -> None:
    make_project(tmp_path / "plugins" / "csv_1", version="1.4.0", entry_points=CSV)
    shared = make_builtin(tmp_path / "shared", BUILTIN)
    found = stage_changes(None, planned(tmp_path / "plugins", shared), ready={})
    assert {one.version_before for one in found} == {None}


def test_packages_of_locations_that_stay_are_no_change() -> None:
    stays = {"leaf": "1.0", "stem": "4"}
    before = {A: {"acme": "1.0", "leaf": "2.0"}, B: stays}
    after = {C: {"acme": "2.0", "leaf": "2.0", "bud": "0.1"}, B: stays}
    assert package_changes(before, after) == (
        PackageChange(name="acme", before="1.0", after="2.0"),
        PackageChange(name="bud", before=None, after="0.1"),
    )
    assert package_changes(before, before) == ()


def test_a_package_in_several_locations_has_all_its_versions() -> None:
    before = {A: {"leaf": "1.0"}, B: {"leaf": "2.0"}}
    after = {A: {"leaf": "3.0"}, C: {"leaf": "2.0"}}
    change = PackageChange(name="leaf", before="1.0, 2.0", after="2.0, 3.0")
    assert package_changes(before, after) == (change,)


def test_a_package_that_stays_elsewhere_is_not_removed() -> None:
    stays = {B: {"fx": "1.0", "leaf": "1.0"}}
    assert package_changes({A: {"fx": "2.0", "leaf": "1.0"}, **stays}, stays) == (
        PackageChange(name="fx", before="1.0, 2.0", after="1.0"),
    )
    assert package_changes(stays, {A: {"fx": "2.0"}, **stays}) == (
        PackageChange(name="fx", before="1.0", after="1.0, 2.0"),
    )


def test_a_location_replaced_in_place_is_compared() -> None:
    change = PackageChange(name="leaf", before="1.0", after="1.1")
    assert package_changes({A: {"leaf": "1.0"}}, {A: {"leaf": "1.1"}}) == (change,)
