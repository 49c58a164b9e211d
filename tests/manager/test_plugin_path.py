"""Places and locations: what is found, what is reported, and that nothing hides anything."""

import os
from pathlib import Path

import pytest

from manager.errors import VenvoyError
from manager.plugins.plugin_path import Location, Scan, Shape, parse_plugin_path, scan
from tests.project_maker import make_project
from tests.wheel_maker import make_wheel


def names(found: Scan) -> list[str]:
    return [location.name for location in found.locations]


def faults(found: Scan) -> list[tuple[str, str, str]]:
    return [(one.error.code, one.severity, one.path.name) for one in found.problems]


def only_error(found: Scan) -> VenvoyError:
    (problem,) = found.problems
    return problem.error


@pytest.fixture
def place(tmp_path: Path) -> Path:
    directory = tmp_path / "plugins"
    directory.mkdir()
    return directory


def test_blanks_and_empty_elements_of_the_setting_are_ignored() -> None:
    assert parse_plugin_path(" /a ,, /b/c d ,") == (Path("/a"), Path("/b/c d"))
    assert parse_plugin_path("") == parse_plugin_path(" , ") == ()


def test_an_empty_plugin_path_finds_nothing_and_complains_of_nothing() -> None:
    assert scan(()) == Scan(locations=(), problems=())


def test_each_shape_of_location_is_recognised(place: Path) -> None:
    make_project(place / "project")
    make_wheel(place / "wheels-above", "acme", "1.0")
    make_wheel(place / "wheels-below" / "wheels", "acme", "1.0")
    make_wheel(place, "solo", "1.0")
    (place / "app.pyz").write_bytes(b"")
    shapes = {location.name: location.shape for location in scan((place,)).locations}
    assert shapes == {
        "app.pyz": Shape.BUNDLE,
        "project": Shape.PROJECT,
        "solo-1.0-py3-none-any.whl": Shape.WHEEL,
        "wheels-above": Shape.WHEELS,
        "wheels-below": Shape.WHEELS,
    }


def test_a_project_with_a_wheelhouse_is_a_project(place: Path) -> None:
    make_project(place / "acme")
    dependency = make_wheel(place / "acme" / "wheels", "dep", "1.0")
    (location,) = scan((place,)).locations
    assert location.shape is Shape.PROJECT
    assert location.wheelhouse_dirs == (place / "acme" / "wheels",)
    assert location.wheel_files() == (dependency,)


def test_a_wheel_named_directly_is_a_location(place: Path) -> None:
    wheel = make_wheel(place, "acme", "1.0")
    make_wheel(place, "other", "1.0")
    (location,) = scan((wheel,)).locations
    assert (location.path, location.shape, location.place) == (wheel, Shape.WHEEL, place)
    assert location.wheelhouse_dirs == (place,)
    assert location.wheel_files() == (wheel,)


def test_locks_and_settings_stand_in_a_directory_and_beside_a_file(place: Path) -> None:
    def location(name: str, shape: Shape) -> Location:
        return Location(path=place / name, shape=shape, place=place, place_index=0)

    assert location("a", Shape.PROJECT).lock_file == place / "a" / "pylock.toml"
    assert location("a", Shape.PROJECT).settings_file == place / "a" / "pyproject.toml"
    assert location("a", Shape.WHEELS).settings_file == place / "a" / "venvoy.toml"
    wheel = location("acme-1.0.2-py3-none-any.whl", Shape.WHEEL)
    assert wheel.lock_file == place / "pylock.acme-1-0-2-py3-none-any.toml"
    assert wheel.settings_file == place / "venvoy.acme-1-0-2-py3-none-any.toml"


