"""Rescans, locations, plans, generations and rollbacks over HTTP."""

from typing import Any

import httpx
import pytest

from tests.rest.conftest import SOURCE_CONFIG
from tests.rest.fake_worker import FakeWorker

PLAN = "/connectors/csv/plan"


@pytest.fixture
def csv(client: httpx.Client) -> dict[str, str]:
    """The config of a source called csv at 1.4.0, with two tasks."""
    config = {**SOURCE_CONFIG, "name": "csv", "tasks.max": "2", "connector.version": "1.4.0"}
    assert client.put("/connectors/csv/config", json=config).status_code == 201
    return config


def test_a_rescan_says_what_has_changed(client: httpx.Client) -> None:
    answer = client.post("/connector-plugins/rescan")
    assert answer.status_code == 200
    assert answer.json() == {
        "added": ["acme_csv.CsvSourceConnector 2.0.0"],
        "removed": [],
        "broken": ["/plugins/torn"],
        "mended": [],
        "changed": [],
        "locations": 3,
    }


def test_locations_tell_builds_faults_and_who_uses_them(
    client: httpx.Client, csv: dict[str, str]
) -> None:
    ready, torn, gone = client.get("/connector-plugins/locations").json()
    assert (ready["build"], ready["used_by"]) == ("READY", [csv["name"]])
    assert (torn["problem"], torn["hint"], torn["build"]) == ("no wheel", "put one there", None)
    assert [one["gone"] for one in (ready, torn, gone)] == [False, False, True]


def test_a_plan_of_versions_is_of_the_config_that_is_there(
    client: httpx.Client, worker: FakeWorker, csv: dict[str, str]
) -> None:
    answer = client.post(PLAN, json={"versions": {"connector.version": "2.0.0"}})
    assert answer.status_code == 200
    assert worker.planned == [("csv", {**csv, "connector.version": "2.0.0"})]
    plan = answer.json()
    assert plan["stages"][0]["version_before"] == "1.4.0"
    assert plan["stages"][0]["version_after"] == "2.0.0"
    assert plan["packages"] == [{"name": "pydantic", "before": "1.10.2", "after": None}]
    assert plan["config"][0] == {
        "key": "encoding", "change": "appears", "before": None, "after": "utf-8", "set": False,
    }  # fmt: skip
    assert plan["restarts"] == ["csv", "csv-0", "csv-1"]
    assert plan["problems"] == []
    assert client.get("/connectors/csv/config").json() == csv


def test_a_plan_may_take_a_version_away_or_change_none(
    client: httpx.Client, worker: FakeWorker, csv: dict[str, str]
) -> None:
    client.post(PLAN, json={"versions": {"connector.version": None}})
    client.post(PLAN, json={"versions": {}})
    unpinned = {key: value for key, value in csv.items() if key != "connector.version"}
    assert worker.planned == [("csv", unpinned), ("csv", csv)]


def test_a_plan_of_a_whole_config(
    client: httpx.Client, worker: FakeWorker, csv: dict[str, str]
) -> None:
    client.post(PLAN, json={**csv, "tasks.max": 3})
    assert worker.planned == [("csv", {**csv, "tasks.max": "3"})]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "Expected an object as the request body, found an array"),
        ({"file": None}, "Expected a string as `file` in the request body, found null"),
        ({"versions": {"tasks.max": "2"}}, "`tasks.max` in `versions` is no key of a plugin's"),
        ({"versions": {}, "file": "f"}, "Unrecognized field `file`"),
        ({"versions": {"connector.version": []}}, "found an array"),
    ],
)
def test_what_is_no_plan_is_refused(
    client: httpx.Client, csv: dict[str, str], body: Any, said: str
) -> None:
    answer = client.post(f"/connectors/{csv['name']}/plan", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["message"]


def test_generations_are_listed_and_rolled_back_to(
    client: httpx.Client, csv: dict[str, str]
) -> None:
    for version in ("2.0.0", "1.4.0", "2.0.0"):
        client.patch("/connectors/csv/config", json={"connector.version": version})
    listed = client.get("/connectors/csv/generations").json()
    assert [one["generation"] for one in listed] == [4, 3, 2, 1]
    assert [one["current"] for one in listed] == [True, False, False, False]
    assert {one["by"] for one in listed} == {"127.0.0.1"}
    assert [one["versions"][0]["version"] for one in listed] == ["2.0.0", "1.4.0", "2.0.0", "1.4.0"]
    back = client.post("/connectors/csv/rollback", json={"to": 1})
    assert back.status_code == 200
    assert back.json()["config"] == csv
    assert client.post("/connectors/csv/rollback", json={}).status_code == 200
    assert client.get("/connectors/csv/config").json()["connector.version"] == "2.0.0"
    status = client.get("/connectors/csv/status").json()
    assert status["last_move"]["from_version"] == "1.4.0"


@pytest.mark.parametrize("to", [0, -1, 1.5, "1", True, [1], 1e400])
def test_a_generation_is_a_number(client: httpx.Client, csv: dict[str, str], to: Any) -> None:
    content = f'{{"to": {str(to).lower() if isinstance(to, bool) else repr(to)}}}'
    answer = client.post(
        f"/connectors/{csv['name']}/rollback",
        content=content.replace("'", '"').replace("inf", "1e400"),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400, answer.text


def test_a_generation_that_is_not_there(client: httpx.Client, csv: dict[str, str]) -> None:
    answer = client.post(f"/connectors/{csv['name']}/rollback", json={"to": 9})
    assert answer.status_code == 404
    assert answer.json()["message"] == "Connector csv has no generation 9"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "plan"), ("GET", "generations"), ("POST", "rollback")],
)
def test_of_a_connector_that_is_not_there(client: httpx.Client, method: str, path: str) -> None:
    body: dict[str, object] = {"versions": {}} if path == "plan" else {}
    answer = client.request(method, f"/connectors/none/{path}", json=body)
    assert answer.status_code == 404
    assert answer.json()["message"] == "Connector none not found"
