"""Bills of materials and differences: what plugins are made of, and what became of them."""

import json
import shutil
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.bundler.supply import Machine, make_index, make_numbers_wheels
from tests.wheel_maker import make_wheel


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """Two versions of a plugin, vendored, and a bundle of the first."""
    directory = tmp_path_factory.mktemp("versions")
    machine = Machine(directory, index=make_index(directory / "index"))
    first = make_numbers_wheels(machine.plugins / "first")
    second = machine.plugins / "second"
    files = {"acme_numbers.py": "import newer\n", "acme_more.py": "MORE = 1\n"}
    make_wheel(
        second,
        "acme-numbers",
        "2.0",
        files=files,
        requires=["newer", "venvoy-api>=1"],
        entry_points={"venvoy.source": {"numbers": "acme_numbers:NumbersSourceConnector"}},
    )
    make_wheel(second, "newer", "0.1", files={"newer.py": "", "shared.py": "1"}, requires=["base"])
    make_wheel(second, "base", "1.1", files={"base.py": "VERSION = 2\n"})
    machine.plugins_command("vendor")
    machine.venvoy("bundle", first, "-o", directory / "first.pyz")
    return machine


def sbom(machine: Machine, *paths: Path) -> str:
    return machine.venvoy("sbom", *paths).stdout


def test_a_bill_of_materials_is_valid_and_names_packages_wheels_and_graph(
    machine: Machine,
) -> None:
    text = sbom(machine, machine.plugins / "second")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    told = json.loads(text)
    plugin = told["metadata"]["component"]
    assert (plugin["name"], plugin["version"], plugin["type"]) == (
        "acme-numbers", "2.0", "application",
    )  # fmt: skip
    purls = [one["purl"] for one in told["components"]]
    assert purls == ["pkg:pypi/acme-numbers@2.0", "pkg:pypi/base@1.1", "pkg:pypi/newer@0.1"]
    (reference,) = told["components"][1]["externalReferences"]
    assert reference["url"] == "base-1.1-py3-none-any.whl"
    graph = {one["ref"]: one.get("dependsOn", []) for one in told["dependencies"]}
    assert graph["pkg:pypi/newer@0.1"] == ["pkg:pypi/base@1.1"]
    assert "pkg:pypi/newer@0.1" in graph[plugin["bom-ref"]]
    assert "timestamp" not in told["metadata"]


def test_the_same_content_has_the_same_bill_as_directory_as_copy_and_as_bundle(
    machine: Machine, tmp_path: Path
) -> None:
    first = machine.plugins / "first"
    shutil.copytree(first, tmp_path / "elsewhere" / "first")
    assert sbom(machine, first) == sbom(machine, tmp_path / "elsewhere" / "first")
    assert sbom(machine, first) == sbom(machine, machine.directory / "first.pyz")
    assert sbom(machine, first) != sbom(machine, machine.plugins / "second")


def test_a_whole_plugin_path_has_one_bill(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    machine.venvoy("sbom", "--plugin-path", machine.plugins, "-o", file)
    text = file.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    plugins = [one for one in json.loads(text)["components"] if one["type"] == "application"]
    assert [one["version"] for one in plugins] == ["1.0", "2.0"]


def test_a_difference_names_packages_files_and_size(machine: Machine) -> None:
    told = machine.venvoy("diff", "--json", machine.plugins / "first", machine.plugins / "second")
    data = told.envelope["data"]
    assert isinstance(data, dict)
    packages = {
        one["name"]: (one["change"], one["before"], one["after"]) for one in data["packages"]
    }
    assert packages == {
        "acme-numbers": ("changed", "1.0", "2.0"),
        "base": ("added", None, "1.1"),
        "newer": ("added", None, "0.1"),
        "oldlib": ("removed", "1.0", None),
    }
    assert {one["path"]: one["change"] for one in data["files"]} == {
        "acme_more.py": "added",
        "acme_numbers.py": "changed",
        "base.py": "added",
        "newer.py": "added",
        "oldlib.py": "removed",
        "shared.py": "added",
    }
    assert data["unseen_wheels"] == []
    assert data["size_bytes"]["before"] > 0


def test_a_bundle_and_what_it_was_made_from_do_not_differ(machine: Machine) -> None:
    bundle = machine.directory / "first.pyz"
    data = machine.venvoy("diff", "--json", machine.plugins / "first", bundle).envelope["data"]
    assert isinstance(data, dict)
    assert (data["packages"], data["files"]) == ([], [])


def test_what_is_not_at_hand_is_told_and_not_called_removed(
    machine: Machine, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(machine.plugins / "second", bare)
    wheel = next(bare.rglob("newer-*.whl"))
    wheel.unlink()
    data = machine.venvoy("diff", "--json", machine.plugins / "second", bare).envelope["data"]
    assert isinstance(data, dict)
    assert data["unseen_wheels"] == [wheel.name]
    assert data["files"] == []
