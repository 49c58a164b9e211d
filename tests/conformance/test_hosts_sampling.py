"""PL, DC, PU: where each callback of each type of plugin runs, by Kafka's sampling plugins."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance.sampling import ENTRY_POINTS, SAMPLING
from tests.isolation.workspaces import Workspace, once
from venvoy_host.frames import decode_headers

Sample = dict[str, object]

SUBJECTS = {
    "SamplingSourceConnector": (
        "class body", "__init__", "config", "start", "task_class", "task_configs", "stop",
    ),
    "SamplingSinkConnector": (
        "class body", "__init__", "config", "start", "task_class", "task_configs", "stop",
    ),
    "SamplingSourceTask": ("class body", "__init__", "start", "poll", "stop"),
    "SamplingSinkTask": (
        "class body", "__init__", "start", "open", "put", "flush", "close", "stop",
    ),
    "SamplingConverter": (
        "class body", "__init__", "config", "configure", "from_connect_data", "to_connect_data",
        "close",
    ),
    "SamplingHeaderConverter": (
        "class body", "__init__", "config", "configure", "from_connect_header",
        "to_connect_header", "close",
    ),
    "SamplingTransformation": (
        "class body", "__init__", "config", "configure", "apply", "close",
    ),
    "SamplingPredicate": ("class body", "__init__", "config", "configure", "test", "close"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the sampling run left: samples, sink lines, raw bytes of the topics, the report."""

    workspace: Workspace
    samples: Sequence[Sample]
    sink_lines: Sequence[object]
    bytes_of: dict[str, list[str]]
    environments: dict[str, list[str]]

    def of(self, subject: str, callback: str | None = None) -> list[Sample]:
        """Samples of a class, of one of its callbacks or of all."""
        return [
            one
            for one in self.samples
            if one["subject"] == subject and callback in (None, one["callback"])
        ]

    @property
    def prefix(self) -> str:
        """The environment that the report names."""
        (digest,) = {one for digests in self.environments.values() for one in digests}
        return str(self.workspace.store / "environments" / digest[:40])


def run_sampling(workspace: Workspace) -> dict[str, object]:
    files = {"sampling.py": SAMPLING}
    workspace.wheel("sampling", "sampling", files=files, entry_points=ENTRY_POINTS)
    workspace.wheel("bystander", "bystander")
    converters = {
        "key__converter": "sampling.SamplingConverter",
        "key__converter__mark": "of the key",
        "value__converter": "sampling-text",
        "value__converter__mark": "of the value",
        "header__converter": "SamplingHeaderConverter",
        "header__converter__mark": "of the header",
    }
    source = workspace.config(
        "source",
        "SamplingSource",
        topic="sampled",
        transforms="t",
        transforms__t__type="SamplingTransformation",
        transforms__t__mark="first",
        transforms__t__predicate="p",
        predicates="p",
        predicates__p__type="SamplingPredicate",
        **converters,
    )
    sink = workspace.config(
        "sink", "sampling-sink", topics="sampled", file="sink.jsonl", **converters
    )
    plain = workspace.config("plain", "sampling.SamplingSourceConnector", topic="plain")
    (workspace.work / "samples.jsonl").touch()
    rows = workspace.run(source, sink, plain).rows()
    told: dict[str, list[str]] = {}
    for topic in ("sampled", "plain"):
        (columns,) = workspace.records(topic)
        ((_, header),) = decode_headers((columns.headers or [None])[0] or b"")
        told[topic] = [
            str(one, "utf-8") for one in (columns.keys[0], columns.values[0], header) if one
        ]
    return {
        "bytes": told,
        "environments": {str(row["connector"]): row["environments"] for row in rows},
    }


