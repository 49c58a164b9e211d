"""Offsets and topics in Kafka Connect's shapes."""

import httpx
import pytest

from tests.rest.conftest import SOURCE_CONFIG
from tests.rest.fake_worker import FakeWorker
from tests.rest.running import PATIENCE_S, Running, served
from tests.rest.settings import Settings

PAIR = {"partition": {"filename": "/tmp/a"}, "offset": {"position": 30}}


@pytest.fixture
def stopped(client: httpx.Client) -> str:
    body = {"name": "csv", "config": SOURCE_CONFIG, "initial_state": "STOPPED"}
    assert client.post("/connectors", json=body).status_code == 201
    return "csv"


def test_offsets_are_read_altered_and_reset(client: httpx.Client, stopped: str) -> None:
    path = f"/connectors/{stopped}/offsets"
    assert client.get(path).json() == {"offsets": []}
    altered = client.patch(path, json={"offsets": [PAIR]})
    assert altered.status_code == 200
    assert altered.json() == {
        "message": "The offsets for this connector have been altered successfully"
    }
    assert client.get(path).json() == {"offsets": [PAIR]}
    assert client.patch(path, json=client.get(path).json()).status_code == 200
    forgotten = {"offsets": [{**PAIR, "offset": None}]}
    assert client.patch(path, json=forgotten).status_code == 200
    assert client.get(path).json() == {"offsets": []}
    reset = client.delete(path)
    assert (reset.status_code, reset.json()) == (
        200,
        {"message": "The offsets for this connector have been reset successfully"},
    )


def test_numbers_of_offsets_keep_their_types(
    client: httpx.Client, worker: FakeWorker, stopped: str
) -> None:
    offset = {"n": 2**63, "f": 1.5, "m": -1, "t": True, "s": "1", "x": None, "a": [1, {"b": 2}]}
    answer = client.patch(
        f"/connectors/{stopped}/offsets", json={"offsets": [{**PAIR, "offset": offset}]}
    )
    assert answer.status_code == 200
    kept = worker.kept_offsets[stopped][0]["offset"]
    assert kept == offset
    assert repr(kept) == repr(offset)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_offsets_of_a_running_connector_are_not_changed(
    client: httpx.Client, stopped: str, method: str
) -> None:
    client.put(f"/connectors/{stopped}/resume")
    body = {"offsets": [PAIR]} if method == "PATCH" else None
    answer = client.request(method, f"/connectors/{stopped}/offsets", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"] == (
        "Connectors must be in the STOPPED state before their offsets can be modified. This can "
        "be done for the specified connector by issuing a 'PUT' request to the "
        "'/connectors/csv/stop' endpoint"
    )
    assert client.get(f"/connectors/{stopped}/offsets").json() == {"offsets": []}


def test_topics_are_told_and_forgotten(
    client: httpx.Client, server: Running, worker: FakeWorker, stopped: str
) -> None:
    server.call(lambda: worker.use_topic(stopped, "t"))
    path = f"/connectors/{stopped}/topics"
    assert client.get(path).json() == {"csv": {"topics": ["t"]}}
    answer = client.put(f"{path}/reset")
    assert (answer.status_code, answer.content) == (202, b"")
    assert client.get(path).json() == {"csv": {"topics": []}}


def test_topic_tracking_can_be_off(worker: FakeWorker) -> None:
    settings = Settings(topic_tracking_enabled=False)
    with (
        served(worker, settings) as server,
        httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client,
    ):
        for method, path in (("GET", "topics"), ("PUT", "topics/reset")):
            answer = client.request(method, f"/connectors/csv/{path}")
            assert answer.status_code == 403
            assert answer.json() == {"error_code": 403, "message": "Topic tracking is disabled."}


def test_topic_reset_can_be_off(worker: FakeWorker) -> None:
    settings = Settings(topic_tracking_reset_allowed=False)
    with (
        served(worker, settings) as server,
        httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client,
    ):
        client.put("/connectors/csv/config", json=SOURCE_CONFIG)
        assert client.get("/connectors/csv/topics").status_code == 200
        answer = client.put("/connectors/csv/topics/reset")
        assert answer.status_code == 403
        assert answer.json()["message"] == "Topic tracking reset is disabled."
