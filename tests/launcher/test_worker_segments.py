"""Pipelines whose stages live in several environments: hosts joined by sockets."""

import dataclasses
import json
from pathlib import Path

import pytest

from launcher.planning.plan import PipelinePlan, Stage, StageRole
from launcher.tasks.report import RunState
from manager.store.environments import Environment
from tests.conftest import PYTHONS
from tests.launcher.pipelines import (
    PLUGINS,
    lines_of,
    make_environment,
    plan,
    run_plans,
    source,
    stage,
    values,
)

FOREIGN = '''
import venvoy_api

class Strange:
    """A class of this environment only."""

class Wrap(venvoy_api.Transformation):
    def apply(self, record):
        return record.new_record(value=dict(record.value, strange=Strange()))

class Kill(venvoy_api.Transformation):
    def apply(self, record):
        import os
        os.kill(os.getpid(), 9)

class Picky(venvoy_api.Predicate):
    """True for multiples of 3; cannot bear multiples of `fail`."""
    def configure(self, configs): self.fail = int(configs.get("fail", 10 ** 9))
    def test(self, record):
        n = record.value["n"]
        if n and n % self.fail == 0:
            raise ValueError("cannot bear %d" % n)
        return n % 3 == 0

class Upper(venvoy_api.Converter):
    """Keys as shouting bytes, from an environment of its own."""
    def from_connect_data(self, topic, headers, schema, value):
        return str(value).upper().encode()
    def to_connect_data(self, topic, headers, data):
        return venvoy_api.SchemaAndValue(None, data.decode().lower())
'''


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


def environments(tmp_path: Path) -> list[Environment]:
    """Two environments, on two Pythons where there are two."""
    versions = [version for version in ("3.9", "3.13") if version in PYTHONS] or [None]  # type: ignore[list-item]
    modules = {"acme.py": PLUGINS, "foreign.py": FOREIGN}
    return [
        make_environment(tmp_path / name, modules, python=version)
        for name, version in zip(("one", "two"), (versions * 2)[:2], strict=True)
    ]


def tagged(at: Path, config: dict[str, str], tags: list[tuple[Path, str]]) -> PipelinePlan:
    stages = [
        stage(StageRole.TRANSFORMATION, "acme:Tag", at=place, config={"tag": tag, "drop": "5"})
        for place, tag in tags
    ]
    return plan("counter", "acme:Counter", at, config=config, between=stages)


def test_a_source_runs_through_three_hosts(log_file: Path, tmp_path: Path) -> None:
    one, two = environments(tmp_path)
    acked = tmp_path / "acked"
    config = {"count": "23", "acked_file": str(acked), "headers": "yes"}
    made = tagged(one.path, config, [(two.path, "first"), (one.path, "last")])
    assert len(made.segments) == 3
    (report,) = run_plans([made], [one, two], log_file).connectors
    assert report.failures == ()
    assert report.records_out == 18
    kept = [n for n in range(23) if n % 5]
    assert values(log_file) == [{"n": n, "tag": "last"} for n in kept]
    assert lines_of(acked) == [
        [n, ["numbers", kept.index(n)] if n % 5 else None] for n in range(23)
    ]


def test_a_sink_runs_through_three_hosts(log_file: Path, tmp_path: Path) -> None:
    one, two = environments(tmp_path)
    out = tmp_path / "out.jsonl"
    run_plans([source(one.path, count="2600", batch="300", headers="y")], [one, two], log_file)
    stages = [
        stage(StageRole.TRANSFORMATION, "acme:Tag", at=place, config={"tag": tag, "drop": "5"})
        for place, tag in ((one.path, "first"), (two.path, "last"))
    ]
    made = plan(
        "writer",
        "acme:Writer",
        one.path,
        config={"file": str(out), "fault": "rewind"},
        between=stages,
        topics=("numbers",),
    )
    assert len(made.segments) == 3
    (report,) = run_plans([made], [one, two], log_file).connectors
    assert report.failures == ()
    wanted = [
        ["numbers", n, str(n), {"n": n, "tag": "last"}, 1000 + n, [["from", "counter"]]]
        for n in range(2600)
        if n % 5
    ]
    written = lines_of(out)
    assert written[-len(wanted) :] == wanted
    assert len(written) > len(wanted)  # it went back once


def picked(one: Path, two: Path, *, negate: bool = False, **config: str) -> list[Stage]:
    """A predicate of the second environment, a transformation of the first, and one more."""
    picky = stage(
        StageRole.PREDICATE, "foreign:Picky", at=two, alias="p", config=config, negate=negate
    )
    tag = stage(StageRole.TRANSFORMATION, "acme:Tag", at=one, config={"tag": "x", "drop": "5"})
    behind = stage(
        StageRole.TRANSFORMATION,
        "venvoy_api.transforms:InsertField.Value",
        config={"static.field": "all", "static.value": "y"},
    )
    return [picky, dataclasses.replace(tag, is_marked=True), behind]


def transformed(n: int, *, negate: bool = False) -> dict[str, object] | None:
    """What becomes of the n-th record in `picked`."""
    if (n % 3 == 0) is negate:
        return {"n": n, "all": "y"}
    return {"n": n, "tag": "x", "all": "y"} if n % 5 else None


