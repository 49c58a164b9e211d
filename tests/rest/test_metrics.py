"""`/metrics` says what runs, at which versions, and what it did."""

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.rest.conftest import SINK_CONFIG, SOURCE_CONFIG
from tests.rest.fake_worker import SOURCE, FakeWorker
from tests.rest.running import PATIENCE_S, Running, served

Samples = dict[str, list[tuple[dict[str, str], float]]]
ODD = 'a "quoted" \\ name\nü'


@pytest.fixture
def alone() -> Iterator[tuple[Running, FakeWorker, httpx.Client]]:
    """A server of the test's own, so that its counts are known."""
    worker = FakeWorker()
    with served(worker) as server, httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        yield server, worker, client


def scrape(client: httpx.Client) -> Samples:
    """Return the samples by name, read by Prometheus's own parser."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples: Samples = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return samples


def test_the_versions_of_everything_in_a_task(client: httpx.Client) -> None:
    config = {**SOURCE_CONFIG, "connector.class": "CsvSource", "connector.version": "1.4.0"}
    client.put("/connectors/csv/config", json=config)
    samples = scrape(client)
    assert samples["venvoy_connector_task_info"] == [
        (
            {
                "connector": "csv", "task": "0", "connector_class": SOURCE,
                "connector_version": "1.4.0", "connector_type": "source",
                "environment": "0123456789ab",
                "key_converter_class": "acme_text.KeyConverter",
                "key_converter_version": "1.0.0",
                "value_converter_class": "acme_text.ValueConverter",
                "value_converter_version": "2.0.0",
                "header_converter_class": "acme_text.HeaderConverter",
                "header_converter_version": "3.0.0",
            },
            1.0,
        )
    ]  # fmt: skip
    assert samples["venvoy_connector_transform_info"] == [
        (
            {
                "connector": "csv", "task": "0", "transform": "up",
                "transform_class": "acme_text.Transformation", "transform_version": "4.0.0",
                "environment": "423456789abc",
            },
            1.0,
        )
    ]  # fmt: skip
    ((predicate, _),) = samples["venvoy_connector_predicate_info"]
    assert (predicate["predicate"], predicate["predicate_version"]) == ("empty", "5.0.0")
    ((connector, _),) = samples["venvoy_connector_info"]
    assert (connector["connector"], connector["connector_version"]) == ("csv", "1.4.0")


def test_states(client: httpx.Client, server: Running, worker: FakeWorker) -> None:
    client.put("/connectors/csv/config", json={**SOURCE_CONFIG, "tasks.max": "2"})
    server.call(lambda: worker.fail_task("csv", 1, "Traceback"))
    samples = scrape(client)
    states = {
        (labels["task"], labels["status"])
        for labels, value in samples["venvoy_connector_task_status"]
        if value
    }
    assert states == {("0", "running"), ("1", "failed")}
    assert len(samples["venvoy_connector_task_status"]) == 12
    assert [labels["status"] for labels, value in samples["venvoy_connector_status"] if value] == [
        "running"
    ]


def test_counters_of_sources_sinks_and_errors(client: httpx.Client) -> None:
    client.put("/connectors/csv/config", json=SOURCE_CONFIG)
    client.put("/connectors/db/config", json=SINK_CONFIG)
    samples = scrape(client)
    csv = {"connector": "csv", "task": "0"}
    db = {"connector": "db", "task": "0"}
    assert samples["venvoy_source_task_record_poll_total"] == [(csv, 30)]
    assert samples["venvoy_source_task_record_write_total"] == [(csv, 28)]
    assert samples["venvoy_sink_task_record_read_total"] == [(db, 30)]
    assert samples["venvoy_sink_task_record_send_total"] == [(db, 28)]
    assert samples["venvoy_task_error_record_errors_total"] == [(csv, 2), (db, 2)]
    assert samples["venvoy_task_error_retries_total"] == [(csv, 0), (db, 0)]
    assert samples["venvoy_task_error_last_error_timestamp_seconds"][0] == (csv, 1_700_000_000.5)


def test_the_worker_itself(client: httpx.Client) -> None:
    client.put("/connectors/csv/config", json={**SOURCE_CONFIG, "tasks.max": "3"})
    samples = scrape(client)
    ((labels, _),) = samples["venvoy_worker_info"]
    assert labels["kafka_version"] == "4.1.0"
    assert labels["worker_id"] == "127.0.0.1:8083"
    assert samples["venvoy_worker_connector_count"] == [({}, 1)]
    assert samples["venvoy_worker_task_count"] == [({}, 3)]
    assert samples["venvoy_worker_uptime_seconds"][0][1] > 0


def test_requests_are_counted_by_route(alone: tuple[Running, FakeWorker, httpx.Client]) -> None:
    _, _, client = alone
    for name in ("a", "b", "c"):
        client.get(f"/connectors/{name}/status")
    client.request("BREW", "/")
    client.get("/no/such/path")
    samples = scrape(client)
    counts = {
        (labels["method"], labels["path"], labels["status"]): value
        for labels, value in samples["venvoy_rest_requests_total"]
    }
    assert counts == {
        ("GET", "/connectors/{connector}/status", "404"): 3,
        ("other", "/", "405"): 1,
        ("GET", "none", "404"): 1,
    }
    durations = {
        (labels["method"], labels["path"]): value
        for labels, value in samples["venvoy_rest_request_duration_seconds_count"]
    }
    assert durations["GET", "/connectors/{connector}/status"] == 3


def test_any_name_is_a_label(client: httpx.Client) -> None:
    body = {"name": ODD, "config": SOURCE_CONFIG}
    assert client.post("/connectors", json=body).status_code == 201
    ((labels, _),) = scrape(client)["venvoy_connector_info"]
    assert labels["connector"] == ODD


def test_what_is_deleted_is_gone(client: httpx.Client) -> None:
    client.put("/connectors/csv/config", json=SOURCE_CONFIG)
    assert "venvoy_connector_info" in scrape(client)
    client.delete("/connectors/csv")
    assert "venvoy_connector_info" not in scrape(client)


def test_without_connectors_every_family_is_described(client: httpx.Client) -> None:
    text = client.get("/metrics").text
    for group in ("connector_task_info", "connector_transform_info", "connector_predicate_info"):
        assert f"# TYPE venvoy_{group} gauge" in text
    assert "# TYPE venvoy_task_error_record_failures_total counter" in text
