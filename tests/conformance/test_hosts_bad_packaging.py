"""PL: a distribution full of faults, of which the sound classes stay usable."""

import json
from pathlib import Path

import pytest

from tests.conformance.bad_packaging import ENTRY_POINTS, FAULTS, FILES
from tests.isolation.workspaces import Ran, Workspace, once

ROWS = {
    "PL06": "always_throws.C",
    "PL08": "missing_superclass.C",
    "PL09": "class_body.C",
    "PL10": "class_body.C",
    "PL11": "connectors.DefaultConstructorThrows",
    "PL12": "connectors.DefaultConstructorPrivate",
    "PL13": "connectors.NoDefaultConstructor",
}


@pytest.fixture(scope="module")
def place(host_tests_dir: Path) -> Workspace:
    """A workspace with the bad packaging and a sound neighbour, synced."""
    workspace = Workspace(host_tests_dir / "bad", host_tests_dir / "store")
    with once(host_tests_dir, "bad") as mine:
        if mine is not None:
            workspace.wheel("bad", "bad-packaging", files=FILES, entry_points=ENTRY_POINTS)
            neighbour = {"venvoy.source": {"neighbour": "neighbour:Source"}}
            files = {"neighbour.py": FILES["good.py"]}
            workspace.wheel("neighbour", "neighbour", files=files, entry_points=neighbour)
            synced = workspace.sync(code=1)
            (workspace.work / "synced.json").write_text(json.dumps(synced.told))
    return workspace


@pytest.fixture
def states(place: Workspace) -> dict[str, tuple[str, str]]:
    """Each class of the two locations with its state and the detail."""
    told = json.loads((place.work / "synced.json").read_text())
    return {
        row["class"]: (row["state"], row["detail"])
        for row in told["data"]["plugins"]
        if row["location"] != "built in"
    }


def run(place: Workspace, tmp_path: Path, *connectors: Path, code: int) -> Ran:
    """Run in a log of the test's own."""
    worker = place.properties(
        tmp_path.name,
        {
            "plugin.path": str(place.plugins),
            "storage.file": str(tmp_path / "log.sqlite"),
            "value.converter.schemas.enable": "false",
        },
    )
    return place.venvoy("run", "--offline", "--json", worker, *connectors, code=code)


@pytest.mark.parametrize(("row", "class_name"), ROWS.items(), ids=list(ROWS))
def test_PL06_PL08_PL09_PL10_PL11_PL12_PL13_a_bad_class_is_refused_by_name_and_the_worker_lives(
    place: Workspace, states: dict[str, tuple[str, str]], tmp_path: Path, row: str, class_name: str
) -> None:
    state, detail = states[class_name]
    assert state == "broken"
    assert FAULTS[class_name] in detail
    config = place.config(f"bad-{row}", class_name, topic="bad")
    ran = run(place, tmp_path, config, code=1)
    assert class_name.partition(".")[0] in ran.stdout + ran.stderr
    assert FAULTS[class_name] in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


def test_PL07_the_good_class_beside_them_runs(place: Workspace, tmp_path: Path) -> None:
    good = place.config("good", "good.Source", topic="good")
    neighbour = place.config("neighbour", "neighbour.Source", topic="good")
    rows = run(place, tmp_path, good, neighbour, code=0).rows()
    assert [(row["state"], row["records_out"]) for row in rows] == [("COMPLETED", 4)] * 2


def test_PL08_the_message_names_the_missing_module_and_its_remedy(
    place: Workspace, states: dict[str, tuple[str, str]]
) -> None:
    assert "nowhere_to_be_found" in states["missing_superclass.C"][1]
    told = json.loads((place.work / "synced.json").read_text())
    hints = {one["message"]: one["hint"] for one in told["errors"]}
    (hint,) = (hint for message, hint in hints.items() if "pkg_resources" in message)
    assert "`setuptools<81`" in hint


def test_PL11_a_class_of_two_types_fails_for_both(place: Workspace) -> None:
    told = json.loads((place.work / "synced.json").read_text())
    rows = [row for row in told["data"]["plugins"] if row["class"].endswith("ConstructorThrows")]
    assert {row["type"]: row["state"] for row in rows} == {
        "source": "broken",
        "converter": "broken",
        "header_converter": "broken",
    }


def test_PL14_bad_classes_are_listed_as_unusable_with_the_reason(
    states: dict[str, tuple[str, str]],
) -> None:
    assert {name for name, (state, _) in states.items() if state == "broken"} == set(FAULTS)
    assert {name for name, (state, _) in states.items() if state == "ready"} == {
        "good.Source",
        "connectors.VersionMethodThrows",
        "connectors.Outer.Inner",
        "neighbour.Source",
    }


def test_PL15_a_version_method_that_throws_leaves_the_plugin_usable(
    place: Workspace, tmp_path: Path
) -> None:
    config = place.config("throws", "VersionMethodThrows", topic="t", connector__version="1.0")
    (row,) = run(place, tmp_path, config, code=0).rows()
    assert (row["version"], row["state"]) == ("1.0", "COMPLETED")


def test_PL16_a_nested_class_runs(place: Workspace, tmp_path: Path) -> None:
    config = place.config("nested", "connectors.Outer.Inner", topic="t")
    (row,) = run(place, tmp_path, config, code=0).rows()
    assert row["state"] == "COMPLETED"