@pytest.mark.parametrize("negate", [False, True])
def test_a_sources_predicate_may_live_apart_from_its_transformation(
    log_file: Path, tmp_path: Path, negate: bool
) -> None:
    one, two = environments(tmp_path)
    acked = tmp_path / "acked"
    made = plan(
        "counter",
        "acme:Counter",
        one.path,
        config={"count": "50", "acked_file": str(acked)},
        between=picked(one.path, two.path, negate=negate),
    )
    assert [segment.location.path for segment in made.segments] == [one.path, two.path, one.path]
    (report,) = run_plans([made], [one, two], log_file).connectors
    assert report.failures == ()
    wanted = [transformed(n, negate=negate) for n in range(50)]
    kept = [value for value in wanted if value is not None]
    assert values(log_file) == kept
    assert (report.records_in, report.records_out) == (50, len(kept))
    assert lines_of(acked) == [
        [n, None if value is None else ["numbers", kept.index(value)]]
        for n, value in enumerate(wanted)
    ]


@pytest.mark.parametrize("negate", [False, True])
def test_a_sinks_predicate_may_live_apart_from_its_transformation(
    log_file: Path, tmp_path: Path, negate: bool
) -> None:
    one, two = environments(tmp_path)
    out = tmp_path / "out.jsonl"
    run_plans([source(one.path, count="50")], [one, two], log_file)
    stages = picked(one.path, two.path, negate=negate)
    made = plan(
        "writer",
        "acme:Writer",
        one.path,
        config={"file": str(out)},
        between=stages,
        topics=("numbers",),
    )
    assert len(made.segments) == 2
    (report,) = run_plans([made], [one, two], log_file).connectors
    assert report.failures == ()
    wanted = [transformed(n, negate=negate) for n in range(50)]
    assert [line[3] for line in lines_of(out)] == [value for value in wanted if value is not None]  # type: ignore[index]


@pytest.mark.parametrize("kind", ["source", "sink"])
def test_a_record_that_a_predicate_apart_cannot_bear_is_passed_over_where_that_is_asked_for(
    log_file: Path, tmp_path: Path, kind: str
) -> None:
    one, two = environments(tmp_path)
    out = tmp_path / "out.jsonl"
    stages = picked(one.path, two.path, fail="7")
    tolerant = {"errors.tolerance": "all"}
    if kind == "source":
        config = {"count": "50", **tolerant}
        made = plan("counter", "acme:Counter", one.path, config=config, between=stages)
    else:
        run_plans([source(one.path, count="50")], [one, two], log_file)
        made = plan(
            "writer",
            "acme:Writer",
            one.path,
            config={"file": str(out), **tolerant},
            between=stages,
            topics=("numbers",),
        )
    (report,) = run_plans([made], [one, two], log_file).connectors
    assert report.failures == ()
    wanted = [transformed(n) for n in range(50) if n % 7 or not n]
    found = values(log_file) if kind == "source" else [line[3] for line in lines_of(out)]  # type: ignore[index]
    assert found == [value for value in wanted if value is not None]


@pytest.mark.parametrize("kind", ["source", "sink"])
def test_a_converter_may_live_in_an_environment_of_its_own(
    log_file: Path, tmp_path: Path, kind: str
) -> None:
    one, two = environments(tmp_path)
    out = tmp_path / "out.jsonl"
    config = {"count": "7"} if kind == "source" else {"file": str(out)}
    target = "acme:Counter" if kind == "source" else "acme:Writer"
    topics = ("numbers",) if kind == "sink" else ()
    made = plan("one", target, one.path, config=config, topics=topics)
    upper = stage(StageRole.KEY_CONVERTER, "foreign:Upper", at=two.path)
    from launcher.planning.plan import segments  # noqa: PLC0415

    stages = [upper if old.role is StageRole.KEY_CONVERTER else old for old in made.stages]
    made = dataclasses.replace(made, segments=segments(stages, own=made.connector.plugin.location))
    assert len(made.segments) == 2
    plans = [made, source(one.path, count="7")] if kind == "sink" else [made]
    report = run_plans(plans, [one, two], log_file)
    assert report.failures == ()
    if kind == "sink":
        assert [line[2] for line in lines_of(out)] == [str(n) for n in range(7)]  # type: ignore[index]
    else:
        assert values(log_file) == [{"n": n} for n in range(7)]


def test_a_foreign_object_is_refused_by_name(log_file: Path, tmp_path: Path) -> None:
    one, two = environments(tmp_path)
    stages = [
        stage(StageRole.TRANSFORMATION, "foreign:Wrap", at=one.path),
        stage(StageRole.TRANSFORMATION, "acme:Tag", at=two.path),
    ]
    made = plan("counter", "acme:Counter", one.path, config={"count": "5"}, between=stages)
    (report,) = run_plans([made], [one, two], log_file).connectors
    assert report.state is RunState.FAILED
    assert "a value of type foreign.Strange cannot pass" in report.failures[0].message


def test_the_death_of_a_middle_host_is_told_by_its_own_name(log_file: Path, tmp_path: Path) -> None:
    one, two = environments(tmp_path)
    stages = [
        stage(StageRole.TRANSFORMATION, "foreign:Kill", at=two.path),
        stage(StageRole.TRANSFORMATION, "acme:Tag", at=one.path),
    ]
    made = plan("counter", "acme:Counter", one.path, config={"count": "5"}, between=stages)
    (report,) = run_plans([made], [one, two], log_file).connectors
    (failure,) = report.failures
    assert failure.message == "the host of `counter-0.1` died with SIGKILL"
    assert json.dumps(values(log_file)) == "[]"
