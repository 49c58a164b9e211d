"""`kafka-connect-py`, a client that nobody here wrote, does every call that it knows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from kafka_connect import KafkaConnect

from tests.clients.conftest import Connect


@pytest.fixture
def client(connect: Connect) -> KafkaConnect:
    """The client as its users make it."""
    return KafkaConnect(url=connect.url)


@pytest.fixture
def ticking(
    connect: Connect, client: KafkaConnect, request: pytest.FixtureRequest
) -> Iterator[str]:
    """A source of the test's own that runs, at version 1.4.0."""
    name = request.node.name.replace("[", "-").replace("]", "")
    config = connect.ticker(name, connector__plugin__version="1.4.0")
    client.create_connector({"name": name, "config": config})
    connect.wait_for(name, "RUNNING")
    yield str(name)
    connect.http.delete(f"/connectors/{name}")


def test_cluster_info(client: KafkaConnect) -> None:
    told = client.get_cluster_info()
    assert told["version"].split(".")[0].isdigit()
    assert set(told) >= {"version", "commit", "kafka_cluster_id"}


def test_create_returns_the_connector_and_it_runs(connect: Connect, client: KafkaConnect) -> None:
    config = connect.ticker("created", tasks__max="2")
    made = client.create_connector({"name": "created", "config": config})
    assert made["name"] == "created"
    assert made["config"] == config
    assert made["type"] == "source"
    status = connect.wait_for("created", "RUNNING", tasks=2)
    assert [task["version"] for task in status["tasks"]] == ["2.0.0"] * 2
    client.delete_connector("created")
    with pytest.raises(requests.HTTPError, match="404"):
        client.get_connector("created")


def test_creating_what_exists_is_a_conflict(
    connect: Connect, client: KafkaConnect, ticking: str
) -> None:
    with pytest.raises(requests.HTTPError, match="409"):
        client.create_connector({"name": ticking, "config": connect.ticker(ticking)})


def test_list_connectors_in_every_way(client: KafkaConnect, ticking: str) -> None:
    assert ticking in client.list_connectors()
    info = client.list_connectors(expand="info")
    assert info[ticking]["info"]["config"]["topic"] == ticking
    status = client.list_connectors(expand="status")
    assert status[ticking]["status"]["connector"]["version"] == "1.4.0"
    assert client.list_connectors(pattern=f"^{ticking}$", state="RUNNING") == [ticking]
    assert client.list_connectors(pattern=f"^{ticking}$", state="FAILED") == []


def test_one_connector_in_every_way(client: KafkaConnect, ticking: str) -> None:
    assert client.get_connector(ticking)["tasks"] == [{"connector": ticking, "task": 0}]
    assert client.get_connector_config(ticking)["connector.plugin.version"] == "1.4.0"
    assert client.get_connector_status(ticking)["connector"]["state"] == "RUNNING"
    (task,) = client.list_connector_tasks(ticking)
    assert task["id"] == {"connector": ticking, "task": 0}
    assert client.get_connector_task_status(ticking, 0)["version"] == "1.4.0"


def test_an_update_moves_the_connector_to_another_version(
    connect: Connect, client: KafkaConnect, ticking: str
) -> None:
    connect.wait_past(ticking, 5)
    config = connect.ticker(ticking, connector__plugin__version="2.0.0")
    assert client.update_connector(ticking, config)["config"] == config
    while connect.wait_for(ticking, "RUNNING")["tasks"][0]["version"] != "2.0.0":
        pass
    connect.wait_past(ticking, connect.count(ticking))


def test_pause_resume_stop(connect: Connect, client: KafkaConnect, ticking: str) -> None:
    client.pause_connector(ticking)
    connect.wait_for(ticking, "PAUSED")
    client.resume_connector(ticking)
    connect.wait_for(ticking, "RUNNING")
    client.stop_connector(ticking)
    connect.wait_for(ticking, "STOPPED", tasks=0)
    client.resume_connector(ticking)
    connect.wait_for(ticking, "RUNNING")


def test_pause_resume_stop_delete_of_all_that_match(
    connect: Connect, client: KafkaConnect, ticking: str
) -> None:
    pattern = f"^{ticking}$"
    client.pause_all_connectors(pattern=pattern)
    connect.wait_for(ticking, "PAUSED")
    client.resume_all_connectors(pattern=pattern, state="PAUSED")
    connect.wait_for(ticking, "RUNNING")
    client.restart_all_connectors(pattern=pattern)
    connect.wait_for(ticking, "RUNNING")
    client.stop_all_connectors(pattern=pattern)
    connect.wait_for(ticking, "STOPPED", tasks=0)
    client.delete_all_connectors(pattern=pattern)
    assert ticking not in client.list_connectors()


def test_restart_with_its_flags(connect: Connect, client: KafkaConnect, ticking: str) -> None:
    assert client.restart_connector(ticking) is None
    connect.wait_for(ticking, "RUNNING")
    told = client.restart_connector(ticking, include_tasks=True)
    assert told["name"] == ticking
    assert {told["connector"]["state"], *(task["state"] for task in told["tasks"])} == {
        "RESTARTING"
    }
    connect.wait_for(ticking, "RUNNING")
    client.restart_connector_task(ticking, 0)
    connect.wait_for(ticking, "RUNNING")


def test_a_failed_task_is_restarted(
    connect: Connect, client: KafkaConnect, ticking: str, tmp_path: Path
) -> None:
    fail_file = tmp_path / "fail"
    fail_file.touch()
    config = connect.ticker(ticking, fail__file=str(fail_file))
    client.update_connector(ticking, config)
    status = connect.wait_for(ticking, "FAILED")
    assert "ValueError: the file says so" in status["tasks"][0]["trace"]
    assert status["connector"]["state"] == "RUNNING"
    fail_file.unlink()
    client.restart_connector(ticking, include_tasks=True, only_failed=True)
    connect.wait_for(ticking, "RUNNING")


def test_topics(connect: Connect, client: KafkaConnect, ticking: str) -> None:
    connect.wait_past(ticking, 0)
    assert client.list_connector_topics(ticking) == {ticking: {"topics": [ticking]}}
    client.reset_connector_topics(ticking)


def test_plugins_and_validation(connect: Connect, client: KafkaConnect) -> None:
    rows = {(row["class"], row["version"]) for row in client.list_connector_plugins()}
    assert rows == {
        ("ticker.TickerSourceConnector", "1.4.0"),
        ("ticker.TickerSourceConnector", "2.0.0"),
        ("keeper.KeeperSinkConnector", "1.0.0"),
    }
    told = client.validate_connector_config("TickerSourceConnector", connect.ticker("checked"))
    assert told["error_count"] == 0
    config = connect.ticker("checked")
    del config["topic"]
    told = client.validate_connector_config("TickerSourceConnector", config)
    assert told["error_count"] == 1
    (topic,) = (one["value"] for one in told["configs"] if one["value"]["name"] == "topic")
    assert topic["errors"] == ['Missing required configuration "topic" which has no default value.']


@pytest.mark.parametrize(
    "call",
    ["get_connector", "get_connector_config", "get_connector_status", "pause_connector",
     "resume_connector", "stop_connector", "delete_connector", "list_connector_tasks",
     "restart_connector"],
)  # fmt: skip
def test_a_connector_that_does_not_exist(client: KafkaConnect, call: str) -> None:
    with pytest.raises(requests.HTTPError):
        getattr(client, call)("nobody")
