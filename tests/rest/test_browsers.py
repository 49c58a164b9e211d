"""What a page of another site makes a browser send is refused."""

import httpx
import pytest

from tests.rest.conftest import SOURCE_CONFIG
from tests.rest.fake_worker import FakeWorker
from tests.rest.running import PATIENCE_S, served
from tests.rest.settings import At, Settings

ORIGIN = "http://ui.example"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8083",
        "LOCALHOST",
        "a.localhost",
        "127.0.0.1:1",
        "127.1.2.3",
        "[::1]:8083",
    ],
)
def test_local_names_are_answered(client: httpx.Client, host: str) -> None:
    assert client.get("/connectors", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8083", "localhost.evil.example", "127.0.0.1.evil.example",
     "10.0.0.1", "[fe80::1]", "", "[", "0.0.0.0"],
)  # fmt: skip
def test_other_names_are_not(client: httpx.Client, host: str) -> None:
    """A stranger's name that resolves to 127.0.0.1 (DNS rebinding)."""
    answer = client.get("/connectors", headers={"Host": host})
    assert answer.status_code == 403
    assert answer.json()["error_code"] == 403


def test_the_listeners_own_name_is_answered(worker: FakeWorker) -> None:
    with served(worker, Settings(listeners=(At(host="127.0.0.7"),))) as server:
        assert httpx.get(f"{server.url}/connectors", timeout=PATIENCE_S).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_changes_nothing(
    client: httpx.Client, worker: FakeWorker, site: str
) -> None:
    client.put("/connectors/csv/config", json=SOURCE_CONFIG)
    headers = {"Sec-Fetch-Site": site, "Origin": ORIGIN}
    for method, path in (("POST", "/connectors/csv/restart"), ("DELETE", "/connectors/csv")):
        answer = client.request(method, path, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["message"].startswith("A page of another site asked for this")
    assert worker.restarts == []
    assert client.get("/connectors", headers=headers).json() == ["csv"]


@pytest.mark.parametrize("site", ["same-origin", "none", None])
def test_pages_of_ones_own_and_other_clients_do(client: httpx.Client, site: str | None) -> None:
    headers = {} if site is None else {"Sec-Fetch-Site": site}
    answer = client.put("/connectors/csv/config", json=SOURCE_CONFIG, headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize("allowed", ["*", f"http://b.example,{ORIGIN}"])
def test_a_site_that_cors_allows_does(worker: FakeWorker, allowed: str) -> None:
    settings = Settings(properties={"access.control.allow.origin": allowed})
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN}
    with served(worker, settings) as server:
        path = f"{server.url}/connectors/csv/config"
        assert (
            httpx.put(path, json=SOURCE_CONFIG, headers=headers, timeout=PATIENCE_S).status_code
            == 201
        )
