"""Environments made behind a rescan: slow ones hold nobody up, and few events ask for much."""

import asyncio
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest

from launcher.interface.motion import BuildState
from launcher.interface.views import State
from launcher.worker.path_watch import PathWatch, look_at
from launcher.worker.standing import StandingWorker
from manager import proc
from tests.launcher.pipelines import PLUGINS
from tests.wheel_maker import make_wheel
from tests.worker.locations import assert_whole, is_built, start_pair, until_told, versions
from tests.worker.standing import (
    ENTRY_POINTS,
    STEERED,
    Stand,
    counter,
    steered,
    until,
    until_state,
    until_task_version,
)

RUNNING = State.RUNNING

BACKEND = """
import pathlib, shutil, time
HERE = pathlib.Path({here!r})
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    (HERE / "begun").touch()
    while not (HERE / "go").exists():
        {waits}
    wheel = next(HERE.glob("*.whl"))
    shutil.copy(wheel, wheel_directory)
    return wheel.name
"""


def add_slow_project(
    stand: Stand, version: str, here: Path, *, is_dynamic: bool, waits: str = "time.sleep(0.02)"
) -> Path:
    """Put a project on the plugin path whose build waits for `here/go`, with that statement."""
    files = {"acme.py": PLUGINS, "acme_steered.py": STEERED}
    make_wheel(here, "acme", version, files=files, entry_points=ENTRY_POINTS)
    location = stand.plugins / f"acme-{version}"
    location.mkdir(parents=True)
    (location / "backend.py").write_text(BACKEND.format(here=str(here), waits=waits))
    lines = [
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]',
        '[project]\nname = "acme"',
        'dynamic = ["version", "entry-points"]' if is_dynamic else f'version = "{version}"',
    ]
    for group, table in () if is_dynamic else ENTRY_POINTS.items():
        lines.append(f'[project.entry-points."{group}"]')
        lines += [f'{name} = "{value}"' for name, value in table.items()]
    (location / "pyproject.toml").write_text("\n".join(lines))
    return location


@pytest.mark.parametrize("is_dynamic", [False, True], ids=["static", "dynamic"])
def test_a_slow_build_holds_up_neither_rescans_nor_other_locations(
    stand: Stand, is_dynamic: bool
) -> None:
    stand.plugin("1.0")
    here = stand.directory / "here"

    async def body(worker: StandingWorker) -> None:
        await start_pair(stand, worker)
        slow = add_slow_project(stand, "2.0", here, is_dynamic=is_dynamic)
        await until((here / "begun").exists)
        state = await until_told(worker, slow, lambda one: one.build is BuildState.MAKING)
        assert state.problem is None
        assert "building" in (state.progress or "")
        assert versions(worker) == (["1.0"] if is_dynamic else ["1.0", "2.0"])
        quick = stand.plugin("3.0")
        report = await worker.rescan()
        assert report.broken == ()
        await until(lambda: is_built(worker, quick))
        await worker.put_config("walker", steered(connector__version="3.0", topic="walked"))
        await until_task_version(worker, "walker", "3.0")
        assert not is_built(worker, slow)
        (here / "go").touch()
        await until(lambda: is_built(worker, slow))
        assert versions(worker) == ["1.0", "2.0", "3.0"]
        await worker.put_config("walker", steered(connector__version="2.0", topic="walked"))
        await until_task_version(worker, "walker", "2.0")
        assert (stand.heard.starts("pinned"), stand.heard.starts("pinned-0")) == (1, 1)

    stand.run(body)


def test_a_worker_ends_while_an_environment_is_made(stand: Stand) -> None:
    here = stand.directory / "here"

    async def body(worker: StandingWorker) -> None:
        add_slow_project(stand, "1.0", here, is_dynamic=False)
        await until((here / "begun").exists)
        assert worker.health().status == "healthy"

    stand.run(body)
    (here / "go").touch()

    async def again(worker: StandingWorker) -> None:
        await worker.create("numbers", counter(connector__version="1.0"))
        await until_task_version(worker, "numbers", "1.0")
        state = await until_told(worker, stand.plugins / "acme-1.0", lambda one: one.used_by)
        assert state.build is BuildState.READY
        assert state.environment == worker.status("numbers").connector.environment

    stand.run(again)


def test_what_failed_is_made_again_only_when_it_is_asked_for(stand: Stand) -> None:
    stand.plugin("1.0")
    here = stand.directory / "here"
    refusal = 'raise SystemExit("the compiler is missing")'

    async def body(worker: StandingWorker) -> None:
        location = add_slow_project(stand, "2.0", here, is_dynamic=False, waits=refusal)
        state = await until_told(worker, location, lambda one: one.build is BuildState.FAILED)
        assert "the compiler is missing" in f"{state.problem} {state.hint}"
        (here / "begun").unlink()
        (here / "go").touch()
        quick = stand.plugin("3.0")
        await until(lambda: is_built(worker, quick))
        assert not (here / "begun").exists()
        await worker.rescan()
        await until(lambda: is_built(worker, location))

    stand.run(body)


