"""Basic authentication against a file of users."""

import base64
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from launcher.rest.authentication import read_users
from launcher.rest.faults import BadUsersFileError
from launcher.rest.passwords import ScryptHash, hash_password
from tests.rest.conftest import SOURCE_CONFIG
from tests.rest.fake_worker import FakeWorker
from tests.rest.running import PATIENCE_S, served
from tests.rest.settings import Settings

PASSLIB = "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$"
USERS = """\
# who may
anna: correct horse: battery

bob:  {hash}
jürgen: pässwort
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a server with users, without credentials."""
    file = tmp_path_factory.mktemp("users") / "users"
    file.write_text(USERS.format(hash=hash_password("s3cret")), encoding="utf-8")
    settings = Settings(rest_auth_file=file)
    with (
        served(FakeWorker(), settings) as server,
        httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("user", "password"),
    [("anna", "correct horse: battery"), ("bob", "s3cret"), ("jürgen", "pässwort")],
)
def test_a_user_gets_in(guarded: httpx.Client, user: str, password: str) -> None:
    for _ in range(2):
        assert guarded.get("/connectors", auth=(user.encode(), password.encode())).json() == []


def test_a_config_is_asked_for_by_a_clients_address_where_there_are_no_users() -> None:
    worker = FakeWorker()
    body = {"name": "csv", "config": SOURCE_CONFIG}
    with (
        served(worker, Settings()) as server,
        httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client,
    ):
        client.post("/connectors", json=body, timeout=PATIENCE_S).raise_for_status()
        put = client.put("/connectors/csv/config", json=SOURCE_CONFIG, timeout=PATIENCE_S)
        put.raise_for_status()
    assert worker.asked_by == ["127.0.0.1", "127.0.0.1"]


def test_a_config_is_asked_for_by_the_user(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text("anna: hush\n")
    worker = FakeWorker()
    settings = Settings(rest_auth_file=file)
    with (
        served(worker, settings) as server,
        httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client,
    ):
        body = {"name": "csv", "config": SOURCE_CONFIG}
        made = client.post("/connectors", json=body, auth=("anna", "hush"), timeout=PATIENCE_S)
        made.raise_for_status()
        patch = {"tasks.max": "2"}
        url = "/connectors/csv/config"
        client.patch(url, json=patch, auth=("anna", "hush"), timeout=PATIENCE_S).raise_for_status()
    assert set(worker.asked_by) == {"anna"}


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"anna").decode(),
        "Basic " + base64.b64encode(b"anna:").decode(),
        "Basic " + base64.b64encode(b"anna:wrong").decode(),
        "Basic " + base64.b64encode(b"bob:wrong").decode(),
        "Basic " + base64.b64encode(b":").decode(),
        "Basic " + base64.b64encode(b"eve:correct horse: battery").decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Bearer " + base64.b64encode(b"anna:correct horse: battery").decode(),
    ],
)
@pytest.mark.parametrize("path", ["/", "/connectors", "/metrics", "/openapi.json", "/nothing"])
def test_others_are_told_401_in_json(guarded: httpx.Client, header: str | None, path: str) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = guarded.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="venvoy", charset="UTF-8"'
    assert answer.json() == {"error_code": 401, "message": "User cannot access the resource."}


def test_a_password_that_was_right_once_does_not_let_another_in(guarded: httpx.Client) -> None:
    assert guarded.get("/", auth=("bob", "s3cret")).status_code == 200
    assert guarded.get("/", auth=("bob", "s3cre")).status_code == 401
    assert guarded.get("/", auth=("eve", "s3cret")).status_code == 401


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/health", 200),
        ("/health/", 200),
        ("/%68ealth", 401),
        ("/health/x", 401),
        ("//health", 401),
    ],
)
def test_only_health_is_open_to_all(guarded: httpx.Client, path: str, code: int) -> None:
    assert guarded.get(path).status_code == code


def test_the_document_says_that_users_are_asked_for(guarded: httpx.Client) -> None:
    document = guarded.get("/openapi.json", auth=("bob", "s3cret")).json()
    assert document["security"] == [{"basic": []}]
    assert document["paths"]["/health"]["get"]["security"] == []
    assert "401" in document["paths"]["/connectors"]["get"]["responses"]
    assert "401" not in document["paths"]["/health"]["get"]["responses"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it names no user"),
        ("# nobody\n", "it names no user"),
        ("anna\n", "line 1 is not `user: password`"),
        ("anna: a\n\nbob:\n", "line 3 is not `user: password`"),
        (": secret\n", "line 1 is not `user: password`"),
        ("anna: a\nanna: b\n", "line 2 names `anna` again"),
        ("anna: $2y$05$abcdefghijklmnopqrstuv\n", "the hash on line 1 is not of the form"),
        ("anna: $apr1$abc$def\n", "the hash on line 1 is not of the form"),
        (f"anna: {PASSLIB}\n", "the hash on line 1 is not of the form"),
        ("anna: $scrypt$ln=60,r=8,p=1$c2FsdA$c2FsdA\n", "its parameters ask for too much memory"),
        ("anna: $scrypt$ln=0,r=8,p=1$c2FsdA$c2FsdA\n", "a parameter of scrypt is 0"),
    ],
)
def test_a_file_with_a_bad_line_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "users"
    file.write_text(text)
    with pytest.raises(BadUsersFileError) as told:
        read_users(file)
    assert reason in told.value.message
    assert str(file) in told.value.message
    assert "secret" not in told.value.message


@pytest.mark.parametrize("kind", ["missing", "directory", "binary"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, kind: str) -> None:
    file = tmp_path if kind == "directory" else tmp_path / "users"
    if kind == "binary":
        file.write_bytes(b"anna: \xff\n")
    with pytest.raises(BadUsersFileError, match=r"rest\.basic\.auth\.file"):
        read_users(file)


def test_a_hash_is_read_as_it_was_written() -> None:
    text = hash_password("s3cret")
    parsed = ScryptHash.parse(text)
    assert str(parsed) == text
    assert parsed.matches(b"s3cret")
    assert not parsed.matches(b"S3cret")
    assert hash_password("s3cret") != text


def test_a_hash_that_passlib_wrote_is_understood() -> None:
    """From passlib's documentation of passlib.hash.scrypt."""
    text = (
        "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E"
    )
    assert ScryptHash.parse(text).matches(b"password")
