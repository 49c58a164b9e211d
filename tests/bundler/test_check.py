"""Checking a repository of plugins: one table, one exit code."""

import shutil
from pathlib import Path

import pytest

from bundler.recorded_digests import write_digests
from manager.digests import file_sha256
from manager.errors import UnwritableError
from tests.bundler.supply import Machine, vendored_machine


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A repository with two vendored locations and a bundle of one, their digests recorded."""
    near = vendored_machine(tmp_path_factory)
    machine = Machine(tmp_path_factory.mktemp("repository"))
    machine.store = near.store
    shutil.copytree(near.plugins, machine.plugins, dirs_exist_ok=True)
    project = machine.plugins / "project"
    machine.venvoy("bundle", project, "-o", machine.plugins / "project.pyz", "--offline")
    machine.plugins_command("check", "--update")
    return machine


@pytest.fixture
def repository(complete: Machine, tmp_path: Path) -> Machine:
    """A copy of it, for one test; the store is shared."""
    machine = Machine(tmp_path / "copy")
    shutil.rmtree(machine.plugins)
    shutil.copytree(complete.plugins, machine.plugins)
    machine.store = complete.store
    return machine


def failures(machine: Machine, *options: str, code: int = 1) -> dict[tuple[str, str], str]:
    data = machine.plugins_command("check", *options, code=code).envelope["data"]
    assert isinstance(data, list)
    return {
        (Path(row["location"]).name, one["check"]): one["detail"]
        for row in data
        for one in row["checks"]
        if one["state"] != "ok"
    }


def test_a_complete_repository_is_well(repository: Machine) -> None:
    assert failures(repository, code=0) == {}


def test_digests_are_the_same_elsewhere(repository: Machine, complete: Machine) -> None:
    recorded = (repository.plugins / "venvoy.digests").read_bytes()
    (repository.plugins / "venvoy.digests").unlink()
    failures(repository, "--update", code=0)
    assert (repository.plugins / "venvoy.digests").read_bytes() == recorded
    lines = recorded.decode().splitlines()
    assert [line.split()[1] for line in lines] == ["project", "project.pyz", "wheelsdir"]
    assert lines[0].split()[0] == lines[1].split()[0]  # a bundle is what it was made from


def test_a_missing_wheel_fails(repository: Machine) -> None:
    (repository.plugins / "wheelsdir" / "wheels" / "oldlib-1.0-py3-none-any.whl").unlink()
    ((key, detail),) = failures(repository).items()
    assert key == ("wheelsdir", "wheels")
    assert detail.startswith("lacks oldlib-1.0-py3-none-any.whl (sha256 ")


def test_of_many_missing_wheels_a_few_are_told_and_all_are_listed(repository: Machine) -> None:
    wheels = repository.plugins / "project" / "wheels"
    gone = {file.name: file_sha256(file) for file in wheels.glob("*.whl")}
    shutil.rmtree(wheels)
    data = repository.plugins_command("check", code=1).envelope["data"]
    assert isinstance(data, list)
    (outcome,) = [
        each
        for row in data
        for each in row["checks"]
        if Path(row["location"]).name == "project" and each["check"] == "wheels"
    ]
    assert {one["file"]: one["sha256"] for one in outcome["missing"]} == gone
    assert outcome["detail"].count("sha256") == 2 < len(gone)
    remedy = f"run `venvoy plugins vendor {repository.plugins / 'project'}`"
    assert outcome["detail"].endswith(f" and {len(gone) - 2} more; {remedy}")


def test_changed_code_fails_the_digest_and_the_bundle(repository: Machine) -> None:
    source = repository.plugins / "project" / "acme_numbers.py"
    source.write_text(source.read_text() + "# another\n")
    assert failures(repository).keys() == {("project", "digest"), ("project.pyz", "bundle")}


def test_a_stale_lock_fails(repository: Machine) -> None:
    project = repository.plugins / "project" / "pyproject.toml"
    project.write_text(project.read_text().replace('"oldlib"', '"oldlib>=0.5"'))
    found = failures(repository)
    assert "the requirement `oldlib>=0.5` is new" in found["project", "lock"]


def test_a_digest_that_nobody_recorded_fails(repository: Machine) -> None:
    (repository.plugins / "venvoy.digests").unlink()
    found = failures(repository)
    assert {check for _, check in found} == {"digest"}
    assert all("is not recorded" in detail for detail in found.values())


def test_an_unreadable_file_of_digests_is_told_by_its_line(repository: Machine) -> None:
    (repository.plugins / "venvoy.digests").write_text("# reviewed\nabc  project\n")
    told = repository.plugins_command("check", code=1)
    assert told.codes == ["invalid-digests"]
    assert told.messages[0].startswith("line 2 of ")


def test_digests_that_cannot_be_recorded_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnwritableError, match="no such file or directory"):
        write_digests(tmp_path / "gone", {"acme": "0" * 64})


def test_one_table_says_it_all(repository: Machine) -> None:
    told = repository.venvoy("plugins", "check", "--plugin-path", repository.plugins)
    rows = [line.split()[:3] for line in told.stdout.splitlines()]
    assert rows[0] == ["location", "check", "state"]
    assert ["project.pyz", "bundle", "ok"] in rows
    assert len(rows) == 11
