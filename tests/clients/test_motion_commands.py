"""`venvoy connectors plan|move|…` and `venvoy plugins rescan|locations` on a worker that stands."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.commands.motion_commands import MoveReturnedError
from launcher.commands.worker_client import WorkerUnreachableError
from tests.clients.conftest import TICKER, Connect
from tests.isolation.workspaces import Ran

BROKEN = TICKER.replace(
    "        self.props = props\n", "        raise ValueError('3 cannot start')\n"
)
LABELLED = TICKER.replace(
    "return (ConfigDef()",
    "return (ConfigDef().define('label', ConfigType.STRING, default='x', "
    "importance=Importance.LOW, documentation='a label')",
)


class Commands:
    """Runs `venvoy`, as a user would, with the worker's address in the environment."""

    def __init__(self, connect: Connect) -> None:
        self.connect = connect

    def __call__(self, *arguments: str | Path, code: int = 0) -> Ran:
        env = {"VENVOY_URL": self.connect.url}
        return self.connect.workspace.venvoy(*arguments, code=code, env=env)

    def release(self, version: str, module: str) -> None:
        """Drop a version onto the plugin path."""
        self.connect.workspace.wheel(
            f"ticker-{version}", "acme-ticker", version, files={"ticker.py": module},
            entry_points={"venvoy.source": {"ticker": "ticker:TickerSourceConnector"}},
        )  # fmt: skip


@pytest.fixture
def venvoy(connect: Connect) -> Commands:
    """The commands."""
    return Commands(connect)


@pytest.fixture
def ticking(connect: Connect, venvoy: Commands, request: pytest.FixtureRequest) -> Iterator[str]:
    """A source of the test's own that runs at 1.4.0."""
    name = str(request.node.name)
    config = connect.ticker(name, connector__version="1.4.0")
    venvoy("connectors", "create", "--wait", connect.workspace.properties(name, config))
    yield name
    connect.http.delete(f"/connectors/{name}")


def test_plan_move_generations_rollback(connect: Connect, venvoy: Commands, ticking: str) -> None:
    planned = venvoy("connectors", "plan", ticking, "--version", "2.0.0").stdout.splitlines()
    assert planned[0].split() == ["stage", "class", "before", "after", "location", "environment"]
    assert planned[1].split()[:4] == [
        "connector", "ticker.TickerSourceConnector", "1.4.0", "2.0.0",
    ]  # fmt: skip
    assert ["acme-ticker", "1.4.0", "2.0.0"] in [row.split() for row in planned]
    assert planned[-1] == f"would restart: {ticking}, {ticking}-0"
    assert connect.wait_for(ticking, "RUNNING")["connector"]["version"] == "1.4.0"

    moved = venvoy("connectors", "move", ticking, "--version", "2.0.0", "--wait")
    assert moved.stderr.splitlines()[-1] == f"`{ticking}` has moved from 1.4.0 to 2.0.0"
    assert connect.wait_for(ticking, "RUNNING")["connector"]["version"] == "2.0.0"
    assert "  last move: 1.4.0 -> 2.0.0 DONE" in venvoy("connectors", "status", ticking).stdout

    venvoy("connectors", "rollback", ticking, "--wait")
    rows = venvoy("connectors", "generations", ticking).stdout.splitlines()
    assert rows[0].split()[:3] == ["generation", "version", "at"]
    assert [row.split()[:2] for row in rows[1:2]] == [["3", "*"]]
    assert [row.split()[-1] for row in rows[1:]] == ["DONE", "DONE", "DONE"]
    assert "rollback by 127.0.0.1" in rows[1]
    venvoy("connectors", "rollback", ticking, "--to", "2", "--wait")
    assert connect.wait_for(ticking, "RUNNING")["connector"]["version"] == "2.0.0"
    told = json.loads(venvoy("connectors", "generations", ticking, "--json").stdout)
    assert told["command"] == "connectors generations"
    assert [one["generation"] for one in told["data"]] == [4, 3, 2, 1]
    absent = venvoy("connectors", "rollback", ticking, "--to", "99", code=1)
    assert f"Connector {ticking} has no generation 99" in absent.stderr
    assert f"`venvoy connectors generations {ticking}` shows those there are" in absent.stderr


def test_a_move_that_goes_back_tells_why(connect: Connect, venvoy: Commands, ticking: str) -> None:
    venvoy.release("3.0.0", BROKEN)
    venvoy("plugins", "rescan", "--wait")  # unless the worker has seen it by itself
    assert "ticker.TickerSourceConnector 3.0.0" in venvoy("plugins", "locations").stdout
    returned = venvoy("connectors", "move", ticking, "--version", "3.0.0", "--wait", code=1)
    assert f"`{ticking}` did not stay at 3.0.0, it is 1.4.0" in returned.stderr
    assert "3 cannot start" in returned.stderr
    assert connect.wait_for(ticking, "RUNNING")["connector"]["version"] == "1.4.0"
    told = json.loads(
        venvoy(
            "connectors", "move", ticking, "--version", "3.0.0", "--wait", "--json", code=1
        ).stdout
    )
    assert told["data"]["last_move"]["state"] == "RETURNED"
    assert told["errors"][0]["code"] == "move-returned"


