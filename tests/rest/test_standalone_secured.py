"""`venvoy standalone` with TLS and users, as its file says."""

import re
import ssl
from collections.abc import Iterator

import httpx
import pytest

from launcher.rest.passwords import hash_password
from tests.rest.test_listeners import CERTIFICATE, KEY
from tests.worker.standalone import Standalone, write_properties
from tests.worker.standing import Stand

PATIENCE_S = 120.0


@pytest.fixture
def standalone(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Standalone]:
    """A worker's file with an https listener and two users; nothing runs after the test."""
    directory = tmp_path_factory.mktemp("secured")
    monkeypatch.setenv("VENVOY_STORE", str(directory / "store"))
    stand = Stand(directory / "stand")
    users = stand.directory / "users"
    users.write_text(f"anna: correct horse\nbob: {hash_password('s3cret')}\n")
    pairs = {
        "plugin.path": stand.plugins,
        "listeners": "https://localhost:0,http://127.0.0.1:0",
        "rest.basic.auth.file": "users",
        "listeners.https.ssl.certificate.location": CERTIFICATE,
        "listeners.https.ssl.key.location": KEY,
    }
    file = write_properties(stand.directory / "worker.properties", pairs)
    one = Standalone(stand.directory, file)
    yield one
    if one.process is not None:
        one.process.kill()
        one.process.wait()
    one.until_nothing_is_left()


def test_users_get_in_over_tls_and_nobody_else(standalone: Standalone) -> None:
    standalone.launch()
    pattern = re.compile(r"the REST API is at (\S+)")
    standalone.until(lambda: len(pattern.findall(standalone.said)) == 2)
    secure, plain = pattern.findall(standalone.said)
    assert (secure.partition(":")[0], plain.partition(":")[0]) == ("https", "http")
    trust = ssl.create_default_context(cafile=str(CERTIFICATE))
    with httpx.Client(verify=trust, timeout=PATIENCE_S) as client:
        for url in (secure, plain):
            assert client.get(f"{url}/health").json()["status"] == "healthy"
            refused = client.get(f"{url}/connectors")
            assert (refused.status_code, refused.json()["error_code"]) == (401, 401)
            for user in (("anna", "correct horse"), ("bob", "s3cret")):
                assert client.get(f"{url}/connectors", auth=user).json() == []
            assert client.get(f"{url}/connectors", auth=("bob", "correct horse")).status_code == 401
    assert standalone.end() == 0
    assert "s3cret" not in standalone.said


@pytest.mark.parametrize(
    ("text", "reason"), [("anna\n", "is not `user: password`"), ("", "it names no user")]
)
def test_a_bad_file_of_users_ends_the_worker_with_its_reason(
    standalone: Standalone, text: str, reason: str
) -> None:
    (standalone.directory / "users").write_text(text)
    standalone.launch()
    assert standalone.wait() == 1
    assert reason in standalone.said
    assert "Traceback" not in standalone.said
