"""`venvoy connectors …` against a worker that stands: what it says, and what the worker does."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import START_S, Connect
from tests.isolation.workspaces import Ran


class Commands:
    """Runs `venvoy connectors`, as a user would, with the worker's address in the environment."""

    def __init__(self, connect: Connect) -> None:
        self.connect = connect

    def __call__(self, *arguments: str | Path, code: int = 0) -> Ran:
        env = {"VENVOY_URL": self.connect.url}
        return self.connect.workspace.venvoy("connectors", *arguments, code=code, env=env)

    def file(self, config: Mapping[str, str]) -> Path:
        """Write a connector's file."""
        return self.connect.workspace.properties(config["name"], config)


@pytest.fixture
def venvoy(connect: Connect) -> Commands:
    """The commands."""
    return Commands(connect)


@pytest.fixture
def ticking(connect: Connect, venvoy: Commands, request: pytest.FixtureRequest) -> Iterator[str]:
    """A source of the test's own that runs."""
    name = str(request.node.name)
    venvoy("create", "--wait", venvoy.file(connect.ticker(name)))
    yield name
    connect.http.delete(f"/connectors/{name}")


def test_create_list_status_delete(connect: Connect, venvoy: Commands) -> None:
    made = venvoy("create", "--wait", venvoy.file(connect.ticker("made", tasks__max="2")))
    assert made.stderr.splitlines()[-1] == "`made` is stored"
    listed = venvoy("list").stdout.splitlines()
    assert listed[0].split() == ["connector", "type", "version", "state", "tasks"]
    assert ["made", "source", "2.0.0", "RUNNING", "2", "RUNNING"] in [row.split() for row in listed]
    status = venvoy("status", "made").stdout
    assert status.startswith("made (source) 2.0.0: RUNNING\n")
    assert "value.converter: venvoy_api.converters.JsonConverter" in status
    assert "  task 1: RUNNING on " in status
    assert venvoy("delete", "made").stderr.splitlines()[-1] == "`made` is gone"
    gone = venvoy("status", "made", code=1)
    assert "404" in gone.stderr
    assert "`venvoy connectors list` shows the names" in gone.stderr


def test_a_connector_that_exists_is_replaced_when_told(
    connect: Connect, venvoy: Commands, ticking: str
) -> None:
    file = venvoy.file(connect.ticker(ticking, connector__version="1.4.0"))
    refused = venvoy("create", file, code=1)
    assert f"Connector {ticking} already exists" in refused.stderr
    assert "--replace" in refused.stderr
    venvoy("create", "--replace", "--wait", file)
    while connect.wait_for(ticking, "RUNNING")["connector"]["version"] != "1.4.0":
        pass
    assert "connector.version=1.4.0" in venvoy("config", ticking).stdout


def test_faults_of_a_config_are_all_told_and_nothing_is_made(
    connect: Connect, venvoy: Commands
) -> None:
    config = connect.ticker("wrong", tasks__max="none")
    del config["topic"]
    refused = venvoy("create", venvoy.file(config), code=1)
    assert "refused for `wrong` (400): the config has faults\n" in refused.stderr
    faults = [line for line in refused.stderr.splitlines() if line.startswith("  - ")]
    assert ["topic" in fault for fault in faults] == [False, True]
    assert ["tasks.max" in fault for fault in faults] == [True, False]
    assert connect.http.get("/connectors/wrong").status_code == 404


def test_initial_state(connect: Connect, venvoy: Commands) -> None:
    file = venvoy.file(connect.ticker("sleeper"))
    venvoy("create", "--initial-state", "stopped", "--wait", file)
    assert connect.wait_for("sleeper", "STOPPED", tasks=0)["tasks"] == []
    venvoy("delete", "sleeper")


def test_files_of_every_form_and_a_bad_one_hinders_no_other(
    connect: Connect, venvoy: Commands
) -> None:
    work = connect.workspace.work
    asked, flat = work / "asked.json", work / "flat.json"
    config = connect.ticker("asked")
    del config["name"]
    request = {"name": "asked", "config": config, "initial_state": "PAUSED"}
    asked.write_text(json.dumps(request))
    flat.write_text(json.dumps(connect.ticker("flat", tasks__max="2")))
    nameless, torn = work / "nameless.json", work / "torn.json"
    nameless.write_text('{"config": {}}')
    torn.write_text("{")
    ran = venvoy("create", "--wait", nameless, asked, torn, "gone.json", flat, code=1)
    told = [line for line in ran.stderr.splitlines() if line.startswith(("`", "error"))]
    assert told[:2] == ["`asked` is stored", "`flat` is stored"]
    assert [name in line for name, line in zip(
        ("nameless.json", "torn.json", "gone.json"), told[2:], strict=True
    )] == [True] * 3  # fmt: skip
    connect.wait_for("flat", "RUNNING", tasks=2)
    assert connect.http.get("/connectors/asked/status").json()["connector"]["state"] == "PAUSED"
    venvoy("create", "--replace", "--initial-state", "stopped", asked)  # of one that exists: not
    assert venvoy("resume", "--wait", "asked").stderr.splitlines()[-1] == "`asked` is running"
    venvoy("delete", "asked", "flat")