def test_a_move_that_keeps_its_version_says_so(
    connect: Connect, venvoy: Commands, ticking: str
) -> None:
    moved = venvoy("connectors", "move", ticking, "--version", "==1.4.0", "--wait")
    assert moved.stderr.splitlines()[-1] == f"`{ticking}` has started anew, and stays at 1.4.0"
    told = venvoy("connectors", "status", ticking).stdout
    assert "  last move: started anew at 1.4.0, DONE\n" in told
    returned = MoveReturnedError(connector="x", wanted="1", runs="1", reason="why")
    assert returned.message == "`x` did not start anew at 1, and has its earlier config again: why"


def test_a_location_that_is_gone_is_told_in_the_status(connect: Connect, venvoy: Commands) -> None:
    venvoy.release("0.9.0", TICKER)
    venvoy("plugins", "rescan", "--wait")
    config = connect.ticker("left", connector__version="0.9.0")
    venvoy("connectors", "create", "--wait", connect.workspace.properties("left", config))
    location = connect.workspace.plugins / "ticker-0.9.0"
    shutil.rmtree(location)
    venvoy("plugins", "rescan")
    told = venvoy("connectors", "status", "left").stdout
    assert f"  gone: `{location}` is no longer on the plugin path" in told
    venvoy("connectors", "delete", "left")


def test_hints_fit_what_was_refused() -> None:
    reason = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate"
    assert "--ca-file" in WorkerUnreachableError(url="https://w", reason=reason).hint
    assert "--url" in WorkerUnreachableError(url="https://w", reason="refused").hint


def test_new_keys_and_ready_environments_are_planned(
    connect: Connect, venvoy: Commands, ticking: str
) -> None:
    venvoy.release("2.5.0", LABELLED)
    venvoy("plugins", "rescan", "--wait")
    listed = venvoy("plugins", "locations").stdout.splitlines()
    assert listed[0].split() == ["location", "plugins", "environment", "state", "used", "by"]
    by_name = {row.split()[0]: row for row in listed[1:]}
    assert "READY" in by_name["ticker-2.5.0"]
    assert ticking in by_name["ticker-1.4.0"]
    plan = json.loads(venvoy("connectors", "plan", ticking, "--version", "2.5.0", "--json").stdout)[
        "data"
    ]
    assert plan["config"] == [
        {"key": "label", "change": "appears", "before": None, "after": "x", "set": False}
    ]
    assert plan["stages"][0]["environment_ready"] is True
    file = connect.workspace.properties("other", connect.ticker(ticking, tasks__max="2"))
    assert "would restart" in venvoy("connectors", "plan", ticking, file).stdout


def test_what_would_be_refused_and_what_is_no_move(venvoy: Commands, ticking: str) -> None:
    refused = venvoy("connectors", "plan", ticking, "--version", "9", code=1)
    assert "available versions: [" in refused.stderr
    assert (
        "plan-refused"
        in venvoy("connectors", "plan", ticking, "--version", "9", "--json", code=1).stdout
    )
    unmoved = venvoy("connectors", "move", ticking, "--version", "9", code=1)
    assert unmoved.stderr.count("that matches the version range [9]") == 1
    assert "error(s)" not in unmoved.stderr
    venvoy("connectors", "move", ticking, code=2)
    for command, stage in (("plan", "mask"), ("move", "topic=other"), ("move", "=1.0")):
        unread = venvoy("connectors", command, ticking, "--stage", stage, code=2)
        assert f"`{stage}` is no version of a stage" in unread.stderr
    asked = ("header.converter.plugin.version=7.7", "transforms.t.plugin.version=2")
    stages = tuple(text for one in asked for text in ("--stage", one))
    unused = venvoy("connectors", "move", ticking, *stages, code=1).stderr
    assert "`header.converter.plugin.version` is not used" in unused
    assert "set `header.converter` as well" in unused
    assert "`t` in `transforms`" in unused
    noted = venvoy("connectors", "plan", ticking, *stages).stderr
    assert "note: `header.converter.plugin.version` is not used" in noted
    same = venvoy("connectors", "move", ticking, "--version", "1.4.0", "--wait")
    assert same.stderr.splitlines()[-1] == f"`{ticking}` is stored; nothing that runs had to move"
