"""The REST API of a real worker: `venvoy standalone` in a process of its own, real plugins."""

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.rest.schemathesis_run import examine
from tests.worker.standalone import Standalone, write_properties
from tests.worker.standing import Stand

PATIENCE_S = 120.0
MIB = 1 << 20
COUNTER = {"connector.class": "acme.Counter", "count": "1000000", "batch": "1", "pause_s": "0.02"}
WORKER = {
    "listeners": "http://127.0.0.1:0",
    "key.converter": "StringConverter",
    "value.converter": "JsonConverter",
    "value.converter.schemas.enable": "false",
    "offset.flush.interval.ms": "100",
    "rest.max.body.bytes": str(MIB),
}


class Real:
    """A client of the worker, that can wait."""

    def __init__(self, standalone: Standalone, http: httpx.Client) -> None:
        self.standalone = standalone
        self.http = http

    def create(self, name: str, **keys: str) -> None:
        config = {**COUNTER, "topic": name, **{key.replace("__", "."): keys[key] for key in keys}}
        answer = self.http.post("/connectors", json={"name": name, "config": config})
        assert answer.status_code == 201, answer.text

    def status(self, name: str) -> dict[str, Any]:
        answer = self.http.get(f"/connectors/{quote(name, safe='')}/status")
        assert answer.status_code == 200, answer.text
        status: dict[str, Any] = answer.json()
        return status

    def states(self, name: str) -> list[str]:
        status = self.status(name)
        return [status["connector"]["state"], *(task["state"] for task in status["tasks"])]

    def until_states(self, name: str, *states: str) -> None:
        self.until(lambda: self.states(name) == [*states])

    def offset(self, name: str) -> int:
        """How far a source with one task has got."""
        offsets = self.http.get(f"/connectors/{name}/offsets").json()["offsets"]
        return offsets[0]["offset"]["next"] if offsets else 0

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            process = self.standalone.process
            assert process is not None
            assert process.poll() is None, self.standalone.said
            assert time.monotonic() < deadline, f"waited too long\n{self.standalone.said}"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    """One worker for the whole file, with two versions of the counter."""
    directory = tmp_path_factory.mktemp("rest")
    stand = Stand(directory / "stand")
    stand.plugin("1.0")
    stand.plugin("2.0")
    pairs = {**WORKER, "plugin.path": stand.plugins}
    file = write_properties(stand.directory / "worker.properties", pairs)
    standalone = Standalone(stand.directory, file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VENVOY_STORE", str(directory / "store"))
        standalone.start()
    found = re.search(r"the REST API is at (\S+)", standalone.said)
    assert found is not None
    with httpx.Client(base_url=found[1], timeout=PATIENCE_S) as http:
        yield Real(standalone, http)
        assert standalone.end() == 0, standalone.said
    standalone.until_nothing_is_left()


@pytest.fixture
def real(shared: Real) -> Iterator[Real]:
    """The worker, without connectors."""
    yield shared
    for name in shared.http.get("/connectors").json():
        assert shared.http.delete(f"/connectors/{quote(name, safe='')}").status_code == 204
    assert "launcher.rest" not in shared.standalone.said


def test_a_connector_is_made_runs_and_shows_its_versions(real: Real) -> None:
    real.create("numbers", connector__version="1.0", tasks__max="2", tasks="2")
    real.until_states("numbers", "RUNNING", "RUNNING", "RUNNING")
    status = real.status("numbers")
    assert [status["connector"]["version"], *(task["version"] for task in status["tasks"])] == [
        "1.0"
    ] * 3
    assert status["type"] == "source"
    worker_id = status["connector"]["worker_id"]
    assert real.http.base_url.netloc.decode() == worker_id
    roles = {stage["role"]: stage["class"].rpartition(".")[2] for stage in status["stages"]}
    assert roles["key.converter"] == "StringConverter"
    assert roles["value.converter"] == "JsonConverter"
    assert real.http.get("/connectors/numbers/tasks/1/status").json() == status["tasks"][1]
    tasks = real.http.get("/connectors/numbers/tasks").json()
    assert [task["id"]["task"] for task in tasks] == [0, 1]
    assert real.http.get("/connectors/numbers").json()["tasks"] == [task["id"] for task in tasks]


def test_the_version_is_moved_and_moved_back(real: Real) -> None:
    real.create("numbers", connector__version="1.0")
    for version in ("2.0", "1.0"):
        real.until_states("numbers", "RUNNING", "RUNNING")
        answer = real.http.patch("/connectors/numbers/config", json={"connector.version": version})
        assert answer.status_code == 200
        assert answer.json()["config"]["connector.version"] == version

        def versions(wanted: str = version) -> bool:
            status = real.status("numbers")
            every = [status["connector"], *status["tasks"]]
            return len(every) == 2 and {one.get("version") for one in every} == {wanted}

        real.until(versions)


def test_pause_resume_stop_offsets_restart_delete(real: Real) -> None:
    real.create("steered")
    real.until(lambda: real.offset("steered") > 3)
    assert real.http.put("/connectors/steered/pause").status_code == 202
    real.until_states("steered", "PAUSED", "PAUSED")
    assert real.http.put("/connectors/steered/resume").status_code == 202
    real.until_states("steered", "RUNNING", "RUNNING")
    refused = real.http.delete("/connectors/steered/offsets")
    assert refused.status_code == 400
    assert refused.json()["message"].startswith("Connectors must be in the STOPPED state")
    assert real.http.put("/connectors/steered/stop").status_code == 204
    real.until_states("steered", "STOPPED")
    assert real.http.get("/connectors/steered/topics").json() == {
        "steered": {"topics": ["steered"]}
    }
    assert real.http.put("/connectors/steered/topics/reset").status_code == 202
    assert real.http.get("/connectors/steered/topics").json() == {"steered": {"topics": []}}
    pair = {"partition": {"task": "0"}, "offset": {"next": 500_000}}
    altered = real.http.patch("/connectors/steered/offsets", json={"offsets": [pair]})
    assert altered.status_code == 200, altered.text
    assert "altered successfully" in altered.json()["message"]
    assert real.http.get("/connectors/steered/offsets").json() == {"offsets": [pair]}
    assert real.http.put("/connectors/steered/resume").status_code == 202
    real.until(lambda: real.offset("steered") > 500_000)
    assert real.http.post("/connectors/steered/restart").status_code == 204
    restarted = real.http.post("/connectors/steered/restart?includeTasks=true")
    assert restarted.status_code == 202
    assert restarted.json()["name"] == "steered"
    real.until_states("steered", "RUNNING", "RUNNING")
    assert real.http.post("/connectors/steered/tasks/0/restart").status_code == 204
    real.until_states("steered", "RUNNING", "RUNNING")
    assert real.http.delete("/connectors/steered").status_code == 204
    assert real.http.get("/connectors/steered").status_code == 404


def test_a_failed_task_has_its_traceback_and_is_restarted(real: Real) -> None:
    real.create("numbers", fault="raise", fault_at="2")
    real.until_states("numbers", "RUNNING", "FAILED")
    (task,) = real.status("numbers")["tasks"]
    assert "ValueError: the counter broke" in task["trace"]
    assert real.http.post("/connectors/numbers/tasks/7/restart").status_code == 404
    answer = real.http.post("/connectors/numbers/restart?includeTasks=true&onlyFailed=true")
    assert answer.status_code == 202
    real.until_states("numbers", "RUNNING", "FAILED")


@pytest.mark.parametrize("name", ["a/b c", "täglich-日本", "100%"])
def test_a_name_may_have_slashes_blanks_and_any_alphabet(real: Real, name: str) -> None:
    real.create(name, topic="t", initial__state="x")
    real.until_states(name, "RUNNING", "RUNNING")
    path = f"/connectors/{quote(name, safe='')}"
    assert real.http.get(path).json()["name"] == name
    assert real.http.put(f"{path}/stop").status_code == 204
    real.until_states(name, "STOPPED")


def test_initial_state(real: Real) -> None:
    """A connector that is made paused has no tasks before it is resumed, as in Kafka Connect."""
    for state in ("STOPPED", "PAUSED"):
        body = {"name": state, "config": {**COUNTER, "topic": state}, "initial_state": state}
        assert real.http.post("/connectors", json=body).status_code == 201
        real.until_states(state, state)
        assert real.offset(state) == 0
        assert real.http.put(f"/connectors/{state}/resume").status_code == 202
        real.until_states(state, "RUNNING", "RUNNING")


def test_plugins_keys_and_validation(real: Real) -> None:
    rows = real.http.get("/connector-plugins").json()
    counters = [row for row in rows if row["class"] == "acme.Counter"]
    assert [(row["type"], row["version"]) for row in counters] == [
        ("source", "1.0"),
        ("source", "2.0"),
    ]
    every = real.http.get("/connector-plugins?connectorsOnly=false").json()
    assert {row["type"] for row in every} == {
        "source", "sink", "transformation", "predicate", "converter", "header_converter",
    }  # fmt: skip
    keys = real.http.get("/connector-plugins/acme.Counter/config?version=1.0").json()
    assert "count" in [key["name"] for key in keys]
    missing = real.http.get("/connector-plugins/acme.Counter/config?version=9.9")
    assert missing.status_code == 400
    unknown = real.http.get("/connector-plugins/no.such/config")
    assert unknown.json() == {"error_code": 404, "message": "Unknown plugin no.such."}
    config = {**COUNTER, "name": "numbers", "topic": "t", "count": "many"}
    answers = [
        real.http.put(f"/connector-plugins/{name}/config/validate", json=config)
        for name in ("acme.Counter", "Counter", "counter")
    ]
    assert [answer.status_code for answer in answers] == [200] * 3
    infos = answers[0].json()
    assert infos == answers[1].json() == answers[2].json()
    faults = {entry["value"]["name"] for entry in infos["configs"] if entry["value"]["errors"]}
    assert (faults, infos["error_count"]) == ({"count"}, 1)
    other = real.http.put("/connector-plugins/Writer/config/validate", json=config)
    assert other.json()["message"] == (
        "Included connector type acme.Counter does not match request type Writer"
    )


def test_kcctl_finds_the_definition_of_every_entry_with_faults(real: Real) -> None:
    """It falls over null, which Kafka Connect answers for keys that nobody knows."""
    config = {
        **COUNTER, "name": "n", "unknown.key": None, "count": "many", "transforms": "t",
        "transforms.t.type": "no.such", "transforms.t.unknown": None,
    }  # fmt: skip
    answer = real.http.put("/connector-plugins/Counter/config/validate", json=config)
    faulty = [entry for entry in answer.json()["configs"] if entry["value"]["errors"]]
    assert {entry["value"]["name"] for entry in faulty} == {
        "unknown.key", "count", "transforms.t.type", "transforms.t.unknown",
    }  # fmt: skip
    assert all(entry["definition"]["name"] == entry["value"]["name"] for entry in faulty)


_BODY = {"name": "half-made", "config": {**COUNTER, "topic": "half-made"}}
_REFUSED: Mapping[str, tuple[int, Any, str]] = {
    "not JSON": (400, b'{"name": "half-made", "config": {', "The request body is not JSON"),
    "a wrong type": (400, {**_BODY, "config": ["a"]}, "Expected an object as `config`"),
    "a version that is not there": (
        400,
        {**_BODY, "config": {**_BODY["config"], "connector.version": "9.9"}},  # type: ignore[dict-item]
        "9.9",
    ),
    "an unknown class": (
        400,
        {**_BODY, "config": {"connector.class": "no.such.Thing"}},
        "no.such.Thing",
    ),
    "a plugin of the wrong type": (
        400,
        {**_BODY, "config": {"connector.class": "acme.Tag"}},
        "acme.Tag",
    ),
    "no class": (400, {**_BODY, "config": {"topic": "t"}}, "connector"),
    "a missing key": (400, {**_BODY, "config": {"connector.class": "acme.Counter"}}, "count"),
    "a null": (400, {**_BODY, "config": {**COUNTER, "topic": None}}, "Null value"),
    "another name": (
        400,
        {**_BODY, "config": {**COUNTER, "name": "other"}},
        "Connector name configuration (other) doesn't match connector name in the URL",
    ),
    "an empty name": (400, {**_BODY, "name": " "}, ""),
    "a sink without topics": (
        400,
        {**_BODY, "config": {"connector.class": "acme.Writer", "file": "f"}},
        "topics",
    ),
    "too large": (413, b" " * (100 * MIB), "The request body is larger than"),
}


@pytest.mark.parametrize("case", _REFUSED)
def test_what_is_refused_leaves_no_trace(real: Real, case: str) -> None:
    code, body, text = _REFUSED[case]
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    answer = real.http.post("/connectors", content=content, headers=headers)
    assert answer.status_code == code, answer.text
    assert answer.json()["error_code"] == code
    assert text in answer.json()["message"]
    assert real.http.get("/connectors").json() == []
    assert real.http.get("/connectors/half-made/status").status_code == 404
    storage = real.standalone.directory / "worker.sqlite"
    assert "half-made" not in _stored_text(storage)


def test_metrics_tell_the_versions_that_run(real: Real) -> None:
    real.create(
        "measured",
        connector__version="1.0",
        transforms="tag",
        transforms__tag__type="acme.Tag",
        transforms__tag__plugin__version="2.0",
        transforms__tag__predicate="even",
        predicates="even",
        predicates__even__type="acme.Even",
        predicates__even__plugin__version="1.0",
    )
    real.until_states("measured", "RUNNING", "RUNNING")
    real.until(lambda: real.offset("measured") > 3)
    samples: dict[str, dict[str, str]] = {}
    values: dict[str, float] = {}
    for family in text_string_to_metric_families(real.http.get("/metrics").text):
        for sample in family.samples:
            samples[sample.name] = dict(sample.labels)
            values[sample.name] = sample.value
    info = samples["venvoy_connector_task_info"]
    assert (info["connector"], info["task"]) == ("measured", "0")
    assert (info["connector_class"], info["connector_version"]) == ("acme.Counter", "1.0")
    assert info["key_converter_class"].endswith("StringConverter")
    assert info["value_converter_class"].endswith("JsonConverter")
    assert info["header_converter_class"].endswith("SimpleHeaderConverter")
    transform = samples["venvoy_connector_transform_info"]
    assert (transform["transform"], transform["transform_version"]) == ("tag", "2.0")
    predicate = samples["venvoy_connector_predicate_info"]
    assert (predicate["predicate"], predicate["predicate_version"]) == ("even", "1.0")
    assert values["venvoy_source_task_record_poll_total"] > 0


def test_an_offset_of_a_wrong_shape_changes_nothing(real: Real) -> None:
    body = {"name": "unmoved", "config": {**COUNTER, "topic": "t"}, "initial_state": "STOPPED"}
    assert real.http.post("/connectors", json=body).status_code == 201
    for offsets in ([], [{"partition": {"task": "0"}}], [{"partition": 0, "offset": None}], "all"):
        answer = real.http.patch("/connectors/unmoved/offsets", json={"offsets": offsets})
        assert answer.status_code == 400, answer.text
    assert real.http.get("/connectors/unmoved/offsets").json() == {"offsets": []}


def test_loggers(real: Real) -> None:
    assert real.http.get("/admin/loggers").json()["root"]["level"] == "INFO"
    changed = real.http.put("/admin/loggers/acme.counter", json={"level": "DEBUG"})
    assert (changed.status_code, changed.json()) == (200, ["acme.counter"])
    assert real.http.get("/admin/loggers/acme.counter").json()["level"] == "DEBUG"
    assert real.http.put("/admin/loggers/x", json={"level": "LOUD"}).status_code == 404


def _stored_text(storage: Path) -> str:
    """Everything that the worker's tables hold, as text."""
    connection = sqlite3.connect(f"file:{storage}?mode=ro", uri=True)
    try:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
        shown = [name for name in tables if not name.startswith("sqlite_")]
        return "\n".join(
            repr(row) for name in shown for row in connection.execute(f'SELECT * FROM "{name}"')
        )
    finally:
        connection.close()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_schemathesis_finds_no_contradiction_in_a_real_worker(real: Real, tmp_path: Path) -> None:
    real.create("csv")
    config = {**COUNTER, "topic": "csv"}
    examine(str(real.http.base_url).rstrip("/"), tmp_path, config, examples=25)
