"""`/connector-plugins`: rows, configs at a version, validation (rows RV01 to RV09)."""

import httpx
import pytest

from tests.rest.conftest import SOURCE_CONFIG
from tests.rest.fake_worker import SOURCE

VALIDATE = "/connector-plugins/{}/config/validate"


def test_rv06_connectors_only_by_default(client: httpx.Client) -> None:
    rows = client.get("/connector-plugins").json()
    assert {row["type"] for row in rows} == {"source", "sink"}
    assert rows == client.get("/connector-plugins?connectorsOnly=true").json()


def test_rv07_rv08_every_plugin_with_class_type_and_version(client: httpx.Client) -> None:
    rows = client.get("/connector-plugins?connectorsOnly=false").json()
    assert [row["version"] for row in rows if row["class"] == SOURCE] == ["1.4.0", "2.0.0"]
    assert {row["type"] for row in rows} == {
        "source", "sink", "transformation", "predicate", "converter", "header_converter",
    }  # fmt: skip
    assert set(rows[0]) == {"class", "type", "version", "location"}


def test_connectors_only_is_true_or_false(client: httpx.Client) -> None:
    assert client.get("/connector-plugins?connectorsOnly=maybe").status_code == 400


def test_rv09_the_keys_of_a_plugin(client: httpx.Client) -> None:
    keys = client.get("/connector-plugins/CsvSource/config").json()
    assert [key["name"] for key in keys] == ["file", "topic"]
    assert set(keys[0]) == {
        "name", "type", "required", "default_value", "importance", "documentation", "group",
        "width", "display_name", "dependents", "order",
    }  # fmt: skip


def test_the_keys_of_a_plugin_at_a_version(client: httpx.Client) -> None:
    keys = client.get("/connector-plugins/CsvSource/config?version=1.4.0").json()
    assert keys[0]["default_value"] == "1.4.0"
    missing = client.get("/connector-plugins/CsvSource/config?version=9")
    assert missing.status_code == 400
    assert "available versions: [1.4.0, 2.0.0]" in missing.json()["message"]


def test_ah08_the_keys_of_an_unknown_plugin(client: httpx.Client) -> None:
    answer = client.get("/connector-plugins/no.such/config")
    assert answer.status_code == 404
    assert answer.json() == {"error_code": 404, "message": "Unknown plugin no.such."}


def test_rv01_faults_are_told_by_key_and_are_no_error_of_the_request(client: httpx.Client) -> None:
    config = {"connector.class": SOURCE, "name": "csv", "file": "f"}
    answer = client.put(VALIDATE.format(SOURCE), json=config)
    assert answer.status_code == 200
    infos = answer.json()
    assert (infos["name"], infos["error_count"]) == (SOURCE, 1)
    faults = {entry["value"]["name"]: entry["value"]["errors"] for entry in infos["configs"]}
    assert faults == {
        "file": [],
        "topic": ['Missing required configuration "topic" which has no default value.'],
    }


@pytest.mark.parametrize(
    ("row", "asked", "included"),
    [
        ("RV02", "CsvSourceConnector", SOURCE),
        ("RV03", "CsvSource", SOURCE),
        ("RV03", "CsvSource", "CsvSourceConnector"),
        ("RV03", "CsvSourceConnector", "CsvSource"),
    ],
)
def test_rv02_rv03_short_names_match(
    client: httpx.Client, row: str, asked: str, included: str
) -> None:
    config = {**SOURCE_CONFIG, "connector.class": included, "name": "csv"}
    answer = client.put(VALIDATE.format(asked), json=config)
    assert (row, answer.status_code, answer.json()["error_count"]) == (row, 200, 0)


@pytest.mark.parametrize(
    ("row", "asked"), [("RV04", "acme_csv.CustomConnector"), ("RV05", "Custom")]
)
def test_rv04_rv05_another_name_does_not_match(client: httpx.Client, row: str, asked: str) -> None:
    answer = client.put(VALIDATE.format(asked), json=SOURCE_CONFIG)
    text = f"Included connector type {SOURCE} does not match request type {asked}"
    assert (row, answer.status_code, answer.json()) == (
        row, 400, {"error_code": 400, "message": text},
    )  # fmt: skip


def test_a_null_reaches_the_validation(client: httpx.Client) -> None:
    answer = client.put(VALIDATE.format("CsvSource"), json={**SOURCE_CONFIG, "file": None})
    errors = [error for entry in answer.json()["configs"] for error in entry["value"]["errors"]]
    assert "Null value can not be supplied as the configuration value." in errors


def test_validation_stores_nothing(client: httpx.Client) -> None:
    client.put(VALIDATE.format("CsvSource"), json={**SOURCE_CONFIG, "name": "csv"})
    assert client.get("/connectors").json() == []
