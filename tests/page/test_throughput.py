"""Rates from counts that were seen at some moments."""

from collections.abc import Callable

from launcher.interface.views import State, TaskCounters
from launcher.page.throughput import Throughput

KEY = ("a", 0)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def looking() -> tuple[Clock, Callable[[int], float | None]]:
    clock = Clock()
    throughput = Throughput(clock=clock)

    def look(count: int) -> float | None:
        one = TaskCounters(connector="a", task=0, state=State.RUNNING, records_out=count)
        return throughput.rates([one]).get(KEY)

    return clock, look


def test_the_first_look_has_no_rate() -> None:
    _, look = looking()
    assert look(500) is None


def test_the_rate_is_over_the_time_between_looks() -> None:
    clock, look = looking()
    look(0)
    clock.now += 3
    assert look(60) == 20
    clock.now += 3
    assert look(60) == 10


def test_looks_at_the_same_moment_give_no_rate() -> None:
    clock, look = looking()
    look(0)
    clock.now += 0.1
    assert look(10) is None


def test_what_is_older_than_half_a_minute_does_not_count() -> None:
    clock, look = looking()
    look(0)
    clock.now += 20
    look(20_000)
    clock.now += 20
    assert look(20_020) == 1


def test_a_task_that_was_restarted_counts_anew() -> None:
    clock, look = looking()
    look(1_000)
    clock.now += 2
    assert look(10) is None
    clock.now += 2
    assert look(30) == 10


def test_a_task_that_comes_later_has_a_rate_of_its_own() -> None:
    clock = Clock()
    throughput = Throughput(clock=clock)

    def count(task: int, records: int) -> TaskCounters:
        return TaskCounters(connector="a", task=task, state=State.RUNNING, records_out=records)

    throughput.rates([count(0, 0)])
    clock.now += 10
    throughput.rates([count(0, 10), count(1, 0)])
    clock.now += 10
    assert throughput.rates([count(0, 20), count(1, 50)]) == {("a", 0): 1, ("a", 1): 5}
