"""Moves while hosts, zygotes and the worker are killed: they end where they were asked to.

Six moves by default; the environment's `MOVES=50` for more. The seed is printed, and `MOVES_SEED`
repeats it.
"""

import contextlib
import os
import random
import signal
import sqlite3
import time
import urllib.error
from collections import Counter
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.worker.moving import broken_start, moving
from tests.worker.standalone import Standalone, values_in, write_properties
from tests.worker.standing import Stand
from tests.worker.test_standalone import WORKER

_MOVES = int(os.environ.get("MOVES", "6"))
_SEED = int(os.environ.get("MOVES_SEED", str(random.SystemRandom().randrange(10**6))))
_GOOD = ("1.0", "1.5", "2.0")
_BROKEN = ("3.0", "4.0")
_ENDED = ("DONE", "RETURNED")
_TASKS = {"tasks": "2", "tasks__max": "2"}
_UNANSWERED = (urllib.error.URLError, HTTPException, OSError)


@pytest.fixture
def standalone(stand: Stand) -> Iterator[Standalone]:
    """A worker's file for plugins of which two are broken; nothing is left at the end."""
    for version in _GOOD:
        stand.plugin(version)
    stand.plugin("3.0", **{"acme.py": broken_start("raise ValueError('it is broken')")})
    waiting = "pathlib.Path(props['hang_file']).touch(); time.sleep(3600)"
    stand.plugin("4.0", **{"acme.py": broken_start(waiting)})
    slow = "while pathlib.Path(props['slow_file']).exists(): time.sleep(0.05)"
    stand.plugin("5.0", **{"acme.py": broken_start(slow)})
    pairs = {**WORKER, "plugin.path": stand.plugins, "move.timeout.ms": 60_000}
    worker = Standalone(
        stand.directory, write_properties(stand.directory / "worker.properties", pairs)
    )
    yield worker
    if worker.process is not None:
        worker.process.kill()
        worker.process.wait()
    worker.until_nothing_is_left()


def config(stand: Stand, version: str, **keys: str) -> dict[str, str]:
    """A config at a version that may hang, with files that say when."""
    files = {name: str(stand.directory / name) for name in ("hang_file", "slow_file")}
    return {"name": "numbers", **moving(version, **files, **_TASKS, **keys)}


def start(stand: Stand, standalone: Standalone, version: str) -> None:
    """Start a worker with the connector, and wait until that runs."""
    first = {**config(stand, version)}
    standalone.start(write_properties(stand.directory / "numbers.properties", first))
    standalone.until_states("numbers", "RUNNING", "RUNNING", "RUNNING")


def last_move(standalone: Standalone) -> dict[str, Any]:
    """How the last move went, or goes."""
    found: dict[str, Any] = standalone.get("/connectors/numbers/status").get("last_move", {})
    return found


def versions(standalone: Standalone) -> set[str]:
    """The versions that the connector and its tasks run at."""
    status = standalone.get("/connectors/numbers/status")
    return {one.get("version", "") for one in (status["connector"], *status["tasks"])}


def kill(standalone: Standalone) -> None:
    """Kill the worker, and see that nothing of it is left."""
    assert standalone.process is not None
    standalone.process.kill()
    standalone.wait()
    standalone.until_nothing_is_left()


def assert_counted_once(stand: Stand) -> None:
    """Every number of every task is in the log once, up to the task's stored offset."""
    storage = stand.directory / "worker.sqlite"
    with contextlib.closing(sqlite3.connect(storage)) as connection:
        ends = connection.execute(
            "SELECT json_extract(offset, '$.next') FROM source_offsets WHERE connector = 'numbers'"
        ).fetchall()
    numbers = Counter(value["n"] for value in values_in(storage, "numbers"))
    assert numbers == Counter(n for (end,) in ends for n in range(end))
    assert numbers


def test_a_worker_that_is_killed_in_a_move_goes_back_at_its_next_start(
    stand: Stand, standalone: Standalone
) -> None:
    start(stand, standalone, "1.0")
    asked = config(stand, "4.0", move__timeout__ms="10000")
    standalone.ask("PUT", "/connectors/numbers/config", asked)
    standalone.until((stand.directory / "hang_file").exists)
    kill(standalone)
    standalone.start()
    standalone.until(lambda: last_move(standalone)["state"] == "RETURNED")
    assert "within 10 s" in last_move(standalone)["reason"]
    standalone.until(lambda: versions(standalone) == {"1.0"})
    standalone.until_states("numbers", "RUNNING", "RUNNING", "RUNNING")
    found = standalone.get("/connectors/numbers/config")
    assert found["connector.version"] == "1.0"
    assert standalone.end() == 0
    assert_counted_once(stand)


def test_a_worker_that_is_killed_in_a_move_finishes_it_at_its_next_start(
    stand: Stand, standalone: Standalone
) -> None:
    start(stand, standalone, "1.0")
    slow = stand.directory / "slow_file"
    slow.touch()
    standalone.ask("PUT", "/connectors/numbers/config", config(stand, "5.0"))
    standalone.until(lambda: last_move(standalone)["state"] == "STARTING")
    kill(standalone)
    slow.unlink()
    standalone.start()
    standalone.until(lambda: last_move(standalone)["state"] == "DONE")
    assert versions(standalone) == {"5.0"}
    assert (last_move(standalone)["from_version"], last_move(standalone)["to_version"]) == (
        "1.0",
        "5.0",
    )
    assert standalone.end() == 0
    assert_counted_once(stand)


