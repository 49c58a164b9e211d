"""The plan decides, from metadata alone, which stage runs in which location's environment."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from launcher.commands.explain import explain
from launcher.configs.connector_config import parse_connector_config
from launcher.planning.plan import PipelinePlan, plan_pipeline
from launcher.planning.preparation import worker_converters
from manager.errors import VenvoyError
from manager.plugins.catalog import Catalog
from tests.project_maker import make_builtin, make_project, read_catalog

SOURCE = {"venvoy.source": {"csv": "acme_csv:CsvSourceConnector"}}
SINK = {"venvoy.sink": {"sql": "acme_sql:SqlSinkConnector"}}
MASK = {"venvoy.transformation": {"Mask": "acme_mask:Mask"}}
RARE = {"venvoy.predicate": {"Rare": "acme_rare:Rare"}}
BUILTIN = {
    "venvoy.transformation": {"Filter": "venvoy_api.transforms:Filter"},
    "venvoy.predicate": {"Tombstone": "venvoy_api.predicates:RecordIsTombstone"},
    "venvoy.converter": {"json": "venvoy_api.converters:JsonConverter"},
    "venvoy.header_converter": {"simple": "venvoy_api.converters:SimpleHeaderConverter"},
}
CONVERTERS = worker_converters({}, where="the defaults")


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    place = tmp_path / "plugins"
    make_project(place / "csv_1", version="1.4.0", entry_points={**SOURCE, **MASK})
    make_project(place / "csv_2", version="2.0.0", entry_points=SOURCE)
    make_project(place / "mask", "acme-mask", "9.0", entry_points={**MASK, **RARE})
    make_project(place / "sql", "acme-sql", "1.0", entry_points=SINK)
    return read_catalog(place, builtin=make_builtin(tmp_path / "shared", BUILTIN))


def plan(catalog: Catalog, pairs: Mapping[str, str]) -> PipelinePlan:
    made, problems = attempt(catalog, pairs)
    assert [problem.message for problem in problems] == []
    assert made is not None
    return made


def attempt(
    catalog: Catalog, pairs: Mapping[str, str]
) -> tuple[PipelinePlan | None, tuple[VenvoyError, ...]]:
    config, problems = parse_connector_config(
        {"name": "c", "connector.class": "csv", **pairs}, where="c.properties"
    )
    assert problems == ()
    assert config is not None
    return plan_pipeline(config, CONVERTERS, catalog)


def layout(made: PipelinePlan) -> list[tuple[str, list[str]]]:
    return [
        (segment.location.name, [stage.plugin.entry_point.qualname for stage in segment.stages])
        for segment in made.segments
    ]


def test_a_plain_source_and_the_built_in_converters_share_one_host(catalog: Catalog) -> None:
    made = plan(catalog, {"transforms": "f", "transforms.f.type": "Filter"})
    names = ["CsvSourceConnector", "Filter", "JsonConverter", "JsonConverter"]
    assert layout(made) == [("csv_2", [*names, "SimpleHeaderConverter"])]
    assert made.kind == "source"


def test_a_sink_runs_its_converters_before_its_connector(catalog: Catalog) -> None:
    made = plan(catalog, {"connector.class": "sql", "topics": "a,b"})
    names = ["JsonConverter", "JsonConverter", "SimpleHeaderConverter", "SqlSinkConnector"]
    assert layout(made) == [("sql", names)]
    assert (made.kind, made.topics) == ("sink", ("a", "b"))


def test_a_sink_without_topics_is_a_fault(catalog: Catalog) -> None:
    _, (problem,) = attempt(catalog, {"connector.class": "sql"})
    assert problem.message == "c.properties: `topics` is missing"


def test_a_transformation_from_the_connectors_own_location_adds_no_host(catalog: Catalog) -> None:
    made = plan(
        catalog,
        {"connector.version": "1.4.0", "transforms": "m", "transforms.m.type": "Mask"},
    )
    assert [name for name, _ in layout(made)] == ["csv_1"]


def test_a_pinned_transformation_makes_two_hosts_and_what_follows_stays_behind_it(
    catalog: Catalog,
) -> None:
    pairs = {
        "connector.version": "1.4.0",
        "transforms": "m",
        "transforms.m.type": "Mask",
        "transforms.m.plugin.version": "[9,)",
    }
    made = plan(catalog, pairs)
    assert [(name, len(stages)) for name, stages in layout(made)] == [("csv_1", 1), ("mask", 4)]


def test_a_built_in_transformation_takes_its_predicates_location_for_a_home(
    catalog: Catalog,
) -> None:
    pairs = {
        "transforms": "f",
        "transforms.f.type": "Filter",
        "transforms.f.predicate": "r",
        "predicates": "r",
        "predicates.r.type": "Rare",
    }
    assert [name for name, _ in layout(plan(catalog, pairs))] == ["csv_2", "mask"]


APART = {
    "connector.version": "1.4.0",
    "transforms": "m",
    "transforms.m.type": "Mask",
    "transforms.m.predicate": "r",
    "transforms.m.negate": "true",
    "predicates": "r",
    "predicates.r.type": "Rare",
    "predicates.r.every": "3",
}


def test_a_predicate_apart_from_its_transformation_marks_records_for_it(catalog: Catalog) -> None:
    made = plan(catalog, APART)
    behind = ["Mask", "JsonConverter", "JsonConverter", "SimpleHeaderConverter"]
    assert layout(made) == [
        ("csv_1", ["CsvSourceConnector"]),
        ("mask", ["Rare"]),
        ("csv_1", behind),
    ]
    _, rare, mask, *_ = made.stages
    assert (rare.role, rare.alias, rare.prefix) == ("predicate", "r", "predicates.r.")
    assert (rare.negate, rare.config) == (True, {"every": "3"})
    assert (mask.is_marked, mask.predicate, mask.negate) == (True, None, False)
    told = explain(made, {}).stages
    assert [(stage.stage, stage.host) for stage in told[:3]] == [
        ("connector", 1),
        ("predicate r", 2),
        ("transformation m", 3),
    ]


def test_a_predicate_beside_its_transformation_is_no_stage_of_its_own(catalog: Catalog) -> None:
    made = plan(catalog, {**APART, "transforms.m.plugin.version": "9.0"})
    assert [name for name, _ in layout(made)] == ["csv_1", "mask"]
    mask = made.stages[1]
    assert mask.predicate is not None
    assert (mask.predicate.alias, mask.negate, mask.is_marked) == ("r", True, False)
    assert [stage.stage for stage in explain(made, {}).stages[1:3]] == [
        "transformation m",
        "predicate r",
    ]


def test_a_sinks_predicate_stands_before_its_transformation_too(catalog: Catalog) -> None:
    pairs = {**APART, "connector.class": "sql", "topics": "t", "connector.version": "1.0"}
    made = plan(catalog, {**pairs, "transforms.m.plugin.version": "1.4.0"})
    assert [(name, stages[-1]) for name, stages in layout(made)] == [
        ("mask", "Rare"),
        ("csv_1", "Mask"),
        ("sql", "SqlSinkConnector"),
    ]


def test_all_faults_of_a_pipeline_are_told_at_once(catalog: Catalog) -> None:
    pairs = {
        "transforms": "a,b",
        "transforms.a.type": "Nothing",
        "transforms.b.type": "csv",
        "value.converter": "json",
        "value.converter.plugin.version": "7.0",
    }
    made, problems = attempt(catalog, pairs)
    assert made is None
    assert [problem.code for problem in problems] == [
        "unknown-plugin",
        "wrong-type",
        "no-matching-version",
    ]


def test_explain_says_what_was_asked_what_is_there_what_was_chosen_and_why(
    catalog: Catalog,
) -> None:
    made = plan(catalog, {"connector.version": ">=1,<2"})
    told = explain(made, {made.segments[0].location.path: "0123456789ab"}).stages[0]
    assert (told.asked_class, told.asked_version, told.version_key) == (
        "csv",
        ">=1,<2",
        "connector.version",
    )
    assert told.installed == ("1.4.0", "2.0.0")
    assert (told.chosen_version, told.environment, told.host) == ("1.4.0", "0123456789ab", 1)
    assert told.location.endswith("csv_1")
    assert told.reason
