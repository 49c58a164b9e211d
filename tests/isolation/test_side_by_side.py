"""One run holds pydantic 1 and 2 and SQLAlchemy 1.4 and 2 at once, in processes apart (X04)."""

import json
import re
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.isolation.workspaces import ROOT, Workspace

LOCATIONS = ("csv_source_1", "csv_source_2", "sql_sink_1", "sql_sink_2")
CONNECTORS = ("airports-v1", "airports-v2", "airports-sql-v1", "airports-sql-v2")
WANTED = {("pydantic", "1"), ("pydantic", "2"), ("sqlalchemy", "1"), ("sqlalchemy", "2")}
Loaded = dict[int, set[tuple[str, str]]]


def wheels_of(store: Path) -> dict[str, tuple[str, str]]:
    """The directory's name of each contended wheel in the store -> name and major version."""
    found = {}
    for receipt in store.glob("wheels/*/*/wheel.json"):
        wheel = json.loads(receipt.read_text())
        if wheel["name"] in ("pydantic", "pydantic-core", "sqlalchemy"):
            name = "pydantic" if wheel["name"] == "pydantic-core" else wheel["name"]
            found[receipt.parts[-3]] = (name, wheel["version"].partition(".")[0])
    return found


def loaded_now(wheels: dict[str, tuple[str, str]]) -> Loaded:
    """For each process the contended libraries whose native code it has mapped at this moment."""
    found: Loaded = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"venvoy_host" not in (process / "cmdline").read_bytes():
                continue
            maps = (process / "maps").read_text()
        except OSError:
            continue
        digests = set(re.findall(r"/wheels/([0-9a-f]{40})/", maps)) & wheels.keys()
        if digests:
            found[int(process.name)] = {wheels[digest] for digest in digests}
    return found


def rows(file: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as database:
        return database.execute("select * from airports order by ident").fetchall()


@pytest.mark.network
@pytest.mark.timeout(600)
def test_pydantic_1_and_2_and_both_sqlalchemys_run_at_once(workspace: Workspace) -> None:
    samples = workspace.work / "sample_plugins"
    shutil.copytree(ROOT / "sample_plugins", samples)
    configs = samples / "configs"
    worker = configs / "worker.properties"
    workspace.venvoy("plugins", "sync", *LOCATIONS, "--json", "--worker-config", worker)
    wheels = wheels_of(workspace.store)
    assert set(wheels.values()) >= {("pydantic", "1"), ("pydantic", "2")}

    files = [configs / f"{name}.properties" for name in CONNECTORS]
    seen: list[Loaded] = []
    with workspace.start("run", "--offline", "--json", worker, *files) as process:
        while process.poll() is None:
            seen.append(loaded_now(wheels))
            time.sleep(0.02)
        stdout, stderr = process.communicate()
    assert process.returncode == 0, stdout + stderr

    # At one moment all four were loaded; at no moment did one process hold two of a kind.
    at_once = [one for one in seen if set().union(*one.values()) >= WANTED]
    assert at_once, seen
    for one in seen:
        for pid, libraries in one.items():
            assert len({name for name, _ in libraries}) == len(libraries), (pid, libraries)
    assert any(len(one) >= 4 for one in at_once)

    told = {row["connector"]: row for row in json.loads(stdout)["data"]}
    versions = {name: row["version"] for name, row in told.items()}
    assert {name: version[0] for name, version in versions.items()} == {
        "airports-v1": "1",
        "airports-v2": "2",
        "airports-sql-v1": "1",
        "airports-sql-v2": "2",
    }
    assert len({row["environments"][0] for row in told.values()}) == 4
    count = len((samples / "data" / "airports.csv").read_text().splitlines()) - 1
    assert count > 1000
    assert {row["records_out"] for row in told.values()} == {count}

    # The same airports from both, as text from the one and with types from the other.
    old, new = (rows(workspace.work / f"airports_v{number}.db") for number in (1, 2))
    assert len(old) == len(new) == count
    assert {type(value) for row in old for value in row} <= {str, type(None)}
    assert {type(value) for row in new for value in row} >= {str, int, float}
    column = 0
    assert [row[column] for row in old] == [row[column] for row in new]
