"""The loop in which a stage takes a batch: who is seen how often, and what is counted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import venvoy_api
from venvoy_host.control import describe
from venvoy_host.tolerance import FAILED, Origin, Step, Tolerance, looping, retry_delay_ms

SETTINGS: dict[str, Any] = {
    "tolerance": "all",
    "retry_timeout_ms": -1,
    "retry_delay_max_ms": 0,
    "log_enable": False,
    "log_include_messages": False,
    "dead_letters": True,
    "connector": "c",
    "task": 0,
}
FAULTS = st.sampled_from(["fine", "raise", "stop", "twice", "none"])


class Stage:
    """Does to each item what the batch says of it, and remembers what it saw."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        self.seen: list[int] = []

    def work(self, item: int) -> int | None:
        """Return the double, or nothing, or fail."""
        self.seen.append(item)
        fault = self.faults[item]
        if fault == "raise":
            raise ValueError(item)
        if fault == "stop":
            raise StopIteration(item)
        if fault == "twice" and self.seen.count(item) <= 2:
            raise venvoy_api.RetriableError(item)
        return None if fault == "none" else 2 * item


def step(stage: Stage) -> Step:
    """A batch of as many items as the stage knows."""
    items = list(range(len(stage.faults)))
    return Step(
        "TRANSFORMATION",
        stage,
        looping(stage.work),
        items,
        lambda row: Origin("t", 0, row, None, "NoTimestampType"),
    )


@given(st.lists(FAULTS, max_size=30))
def test_every_item_is_seen_once_but_for_retries_and_has_its_result(faults: list[str]) -> None:
    stage, tolerance = Stage(faults), Tolerance(None, SETTINGS)
    outcome = tolerance.run(step(stage))
    failed = [item for item, fault in enumerate(faults) if fault in ("raise", "stop")]
    retried = [item for item, fault in enumerate(faults) if fault == "twice"]
    assert outcome.fatal is None
    assert outcome.failures == len(failed)
    assert outcome.results == [
        FAILED if item in failed else None if fault == "none" else 2 * item
        for item, fault in enumerate(faults)
    ]
    assert stage.seen == sorted([*range(len(faults)), *retried, *retried])
    assert [letter["offset"] for letter in tolerance.letters] == failed
    counts = tolerance.counts
    assert counts["total-record-failures"] == len(failed) + 2 * len(retried)
    assert counts["total-retries"] == 2 * len(retried)
    assert counts["total-record-errors"] == counts["total-records-skipped"] == len(failed)


@given(st.lists(FAULTS, max_size=30))
def test_without_tolerance_the_first_failure_is_the_end(faults: list[str]) -> None:
    stage = Stage(faults)
    tolerance = Tolerance(None, {**SETTINGS, "tolerance": "none"})
    outcome = tolerance.run(step(stage))
    bad = [item for item, fault in enumerate(faults) if fault in ("raise", "stop")]
    if not bad:
        assert outcome.fatal is None
        return
    assert len(outcome.results) == bad[0] == stage.seen[-1]
    assert str(outcome.fatal) == "Tolerance exceeded in error handler"
    assert tolerance.fatal is outcome.fatal
    assert tolerance.letters == []


def test_without_settings_a_failure_is_told_as_it_is() -> None:
    outcome = Tolerance(None, None).run(step(Stage(["fine", "raise"])))
    assert isinstance(outcome.fatal, ValueError)
    assert outcome.results == [0]


@pytest.mark.parametrize(
    ("attempt", "longest_ms", "wanted"),
    [(1, 60_000, 300), (2, 60_000, 600), (8, 60_000, 38_400), (1, 300, 300), (5, 0, 0)],
)
def test_the_wait_doubles(attempt: int, longest_ms: int, wanted: int) -> None:
    assert retry_delay_ms(attempt, longest_ms) == wanted


@given(st.integers(9, 10_000))
def test_beyond_the_longest_wait_it_is_a_random_one(attempt: int) -> None:
    assert 0 <= retry_delay_ms(attempt, 60_000) < 60_000


def test_an_error_is_told_with_its_cause_in_bounds_and_whatever_it_says_of_itself() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    error = venvoy_api.ConnectError("x" * 1_000_000)
    error.__cause__ = MuteError()
    told = describe(error)
    assert told["class"] == "venvoy_api.errors.ConnectError"
    assert told["cause"].endswith("MuteError: it cannot say what")
    assert len(told["message"]) < 70_000
    assert "934464 characters left out" in told["message"]
    assert len(told["traceback"]) < 70_000