def test_a_host_that_is_killed_in_a_move_is_started_again(
    stand: Stand, standalone: Standalone
) -> None:
    start(stand, standalone, "1.0")
    slow = stand.directory / "slow_file"
    slow.touch()
    standalone.ask("PUT", "/connectors/numbers/config", config(stand, "5.0"))
    standalone.until(lambda: last_move(standalone)["state"] == "STARTING")
    standalone.until(lambda: versions(standalone) == {"5.0"})
    standalone.until(lambda: _kill_one(standalone, random.Random(_SEED)))
    slow.unlink()
    standalone.until(lambda: last_move(standalone)["state"] in _ENDED)
    assert last_move(standalone)["state"] == "DONE"


class Trial:
    """Moves and kills at random; `asked` is the version that was asked for last."""

    def __init__(self, stand: Stand, standalone: Standalone, chance: random.Random) -> None:
        self.stand = stand
        self.standalone = standalone
        self.chance = chance
        self.figures: Counter[str] = Counter()

    def step(self) -> None:
        """Ask for a move or a rollback, and kill something while it goes on, or nothing."""
        with contextlib.suppress(*_UNANSWERED):
            self._ask()
        self._disturb()
        if self.chance.random() < 0.6:
            self.until_ended()

    def _ask(self) -> None:
        if self.chance.random() < 0.3:
            self.figures["rollbacks asked"] += 1
            with contextlib.suppress(AssertionError):  # 404: there is none to go back to
                self.standalone.ask("POST", "/connectors/numbers/rollback", {})
            return
        self.move_to(self.chance.choice((*_GOOD, *_BROKEN)))

    def move_to(self, version: str) -> None:
        """Ask for a version; a hanging one gets little time."""
        self.figures["moves asked"] += 1
        little = {"move__timeout__ms": "1500"} if version in _BROKEN else {}
        asked = config(self.stand, version, **little)
        self.standalone.ask("PUT", "/connectors/numbers/config", asked)

    def _disturb(self) -> None:
        time.sleep(self.chance.random() * 1.5)  # the random moment of the kill
        match self.chance.randrange(4):
            case 0:
                kill(self.standalone)
                self.standalone.start()
                self.figures["workers killed"] += 1
            case 1 | 2:
                if _kill_one(self.standalone, self.chance):
                    self.figures["hosts and zygotes killed"] += 1
            case _:
                self.figures["left alone"] += 1

    def until_ended(self) -> None:
        """Wait until no move goes on."""
        self.standalone.until(
            lambda: last_move(self.standalone).get("state", "DONE") in _ENDED, timeout_s=180
        )
        self.figures[f"ended {last_move(self.standalone).get('state', 'without a move')}"] += 1

    def finish(self) -> None:
        """Ask for one more good version, be killed once more, and come to it."""
        version = self.chance.choice([one for one in _GOOD if {one} != versions(self.standalone)])
        self.move_to(version)
        self._disturb()
        self.until_ended()
        self.standalone.until(self._runs)
        found = self.standalone.get("/connectors/numbers/config")
        assert found["connector.version"] == version
        assert versions(self.standalone) == {version}
        (current,) = [
            one for one in self.standalone.get("/connectors/numbers/generations") if one["current"]
        ]
        assert current["config"]["connector.version"] == version

    def _runs(self) -> bool:
        """Whether all is RUNNING; what was killed after a move has FAILED, and is restarted."""
        states = self.standalone.states("numbers")
        if "FAILED" in states:
            path = "/connectors/numbers/restart?includeTasks=true&onlyFailed=true"
            self.standalone.ask("POST", path)
        return states == ["RUNNING"] * 3


@pytest.mark.slow
@pytest.mark.timeout(60 * (_MOVES + 10))
def test_moves_and_rollbacks_with_kills_end_where_they_were_asked_to(
    stand: Stand,
    standalone: Standalone,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    print(f"seed {_SEED}")
    trial = Trial(stand, standalone, random.Random(_SEED))
    start(stand, standalone, "1.0")
    for _ in range(_MOVES):
        trial.step()
    trial.finish()
    assert standalone.end() == 0
    assert_counted_once(stand)
    trial.figures["records"] = len(values_in(stand.directory / "worker.sqlite", "numbers"))
    for name, figure in trial.figures.items():
        record_testsuite_property(name, figure)
    print(dict(trial.figures))


def _kill_one(standalone: Standalone, chance: random.Random) -> bool:
    """Kill a host or a zygote; False when there is none."""
    assert standalone.process is not None
    victims = [
        pid
        for pid in standalone.leftovers()
        if pid != standalone.process.pid and "venvoy_host" in _command(pid)
    ]
    with contextlib.suppress(ProcessLookupError, IndexError):
        os.kill(chance.choice(victims), signal.SIGKILL)
        return True
    return False


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
