"""What isolation costs a record: chains in one host and in three, against one process without any.

Run from the repository's root, by a Python that has venvoy's `test` extra::

    export PYTHONPATH=launcher/shared
    python -m benchmarks.pipelines [--records 60000] [--turns 7] [--work DIR]

A record is a struct of eight fields with a key and a header; the chain masks a field, inserts
another, converts the key to text, the value to JSON and the header to text, or back. The source
makes its records as it goes, the sink counts them. Four contenders take turns, so that a busy
machine is unfair to all of them alike; each stores into, or reads from, the embedded log on disk:

- plain: one Python process that polls, transforms, converts, frames and appends (or reads,
  converts, transforms and puts) with the same classes and batches, several appends at a time;
- one host: `venvoy run` with all stages in one environment, so the worker and one host;
- three hosts: the two transformations live in environments of their own;
- plain again, for what a busy machine does to equals.

The clock runs from the first poll to the last append, or from the first read to the last put: not
while processes start. The processor's time is told beside it, of all processes together: it hardly
depends on what else the machine does, but knows nothing of hosts that work at the same moment.
Design 12 wants 0.9 of the plain rate.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from launcher.hosts.frames import StoredFrame
from launcher.planning.plan import PipelinePlan, StageRole
from launcher.storage.topic_log import Append, TopicLog
from manager.store.environments import Environment
from tests.launcher.pipelines import (
    Heard,
    make_environment,
    plan,
    run_plans,
    site_packages,
    stage,
)

TOPIC = "rows"
REPOSITORY = Path(__file__).parent.parent

PLUGINS = '''
"""A source that makes structs, a sink that counts, and transformations with a home of their own."""
import json, os, time
from venvoy_api import *
from venvoy_api.transforms import InsertField, MaskField

SCHEMA = (
    SchemaBuilder.struct().name("row")
    .field("id", INT64_SCHEMA).field("name", STRING_SCHEMA).field("city", STRING_SCHEMA)
    .field("price", FLOAT64_SCHEMA).field("count", INT32_SCHEMA).field("paid", BOOLEAN_SCHEMA)
    .field("note", OPTIONAL_STRING_SCHEMA).field("card", STRING_SCHEMA).build()
)

class Spender:
    """Tells at its end how much of the processor its process has used since it began."""
    def begin(self): self.began = time.process_time()
    def end(self): print("spent", os.getpid(), time.process_time() - self.began, flush=True)

def mark(props):
    with open(props["mark"], "w") as out:
        out.write(repr(time.monotonic()))

class Rows(SourceConnector):
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return RowsTask
    def task_configs(self, max_tasks): return [self.props]
    def config(self): return ConfigDef()

class RowsTask(Spender, SourceTask):
    def start(self, props):
        self.begin()
        self.props, self.next, self.count = props, 0, int(props["count"])
        self.partition = {"table": "rows"}
    def stop(self): self.end()
    def drained(self): return self.next >= self.count
    def poll(self):
        if self.next == 0:
            mark(self.props)
        begin, self.next = self.next, min(self.count, self.next + 1000)
        return [self.record(n) for n in range(begin, self.next)]
    def record(self, n):
        value = Struct.from_values(SCHEMA, (
            n, "name of %d" % n, "Springfield", n * 0.25, n % 100, n % 2 == 0, None,
            "4000 1234 5678 9010"))
        return SourceRecord(self.partition, {"row": n}, "rows", 0, INT64_SCHEMA, n, SCHEMA, value,
                            1700000000000 + n, [Header("origin", STRING_SCHEMA, "table")])

class Count(SinkConnector):
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return CountTask
    def task_configs(self, max_tasks): return [self.props]
    def config(self): return ConfigDef()

class CountTask(Spender, SinkTask):
    def start(self, props):
        self.begin()
        self.props, self.left = props, int(props["count"])
    def stop(self): self.end()
    def put(self, records):
        self.left -= len(records)
        if records and self.left <= 0:
            mark(self.props)

class Mask(Spender, MaskField.Value):
    """MaskField, at home in this environment."""
    def configure(self, configs):
        super().configure(configs)
        self.begin()
    def close(self): self.end()

class Insert(Spender, InsertField.Value):
    """InsertField, at home in this environment."""
    def configure(self, configs):
        super().configure(configs)
        self.begin()
    def close(self): self.end()
'''
MASK = {"fields": "card"}
INSERT = {"static.field": "by", "static.value": "benchmark"}


class Cost(NamedTuple):
    """What a turn took: seconds by the clock, and seconds of the processor."""

    clock_s: float
    processor_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every turn shares; `hosts` are three environments with the same plugins."""

    work_dir: Path
    hosts: tuple[Environment, ...]
    records: int

    @property
    def filled_log(self) -> Path:
        """A log that a source has filled, for the sinks."""
        return self.work_dir / "filled.sqlite"


