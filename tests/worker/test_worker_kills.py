"""The worker is killed at random points, again and again, and loses nothing.

Five kills by default; the environment's `WORKER_KILLS=100` for more. Each comes at a random moment:
while the worker comes up, or while records move and requests change connectors. After each, with
SQLite alone and on a copy: every source's records are in the log exactly once, as its offsets say;
nothing that was told to be stored is missing; no committed offset has gone back. No process is
left. Then the worker comes back by itself to what was asked for last.
"""

import contextlib
import json
import os
import random
import shutil
import sqlite3
import threading
import time
import urllib.error
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.worker.standalone import Standalone, values_in, write_properties
from tests.worker.standing import Stand, counter, writer
from tests.worker.test_standalone import WORKER

_KILLS = int(os.environ.get("WORKER_KILLS", "5"))
_SEED = int(os.environ.get("WORKER_KILLS_SEED", str(random.SystemRandom().randrange(10**6))))
_ENDLESS = {"count": "1000000000", "pause_s": "0.05", "batch": "5"}
_SMALL = 128
_FUSSY = {
    "transforms": "small",
    "transforms__small__type": "Cast$Value",
    "transforms__small__spec": "n:int8",
    "errors__tolerance": "all",
    "errors__deadletterqueue__topic__name": "dead",
    "errors__deadletterqueue__context__headers__enable": "true",
}
"""A sink to which every number that is not small is a dead letter."""
_SOURCES = ("numbers", "toggled", "changing", "guest")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is asked of a connector; `tasks` is how many its config asks for."""

    target: str = "STARTED"
    tasks: int = 1
    exists: bool = True


class Trial:
    """One worker's directory, what was asked of it, and what it may never go behind."""

    def __init__(self, standalone: Standalone, chance: random.Random) -> None:
        self.standalone = standalone
        self.directory = standalone.directory
        self.chance = chance
        self.out = self.directory / "out.jsonl"
        self.acked = self.directory / "acked.jsonl"
        self.asked = {
            "numbers": _Asked(),
            "written": _Asked(),
            "fussy": _Asked(),
            "toggled": _Asked(),
            "changing": _Asked(tasks=2),
            "asleep": _Asked(target="STOPPED"),
            "guest": _Asked(exists=False),
        }
        self.maybe: tuple[str, _Asked] | None = None
        """What was being asked when the worker was killed: it came about, or it did not."""
        self.figures: Counter[str] = Counter()
        self._least: dict[tuple[str, ...], int] = {}
        self._stored_tasks: dict[str, int] = {}

    def files(self) -> list[Path]:
        """The files of the first start."""
        configs = {
            "numbers": counter(**_ENDLESS, topic="numbers", acked_file=str(self.acked)),
            "written": writer(self.out),
            "fussy": writer(self.directory / "fussy.jsonl", **_FUSSY),
            "toggled": counter(**_ENDLESS, topic="toggled"),
            "changing": self.changing(2),
        }
        found = [
            write_properties(self.directory / f"{name}.properties", {"name": name, **config})
            for name, config in configs.items()
        ]
        asleep = self.directory / "asleep.json"
        request = {"name": "asleep", "config": counter(), "initial_state": "STOPPED"}
        asleep.write_text(json.dumps(request))
        return [*found, asleep]

    @staticmethod
    def changing(tasks: int) -> dict[str, str]:
        """A config whose number of tasks changes."""
        return counter(**_ENDLESS, topic="changing", tasks=str(tasks), tasks__max="5")

    # -- asking -------------------------------------------------------------------------------

    def ask(self, name: str, method: str, path: str, body: object = None, **after: Any) -> None:
        """Ask for something, and remember that it may have come about when no answer comes."""
        self.maybe = name, replace(self.asked[name], **after)
        self.standalone.ask(method, f"/connectors/{name}{path}", body)
        self.asked[name], self.maybe = self.maybe[1], None
        self.figures["requests answered"] += 1

    def ask_for_something(self) -> None:
        """Change one of the connectors."""
        match self.chance.randrange(5):
            case 0:
                self.ask("toggled", "PUT", "/pause", target="PAUSED")
            case 1:
                self.ask("toggled", "PUT", "/resume", target="STARTED")
            case 2:
                self.ask("toggled", "PUT", "/stop", target="STOPPED")
            case 3:
                tasks = self.chance.randrange(1, 4)
                self.ask("changing", "PUT", "/config", self.changing(tasks), tasks=tasks)
            case _ if self.asked["guest"].exists:
                self.ask("guest", "DELETE", "", exists=False)
            case _:
                config = counter(**_ENDLESS, topic="guest")
                self.ask("guest", "PUT", "/config", config, exists=True)

    def ask_until_killed(self, delay_s: float) -> None:
        """Ask for one thing after the other; a thread kills the worker, whatever it is doing."""
        assert self.standalone.process is not None
        killing = threading.Timer(delay_s, self.standalone.process.kill)
        killing.start()
        with contextlib.suppress(urllib.error.URLError, HTTPException, OSError):
            while True:
                self.ask_for_something()
                time.sleep(self.chance.random() * 0.2)  # not a wait: requests come when they come
        killing.join()
        self.standalone.wait()

    # -- what must hold -----------------------------------------------------------------------

    def check_what_is_left(self) -> None:
        """See after a kill that nothing is lost; the file itself is left for the worker."""
        self.standalone.until_nothing_is_left()
        for file in (self.acked, self.out, self.directory / "fussy.jsonl"):
            end_torn_line(file)
        copy = self.directory / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for part in ("", "-wal"):
            file = self.directory / f"worker.sqlite{part}"
            if file.exists():
                shutil.copy(file, copy)
        storage = copy / "worker.sqlite"
        if not storage.exists() or not _tables(storage):
            return  # killed before there was one
        connection = sqlite3.connect(storage)
        with contextlib.closing(connection):
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            self._check_connectors(connection)
            self._check_sources(connection, storage)
            self._check_sink(connection, storage)
            self._check_dead_letters(connection, storage)

    def _check_connectors(self, connection: sqlite3.Connection) -> None:
        """What was answered is stored; what was not answered is stored whole or not at all."""
        rows = connection.execute("SELECT name, target, config, task_configs FROM connectors")
        stored = {name: (target, json.loads(config), tasks) for name, target, config, tasks in rows}
        name, maybe = self.maybe or ("", None)
        self.maybe = None
        for each, asked in self.asked.items():
            found = replace(asked, exists=each in stored)
            if found.exists:
                target, config, tasks = stored[each]
                found = _Asked(target=target, tasks=int(config.get("tasks", "1")))
                self._stored_tasks[each] = len(json.loads(tasks))
            assert found in ((asked, maybe) if each == name else (asked,)), each
            self.asked[each] = found

    def _check_sources(self, connection: sqlite3.Connection, storage: Path) -> None:
        for name in _SOURCES:
            rows = connection.execute(
                "SELECT partition, offset FROM source_offsets WHERE connector = ?", (name,)
            ).fetchall()
            ends = {json.loads(key)["task"]: json.loads(value)["next"] for key, value in rows}
            for task, end in ends.items():
                self._not_behind((name, task), end)
            numbers = [value["n"] for value in values_in(storage, name)]
            assert Counter(numbers) == Counter(n for end in ends.values() for n in range(end))
            self.figures[f"records of {name}"] = len(numbers)
        stored = [value["n"] for value in values_in(storage, "numbers")]
        assert stored == list(range(len(stored)))
        for number, (_, offset) in whole_lines(self.acked):
            assert stored[offset] == number

    def _check_sink(self, connection: sqlite3.Connection, storage: Path) -> None:
        committed = _committed(connection, "written")
        self._not_behind(("written",), committed)
        stored = values_in(storage, "numbers")
        assert committed <= len(stored)
        put = {line[1]: line[3] for line in whole_lines(self.out)}
        assert all(put[offset] == stored[offset] for offset in range(committed))
        self.figures["records put"] = len(put)
        self.figures["offset committed"] = committed

    def _check_dead_letters(self, connection: sqlite3.Connection, storage: Path) -> None:
        committed = _committed(connection, "fussy")
        self._not_behind(("fussy",), committed)
        dead = {value["n"] for value in values_in(storage, "dead")}
        assert dead.isdisjoint(range(_SMALL))
        assert dead >= set(range(_SMALL, committed))
        put = {line[1] for line in whole_lines(self.directory / "fussy.jsonl")}
        assert put >= set(range(min(_SMALL, committed)))
        self.figures["dead letters"] = len(dead)

    def _not_behind(self, what: tuple[str, ...], value: int) -> None:
        assert value >= self._least.get(what, 0), f"{what} went back to {value}"
        self._least[what] = value

    def check_that_all_is_back(self) -> None:
        """See that the worker has come by itself to what was asked for."""
        standalone = self.standalone
        there = {name: asked for name, asked in self.asked.items() if asked.exists}
        assert set(standalone.get("/connectors")) == there.keys()
        for name, asked in there.items():
            match asked.target:
                case "STARTED":
                    standalone.until_states(name, "RUNNING", *["RUNNING"] * asked.tasks)
                case "PAUSED":
                    tasks = len(standalone.get(f"/connectors/{name}/tasks"))
                    assert tasks == self._stored_tasks.get(name, tasks)
                    standalone.until_states(name, "PAUSED", *["PAUSED"] * tasks)
                case _:
                    standalone.until_states(name, "STOPPED")


