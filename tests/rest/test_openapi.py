"""The route table, the document and the server say the same; schemathesis looks for where not."""

import json
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types

from launcher.interface.move import Move, MoveState
from launcher.interface.views import (
    ConnectorState,
    ConnectorStatus,
    StageVersion,
    State,
    TaskState,
)
from launcher.rest.application import operations
from launcher.rest.metrics import Metrics
from launcher.rest.openapi import document
from launcher.rest.schemas import SCHEMAS
from tests.rest.conftest import SOURCE_CONFIG
from tests.rest.fake_worker import Connector, FakeWorker
from tests.rest.running import served
from tests.rest.schemathesis_run import ROOT, examine

EVERY = operations(Metrics(FakeWorker()), authenticated=False)
DOCUMENT: dict[str, Any] = json.loads(json.dumps(document(EVERY, authenticated=False)))


@pytest.fixture
def examined() -> Iterator[str]:
    """The address of a server of the test's own, with a connector that is there at first."""
    worker = FakeWorker()
    worker.stored["csv"] = Connector(config={**SOURCE_CONFIG, "name": "csv"})
    with served(worker) as server:
        yield server.url


def test_no_answer_contradicts_the_document(examined: str, tmp_path: Path) -> None:
    said = examine(examined, tmp_path, SOURCE_CONFIG, examples=20)
    assert "API Links:" in said


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_answer_contradicts_the_document_at_length(examined: str, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    examine(examined, tmp_path, SOURCE_CONFIG, examples=100, seed=seed)


def test_the_server_answers_its_document(client: httpx.Client) -> None:
    assert client.get("/openapi.json").json() == DOCUMENT
    assert DOCUMENT["openapi"] == "3.1.0"


@pytest.mark.parametrize("operation", EVERY, ids=lambda operation: str(operation.name))
def test_every_route_is_there_and_in_the_document(client: httpx.Client, operation: Any) -> None:
    told = DOCUMENT["paths"][operation.path][operation.method.lower()]
    assert told["operationId"] == operation.name
    assert set(told["responses"]) >= {str(status) for status in operation.answers}
    path = re.sub(r"\{\w+\}", "0", operation.path)
    assert client.request(operation.method, path).status_code != 405
    assert operation.method in client.options(path).headers["allow"]


def test_the_page_for_people_has_every_route_and_no_other() -> None:
    page = (ROOT / "docs" / "rest.md").read_text()
    section = page.partition("## Endpoints")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `([A-Z]+) (\S+)` \|", section, re.MULTILINE)
    assert sorted(listed) == sorted((operation.method, operation.path) for operation in EVERY)


def test_names_of_operations_are_unique() -> None:
    names = [operation.name for operation in EVERY]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one_and_is_used(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert f'"#/components/schemas/{name}"' in json.dumps(DOCUMENT)


def test_the_document_names_every_field_of_a_status() -> None:
    version = StageVersion(
        role="transformation", alias="mask", class_name="acme.Mask", version="1.0", environment="0b"
    )
    told = ConnectorStatus(
        name="csv",
        connector=ConnectorState(
            state=State.FAILED, worker_id="w:1", version="1.0", trace="why", environment="0a"
        ),
        tasks=(TaskState(id=0, state=State.FAILED, worker_id="w:1", version="1.0", trace="why"),),
        type="source",
        stages=(version,),
        last_move=Move(
            from_generation=1,
            to_generation=2,
            state=MoveState.RETURNED,
            from_version="1.0",
            to_version="2.0",
            began_at=1,
            reason="why",
        ),
        next_versions=(version,),
        locked={"connector.version": "1.0"},
        location_gone=("/plugins/acme",),
        location_changed=("/plugins/acme",),
    ).as_json()
    assert _unnamed(told, {"$ref": "#/components/schemas/ConnectorStateInfo"}) == []


def _unnamed(value: Any, schema: Any, where: str = "status") -> list[str]:
    """Return the fields of a JSON value that its schema does not name."""
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        return [one for item in value for one in _unnamed(item, schema["items"], where)]
    if not isinstance(value, dict) or "additionalProperties" in schema:
        return []
    found = []
    for key, item in value.items():
        known = schema["properties"].get(key)
        path = f"{where}.{key}"
        found += [path] if known is None else _unnamed(item, known, path)
    return found


def test_every_reference_leads_somewhere() -> None:
    found = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))
    assert found == set(SCHEMAS)
    links = {
        link["operationId"] for entry in _responses() for link in entry.get("links", {}).values()
    }
    assert links
    assert links <= {operation.name for operation in EVERY}


def test_every_error_has_the_one_shape() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and path != "/health":
                    schema = answer["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Error"}


def _responses() -> Iterator[Mapping[str, Any]]:
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            yield from operation["responses"].values()
