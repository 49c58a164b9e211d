"""Whole runs: sources into the log, the log into sinks, in hosts of their own."""

from pathlib import Path
from typing import Any

import pytest

from launcher.planning.plan import StageRole
from launcher.tasks.report import RunState
from manager.errors import ProblemsError
from manager.store.environments import Environment
from tests.launcher.pipelines import (
    PLUGINS,
    lines_of,
    make_environment,
    plan,
    run_plans,
    sink,
    source,
    stage,
    values,
)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return make_environment(tmp_path / "environment")


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


def test_a_source_and_a_sink_run_to_their_end(
    environment: Environment, log_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    plans = [source(environment.path, headers="yes"), sink(environment.path, out)]
    report = run_plans(plans, [environment], log_file)
    assert [one.state for one in report.connectors] == [RunState.COMPLETED] * 2
    assert report.failures == ()
    assert [(one.records_in, one.records_out) for one in report.connectors] == [(100, 100)] * 2
    assert lines_of(out) == [
        ["numbers", n, str(n), {"n": n}, 1000 + n, [["from", "counter"]]] for n in range(100)
    ]


def test_all_faults_of_all_connectors_are_told_before_anything_starts(
    environment: Environment, log_file: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "polled"
    plans = [
        source(environment.path, "good", polled_file=str(marker)),
        source(environment.path, "bad", count="many"),
        plan("worse", "acme:Missing", environment.path, config={}),
        plan("sink", "acme:Writer", environment.path, config={}, topics=("numbers",)),
    ]
    with pytest.raises(ProblemsError) as caught:
        run_plans(plans, [environment], log_file)
    told = caught.value.message
    assert "`bad`: Invalid value many for configuration count" in told
    assert "`worse`: module acme has no Missing" in told
    assert '`sink`: Missing required configuration "file"' in told
    assert "good" not in told
    assert not marker.exists()


def test_a_source_goes_on_from_its_offsets(
    environment: Environment, log_file: Path, tmp_path: Path
) -> None:
    run_plans([source(environment.path, count="25")], [environment], log_file)
    report = run_plans([source(environment.path, count="60")], [environment], log_file)
    assert report.connectors[0].records_out == 35
    assert values(log_file) == [{"n": n} for n in range(60)]


def test_a_sink_goes_on_from_its_offsets(
    environment: Environment, log_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    for count in ("25", "60", "60"):
        plans = [source(environment.path, count=count), sink(environment.path, out)]
        run_plans(plans, [environment], log_file)
    assert [line[3]["n"] for line in lines_of(out)] == list(range(60))  # type: ignore[index]


def test_a_sink_of_a_failed_source_gets_what_is_there(
    environment: Environment, log_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    plans = [source(environment.path, fault="raise"), sink(environment.path, out)]
    counter, writer = run_plans(plans, [environment], log_file).connectors
    assert counter.state is RunState.FAILED
    (failure,) = counter.failures
    assert failure.message == "`counter-0` failed: ValueError: the counter broke"
    assert "acme.py" in failure.hint
    assert writer.state is RunState.COMPLETED
    assert len(lines_of(out)) == 20


def test_a_failing_sink_commits_what_it_has_put(
    environment: Environment, log_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    run_plans([source(environment.path, count="1200", batch="100")], [environment], log_file)
    (broken,) = run_plans(
        [sink(environment.path, out, fault="raise")], [environment], log_file
    ).connectors
    assert broken.state is RunState.FAILED
    run_plans([sink(environment.path, out)], [environment], log_file)
    assert [line[3]["n"] for line in lines_of(out)] == list(range(1200))  # type: ignore[index]


def test_the_calls_of_a_sink_come_in_kafkas_order(
    environment: Environment, log_file: Path, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    run_plans([source(environment.path, count="5")], [environment], log_file)
    run_plans([sink(environment.path, tmp_path / "out", calls=str(calls))], [environment], log_file)
    assert calls.read_text().splitlines() == [
        "start",
        "open [('numbers', 0)]",
        "put 5",
        "flush [('numbers', 0, 5)]",
        "flush [('numbers', 0, 5)]",
        "close",
        "stop",
    ]


def test_a_retriable_put_gets_the_same_records_again(
    environment: Environment, log_file: Path, tmp_path: Path
) -> None:
    out, calls = tmp_path / "out.jsonl", tmp_path / "calls"
    plans = [
        source(environment.path, count="30", batch="30"),
        sink(environment.path, out, fault="retriable", calls=str(calls)),
    ]
    report = run_plans(plans, [environment], log_file)
    assert report.failures == ()
    assert [line[1] for line in lines_of(out)] == list(range(30))  # type: ignore[index]
    assert calls.read_text().splitlines().count("put 30") == 3


def test_a_retriable_poll_is_tried_again(environment: Environment, log_file: Path) -> None:
    report = run_plans([source(environment.path, fault="retriable")], [environment], log_file)
    assert report.failures == ()
    assert len(values(log_file)) == 100


@pytest.mark.parametrize("fault", ["rewind", "pause"])
def test_a_sink_may_go_back_and_pause(
    environment: Environment, log_file: Path, tmp_path: Path, fault: str
) -> None:
    out = tmp_path / "out.jsonl"
    plans = [
        source(environment.path, count="3000", batch="100"),
        sink(environment.path, out, fault=fault),
    ]
    report = run_plans(plans, [environment], log_file)
    assert report.failures == ()
    seen = [line[1] for line in lines_of(out)]  # type: ignore[index]
    if fault == "pause":
        assert seen == list(range(3000))
    else:
        again = seen.index(0, 1)
        assert seen == [*range(again), *range(3000)]


def test_records_are_committed_to_the_source_with_their_place(
    environment: Environment, log_file: Path, tmp_path: Path
) -> None:
    acked = tmp_path / "acked"
    drop = stage(StageRole.TRANSFORMATION, "acme:Tag", at=environment.path, config={"drop": "3"})
    config = {"count": "7", "acked_file": str(acked)}
    run_plans(
        [plan("counter", "acme:Counter", environment.path, config=config, between=[drop])],
        [environment],
        log_file,
    )
    assert lines_of(acked) == [
        [0, None],
        [1, ["numbers", 0]],
        [2, ["numbers", 1]],
        [3, None],
        [4, ["numbers", 2]],
        [5, ["numbers", 3]],
        [6, None],
    ]


def test_a_batch_of_which_nothing_is_left_still_moves_the_offsets(
    environment: Environment, log_file: Path
) -> None:
    drop = stage(StageRole.TRANSFORMATION, "acme:Tag", at=environment.path, config={"drop": "1"})
    made = plan("counter", "acme:Counter", environment.path, config={"count": "10"}, between=[drop])
    run_plans([made], [environment], log_file)
    report = run_plans([made], [environment], log_file)
    (task,) = report.connectors[0].tasks
    assert (task.records_in, task.records_out) == (0, 0)
    assert values(log_file) == []


def test_a_transformation_runs_where_its_predicate_says(
    environment: Environment, log_file: Path
) -> None:
    even = stage(StageRole.PREDICATE, "acme:Even", at=environment.path)
    stages = [
        stage(
            StageRole.TRANSFORMATION,
            "acme:Tag",
            at=environment.path,
            config={"tag": tag},
            predicate=even,
            negate=negate,
        )
        for tag, negate in (("even", False), ("odd", True))
    ]
    made = plan("counter", "acme:Counter", environment.path, config={"count": "4"}, between=stages)
    run_plans([made], [environment], log_file)
    tags = [one["tag"] for one in values(log_file)]  # type: ignore[index]
    assert tags == ["even", "odd", "even", "odd"]


def test_several_tasks_share_the_work(
    environment: Environment, log_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    plans = [
        source(environment.path, count="50", tasks="3"),
        sink(environment.path, out, tasks="2"),
    ]
    counter, writer = run_plans(plans, [environment], log_file).connectors
    assert [task.name for task in counter.tasks] == ["counter-0", "counter-1", "counter-2"]
    assert counter.records_out == writer.records_out == 150
    assert sorted(line[3]["n"] for line in lines_of(out)) == sorted(list(range(50)) * 3)  # type: ignore[index]


def test_more_tasks_than_allowed_fail_the_connector(
    environment: Environment, log_file: Path
) -> None:
    made = plan(
        "counter",
        "acme:Counter",
        environment.path,
        config={"count": "5", "tasks": "3"},
        tasks_max=2,
    )
    (counter,) = run_plans([made], [environment], log_file).connectors
    assert counter.state is RunState.FAILED
    assert counter.failures[0].message == "`counter` returned 3 task configs; tasks.max is 2"


ODD = """
import venvoy_api
from venvoy_api import *

class Odd(SourceConnector):
    def start(self, props): ...
    def stop(self): ...
    def task_class(self): return OddTask
    def task_configs(self, max_tasks): return [{}]
    def config(self): return ConfigDef()

class OddTask(SourceTask):
    def start(self, props): self.polls = 0
    def stop(self): ...
    def drained(self): return True
    def poll(self):
        self.polls += 1
        if self.polls > 1:
            return None
        return [
            SourceRecord(None, None, "t\u00f6pic", key=None, value=None),
            SourceRecord({"a": 1}, {"b": 2}, "t\u00f6pic", partition=3, key="k", value="v",
                headers=[Header("h", None, None), Header("h", None, "x")]),
            SourceRecord({"a": 1}, {"b": 3}, "t\u00f6pic", key="", value="x" * 30_000_000),
        ]
"""


def test_odd_records_arrive_as_they_left(log_file: Path, tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "environment", {"acme.py": PLUGINS, "odd.py": ODD})
    out = tmp_path / "out.jsonl"
    plans = [
        plan("odd", "odd:Odd", environment.path, config={}),
        sink(environment.path, out, topic="t\u00f6pic"),
    ]
    report = run_plans(plans, [environment], log_file)
    assert report.failures == ()
    lines: list[Any] = lines_of(out)
    first, second, third = sorted(lines, key=lambda line: len(str(line[3])))
    assert second[:4] == ["t\u00f6pic", 0, None, None]
    assert first[:4] == ["t\u00f6pic", 0, "k", "v"]
    assert first[5] == [["h", None], ["h", "x"]]
    assert third[:3] == ["t\u00f6pic", 1, ""]
    assert len(third[3]) == 30_000_000