def end_torn_line(file: Path) -> None:
    """End the last line of a file, whose writer is dead: the next one begins a line of its own."""
    if file.exists() and not file.read_text().endswith("\n"):
        with file.open("a") as end:
            end.write("\n")


def whole_lines(file: Path) -> list[Any]:
    """The JSON lines of a file; one that is torn is none, whether its writer goes on or is dead."""
    found = []
    for line in file.read_text().splitlines() if file.exists() else []:
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def _committed(connection: sqlite3.Connection, sink: str) -> int:
    """The offset that a sink of `numbers` has committed."""
    query = "SELECT offset FROM sink_offsets WHERE connector = ? AND topic = 'numbers'"
    row = connection.execute(query, (sink,)).fetchone()
    return int(row[0]) if row else 0


def _tables(storage: Path) -> bool:
    with contextlib.closing(sqlite3.connect(storage)) as connection:
        return bool(connection.execute("PRAGMA user_version").fetchone()[0])


@pytest.fixture
def trial(stand: Stand) -> Iterator[Trial]:
    stand.plugin()
    pairs = {**WORKER, "plugin.path": stand.plugins}
    file = write_properties(stand.directory / "worker.properties", pairs)
    standalone = Standalone(stand.directory, file)
    yield Trial(standalone, random.Random(_SEED))
    if standalone.process is not None:
        standalone.process.kill()
        standalone.process.wait()
    standalone.until_nothing_is_left()