def main() -> None:
    """Prepare, take turns, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--work", type=Path, help="where to measure (default: a new directory)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.work) as directory:
        work_dir = Path(directory)
        hosts = tuple(
            make_environment(work_dir / name, {"rows.py": PLUGINS}) for name in ("a", "b", "c")
        )
        setting = Setting(work_dir=work_dir, hosts=hosts, records=options.records)
        by_hosts(setting, "source", setting.filled_log, apart=False)
        measure(setting, options.turns)


def measure(setting: Setting, turns: int) -> None:
    """Let the contenders take turns, and print what came of it."""
    contenders: Mapping[str, Callable[[str, Path], Cost]] = {
        "plain, one process": lambda kind, log: by_plain(setting, kind, log),
        "one host": lambda kind, log: by_hosts(setting, kind, log, apart=False),
        "three hosts": lambda kind, log: by_hosts(setting, kind, log, apart=True),
        "plain, once more": lambda kind, log: by_plain(setting, kind, log),
    }
    for kind in ("source", "sink"):
        costs: dict[str, list[Cost]] = {name: [] for name in contenders}
        for turn in range(turns + 1):
            for name, contender in contenders.items():
                log_file = setting.work_dir / f"turn-{turn}-{len(costs[name])}-{kind}.sqlite"
                if kind == "sink":
                    copy_log(setting.filled_log, log_file)
                cost = contender(kind, log_file)
                for file in setting.work_dir.glob(f"{log_file.name}*"):
                    file.unlink()
                if turn:  # the first turn warms up
                    costs[name].append(cost)
        report(kind, setting.records, costs)


def report(kind: str, records: int, costs: Mapping[str, Sequence[Cost]]) -> None:
    """Print one table: rates, each turn's ratio to the plain loop of the same turn, processor."""
    turns = len(next(iter(costs.values())))
    print(f"{kind}: {records} records, {turns} turns; records per second, and to plain")
    plain = [records / cost.clock_s for cost in costs["plain, one process"]]
    print(f"{'':20}{'median':>9}{'best':>9}{'ratio':>8}{'of bests':>10}{'processor us':>14}")
    for name, found in costs.items():
        rates = [records / cost.clock_s for cost in found]
        ratios = [mine / theirs for mine, theirs in zip(rates, plain, strict=True)]
        processor_us = statistics.median(cost.processor_s for cost in found) / records * 1e6
        print(
            f"{name:20}{statistics.median(rates):>9,.0f}{max(rates):>9,.0f}"
            f"{statistics.median(ratios):>8.2f}{max(rates) / max(plain):>10.2f}"
            f"{processor_us:>14.1f}"
        )
    print()


def copy_log(source: Path, target: Path) -> None:
    """Copy a log that nobody has open."""
    target.write_bytes(source.read_bytes())


def chain(setting: Setting, kind: str, mark_file: Path, *, apart: bool) -> PipelinePlan:
    """Plan the pipeline: all in one environment, or the transformations in two others."""
    first, second, third = (host.path for host in setting.hosts)
    between = [
        stage(StageRole.TRANSFORMATION, "rows:Mask", at=second if apart else first, config=MASK),
        stage(StageRole.TRANSFORMATION, "rows:Insert", at=third if apart else first, config=INSERT),
    ]
    config = {"count": str(setting.records), "mark": str(mark_file)}
    target, topics = ("rows:Rows", ()) if kind == "source" else ("rows:Count", (TOPIC,))
    made = plan(f"bench-{kind}", target, first, config=config, between=between, topics=topics)
    assert len(made.segments) == (3 if apart else 1)
    return made


def by_hosts(setting: Setting, kind: str, log_file: Path, *, apart: bool) -> Cost:
    """Run the pipeline as `venvoy run` does."""
    mark_file = setting.work_dir / "mark"
    made = chain(setting, kind, mark_file, apart=apart)
    clock, heard = Clock(), Heard([], [])
    report = run_plans(
        [made], setting.hosts, log_file, heard=heard, wrap=clock.watch, timeout_s=600
    )
    assert report.failures == (), report.failures
    moved = sum(one.records_out for one in report.connectors)
    assert moved == setting.records, moved
    spent: dict[str, float] = {}
    for _, _, line in heard.lines:
        word, pid, seconds = line.split()
        assert word == "spent", line
        spent[pid] = max(spent.get(pid, 0), float(seconds))
    assert len(spent) == len(made.segments)
    processor_s = clock.processor_s + sum(spent.values())
    return Cost(clock.seconds(kind, mark_file), processor_s)


def by_plain(setting: Setting, kind: str, log_file: Path) -> Cost:
    """Run the same in one process of its own."""
    config = {
        "log": str(log_file),
        "count": str(setting.records),
        "mark": str(setting.work_dir / "mark"),
        "plugins": str(site_packages(setting.hosts[0].path)),
        "mask": json.dumps(MASK),
        "insert": json.dumps(INSERT),
    }
    argv = [sys.executable, "-m", "benchmarks.plain_pipeline", kind, json.dumps(config)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, cwd=REPOSITORY)
    return Cost(*map(float, done.stdout.split()))


class Clock:
    """Notes when a log was first read and when the last batch was stored.

    `processor_s` is what this process used from the first of these calls to the last.
    """

    def __init__(self) -> None:
        self.first_read: float | None = None
        self.last_append = 0.0
        self.processor_s = 0.0
        self._first: float | None = None

    def watch(self, log: TopicLog) -> TopicLog:
        """Have the log tell the time; return it."""
        append, read = log.append, log.read

        async def timed_append(batch: Append) -> tuple[tuple[str, int, int], ...]:
            self._spend()
            placed = await append(batch)
            self.last_append = time.monotonic()
            self._spend()
            return placed

        async def timed_read(
            topic: str, partition: int, offset: int, *, max_bytes: int
        ) -> tuple[StoredFrame, ...]:
            if self.first_read is None:
                self.first_read = time.monotonic()
            self._spend()
            return await read(topic, partition, offset, max_bytes=max_bytes)

        log.append = timed_append  # type: ignore[method-assign]  # of this object only
        log.read = timed_read  # type: ignore[method-assign]
        return log

    def _spend(self) -> None:
        now = time.process_time()
        self._first = now if self._first is None else self._first
        self.processor_s = now - self._first

    def seconds(self, kind: str, mark_file: Path) -> float:
        """Return how long the records took; the mark is the first poll or the last put."""
        mark = float(mark_file.read_text())
        if kind == "source":
            return self.last_append - mark
        assert self.first_read is not None
        return mark - self.first_read


if __name__ == "__main__":
    main()
