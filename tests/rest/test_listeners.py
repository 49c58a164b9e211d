"""Where the server may listen: taken ports, other machines, TLS."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from launcher.rest.faults import (
    AddressInUseError,
    InsecureListenerError,
    ListenerError,
    TlsError,
)
from launcher.rest.listeners import bind_listeners
from tests.ports import free_port
from tests.rest.fake_worker import FakeWorker
from tests.rest.running import PATIENCE_S, served
from tests.rest.settings import At, Settings

DATA = Path(__file__).parent / "data"
"""A certificate for localhost that signs itself, its key, and keys that do not fit; of no value."""
CERTIFICATE = DATA / "certificate.pem"
KEY = DATA / "key.pem"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that something else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_port_in_use_is_told_and_nothing_stays_open(taken: int) -> None:
    free = free_port()
    settings = Settings(listeners=(At(port=free), At(port=taken)))
    with pytest.raises(AddressInUseError) as told:
        bind_listeners(settings)
    assert told.value.message == (
        f"cannot listen on `http://127.0.0.1:{taken}`: the address is in use"
    )
    assert "another worker" in told.value.hint
    with socket.create_server(("127.0.0.1", free)):
        pass


def test_a_second_worker_on_the_same_port_is_refused_before_it_starts() -> None:
    (first,) = bind_listeners(Settings())
    with first.socket, pytest.raises(AddressInUseError):
        bind_listeners(Settings(listeners=(At(port=first.port),)))


@pytest.mark.parametrize(
    "at", [At(host="host.invalid"), At(host="192.0.2.1", scheme="http"), At(port=70_000)]
)
def test_an_address_that_cannot_be_bound_is_told(at: At) -> None:
    with pytest.raises(ListenerError, match="cannot listen on"):
        bind_listeners(Settings(listeners=(at,), insecure_ok=True))


@pytest.mark.parametrize("host", ["", "0.0.0.0", "192.0.2.1"])
@pytest.mark.parametrize(
    ("scheme", "has_users", "missing"),
    [
        ("http", False, ("authentication", "TLS")),
        ("http", True, ("TLS",)),
        ("https", False, ("authentication",)),
    ],
)
def test_other_machines_need_authentication_and_tls(
    host: str, scheme: str, has_users: bool, missing: tuple[str, ...]
) -> None:
    settings = Settings(
        listeners=(At(scheme=scheme, host=host),),
        rest_auth_file=Path("users") if has_users else None,
        ssl_certificate=CERTIFICATE,
        ssl_key=KEY,
    )
    with pytest.raises(InsecureListenerError) as told:
        bind_listeners(settings)
    assert told.value.missing == missing
    assert "rest.insecure.allow=true" in told.value.hint


def test_who_insists_may_listen_to_other_machines() -> None:
    settings = Settings(listeners=(At(host=""),), insecure_ok=True)
    with served(FakeWorker(), settings) as server:
        (listener,) = server.listeners
        assert not listener.is_loopback
        assert listener.url == f"http://localhost:{listener.port}"
        for name in ("127.0.0.1", "worker.example"):
            answer = httpx.get(
                f"http://127.0.0.1:{listener.port}/connectors",
                headers={"Host": name},
                timeout=PATIENCE_S,
            )
            assert answer.json() == []


def test_an_ipv6_listener() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 on this machine")
    with served(FakeWorker(), Settings(listeners=(At(host="::1"),))) as server:
        assert server.url.startswith("http://[::1]:")
        assert httpx.get(f"{server.url}/connectors", timeout=PATIENCE_S).json() == []


def test_http_and_https_side_by_side() -> None:
    settings = Settings(
        listeners=(At(), At(scheme="https", host="localhost")),
        ssl_certificate=CERTIFICATE,
        ssl_key=KEY,
    )
    trust = ssl.create_default_context(cafile=str(CERTIFICATE))
    with served(FakeWorker(), settings) as server:
        plain, secure = (listener.url for listener in server.listeners)
        with httpx.Client(verify=trust, timeout=PATIENCE_S) as client:
            assert client.get(f"{plain}/connectors").json() == []
            assert client.get(f"{secure}/connectors").json() == []
            with pytest.raises(httpx.RemoteProtocolError):
                client.get(secure.replace("https", "http"))


@pytest.mark.parametrize(
    ("certificate", "key", "text"),
    [
        (None, None, "there is no certificate"),
        (DATA / "missing.pem", KEY, "No such file or directory"),
        (CERTIFICATE, DATA / "missing.pem", "No such file or directory"),
        (CERTIFICATE, DATA / "other_key.pem", "KEY_VALUES_MISMATCH"),
        (CERTIFICATE, None, "its key: "),
        (KEY, KEY, "its key: "),
        (CERTIFICATE, DATA / "locked_key.pem", "its key: "),
    ],
)
def test_a_certificate_that_cannot_be_used_is_told_at_once(
    certificate: Path | None, key: Path | None, text: str
) -> None:
    settings = Settings(listeners=(At(scheme="https"),), ssl_certificate=certificate, ssl_key=key)
    with pytest.raises(TlsError) as told:
        bind_listeners(settings)
    assert told.value.message.startswith("cannot use TLS on `https://127.0.0.1:0`: ")
    assert text in told.value.message
