"""Bad bodies: each its code and text, and no trace of a half-made connector."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.rest.conftest import SOURCE_CONFIG
from tests.rest.fake_worker import FakeWorker

JSON = {"Content-Type": "application/json"}

_NOT_JSON = {
    "cut off": (b'{"name": "x", "config": {', "The request body is not JSON: "),
    "text": (b"name=x", "The request body is not JSON: "),
    "two documents": (b"{} {}", "The request body is not JSON: Extra data"),
    "single quotes": (b"{'name': 'x'}", "The request body is not JSON: "),
    "not UTF-8": (b'{"name": "\xff"}', "The request body is not JSON: "),
    "half a surrogate pair": (b'{"name": "\\ud800"}', "The request body is not JSON: it has half"),
    "NaN": (b'{"name": NaN}', "The request body is not JSON: NaN is no JSON number"),
    "nothing": (b"", "The request has no body; expected JSON"),
    "blanks": (b" \n ", "The request has no body; expected JSON"),
    "nested too deep": (b"[" * 500_000, "The request body is not JSON: it is nested too deep"),
}


@pytest.fixture(autouse=True)
def no_half_made_connector(worker: FakeWorker) -> Iterator[None]:
    """Nothing that is refused leaves anything behind."""
    yield
    assert worker.stored == {}


def _refused(answer: httpx.Response, text: str) -> None:
    assert answer.status_code == 400, answer.text
    assert answer.json()["error_code"] == 400
    assert answer.json()["message"].startswith(text)


@pytest.mark.parametrize("case", _NOT_JSON)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/connectors"),
        ("PUT", "/connectors/x/config"),
        ("PATCH", "/connectors/x/config"),
        ("PATCH", "/connectors/x/offsets"),
        ("PUT", "/connector-plugins/CsvSource/config/validate"),
        ("PUT", "/admin/loggers/root"),
    ],
)
def test_what_is_no_json_is_400(client: httpx.Client, method: str, path: str, case: str) -> None:
    content, text = _NOT_JSON[case]
    _refused(client.request(method, path, content=content, headers=JSON), text)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ([], "Expected an object as the request body, found an array"),
        ("x", "Expected an object as the request body, found a string"),
        (None, "Expected an object as the request body, found null"),
        (7, "Expected an object as the request body, found a number"),
        ({"name": "x"}, "The request body has no `config`; expected"),
        ({"name": ["x"], "config": {}}, "Expected a string as `name`, found an array"),
        ({"name": 1, "config": {}}, "Expected a string as `name`, found a number"),
        ({"name": "x", "config": []}, "Expected an object as `config`, found an array"),
        ({"name": "x", "config": None}, "Expected an object as `config`, found null"),
        ({"name": "x", "config": "s3cret"}, "Expected an object as `config`, found a string"),
        (
            {"name": "x", "config": {"a": {"b": "c"}}},
            "Expected a string as `a` in `config`, found an object",
        ),
        (
            {"name": "x", "config": SOURCE_CONFIG, "initialState": "STOPPED"},
            "Unrecognized field `initialState` in the request body; known: name, config, initial_",
        ),
        (
            {"name": "x", "config": SOURCE_CONFIG, "initial_state": "FAILED"},
            "Expected RUNNING, PAUSED or STOPPED as `initial_state`, found `FAILED`",
        ),
        (
            {"name": "x", "config": SOURCE_CONFIG, "initial_state": True},
            "Expected RUNNING, PAUSED or STOPPED as `initial_state`, found a boolean",
        ),
        ({"name": "", "config": SOURCE_CONFIG}, "Connector configuration is invalid"),
        ({"name": " ", "config": SOURCE_CONFIG}, "Connector configuration is invalid"),
        ({"config": SOURCE_CONFIG}, "Connector configuration is invalid"),
    ],
)
def test_a_wrong_shape_is_400_and_says_what_was_expected(
    client: httpx.Client, body: object, text: str
) -> None:
    _refused(client.post("/connectors", content=json.dumps(body), headers=JSON), text)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("body", "text"),
    [
        (["a"], "Expected an object as the request body, found an array"),
        ({"a": []}, "Expected a string as `a` in the request body, found an array"),
    ],
)
def test_a_config_of_a_wrong_shape(
    client: httpx.Client, method: str, body: object, text: str
) -> None:
    _refused(client.request(method, "/connectors/x/config", json=body), text)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "Partitions / offsets need to be provided for an alter offsets request"),
        ({"offsets": []}, "Partitions / offsets need to be provided for an alter offsets request"),
        ({"offsets": {}}, "Expected an array as `offsets`, found an object"),
        ({"offsets": [7]}, "Expected an object as `offsets[0]`, found a number"),
        ({"offsets": [{"partition": {}}]}, "`offsets[0]` has no `offset`"),
        ({"offsets": [{"offset": {}}]}, "`offsets[0]` has no `partition`"),
        (
            {"offsets": [{"partition": {}, "offset": None, "topic": 1}]},
            "Unrecognized field `topic` in `offsets[0]`; known: partition, offset",
        ),
        (
            {"offsets": [{"partition": "p", "offset": {}}]},
            "Expected an object as `partition` in `offsets[0]`, found a string",
        ),
        (
            {"offsets": [{"partition": {}, "offset": 3}]},
            "Expected an object as `offset` in `offsets[0]`, found a number",
        ),
    ],
)
def test_offsets_of_a_wrong_shape(client: httpx.Client, body: object, text: str) -> None:
    _refused(client.patch("/connectors/x/offsets", json=body), text)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (b"1e999", "The number 1e999 in the request body is too large"),
        (b"1" * 5000, "A number in the request body has 5000 digits"),
        (b"[" * 70 + b"]" * 70, "The request body is nested too deep"),
    ],
)
def test_an_offset_that_no_store_could_keep(client: httpx.Client, number: bytes, text: str) -> None:
    content = b'{"offsets": [{"partition": {}, "offset": {"n": %s}}]}' % number
    _refused(client.patch("/connectors/x/offsets", content=content, headers=JSON), text)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "Desired 'level' parameter was not specified in request."),
        ({"level": None}, "Desired 'level' parameter was not specified in request."),
        ({"level": 10}, "Expected a string as `level`, found a number"),
        (["DEBUG"], "Expected an object as the request body, found an array"),
    ],
)
def test_a_level_of_a_wrong_shape(client: httpx.Client, body: object, text: str) -> None:
    _refused(client.put("/admin/loggers/root", json=body), text)


@pytest.mark.parametrize(
    "media_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/xml"]
)
def test_a_body_that_is_not_declared_as_json_is_415(
    client: httpx.Client, media_type: str | None
) -> None:
    """So a page of another site cannot send one without asking first (CORS)."""
    content = json.dumps({"name": "x", "config": SOURCE_CONFIG})
    headers = {} if media_type is None else {"Content-Type": media_type}
    answer = client.post("/connectors", content=content.encode(), headers=headers)
    assert answer.status_code == 415
    assert answer.json()["message"].startswith("HTTP 415 Unsupported Media Type")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_the_encodings_of_json_are_understood(
    client: httpx.Client, worker: FakeWorker, encoding: str
) -> None:
    content = json.dumps({"name": "ü", "config": SOURCE_CONFIG}, ensure_ascii=False)
    answer = client.post("/connectors", content=content.encode(encoding), headers=JSON)
    assert answer.status_code == 201
    assert answer.json()["name"] == "ü"
    worker.stored.clear()
