"""The route table, the document and the server say the same; schemathesis looks for where not."""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from launcher.rest.application import operations
from launcher.rest.metrics import Metrics
from launcher.rest.openapi import document
from launcher.rest.schemas import SCHEMAS
from tests.rest.conftest import SOURCE_CONFIG
from tests.rest.fake_worker import Connector, FakeWorker
from tests.rest.running import PATIENCE_S, Running

EVERY = operations(Metrics(FakeWorker()), authenticated=False)
DOCUMENT: dict[str, Any] = json.loads(json.dumps(document(EVERY, authenticated=False)))
SCHEMA = schemathesis.openapi.from_dict(copy.deepcopy(DOCUMENT))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]
FEW = settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
MANY = settings(FEW, max_examples=100, stateful_step_count=30, derandomize=False, database=None)


@SCHEMA.hook
def map_path_parameters(
    context: schemathesis.HookContext, path_parameters: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Let every other name be one that is there."""
    if path_parameters is None:
        return None
    there = {"connector": "csv", "plugin": "CsvSource", "logger": "root"}
    return {
        name: there[name] if name in there and len(value) % 2 else value
        for name, value in path_parameters.items()
    }


@SCHEMA.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """Let every other config be one that is valid, whatever else it says."""
    path = context.operation.path if context.operation is not None else ""
    if path == "/connectors" and isinstance(body, dict):
        return {**body, "config": _often_valid(body.get("config"))} if "config" in body else body
    return _often_valid(body) if "config" in path else body


def _often_valid(config: Any) -> Any:
    if isinstance(config, dict) and len(config) % 2 == 0:
        return {**config, **SOURCE_CONFIG}
    return config


def _prepare(worker: FakeWorker) -> None:
    """Leave one connector, so that what was asked before changes no answer."""
    worker.reset()
    worker.stored["csv"] = Connector(config={**SOURCE_CONFIG, "name": "csv"})


@SCHEMA.parametrize()
@FEW
def test_no_answer_contradicts_the_document(
    case: "schemathesis.Case[Any]", server: Running, shared_worker: FakeWorker
) -> None:
    _prepare(shared_worker)
    case.call_and_validate(base_url=server.url, checks=CHECKS, timeout=PATIENCE_S)


@pytest.mark.slow
@SCHEMA.parametrize()
@MANY
def test_no_answer_contradicts_the_document_at_length(
    case: "schemathesis.Case[Any]", server: Running, shared_worker: FakeWorker
) -> None:
    _prepare(shared_worker)
    case.call_and_validate(base_url=server.url, checks=CHECKS, timeout=PATIENCE_S)


def _walk(url: str, worker: FakeWorker, how: settings) -> None:
    """Make connectors and do with them what the document's links say may follow."""

    class Walk(SCHEMA.as_state_machine()):  # type: ignore[misc]  # made at run time
        def setup(self) -> None:
            _prepare(worker)

        def get_call_kwargs(self, case: "schemathesis.Case[Any]") -> dict[str, Any]:
            return {"base_url": url, "timeout": PATIENCE_S}

        def validate_response(
            self, response: schemathesis.Response, case: "schemathesis.Case[Any]", **_: Any
        ) -> None:
            case.validate_response(response, checks=CHECKS)

    run_state_machine_as_test(Walk, settings=how)


def test_no_walk_along_the_links_contradicts_the_document(
    server: Running, shared_worker: FakeWorker
) -> None:
    _walk(server.url, shared_worker, FEW)


@pytest.mark.slow
def test_no_walk_along_the_links_contradicts_the_document_at_length(
    server: Running, shared_worker: FakeWorker
) -> None:
    _walk(server.url, shared_worker, MANY)


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


def test_names_of_operations_are_unique() -> None:
    names = [operation.name for operation in EVERY]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one_and_is_used(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert f'"#/components/schemas/{name}"' in json.dumps(DOCUMENT)


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
