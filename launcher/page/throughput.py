"""Records a second, from what tasks have counted each time that somebody looked."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from launcher.interface.views import TaskCounters

__all__ = ["Throughput"]

_WINDOW_S = 30.0
_STEP_S = 1.0
_SHORTEST_S = 0.5

TaskKey: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    at_s: float
    records: Mapping[TaskKey, int]


class Throughput:
    """Keeps samples of the last half minute; a task has no rate before its second one."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[_Sample] = deque()

    def rates(self, counters: Iterable[TaskCounters]) -> Mapping[TaskKey, float]:
        """Return what tasks put out a second since the oldest sample that knows them.

        A task that counts from the beginning again was restarted: its earlier samples are of
        another one.
        """
        now = self._clock()
        records = {(one.connector, one.task): one.records_out for one in counters}
        while self._samples and self._samples[0].at_s < now - _WINDOW_S:
            self._samples.popleft()
        rates: dict[TaskKey, float] = {}
        for key, count in records.items():
            rate = self._rate(key, count, now)
            if rate is not None:
                rates[key] = rate
        if not self._samples or self._samples[-1].at_s <= now - _STEP_S:
            self._samples.append(_Sample(at_s=now, records=records))
        return rates

    def _rate(self, key: TaskKey, count: int, now: float) -> float | None:
        oldest: _Sample | None = None
        lowest = count
        for sample in reversed(self._samples):
            found = sample.records.get(key)
            if found is None or found > lowest:
                break
            oldest, lowest = sample, found
        if oldest is None or now - oldest.at_s < _SHORTEST_S:
            return None
        return (count - lowest) / (now - oldest.at_s)