@pytest.fixture(scope="module")
def sampled(host_tests_dir: Path) -> Run:
    """The finished run of the sampling plugins."""
    workspace = Workspace(host_tests_dir / "sampling", host_tests_dir / "store")
    answer = workspace.work / "told.json"
    with once(host_tests_dir, "sampling") as mine:
        if mine is not None:
            answer.write_text(json.dumps(run_sampling(workspace)))
    told = json.loads(answer.read_text())
    lines = {
        name: [json.loads(line) for line in (workspace.work / name).read_text().splitlines()]
        for name in ("samples.jsonl", "sink.jsonl")
    }
    return Run(
        workspace=workspace,
        samples=lines["samples.jsonl"],
        sink_lines=lines["sink.jsonl"],
        bytes_of=told["bytes"],
        environments=told["environments"],
    )


def assert_inside(run: Run, samples: Sequence[Sample]) -> None:
    """Every sample was taken in a host of the plugin's environment, and saw nothing else."""
    assert samples
    for one in samples:
        assert one["prefix"] == run.prefix
        assert Path(str(one["module"])).is_relative_to(run.prefix)
        path = one["path"]
        assert isinstance(path, list)
        assert path[-1].startswith(run.prefix)
        assert one["directory"] == str(run.workspace.work)
        assert one["distributions"] == ["sampling", "venvoy-api"]
        assert one["pid"] != os.getpid()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_DC05_PL19_PL21_PL23_PL24_every_callback_runs_in_the_plugins_environment(
    sampled: Run, subject: str
) -> None:
    called = {str(one["callback"]) for one in sampled.of(subject)}
    assert called >= set(SUBJECTS[subject])
    assert_inside(sampled, sampled.of(subject))


def test_PL19_the_module_is_imported_in_the_environment(sampled: Run) -> None:
    assert_inside(sampled, sampled.of("module", "import"))


def test_PL20_the_worker_cannot_import_a_plugin(sampled: Run) -> None:
    worker = sampled.workspace.venvoy("--version")
    assert worker.code == 0
    with pytest.raises(ModuleNotFoundError):
        __import__("sampling")
    at_import = ("import", "class body")  # once for all, in the zygote
    pids = {one["pid"] for one in sampled.samples if one["callback"] not in at_import}
    assert len(pids) == 6  # a connector's host and a task's for each of three connectors


def test_PL01_prefixed_config_reaches_key_and_value_converters(sampled: Run) -> None:
    configs = [one["config"] for one in sampled.of("SamplingConverter", "configure")]
    for part in ("key", "value"):
        expected = {"mark": f"of the {part}", "converter.type": part}
        assert configs.count(expected) == 2  # in the source's task and in the sink's
    key, value, _ = sampled.bytes_of["sampled"]
    assert json.loads(key) == ["of the key", "k"]
    assert json.loads(value) == ["of the value", {"n": 1, "marks": ["first"]}]
    assert sampled.sink_lines == [["k", {"n": 1, "marks": ["first"]}, [["numbers", [1, 2]]]]]


def test_PL03_a_header_converter_gets_its_type_and_its_config(sampled: Run) -> None:
    configs = [one["config"] for one in sampled.of("SamplingHeaderConverter", "configure")]
    assert configs == [{"mark": "of the header", "converter.type": "header"}] * 2
    header = sampled.bytes_of["sampled"][2]
    assert json.loads(header) == ["of the header", [1, 2]]


def test_PL05_without_one_the_simple_header_converter_is_used(sampled: Run) -> None:
    assert sampled.bytes_of["plain"][2] == "[1,2]"
    assert sampled.bytes_of["plain"][1] == '{"n":1}'


def test_PL40_converters_named_by_alias_run(sampled: Run) -> None:
    # `sampling-text`, `SamplingHeaderConverter` and `sampling.SamplingConverter` of the config.
    assert len(sampled.of("SamplingConverter", "from_connect_data")) == 2
    assert len(sampled.of("SamplingHeaderConverter", "from_connect_header")) == 1


def test_PL24_no_variable_of_the_worker_reaches_a_plugin(sampled: Run) -> None:
    for one in sampled.samples:
        environ = one["environ"]
        assert isinstance(environ, list)
        ours = [name for name in environ if name.startswith(("PYTHON", "VENVOY", "PIP_"))]
        assert ours in ([], ["VENVOY_HOST"])  # by which a host's leftovers are known