@pytest.mark.slow
@pytest.mark.timeout(60 * (_KILLS + 10))
def test_a_worker_that_is_killed_loses_nothing_and_comes_back(
    trial: Trial, record_testsuite_property: Callable[[str, object], None]
) -> None:
    standalone, chance = trial.standalone, trial.chance
    print(f"seed {_SEED}")
    standalone.start(*trial.files())
    standalone.until(lambda: len(standalone.get("/connectors")) == 6)
    for number in range(_KILLS):
        if chance.random() < 0.3 and number:
            standalone.launch()
            time.sleep(chance.random() * 1.5)  # the random moment of the kill
            assert standalone.process is not None
            standalone.process.kill()
            standalone.wait()
            trial.figures["kills while it came up"] += 1
        else:
            if number:
                standalone.start()
            trial.check_that_all_is_back()
            trial.ask_until_killed(chance.random() * 2)
            trial.figures["kills while it ran"] += 1
        trial.check_what_is_left()
    standalone.start()
    trial.check_that_all_is_back()
    trial.ask("numbers", "PUT", "/stop", target="STOPPED")
    standalone.until_states("numbers", "STOPPED")
    storage = standalone.directory / "worker.sqlite"
    end = len(values_in(storage, "numbers"))
    standalone.until(lambda: {line[1] for line in whole_lines(trial.out)} >= set(range(end)))
    assert standalone.end() == 0
    trial.check_what_is_left()
    for name, figure in trial.figures.items():
        record_testsuite_property(name, figure)
    print(dict(trial.figures))