def test_locations_come_by_place_and_then_by_name_whatever_the_disk_says(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        make_project(tmp_path / "second" / name)
        make_project(tmp_path / "first" / name)
    found = scan((tmp_path / "second", tmp_path / "first"))
    assert [f"{one.place.name}/{one.name}" for one in found.locations] == [
        "second/a", "second/b", "second/c", "first/a", "first/b", "first/c",
    ]  # fmt: skip
    assert [one.place_index for one in found.locations] == [0, 0, 0, 1, 1, 1]


def test_a_missing_place_is_reported_and_its_neighbour_is_found(tmp_path: Path) -> None:
    make_project(tmp_path / "there" / "acme")
    found = scan((tmp_path / "missing", tmp_path / "there"))
    assert names(found) == ["acme"]
    assert faults(found) == [("missing-place", "error", "missing")]
    assert str(tmp_path / "missing") in only_error(found).message


def test_a_file_that_is_no_plugin_is_refused_as_a_place(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    assert faults(scan((tmp_path / "notes.txt",))) == [("not-a-location", "error", "notes.txt")]


def test_an_archive_of_another_kind_is_a_warning(place: Path) -> None:
    (place / "connector.zip").write_bytes(b"")
    (place / "acme-1.0.tar.gz").write_bytes(b"")
    (place / "README.md").write_text("")
    assert faults(scan((place,))) == [
        ("not-a-location", "warning", "acme-1.0.tar.gz"),
        ("not-a-location", "warning", "connector.zip"),
    ]


def test_a_place_that_the_system_refuses_is_reported_and_its_neighbour_is_found(
    place: Path,
) -> None:
    make_project(place / "acme")
    found = scan((place / ("x" * 300), place))
    assert names(found) == ["acme"]
    assert "file name too long" in only_error(found).message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_location_is_reported_and_its_neighbour_is_found(place: Path) -> None:
    make_project(place / "good")
    make_project(place / "locked")
    (place / "locked").chmod(0)
    try:
        found = scan((place,))
    finally:
        (place / "locked").chmod(0o700)
    assert names(found) == ["good"]
    assert faults(found) == [("unreadable", "error", "locked")]


def test_plugins_one_level_too_deep_are_answered_with_the_place_that_was_meant(
    place: Path,
) -> None:
    make_project(place / "vendor" / "acme")
    make_wheel(place / "vendor" / "other", "other", "1.0")
    found = scan((place,))
    assert names(found) == []
    assert faults(found) == [("nested-locations", "error", "vendor")]
    assert only_error(found).hint == f"did you mean `plugin.path={place}/vendor`?"
    assert "`acme`, `other`" in only_error(found).message


def test_a_project_named_as_a_place_is_answered_with_its_parent(place: Path) -> None:
    make_project(place / "acme")
    make_wheel(place / "acme" / "wheels", "dep", "1.0")
    found = scan((place / "acme",))
    assert names(found) == []
    assert only_error(found).code == "place-is-a-location"
    assert only_error(found).hint == f"did you mean `plugin.path={place}`?"


def test_a_place_that_has_a_pyproject_of_its_own_may_hold_plugins(place: Path) -> None:
    (place / "pyproject.toml").write_text("[tool.ruff]\n")
    make_project(place / "acme")
    assert (names(scan((place,))), faults(scan((place,)))) == (["acme"], [])


def test_code_without_metadata_is_an_error_with_a_remedy(place: Path) -> None:
    (place / "bare").mkdir()
    (place / "bare" / "connector.py").write_text("")
    (place / "package" / "acme").mkdir(parents=True)
    (place / "package" / "acme" / "__init__.py").write_text("")
    found = scan((place,))
    assert faults(found) == [("no-metadata", "error", "bare"), ("no-metadata", "error", "package")]
    assert "pyproject.toml" in found.problems[0].error.hint


@pytest.mark.parametrize("name", [".git", ".hidden", "__pycache__"])
def test_hidden_directories_and_caches_are_ignored(place: Path, name: str) -> None:
    make_project(place / name)
    assert scan((place,)) == Scan(locations=(), problems=())


def test_a_dangling_link_is_a_warning(place: Path) -> None:
    make_project(place / "good")
    (place / "gone").symlink_to("nowhere")
    found = scan((place, place.parent))
    assert names(found) == ["good"]
    assert ("dangling-link", "warning", "gone") in faults(found)


def test_a_link_to_itself_or_to_a_directory_above_is_a_warning(place: Path) -> None:
    make_project(place / "good")
    (place / "a").symlink_to("b")
    (place / "b").symlink_to("a")
    (place / "up").symlink_to("..")
    (place / "here").symlink_to(".")
    found = scan((place,))
    assert names(found) == ["good"]
    assert faults(found) == [("link-loop", "warning", name) for name in ("a", "b", "here", "up")]


def test_a_place_that_is_a_link_is_followed(tmp_path: Path, place: Path) -> None:
    make_project(place / "acme")
    (tmp_path / "link").symlink_to("plugins")
    (location,) = scan((tmp_path / "link",)).locations
    assert location.path == tmp_path / "link" / "acme"


def test_a_location_reached_twice_counts_once_by_its_own_name(place: Path) -> None:
    make_project(place / "zeta")
    (place / "alpha").symlink_to("zeta")
    found = scan((place, place, place / ".." / "plugins"))
    assert (names(found), faults(found)) == (["zeta"], [])


def test_relative_places_become_absolute(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(place / "acme")
    with monkeypatch.context() as patch:
        patch.chdir(place.parent)
        (location,) = scan((Path("plugins"),)).locations
    assert location.path == place / "acme"
