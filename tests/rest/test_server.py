import httpx

from tests.rest.running import Running


def test_the_root_looks_like_a_kafka_worker(client: httpx.Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    about = answer.json()
    assert about["version"] == "4.1.0"
    assert about["kafka_cluster_id"] == "I4ZmrWqfT2e-upky_4fdPA"
    assert about["commit"]
    assert about["venvoy_version"]


def test_a_listener_on_port_0_knows_its_port(server: Running) -> None:
    assert server.listeners[0].port > 0
