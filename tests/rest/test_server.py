"""The server itself: `/`, `/health`, paths, methods, CORS, its own faults, its end."""

import asyncio
import json
import logging
import socket

import httpx
import pytest

from launcher.interface.faults import RefusedError
from launcher.interface.views import Health
from launcher.rest.application import application
from launcher.rest.listeners import bind_listeners
from launcher.rest.metrics import Metrics
from launcher.rest.server import serve
from manager.errors import UsageError
from tests.rest.conftest import SOURCE_CONFIG
from tests.rest.fake_worker import FakeWorker
from tests.rest.running import PATIENCE_S, Running, served
from tests.rest.settings import At, Settings

ORIGIN = "http://ui.example"


def test_the_root_looks_like_a_kafka_worker(client: httpx.Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    about = answer.json()
    assert about["version"] == "4.1.0"
    assert about["kafka_cluster_id"] == "I4ZmrWqfT2e-upky_4fdPA"
    assert about["commit"]
    assert about["venvoy_version"]


@pytest.mark.parametrize(
    ("status", "code"), [("healthy", 200), ("starting", 503), ("unhealthy", 500)]
)
def test_health(client: httpx.Client, worker: FakeWorker, status: str, code: int) -> None:
    worker.condition = Health(status=status, message="how it is")  # type: ignore[arg-type]  # a case each
    answer = client.get("/health")
    assert answer.status_code == code
    assert answer.json() == {"status": status, "message": "how it is"}


def test_a_worker_that_does_not_know_its_connectors_yet_is_not_asked(
    client: httpx.Client, worker: FakeWorker
) -> None:
    """Else a connector that is stored could be made a second time while it is taken up."""
    text = "Worker is still starting up."
    worker.condition = Health(status="starting", message=text)
    for method, path in (("GET", "/"), ("GET", "/connectors"), ("PUT", "/connectors/csv/config")):
        answer = client.request(method, path, json=SOURCE_CONFIG)
        assert answer.status_code == 503
        assert answer.json() == {"error_code": 503, "message": text}
    assert worker.stored == {}
    assert client.get("/openapi.json").status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/health/", "/connectors/", "/connectors//", "/connector-plugins/", "/metrics/"]
)
def test_a_path_may_end_in_a_slash(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 200


def test_create_takes_a_slash_at_the_end_too(client: httpx.Client) -> None:
    body = {"name": "csv", "config": SOURCE_CONFIG}
    assert client.post("/connectors/", json=body).status_code == 201
    assert client.put("/connectors/csv/config/", json=SOURCE_CONFIG).status_code == 200
    assert client.delete("/connectors/csv/").status_code == 204


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/connectors/a/nothing", "/connectors//status", "/Connectors", "/health%2F"],
)
def test_what_is_not_there_is_404_in_json(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"error_code": 404, "message": "HTTP 404 Not Found"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/connectors", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/connectors/a", "DELETE, GET, HEAD, OPTIONS"),
        ("GET", "/connectors/a/pause", "OPTIONS, PUT"),
        ("TRACE", "/", "GET, HEAD, OPTIONS"),
        ("BREW", "/", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_method_that_is_not_there_is_405_in_json(
    client: httpx.Client, method: str, path: str, allowed: str
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert answer.json() == {"error_code": 405, "message": "HTTP 405 Method Not Allowed"}


def test_options_tells_the_methods(client: httpx.Client) -> None:
    answer = client.options("/connectors")
    assert answer.status_code == 200
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST" == answer.text


def test_head_is_get_without_a_body(client: httpx.Client) -> None:
    answer = client.head("/connectors")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(client.get("/connectors").content))


def test_cors(worker: FakeWorker) -> None:
    properties = {
        "access.control.allow.origin": f"{ORIGIN}, http://b.example",
        "access.control.allow.methods": "GET,PUT",
    }
    with (
        served(worker, Settings(properties=properties)) as server,
        httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client,
    ):
        allowed = client.get("/connectors", headers={"Origin": ORIGIN})
        assert allowed.headers["access-control-allow-origin"] == ORIGIN
        other = client.get("/connectors", headers={"Origin": "http://evil.example"})
        assert "access-control-allow-origin" not in other.headers
        asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
        preflight = client.options("/connectors/a/config", headers=asked)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-methods"] == "GET, PUT"


def test_without_cors_no_other_site_may_read(client: httpx.Client) -> None:
    answer = client.get("/connectors", headers={"Origin": ORIGIN})
    assert "access-control-allow-origin" not in answer.headers


def test_a_bug_of_ours_is_500_without_a_trace_and_is_logged(
    client: httpx.Client, worker: FakeWorker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.fault = KeyError("a secret of the inside")
    answer = client.get("/connectors")
    assert answer.status_code == 500
    assert answer.json() == {
        "error_code": 500,
        "message": "Internal server error; the worker's log tells more",
    }
    (record,) = (record for record in caplog.records if record.levelno >= logging.ERROR)
    assert record.getMessage() == "GET /connectors failed"
    assert record.exc_info is not None
    assert "a secret of the inside" in str(record.exc_info[1])


def test_a_fault_that_we_know_is_500_with_its_message(
    client: httpx.Client, worker: FakeWorker
) -> None:
    worker.fault = UsageError(what="the store is full", remedy="make room")
    answer = client.get("/connectors")
    assert answer.status_code == 500
    assert answer.json() == {"error_code": 500, "message": "the store is full"}


def test_an_error_without_a_text_has_a_message_all_the_same(
    client: httpx.Client, worker: FakeWorker
) -> None:
    worker.fault = RefusedError("")
    assert client.get("/connectors").json() == {"error_code": 400, "message": "HTTP 400"}


def test_text_that_is_no_unicode_is_escaped(
    client: httpx.Client, server: Running, worker: FakeWorker
) -> None:
    client.put("/connectors/csv/config", json=SOURCE_CONFIG)
    server.call(lambda: worker.fail_task("csv", 0, "bad \udcff byte"))
    answer = client.get("/connectors/csv/status")
    assert answer.status_code == 200
    assert answer.json()["tasks"][0]["trace"] == "bad \udcff byte"


class SlowWorker(FakeWorker):
    """Creates only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.let = asyncio.Event()

    async def delete(self, name: str) -> None:
        self.asked.set()
        await self.let.wait()
        await super().delete(name)


def test_what_takes_too_long_is_500_and_goes_on() -> None:
    async def main() -> None:
        worker = SlowWorker()
        await worker.create("csv", SOURCE_CONFIG)
        app = application(worker, Settings(), metrics=Metrics(worker), timeout_s=0.01)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.delete("/connectors/csv")
            assert answer.status_code == 500
            assert answer.json()["message"].startswith("Request timed out. ")
            assert worker.connectors() == ("csv",)
            worker.let.set()
            while worker.connectors():
                await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(main(), PATIENCE_S))


def test_a_request_under_way_is_answered_before_the_server_ends() -> None:
    async def main() -> None:
        worker, stop = SlowWorker(), asyncio.Event()
        await worker.create("csv", SOURCE_CONFIG)
        listeners = bind_listeners(Settings())
        serving = asyncio.create_task(serve(worker, Settings(), stop, listeners=listeners))
        async with httpx.AsyncClient(base_url=listeners[0].url, timeout=PATIENCE_S) as client:
            asking = asyncio.create_task(client.delete("/connectors/csv"))
            await worker.asked.wait()
            stop.set()
            await _until_closed(listeners[0].port)
            assert not asking.done()
            worker.let.set()
            assert (await asking).status_code == 204
        await serving

    asyncio.run(asyncio.wait_for(main(), PATIENCE_S))


async def _until_closed(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except (ConnectionRefusedError, ConnectionResetError):
            # reset: the listener closed while this connection waited to be accepted
            return
        writer.close()
        await asyncio.sleep(0)


def test_several_listeners_serve_one_worker(worker: FakeWorker) -> None:
    with served(worker, Settings(listeners=(At(), At(host="localhost")))) as server:
        first, second = (listener.url for listener in server.listeners)
        assert first != second
        httpx.put(f"{first}/connectors/csv/config", json=SOURCE_CONFIG, timeout=PATIENCE_S)
        assert httpx.get(f"{second}/connectors", timeout=PATIENCE_S).json() == ["csv"]


def test_what_is_no_http_is_400_in_json(server: Running) -> None:
    async def main() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.listeners[0].port)
        writer.write(b"nonsense\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    head, _, body = asyncio.run(asyncio.wait_for(main(), PATIENCE_S)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body) == {"error_code": 400, "message": "Invalid HTTP request received."}


def test_a_body_that_is_no_http_ends_its_connection_only(
    server: Running, client: httpx.Client
) -> None:
    with socket.create_connection(("127.0.0.1", server.listeners[0].port)) as connection:
        connection.settimeout(PATIENCE_S)
        connection.sendall(
            b"POST /connectors HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n"
        )
        said = b"".join(iter(lambda: connection.recv(65536), b""))
    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1") == 1
    assert client.get("/connectors").json() == []
