"""`venvoy which` and `venvoy outdated`, over a plugin path and over a running worker."""

import json
import shutil
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from tests.clients.conftest import TICKER
from tests.isolation.workspaces import Workspace
from tests.ports import free_port
from tests.wheel_maker import make_wheel

START_S = 120.0
SOURCE = {"venvoy.source": {"ticker": "ticker:TickerSourceConnector"}}
NO_INDEX = {"PIP_NO_INDEX": "1"}


@pytest.fixture(scope="session")
def fleet_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that has the environments of `workspace` and no other."""
    return tmp_path_factory.mktemp("fleet") / "store"


@pytest.fixture
def workspace(tmp_path: Path, fleet_store: Path) -> Workspace:
    """Two versions of a source on two versions of one package, all synced."""
    made = Workspace(tmp_path, fleet_store)
    for release, leaf in (("1.4.0", "1.0"), ("2.0.0", "2.0")):
        directory = made.plugins / f"ticker-{release}"
        make_wheel(directory, "leaf", leaf)
        made.wheel(
            f"ticker-{release}", "acme-ticker", release, files={"ticker.py": TICKER},
            requires=[f"leaf~={leaf}"], entry_points=SOURCE,
        )  # fmt: skip
    made.sync()
    return made


@pytest.fixture
def url(workspace: Workspace) -> Iterator[str]:
    """A worker with `old` at 1.4.0 and `new` at anything up to 2."""
    address = f"http://127.0.0.1:{free_port()}"
    worker = workspace.worker(listeners=address)
    files = [
        workspace.config("old", "ticker", topic="t", connector__version="1.4.0"),
        workspace.config("new", "ticker", topic="t", connector__version="<=2", tasks__max="2"),
    ]
    with workspace.start("standalone", worker, *files) as process:
        deadline = time.monotonic() + START_S
        while not _runs(address):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield address
        process.terminate()
        _, said = process.communicate(timeout=START_S)
        assert process.returncode == 0, said


def _runs(address: str) -> bool:
    try:
        told = httpx.get(f"{address}/connectors?expand=status")
    except httpx.TransportError:
        return False
    counts = {}
    if told.status_code == 200:
        for name, one in told.json().items():
            tasks = one["status"]["tasks"]
            counts[name] = [task["state"] for task in tasks].count("RUNNING")
    return counts == {"old": 1, "new": 2}


def places(workspace: Workspace) -> tuple[str | Path, ...]:
    return "--plugin-path", workspace.plugins


def test_which_locations_hold_a_package(workspace: Workspace) -> None:
    rows = workspace.venvoy("which", "leaf", *places(workspace)).stdout.splitlines()
    assert rows[0].split() == ["location", "package", "version", "environment", "plugins"]
    assert [row.split()[0] for row in rows[1:]] == [
        str(workspace.plugins / "ticker-1.4.0"), str(workspace.plugins / "ticker-2.0.0"),
    ]  # fmt: skip
    (row,) = workspace.venvoy("which", "Leaf<2", *places(workspace)).stdout.splitlines()[1:]
    assert row.split()[1:3] == ["leaf", "1.0"]
    assert row.endswith("ticker.TickerSourceConnector 1.4.0")
    nothing = workspace.venvoy("which", "leaf>=3", *places(workspace))
    assert (nothing.stdout, nothing.stderr) == ("", "nothing holds `leaf>=3`\n")


def test_an_environment_whose_location_is_gone_is_told(workspace: Workspace) -> None:
    shutil.rmtree(workspace.plugins / "ticker-1.4.0")
    ran = workspace.venvoy("which", "leaf<2", *places(workspace), "--json")
    assert ran.told is not None
    data = ran.told["data"]
    assert isinstance(data, dict)
    (holder,) = data["holders"]
    assert (holder["location"], holder["version"], holder["plugins"]) == (None, "1.0", [])


def test_without_isolation_the_workers_own_environment_is_looked_at(workspace: Workspace) -> None:
    ran = workspace.venvoy("which", "click", "--plugin-path", "")
    (row,) = ran.stdout.splitlines()[1:]
    assert row.split()[1:3] == ["click", version("click")]


def test_a_location_without_a_lock_is_not_passed_over(workspace: Workspace) -> None:
    workspace.wheel("bare", "acme-bare", "1.0", requires=["leaf"], entry_points=SOURCE)
    ran = workspace.venvoy("which", "leaf", *places(workspace), code=1)
    assert f"`{workspace.plugins / 'bare'}` has no lock that tells what it needs" in ran.stderr
    assert "ticker-1.4.0" in ran.stdout


@pytest.mark.parametrize(
    "text", ["leaf[x]", "leaf @ file:///leaf", "<2", "leaf; python_version>'3'"]
)
def test_what_is_no_requirement_is_refused(workspace: Workspace, text: str) -> None:
    ran = workspace.venvoy("which", text, *places(workspace), code=2)
    assert "write a name and perhaps versions" in ran.stderr


def test_which_connectors_and_tasks_run_with_a_package(workspace: Workspace, url: str) -> None:
    ran = workspace.venvoy("which", "leaf>=2", *places(workspace), "--url", url, "--json")
    assert ran.told is not None
    data = ran.told["data"]
    assert isinstance(data, dict)
    (user,) = data["users"]
    assert (user["connector"], user["tasks"]) == ("new", [0, 1])
    assert user["stages"][0] == "connector"
    assert user["environment"] == data["holders"][0]["environment"]
    alone = workspace.venvoy("which", "leaf<2", "--url", url).stdout.splitlines()
    assert ["old", "0"] in [row.split()[:2] for row in alone]
    both = workspace.venvoy("which", "leaf", "--url", url).stdout.splitlines()[1:3]
    assert [row.split()[2:4] for row in both] == [["leaf", "1.0"], ["leaf", "2.0"]]
    pins = workspace.venvoy("outdated", "--url", url).stdout.splitlines()
    assert pins[1].split() == ["old", "connector", "1.4.0", "1.4.0", "2.0.0"]
    assert len(pins) == 2


def test_a_worker_of_another_store_is_told(workspace: Workspace, url: str, tmp_path: Path) -> None:
    elsewhere = {"VENVOY_STORE": str(tmp_path / "elsewhere")}
    ran = workspace.venvoy("which", "leaf", "--url", url, code=1, env=elsewhere)
    assert "`old` runs in " in ran.stderr
    assert f"which is not in `{tmp_path / 'elsewhere'}`" in ran.stderr


def test_pins_of_files_that_have_newer_versions_installed(workspace: Workspace) -> None:
    old = workspace.config("old", "ticker", topic="t", connector__version="1.4.0")
    new = workspace.config("new", "ticker", topic="t")
    ran = workspace.venvoy("outdated", old, new, *places(workspace), "--offline")
    rows = [row.split() for row in ran.stdout.splitlines()]
    assert rows[1:] == [["old", "connector", "1.4.0", "1.4.0", "2.0.0"]]
    wrong = workspace.config("wrong", "ticker", topic="t", connector__version="9")
    told = workspace.venvoy("outdated", old, wrong, *places(workspace), "--offline", code=1)
    assert "wrong.properties" in told.stderr
    assert "`connector.version`" in told.stderr
    assert "old" in told.stdout


def test_locks_that_have_newer_releases(workspace: Workspace) -> None:
    fresh = workspace.venvoy("outdated", *places(workspace), env=NO_INDEX)
    assert fresh.stderr.splitlines()[-1] == "nothing is outdated"
    make_wheel(workspace.plugins / "ticker-1.4.0", "leaf", "1.5")
    make_wheel(workspace.plugins / "ticker-2.0.0", "leaf", "3.0")  # not allowed by `~=2.0`
    lock = workspace.plugins / "ticker-1.4.0" / "pylock.toml"
    before = lock.read_bytes()
    ran = workspace.venvoy("outdated", *places(workspace), "--json", env=NO_INDEX)
    assert json.loads(ran.stdout)["data"]["locks"] == [
        {
            "location": str(workspace.plugins / "ticker-1.4.0"),
            "package": "leaf",
            "locked": "1.0",
            "newest": "1.5",
        }
    ]
    assert lock.read_bytes() == before
    told = workspace.venvoy("outdated", *places(workspace), "--offline")
    assert told.stderr.splitlines()[-1] == "nothing is outdated"
