"""The whole way of a plugin to a machine that has no network, and what vendoring leaves."""

import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bundler.supply import (
    VALUES,
    Machine,
    machine_without_network,
    make_numbers_project,
    make_numbers_wheels,
    vendored_machine,
)


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return vendored_machine(tmp_path_factory)


def carried(near: Machine, name: str, far: Machine) -> Path:
    shutil.copytree(near.plugins / name, far.plugins / name)
    return far.plugins / name


@pytest.mark.parametrize("name", ["project", "wheelsdir"])
def test_a_vendored_location_syncs_and_runs_where_there_is_no_network(
    near: Machine, tmp_path: Path, name: str
) -> None:
    far = machine_without_network(tmp_path / "far")
    carried(near, name, far)
    far.plugins_command("sync", "--offline", "--frozen")
    assert far.numbers("--offline", "--frozen") == VALUES


def test_a_bundle_of_a_vendored_location_is_made_and_runs_where_there_is_no_network(
    near: Machine, tmp_path: Path
) -> None:
    middle = machine_without_network(tmp_path / "middle")
    directory = carried(near, "project", middle)
    bundle = tmp_path / "numbers.pyz"
    middle.venvoy("bundle", directory, "-o", bundle, "--offline", "--frozen")
    far = machine_without_network(tmp_path / "far")
    shutil.copy(bundle, far.plugins / "numbers.pyz")
    far.plugins_command("sync", "--offline", "--frozen")
    assert far.numbers("--offline", "--frozen") == VALUES


@pytest.mark.parametrize("make", [make_numbers_project, make_numbers_wheels])
def test_the_whole_way_is_gone_in_a_network_namespace(
    near: Machine, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    """lock -> vendor -> bundle -> copy -> sync and run: its index is a directory of files."""
    shut = machine_without_network(tmp_path / "shut")
    shut.index = near.index
    location = make(shut.plugins / "numbers")
    shut.plugins_command("lock")
    shut.plugins_command("vendor")
    shut.index = None
    bundle = tmp_path / "numbers.pyz"
    shut.venvoy("bundle", location, "-o", bundle, "--offline", "--frozen")
    far = machine_without_network(tmp_path / "far")
    shutil.copy(bundle, far.plugins / "numbers.pyz")
    far.plugins_command("sync", "--offline", "--frozen")
    assert far.numbers("--offline", "--frozen") == VALUES


def test_vendoring_locks_what_builds_take(near: Machine) -> None:
    lock = tomllib.loads((near.plugins / "project" / "pylock.toml").read_text())
    build = lock["tool"]["venvoy"]["build"]
    assert build["requires"] == ["tinybuild>=1"]
    # `tinymore` is asked for by the backend while it builds, so no pyproject.toml names it.
    assert [(one["name"], one["version"]) for one in build["wheels"]] == [
        ("tinybuild", "1.2"),
        ("tinymore", "3.0"),
    ]
    (oldlib,) = lock["packages"]
    built = oldlib["tool"]["venvoy"]["built-from"]
    assert built["name"] == "oldlib-1.0.tar.gz"
    assert built["build"] == ["tinybuild==1.2", "tinymore==3.0"]


def test_a_wheelhouse_holds_every_wheel_of_the_lock(near: Machine) -> None:
    house = near.plugins / "project" / "wheels"
    assert sorted(file.name for file in house.iterdir()) == [
        "oldlib-1.0-py3-none-any.whl",
        "tinybuild-1.2-py3-none-any.whl",
        "tinymore-3.0-py3-none-any.whl",
    ]


def test_vendoring_again_without_a_network_has_nothing_to_do(near: Machine, tmp_path: Path) -> None:
    far = machine_without_network(tmp_path / "far")
    directory = carried(near, "project", far)
    before = (directory / "pylock.toml").read_bytes()
    (row,) = list_of(far.plugins_command("vendor", "--offline", "--frozen").envelope["data"])
    assert (row["added"], row["removed"], row["lock_changed"]) == ([], [], False)
    assert (directory / "pylock.toml").read_bytes() == before


def test_superfluous_wheels_are_told_and_pruned_only_when_asked(
    near: Machine, tmp_path: Path
) -> None:
    far = Machine(tmp_path / "far")
    house = carried(near, "project", far) / "wheels"
    shutil.copy(house / "tinymore-3.0-py3-none-any.whl", house / "tinymore-2.0-py3-none-any.whl")
    (row,) = list_of(far.plugins_command("vendor", "--offline").envelope["data"])
    assert row["superfluous"] == ["tinymore-2.0-py3-none-any.whl"]
    assert (house / "tinymore-2.0-py3-none-any.whl").exists()
    (row,) = list_of(far.plugins_command("vendor", "--offline", "--prune").envelope["data"])
    assert row["removed"] == ["tinymore-2.0-py3-none-any.whl"]
    assert not (house / "tinymore-2.0-py3-none-any.whl").exists()


def test_a_damaged_wheel_is_fetched_anew(near: Machine, tmp_path: Path) -> None:
    far = Machine(tmp_path / "far", index=near.index)
    house = carried(near, "project", far) / "wheels"
    good = (house / "oldlib-1.0-py3-none-any.whl").read_bytes()
    (house / "oldlib-1.0-py3-none-any.whl").write_bytes(good[:-1])
    far.plugins_command("vendor")
    assert (house / "oldlib-1.0-py3-none-any.whl").read_bytes() == good


def test_a_single_wheel_is_told_to_move_into_a_directory(near: Machine, tmp_path: Path) -> None:
    far = Machine(tmp_path / "far", index=near.index)
    wheel = make_numbers_wheels(tmp_path / "made") / "acme_numbers-1.0-py3-none-any.whl"
    shutil.copy(wheel, far.plugins)
    assert far.plugins_command("vendor", code=1).codes == ["no-wheelhouse"]


def list_of(data: object) -> list[dict[str, object]]:
    assert isinstance(data, list)
    return data
