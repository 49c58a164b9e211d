"""Each form of `connector.version` runs the version that design 4 says; the records tell which."""

import json
from pathlib import Path

import pytest

from tests.isolation.plugins import SOURCE, entry_points
from tests.isolation.workspaces import Workspace, once

INSTALLED = ("1.4.0", "1.5.0", "2.0.0", "2.1.0rc1")
MORE = "def more(): return importlib.metadata.version('acme')\n"

# What is asked for -> what runs; None is a config without the key.
ASKED: dict[str | None, str] = {
    "1.4.0": "1.4.0",
    "latest": "2.0.0",
    None: "2.0.0",
    ">=1,<2": "1.5.0",
    "[1.0,2.0)": "1.5.0",
    "2.1.0rc1": "2.1.0rc1",
    ">=1": "2.0.0",
    ">2.0": "2.1.0rc1",  # nothing else is there, so the pre-release counts
    "[1.0,3.0)": "2.1.0rc1",  # Maven's brackets always count them
    "(,1.5.0),(2.0.0,2.1.0)": "2.1.0rc1",
}
TOPICS = {asked: f"asked-{number}" for number, asked in enumerate(ASKED)}


def write_plugins(workspace: Workspace) -> None:
    for version in INSTALLED:
        files = {"acme.py": SOURCE + MORE}
        workspace.wheel(version, "acme", version, files=files, entry_points=entry_points("acme"))


@pytest.fixture(scope="module")
def told(isolation_dir: Path, store_dir: Path) -> dict[str, list[str]]:
    """For each topic the versions of its connector: by the report, by the record, by the name."""
    workspace = Workspace(isolation_dir / "versions", store_dir)
    answer = workspace.work / "told.json"
    with once(isolation_dir, "versions") as mine:
        if mine is not None:
            write_plugins(workspace)
            configs = []
            for asked, topic in TOPICS.items():
                version = {} if asked is None else {"connector__version": asked}
                configs.append(workspace.config(topic, "acme.Source", topic=topic, **version))
            rows = workspace.run(*configs).rows()
            found = {}
            for row in rows:
                topic = str(row["connector"])
                record = workspace.values(topic)[-2]
                path = str(record["path"])
                found[topic] = [row["version"], record["more"], path.count("/environments/")]
            answer.write_text(json.dumps(found))
    loaded: dict[str, list[str]] = json.loads(answer.read_text())
    return loaded


@pytest.mark.parametrize(("asked", "version"), ASKED.items(), ids=[str(one) for one in ASKED])
def test_the_version_that_is_asked_for_runs(
    told: dict[str, list[str]], asked: str | None, version: str
) -> None:
    assert told[TOPICS[asked]] == [version, version, 1]


@pytest.mark.parametrize("asked", ["3.0.0", ">=3", "[1.5.1,2.0.0)", "2.1.0"])
def test_a_version_that_is_not_installed_fails_before_anything_starts(
    workspace: Workspace, asked: str
) -> None:
    write_plugins(workspace)
    good = workspace.config("good", "acme.Source", topic="good", connector__version="1.4.0")
    bad = workspace.config("bad", "acme.Source", topic="bad", connector__version=asked)
    ran = workspace.run(good, bad, code=1)
    assert ran.stdout == "" or ran.told is not None
    said = ran.stderr + ran.stdout
    assert asked in said
    assert "1.4.0, 1.5.0, 2.0.0, 2.1.0rc1" in said
    assert "RUNNING" not in said
    assert not workspace.log_file.exists() or workspace.records("good") == []
