"""What kcctl asks for and trips over (reference 4, end), each as a test."""

import re

import httpx
import pytest

from launcher.interface.faults import NotFoundError
from tests.rest.conftest import SINK_CONFIG, SOURCE_CONFIG
from tests.rest.fake_worker import FakeWorker
from tests.rest.running import Running

TYPES = {"source", "sink", "transformation", "predicate", "converter", "header_converter"}


def test_the_version_opens_every_gate(client: httpx.Client) -> None:
    """kcctl reads `int.int.*` and needs 3.7 for the cluster scope of loggers."""
    found = re.match(r"(\d+)\.(\d+)\.", client.get("/").json()["version"])
    assert found is not None
    assert (int(found[1]), int(found[2])) >= (3, 7)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/", 200),
        ("GET", "/connectors/", 200),
        ("GET", "/connectors/?expand=status&expand=info", 200),
        ("GET", "/connectors/csv", 200),
        ("GET", "/connectors/csv/status", 200),
        ("GET", "/connectors/csv/topics", 200),
        ("GET", "/connectors/csv/config", 200),
        ("GET", "/connectors/csv/tasks", 200),
        ("POST", "/connectors/csv/restart", 204),
        ("POST", "/connectors/csv/restart?includeTasks=true&onlyFailed=false", 202),
        ("PUT", "/connectors/csv/pause", 202),
        ("PUT", "/connectors/csv/resume", 202),
        ("PUT", "/connectors/csv/stop", 204),
        ("POST", "/connectors/csv/tasks/0/restart", 204),
        ("GET", "/connectors/csv/offsets", 200),
        ("GET", "/connector-plugins/?connectorsOnly=false", 200),
        ("GET", "/connector-plugins/CsvSourceConnector/config", 200),
        ("GET", "/admin/loggers/", 200),
        ("DELETE", "/connectors/csv", 204),
    ],
)
def test_every_path_that_it_uses_is_there(
    client: httpx.Client, method: str, path: str, code: int
) -> None:
    made = client.post("/connectors/", json={"name": "csv", "config": SOURCE_CONFIG})
    assert made.status_code == 201
    answer = client.request(method, path, headers={"Accept": "application/json"})
    assert answer.status_code == code, answer.text


def test_apply_validates_under_the_text_after_the_last_dot(client: httpx.Client) -> None:
    config = {**SOURCE_CONFIG, "name": "csv"}
    asked = config["connector.class"].rpartition(".")[2]
    infos = client.put(f"/connector-plugins/{asked}/config/validate", json=config).json()
    assert infos["error_count"] == 0


def test_no_faulty_entry_lacks_its_definition(client: httpx.Client) -> None:
    """It reads `definition` of every entry with errors, and falls over null."""
    config = {"connector.class": SOURCE_CONFIG["connector.class"], "name": "csv", "file": None}
    infos = client.put("/connector-plugins/CsvSource/config/validate", json=config).json()
    faulty = [entry for entry in infos["configs"] if entry["value"]["errors"]]
    assert faulty
    assert all(entry["definition"] is not None for entry in faulty)


def test_a_failed_task_has_a_trace(
    client: httpx.Client, server: Running, worker: FakeWorker
) -> None:
    client.put("/connectors/csv/config", json=SOURCE_CONFIG)
    server.call(lambda: worker.fail_task("csv", 0, "Traceback: too bad"))
    (task,) = client.get("/connectors/csv/status").json()["tasks"]
    assert (task["state"], task["trace"]) == ("FAILED", "Traceback: too bad")
    assert "trace" not in client.get("/connectors/csv/status").json()["connector"]


def test_topics_have_exactly_one_key(client: httpx.Client) -> None:
    client.put("/connectors/csv/config", json=SOURCE_CONFIG)
    client.put("/connectors/db/config", json=SINK_CONFIG)
    assert list(client.get("/connectors/csv/topics").json()) == ["csv"]


def test_every_error_has_a_message(client: httpx.Client, worker: FakeWorker) -> None:
    answers = [
        client.get("/connectors/no"),
        client.get("/nothing"),
        client.put("/connectors"),
        client.post("/connectors"),
        client.post("/connectors", content=b"x"),
    ]
    worker.fault = NotFoundError("")
    answers.append(client.get("/connectors"))
    for answer in answers:
        body = answer.json()
        assert body["error_code"] == answer.status_code
        assert isinstance(body["message"], str)
        assert body["message"]


def test_plugin_types_are_of_its_enumeration(client: httpx.Client) -> None:
    rows = client.get("/connector-plugins?connectorsOnly=false").json()
    assert {row["type"] for row in rows} <= TYPES


def test_an_edit_puts_back_what_it_got(client: httpx.Client) -> None:
    """GET and PUT of the config, which it uses instead of PATCH, change nothing."""
    config = {**SINK_CONFIG, "password": "s3cret"}
    client.post("/connectors/", json={"name": "db", "config": config})
    got = client.get("/connectors/db/config").json()
    answer = client.put("/connectors/db/config", json=got)
    assert answer.status_code == 200
    assert answer.json()["config"] == got
