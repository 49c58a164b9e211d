"""`/connectors` in Kafka Connect's shapes, codes and texts."""

from urllib.parse import quote

import httpx
import pytest

from launcher.interface.faults import ConflictError
from tests.rest.conftest import SINK_CONFIG, SOURCE_CONFIG
from tests.rest.fake_worker import FakeWorker
from tests.rest.running import Running

HINT = (
    "You can also find the above list of errors at the endpoint "
    "`/connector-plugins/{connectorType}/config/validate`"
)
NAMES = ("csv", "a/b", "with blank", "täglich-日本", "100%", "a?b#c", "..", "-", "a+b;c=d&e")


@pytest.fixture
def csv(client: httpx.Client) -> str:
    """A source called csv, with two tasks."""
    config = {**SOURCE_CONFIG, "tasks.max": "2"}
    assert client.post("/connectors", json={"name": "csv", "config": config}).status_code == 201
    return "csv"


def test_no_connectors_are_an_empty_list(client: httpx.Client) -> None:
    assert client.get("/connectors").json() == []


def test_create_answers_201_with_location_and_the_whole_connector(client: httpx.Client) -> None:
    answer = client.post("/connectors", json={"name": "csv", "config": SOURCE_CONFIG})
    assert answer.status_code == 201
    assert answer.headers["location"] == "/connectors/csv"
    assert answer.json() == {
        "name": "csv",
        "config": {**SOURCE_CONFIG, "name": "csv"},
        "tasks": [{"connector": "csv", "task": 0}],
        "type": "source",
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_name_may_have_any_characters(client: httpx.Client, name: str) -> None:
    created = client.post("/connectors", json={"name": name, "config": SOURCE_CONFIG})
    assert created.status_code == 201
    if name != "..":  # httpx resolves it, as RFC 3986 asks of a client
        assert client.get(created.headers["location"]).json()["name"] == name
        status = client.get(f"/connectors/{quote(name, safe='')}/status")
        assert status.json()["name"] == name
        assert client.delete(created.headers["location"]).status_code == 204
        assert client.get("/connectors").json() == []


def test_blanks_around_a_name_are_cut_off(client: httpx.Client) -> None:
    answer = client.post("/connectors", json={"name": "  csv\t", "config": SOURCE_CONFIG})
    assert answer.json()["name"] == "csv"


def test_the_name_may_stand_in_the_config_too(client: httpx.Client) -> None:
    config = {**SOURCE_CONFIG, "name": "csv"}
    answer = client.post("/connectors", json={"name": "csv", "config": config})
    assert answer.status_code == 201


def test_another_name_in_the_config_is_refused(client: httpx.Client) -> None:
    config = {**SOURCE_CONFIG, "name": "a"}
    text = "Connector name configuration (a) doesn't match connector name in the URL (b)"
    for answer in (
        client.post("/connectors", json={"name": "b", "config": config}),
        client.put("/connectors/b/config", json=config),
    ):
        assert answer.status_code == 400
        assert answer.json() == {"error_code": 400, "message": text}
    assert client.get("/connectors").json() == []


@pytest.mark.parametrize(
    ("asked", "state", "tasks"),
    [("RUNNING", "RUNNING", 1), ("paused", "PAUSED", 1), ("STOPPED", "STOPPED", 0)],
)
def test_initial_state(client: httpx.Client, asked: str, state: str, tasks: int) -> None:
    body = {"name": "csv", "config": SOURCE_CONFIG, "initial_state": asked}
    created = client.post("/connectors", json=body)
    assert created.status_code == 201
    assert len(created.json()["tasks"]) == tasks
    assert client.get("/connectors/csv/status").json()["connector"]["state"] == state


def test_creating_what_exists_is_a_conflict(client: httpx.Client, csv: str) -> None:
    answer = client.post("/connectors", json={"name": csv, "config": SOURCE_CONFIG})
    assert answer.status_code == 409
    assert answer.json() == {"error_code": 409, "message": "Connector csv already exists"}


def test_every_fault_of_a_config_is_told_at_once(client: httpx.Client) -> None:
    config = {"connector.class": "CsvSource", "connector.version": "9"}
    answer = client.post("/connectors", json={"name": "csv", "config": config})
    assert answer.status_code == 400
    assert answer.json()["message"].splitlines() == [
        "Connector configuration is invalid and contains the following 4 error(s):",
        'Missing required configuration "file" which has no default value.',
        'Missing required configuration "topic" which has no default value.',
        "no version 9",
        "no version 9",
        HINT,
    ]
    assert client.get("/connectors").json() == []


def test_a_null_is_told_with_the_other_faults(client: httpx.Client) -> None:
    config = {"connector.class": "CsvSource", "file": None, "topic": "t"}
    for answer in (
        client.post("/connectors", json={"name": "csv", "config": config}),
        client.put("/connectors/csv/config", json=config),
    ):
        assert answer.status_code == 400
        message = answer.json()["message"]
        assert 'Missing required configuration "file"' in message
        assert "Null value can not be supplied as the configuration value." in message
    assert client.get("/connectors").json() == []


def test_an_unknown_class_has_the_prefix_that_kcctl_knows(client: httpx.Client) -> None:
    config = {"connector.class": "no.such.Connector"}
    answer = client.post("/connectors", json={"name": "x", "config": config})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(
        "Failed to find any class that implements Connector and which name matches "
        "no.such.Connector"
    )


def test_numbers_and_booleans_become_their_text(client: httpx.Client) -> None:
    content = (
        b'{"name": "csv", "config": {"connector.class": "CsvSource", "file": "f", "topic": 1.50,'
        b' "tasks.max": 2, "flag": true, "big": 12345678901234567890123}}'
    )
    headers = {"Content-Type": "application/json; charset=utf-8"}
    config = client.post("/connectors", content=content, headers=headers).json()["config"]
    assert config == {
        "connector.class": "CsvSource",
        "file": "f",
        "topic": "1.50",
        "tasks.max": "2",
        "flag": "true",
        "big": "12345678901234567890123",
        "name": "csv",
    }


def test_put_makes_and_then_changes(client: httpx.Client) -> None:
    made = client.put("/connectors/csv/config", json=SOURCE_CONFIG)
    assert (made.status_code, made.headers["location"]) == (201, "/connectors/csv")
    changed = client.put("/connectors/csv/config", json={**SOURCE_CONFIG, "tasks.max": "3"})
    assert changed.status_code == 200
    assert "location" not in changed.headers
    assert changed.json()["config"]["tasks.max"] == "3"
    assert len(changed.json()["tasks"]) == 3


def test_patch_changes_some_keys_and_takes_others_away(client: httpx.Client, csv: str) -> None:
    answer = client.patch(f"/connectors/{csv}/config", json={"tasks.max": None, "topic": "u"})
    assert answer.status_code == 200
    assert answer.json()["config"] == {**SOURCE_CONFIG, "topic": "u", "name": "csv"}


def test_a_config_comes_back_as_it_was_put(client: httpx.Client, csv: str) -> None:
    config = client.get(f"/connectors/{csv}/config").json()
    assert config == {**SOURCE_CONFIG, "tasks.max": "2", "name": "csv"}
    assert client.put(f"/connectors/{csv}/config", json=config).json()["config"] == config


def test_expand(client: httpx.Client, csv: str) -> None:
    both = client.get("/connectors?expand=status&expand=info").json()
    assert both == {
        "csv": {
            "status": client.get("/connectors/csv/status").json(),
            "info": client.get("/connectors/csv").json(),
        }
    }
    assert client.get("/connectors?expand=info").json() == {"csv": {"info": both["csv"]["info"]}}
    assert client.get("/connectors?expand=nonsense").json() == ["csv"]


def test_status_has_states_and_versions(client: httpx.Client, csv: str) -> None:
    status = client.get(f"/connectors/{csv}/status").json()
    assert {key: status[key] for key in ("name", "type", "connector")} == {
        "name": "csv",
        "type": "source",
        "connector": {
            "state": "RUNNING",
            "worker_id": "127.0.0.1:8083",
            "version": "2.0.0",
            "environment": "0123456789ab",
        },
    }
    task = {"state": "RUNNING", "worker_id": "127.0.0.1:8083", "version": "2.0.0"}
    assert status["tasks"] == [{"id": 0, **task}, {"id": 1, **task}]
    assert status["stages"][0]["role"] == "key.converter"
    assert client.get(f"/connectors/{csv}/tasks/1/status").json() == {"id": 1, **task}


def test_tasks(client: httpx.Client, csv: str) -> None:
    tasks = client.get(f"/connectors/{csv}/tasks").json()
    assert [task["id"] for task in tasks] == [
        {"connector": "csv", "task": 0},
        {"connector": "csv", "task": 1},
    ]
    assert tasks[0]["config"]["file"] == "/tmp/a"


def test_pause_resume_and_stop(client: httpx.Client, csv: str) -> None:
    for verb, code, state in (
        ("pause", 202, "PAUSED"), ("pause", 202, "PAUSED"), ("resume", 202, "RUNNING"),
        ("stop", 204, "STOPPED"), ("resume", 202, "RUNNING"),
    ):  # fmt: skip
        answer = client.put(f"/connectors/{csv}/{verb}")
        assert (answer.status_code, answer.content) == (code, b"")
        assert client.get("/connectors/csv/status").json()["connector"]["state"] == state


@pytest.mark.parametrize(
    ("query", "code", "restarted"),
    [
        ("", 204, [None]),
        ("?includeTasks=false&onlyFailed=false", 204, [None]),
        ("?includeTasks=true", 202, [None, 0, 1]),
        ("?includeTasks=true&onlyFailed=true", 202, [1]),
        ("?includeTasks&onlyFailed", 202, [1]),
        ("?onlyFailed=TRUE", 202, []),
    ],
)
def test_restart(
    client: httpx.Client,
    server: Running,
    worker: FakeWorker,
    csv: str,
    query: str,
    code: int,
    restarted: list[int | None],
) -> None:
    server.call(lambda: worker.fail_task(csv, 1, "Traceback"))
    answer = client.post(f"/connectors/{csv}/restart{query}")
    assert answer.status_code == code
    assert worker.restarts == [(csv, number) for number in restarted]
    if code == 202:
        assert answer.json()["name"] == csv
    else:
        assert answer.content == b""


def test_a_task_is_restarted_by_itself(
    client: httpx.Client, server: Running, worker: FakeWorker, csv: str
) -> None:
    server.call(lambda: worker.fail_task(csv, 1, "Traceback: too bad"))
    failed = client.get(f"/connectors/{csv}/tasks/1/status").json()
    assert (failed["state"], failed["trace"]) == ("FAILED", "Traceback: too bad")
    assert client.post(f"/connectors/{csv}/tasks/1/restart").status_code == 204
    assert client.get(f"/connectors/{csv}/tasks/1/status").json()["state"] == "RUNNING"


def test_delete(client: httpx.Client, csv: str) -> None:
    answer = client.delete(f"/connectors/{csv}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get("/connectors").json() == []
    assert client.delete(f"/connectors/{csv}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "text"),
    [
        ("GET", "", "Connector no not found"),
        ("GET", "/config", "Connector no not found"),
        ("GET", "/tasks", "Connector no not found"),
        ("GET", "/offsets", "Connector no not found"),
        ("GET", "/status", "No status found for connector no"),
        ("GET", "/tasks/0/status", "No status found for task no-0"),
        ("PUT", "/pause", "Unknown connector no"),
        ("PUT", "/resume", "Unknown connector no"),
        ("PUT", "/stop", "Unknown connector no"),
        ("POST", "/restart", "Unknown connector no"),
        ("DELETE", "", "Connector no not found"),
    ],
)
def test_an_unknown_connector(client: httpx.Client, method: str, path: str, text: str) -> None:
    answer = client.request(method, f"/connectors/no{path}")
    assert answer.status_code == 404
    assert answer.json() == {"error_code": 404, "message": text}


@pytest.mark.parametrize("number", ["x", "-1", "1.0", "99999999999999999999", "%C2%B2"])
def test_a_task_that_is_no_number_is_not_found(client: httpx.Client, number: str) -> None:
    answer = client.get(f"/connectors/csv/tasks/{number}/status")
    assert answer.status_code == 404
    assert answer.json()["message"] == "HTTP 404 Not Found"


@pytest.mark.parametrize("query", ["includeTasks=yes", "onlyFailed=1", "includeTasks=%20"])
def test_a_flag_is_true_or_false(client: httpx.Client, csv: str, query: str) -> None:
    answer = client.post(f"/connectors/{csv}/restart?{query}")
    assert answer.status_code == 400
    assert answer.json()["message"].endswith("not true or false")


def test_a_name_in_the_path_must_be_utf_8(client: httpx.Client) -> None:
    answer = client.get("/connectors/%FF")
    assert answer.status_code == 400
    assert answer.json()["message"] == "The path is not UTF-8 at `%FF`"


def test_a_connector_that_is_busy_is_a_conflict(client: httpx.Client, worker: FakeWorker) -> None:
    text = "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"
    worker.fault = ConflictError(text)
    answer = client.get("/connectors")
    assert answer.status_code == 409
    assert answer.json() == {"error_code": 409, "message": text}


def test_secrets_stay_hidden(client: httpx.Client) -> None:
    config = {**SINK_CONFIG, "password": "s3cret"}
    created = client.post("/connectors", json={"name": "db", "config": config})
    shown = [created, client.get("/connectors/db"), client.get("/connectors?expand=info")]
    assert all("s3cret" not in answer.text for answer in shown)
    assert client.get("/connectors/db/config").json()["password"] == "[hidden]"