def test_a_plan_tells_an_environment_that_failed_its_trial(stand: Stand) -> None:
    """It is there, as far as it was made, and still not ready."""
    stand.plugin("1.0")

    async def body(worker: StandingWorker) -> None:
        await start_pair(stand, worker)
        broken = stand.plugin("2.0", **{"acme.py": "raise ImportError('no libfoo')"})
        await until_told(worker, broken, lambda one: one.build is BuildState.FAILED)
        plan = await worker.plan("walker", versions={"connector.version": "2.0"})
        (connector,) = [one for one in plan.stages if one.role == "connector"]
        assert (connector.environment_is_ready, connector.environment_has_failed) == (False, True)
        assert any("no libfoo" in problem for problem in plan.problems)

    stand.run(body)


def test_a_connector_walks_over_versions_dropped_in_and_taken_away_under_it(stand: Stand) -> None:
    """Found by watch alone; each location goes while the connector still runs from it."""
    stand.plugin("1.0")
    walk = ("1.5", "2.0", "3.0", "2.0", "1.5", "1.0")

    async def body(worker: StandingWorker) -> None:
        pid = await start_pair(stand, worker)
        before, left = pid.read_text(), stand.plugins / "acme-1.0"
        for version in walk:
            location = stand.plugins / f"acme-{version}"
            if not location.exists():
                stand.plugin(version)
            await until(lambda at=location: is_built(worker, at))  # type: ignore[misc]
            if left.name != "acme-1.0":
                shutil.rmtree(left)
                state = await until_told(worker, left, lambda one: one.is_gone)
                assert state.used_by == ("walker",)
                assert worker.status("walker").location_gone == (str(left),)
            await worker.put_config("walker", steered(connector__version=version, topic="walked"))
            await until_task_version(worker, "walker", version)
            await until_state(worker, "walker", RUNNING, RUNNING)
            assert worker.status("walker").location_gone == ()
            left = location
        assert pid.read_text() == before
        assert (stand.heard.starts("pinned"), stand.heard.starts("pinned-0")) == (1, 1)

    stand.run(body)
    assert_whole(stand, "pinned", "walked")


def test_hundreds_of_files_ask_for_few_readings(tmp_path: Path) -> None:
    place = tmp_path / "plugins"
    place.mkdir()
    told: list[float] = []
    arrived = threading.Event()

    def take() -> None:
        told.append(time.monotonic())
        arrived.set()

    watch = PathWatch(
        [place], read_last=lambda: look_at([place]), on_change=take, on_fault=pytest.fail
    )
    watch.start()
    try:
        assert arrived.wait(60)  # it stands
        arrived.clear()
        began_at = time.monotonic()
        for number in range(500):
            (place / f"{number}.txt").write_text("x")
        assert arrived.wait(60)
        lasted_s = time.monotonic() - began_at
    finally:
        watch.stop()
    assert len(told) <= 3 + lasted_s / 0.5


def test_requests_that_come_together_are_one_reading(stand: Stand) -> None:
    stand.plugin("1.0")
    stand.is_watched = False

    async def body(worker: StandingWorker) -> None:
        first = asyncio.create_task(worker.rescan())
        await asyncio.sleep(0)
        stand.plugin("2.0")
        later = await asyncio.gather(*(worker.rescan() for _ in range(20)))
        await first
        assert len({id(report) for report in later}) <= 2
        assert versions(worker) == ["1.0", "2.0"]

    stand.run(body)


FULL = """
import os, resource, sys, time
from pathlib import Path
from launcher.worker.path_watch import PathWatch, look_at
place = Path(sys.argv[1])
highest = max(map(int, os.listdir("/proc/self/fd")))
resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, highest + 1))
try:
    while True:
        os.dup(0)
except OSError:
    pass
told = []
at = [place]
watch = PathWatch(at, read_last=lambda: look_at(at), on_change=print, on_fault=told.append)
watch.start()
while not told:
    time.sleep(0.02)
watch.stop()
print(told[0])
"""


def test_a_watch_that_cannot_be_had_is_told_and_the_worker_goes_on(tmp_path: Path) -> None:
    """The system's limit of files is reached; whoever watches hears of it and can still end."""
    done = proc.run(
        [sys.executable, "-c", FULL, tmp_path],
        env=proc.child_environment(proc.inherited()),
        cwd=Path(__file__).parents[2],
        timeout_s=60,
    )
    assert done.returncode == 0, done.stderr
    assert "Too many open files" in done.stdout