def test_status_tells_of_one_that_does_not_exist_and_shows_the_others(
    venvoy: Commands, ticking: str
) -> None:
    ran = venvoy("status", "nobody", ticking, code=1)
    assert ran.stdout.startswith(f"{ticking} (source) 2.0.0: RUNNING\n")
    assert "for `nobody` (404)" in ran.stderr


def test_flags_that_exclude_each_other_are_refused(venvoy: Commands, ticking: str) -> None:
    for flags in (("--task", "0", "--tasks"), ("--task", "0", "--only-failed")):
        assert "give one or the other" in venvoy("restart", ticking, *flags, code=2).stderr
    assert "exclude" in venvoy("offsets", ticking, "--reset", "--set", "-", code=2).stderr


def test_pause_resume_stop_restart(connect: Connect, venvoy: Commands, ticking: str) -> None:
    assert venvoy("pause", ticking).stderr.splitlines()[-1] == f"`{ticking}` is to pause"
    assert venvoy("pause", "--wait", ticking).stderr.splitlines()[-1] == f"`{ticking}` is paused"
    connect.wait_for(ticking, "PAUSED")
    venvoy("resume", ticking)
    connect.wait_for(ticking, "RUNNING")
    venvoy("restart", ticking, "--tasks")
    connect.wait_for(ticking, "RUNNING")
    venvoy("restart", ticking, "--task", "0")
    connect.wait_for(ticking, "RUNNING")
    venvoy("stop", ticking)
    connect.wait_for(ticking, "STOPPED", tasks=0)


def test_one_that_does_not_exist_hinders_no_other(
    connect: Connect, venvoy: Commands, ticking: str
) -> None:
    ran = venvoy("pause", "nobody", ticking, "--json", code=1)
    told: dict[str, Any] = json.loads(ran.stdout)
    assert told["data"] == [ticking]
    assert [error["code"] for error in told["errors"]] == ["worker-refused"]
    connect.wait_for(ticking, "PAUSED")


def test_offsets_are_shown_changed_and_forgotten(
    connect: Connect, venvoy: Commands, ticking: str, tmp_path: Path
) -> None:
    connect.wait_past(ticking, 3)
    running = venvoy("offsets", ticking, "--reset", code=1)
    assert "must be in the STOPPED state" in running.stderr
    assert f"hint: run `venvoy connectors stop --wait {ticking}` first" in running.stderr
    venvoy("stop", "--wait", ticking)
    shown = json.loads(venvoy("offsets", ticking).stdout)
    shown["offsets"][0]["offset"]["next"] = 1000
    file = tmp_path / "offsets.json"
    file.write_text(json.dumps(shown))
    assert "altered" in venvoy("offsets", ticking, "--set", file).stderr
    venvoy("resume", ticking)
    connect.wait_past(ticking, 1000)
    venvoy("stop", ticking)
    connect.wait_for(ticking, "STOPPED", tasks=0)
    assert "reset" in venvoy("offsets", ticking, "--reset").stderr
    assert json.loads(venvoy("offsets", ticking).stdout) == {"offsets": []}


def test_a_failed_task_makes_status_fail_and_shows_its_trace(
    connect: Connect, venvoy: Commands, tmp_path: Path
) -> None:
    fail_file = tmp_path / "fail"
    fail_file.touch()
    file = venvoy.file(connect.ticker("failing", fail__file=str(fail_file)))
    waited = venvoy("create", "--wait", file, code=1)
    assert "`failing` failed, or a task of it did" in waited.stderr
    status = venvoy("status", "failing", code=1)
    assert "ValueError: the file says so" in status.stdout
    assert "restart failing --only-failed --tasks" in status.stderr
    venvoy("delete", "failing")


def test_names_are_completed_from_the_worker(
    connect: Connect, venvoy: Commands, ticking: str
) -> None:
    words = f"venvoy connectors status {ticking[:6]}"
    env = {
        "VENVOY_URL": connect.url, "_VENVOY_COMPLETE": "bash_complete",
        "COMP_WORDS": words, "COMP_CWORD": "3",
    }  # fmt: skip

    def offered() -> list[str]:
        """What is offered; nothing when the worker does not answer at once, as a shell waits."""
        return connect.workspace.venvoy(env=env).stdout.splitlines()

    deadline = time.monotonic() + START_S
    while not (names := offered()):
        assert time.monotonic() < deadline
    assert f"plain,{ticking}" in names


def test_nobody_at_the_address(connect: Connect) -> None:
    ran = connect.workspace.venvoy("connectors", "list", "--url", "http://127.0.0.1:9", code=1)
    assert "no worker answers at `http://127.0.0.1:9`" in ran.stderr
    assert "venvoy standalone" in ran.stderr
