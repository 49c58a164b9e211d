"""A body of 100 MiB is refused without being kept."""

import resource
import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.rest.fake_worker import FakeWorker
from tests.rest.running import PATIENCE_S, Running

MIB = 1 << 20
LARGE_MIB = 100
JSON = {"Content-Type": "application/json"}


def _chunks() -> Iterator[bytes]:
    chunk = b" " * MIB
    for _ in range(LARGE_MIB):
        yield chunk


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_body_of_100_mib_is_413_and_not_kept(
    client: httpx.Client, worker: FakeWorker, is_announced: bool
) -> None:
    headers = {**JSON, "Content-Length": str(LARGE_MIB * MIB)} if is_announced else JSON
    client.get("/")
    before = _peak_bytes()
    answer = client.post("/connectors", content=_chunks(), headers=headers)
    assert answer.status_code == 413
    assert answer.json() == {
        "error_code": 413,
        "message": f"The request body is larger than {MIB} bytes",
    }
    assert _peak_bytes() - before < LARGE_MIB * MIB / 4
    assert worker.stored == {}
    assert client.get("/connectors").json() == []


def test_who_asks_first_need_not_send_it(server: Running) -> None:
    """`Expect: 100-continue`, as curl sends it: refused by the announced length."""
    with socket.create_connection(("127.0.0.1", server.listeners[0].port)) as connection:
        connection.settimeout(PATIENCE_S)
        connection.sendall(
            b"POST /connectors HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 104857600\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(1024).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_leaves_in_the_middle_of_its_body_disturbs_nobody(
    server: Running, client: httpx.Client, worker: FakeWorker
) -> None:
    with socket.create_connection(("127.0.0.1", server.listeners[0].port)) as connection:
        connection.sendall(
            b"POST /connectors HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b'Content-Length: 1000\r\n\r\n{"name"'
        )
    assert client.get("/connectors").json() == []
    assert worker.stored == {}
