"""Targets that are not on this machine: locked, vendored, and told where that is not exact."""

import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

from manager.locks.foreign_targets import UnknownTargetError, parse_target
from tests.bundler.say import run_bundle
from tests.bundler.supply import VALUES, Machine, make_index, make_numbers_project
from tests.conftest import python_or_skip
from tests.wheel_maker import make_wheel

TAGS = (
    "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp312-cp312-manylinux_2_28_aarch64",
    "cp37-abi3-win_amd64",
    "cp313-cp313-macosx_10_13_universal2",
)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A directory of wheels whose dependency has a wheel for each of some platforms only."""
    index = tmp_path / "index"
    for tag in TAGS:
        make_wheel(index, "native", "1.0", tag=tag, requires=["only-windows; os_name == 'nt'"])
    machine = Machine(tmp_path / "machine", index=index)
    make_wheel(
        machine.plugins / "acme",
        "acme",
        "1.0",
        requires=["native"],
        entry_points={"venvoy.source": {"x": "acme:X"}},
    )
    return machine


def test_a_location_is_locked_and_vendored_for_foreign_targets(machine: Machine) -> None:
    targets = ("cp311-manylinux_2_28_x86_64", "cp312-manylinux_2_28_aarch64", "cp313-win_amd64")
    options = [word for target in targets for word in ("--target", target)]
    told = machine.venvoy("plugins", "lock", "--plugin-path", machine.plugins, *options)
    lock = tomllib.loads((machine.plugins / "acme" / "pylock.toml").read_text())
    assert lock["tool"]["venvoy"]["targets"] == list(targets)
    machine.plugins_command("vendor")
    house = machine.plugins / "acme" / "wheels"
    assert sorted(file.name for file in house.iterdir()) == [
        "native-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "native-1.0-cp312-cp312-manylinux_2_28_aarch64.whl",
        "native-1.0-cp37-abi3-win_amd64.whl",
    ]
    # pip asked this machine of `os_name`, which would have brought `only-windows` there.
    inexact = [line for line in told.stderr.splitlines() if line.startswith("cp313-win_amd64: ")]
    assert "os_name (posix)" in inexact[0]


def test_a_project_that_pythons_build_to_other_bytes_is_bundled_for_all(
    tmp_path: Path,
) -> None:
    pythons = {minor: python_or_skip(minor) for minor in ("3.11", "3.12")}
    index = make_index(tmp_path / "index")
    newer = {"tinymore.py": "VERSION = '4.0'\n"}  # what stands in the wheel's WHEEL
    make_wheel(index, "tinymore", "4.0", files=newer, requires_python=">=3.12")
    machine = Machine(tmp_path / "machine", index=index)
    project = make_numbers_project(machine.plugins / "project")
    machine.plugins_command("lock", *(f"--python={minor}" for minor in pythons))
    machine.plugins_command("vendor")
    bundle = machine.directory / "place" / "project.pyz"
    bundle.parent.mkdir()
    machine.venvoy("bundle", project, "-o", bundle)
    machine.venvoy("bundle", "--check", bundle, project)
    own = [name for name in ZipFile(bundle).namelist() if "acme_numbers" in name]
    assert len(own) == len(pythons)
    config = machine.directory / "n.properties"
    config.write_text("name=n\nconnector.class=NumbersSource\n")
    for python in pythons.values():
        done = run_bundle(bundle, "run", str(config), python=python, cache=tmp_path)
        assert len(done.stdout.splitlines()) == VALUES, done.stderr
    directory = machine.plugins_command("sync").envelope["data"]
    told = machine.venvoy("plugins", "sync", "--json", "--plugin-path", bundle).envelope["data"]
    assert isinstance(directory, dict)
    assert isinstance(told, dict)
    assert [one["environment"] for one in told["plugins"]] == [
        one["environment"] for one in directory["plugins"]
    ]


def test_a_target_without_a_wheel_is_told(machine: Machine) -> None:
    told = machine.plugins_command("lock", "--target", "cp310-musllinux_1_2_x86_64", code=1)
    assert told.codes == ["unresolvable"]
    assert "native" in told.messages[0]


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_28_x86_64", "py30-none-any"),
        ("cp313t-musllinux_1_2_aarch64", "cp313-cp313t-musllinux_1_2_aarch64", "py30-none-any"),
        ("cp39-macosx_11_0_arm64", "cp39-cp39-macosx_11_0_arm64", "py30-none-any"),
        ("cp312-win32", "cp312-cp312-win32", "py30-none-any"),
    ],
)
def test_a_target_takes_tags_from_the_best_to_any(name: str, first: str, last: str) -> None:
    target = parse_target(name)
    assert target.name == name
    assert (target.tags[0], target.tags[-1]) == (first, last)
    assert "py3-none-any" in target.tags


def test_an_older_glibc_is_taken_too_and_a_newer_is_not() -> None:
    tags = parse_target("cp311-manylinux_2_17_x86_64").tags
    assert "cp311-cp311-manylinux2014_x86_64" in tags
    assert "cp38-abi3-manylinux_2_5_x86_64" in tags
    assert "cp311-cp311-manylinux_2_18_x86_64" not in tags


@pytest.mark.parametrize(
    "name",
    [
        "",
        "cp311",
        "py3-any",
        "cp27-linux_x86_64",
        "cp311-beos",
        "cp311-manylinux_2_28_x86_65",
        "cp311-musllinux_1_2_amd64",
        "cp313-macosx_11_0_x86",
    ],
)
def test_what_names_no_target_is_refused(name: str) -> None:
    with pytest.raises(UnknownTargetError):
        parse_target(name)
