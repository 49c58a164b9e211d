"""SY: Kafka's `SynchronizationTest`: many at once, none in another's way, each thing made once."""

import contextlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest

from launcher.planning.workplace import open_workplace
from manager.sync import SyncedLocation, sync_all
from tests.conformance.hostile import ENTRY_POINTS, PLUGIN, WORKER, Ground, until
from tests.isolation.workspaces import Workspace
from tests.wheel_maker import make_wheel
from tests.worker.standalone import write_properties

# A backend in the project's own tree: nothing is fetched for it, offline or not. Each build is a
# line in `builds`, and waits for the file `gate`.
BACKEND = """
import os, sys, time, zipfile
HERE = {here!r}

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with open(os.path.join(HERE, "builds"), "a") as file:
        file.write("%d\\n" % os.getpid())
    while not os.path.exists(os.path.join(HERE, "gate")):
        time.sleep(0.02)
    name = "{name}-1.0-py3-none-any.whl"
    info = "{name}-1.0.dist-info"
    with open("module.py") as file:
        module = file.read()
    files = {{
        "{name}.py": module,
        info + "/METADATA": "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n",
        info + "/WHEEL": "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\n"
                         "Tag: py3-none-any\\n",
        info + "/entry_points.txt": {entry_points!r},
    }}
    record = "".join("%s,,\\n" % one for one in [*files, info + "/RECORD"])
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(info + "/RECORD", record)
    return name
"""

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "{name}"
version = "1.0"
[project.entry-points."venvoy.source"]
{name} = "{name}:Hostile"
"""


def add_project(place: Path, name: str, here: Path) -> Path:
    """Put a project into a place whose builds are counted in `here`."""
    here.mkdir(parents=True, exist_ok=True)
    location = place / name
    location.mkdir(parents=True)
    points = f"[venvoy.source]\n{name} = {name}:Hostile\n"
    backend = BACKEND.format(here=str(here), name=name, entry_points=points)
    (location / "backend.py").write_text(backend)
    (location / "pyproject.toml").write_text(PYPROJECT.format(name=name))
    (location / "module.py").write_text(counting_imports(here))
    return location


def counting_imports(here: Path) -> str:
    """The plugin, with a line in `imports` each time that a process imports it."""
    return PLUGIN + f'\nwith open({str(here / "imports")!r}, "a") as file: file.write("1\\n")\n'


def count(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


def receipts(store: Path, kind: str) -> dict[str, int]:
    """Every published thing of the store, with the inode of its receipt."""
    pattern = {"environments": "*/receipt.json", "wheels": "*/*/wheel.json"}[kind]
    return {str(file): file.stat().st_ino for file in (store / kind).glob(pattern)}


def test_SY01_X03_many_syncs_at_once_make_each_thing_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four processes and four threads, in opposite orders, and a plugin path of five locations."""
    space = Workspace(tmp_path, tmp_path / "store")
    monkeypatch.setenv("VENVOY_STORE", str(space.store))
    here = [tmp_path / "built" / name for name in ("first", "second")]
    for one in here:
        add_project(space.plugins, one.name, one)
    wheels = tmp_path / "tried"
    wheels.mkdir()
    for name in ("third", "fourth"):  # the same wheels: one environment
        files = {"hostile.py": counting_imports(wheels)}
        make_wheel(space.plugins / name, "hostile", "1.0", files=files, entry_points=ENTRY_POINTS)
    points = {"venvoy.transformation": {"fifth": "fifth:Slow"}}
    files = {"fifth.py": PLUGIN}
    make_wheel(space.plugins / "fifth", "fifth", "1.0", files=files, entry_points=points)
    for one in here:
        (one / "gate").touch()
    alone = Workspace(tmp_path, tmp_path / "another-store")
    alone.sync()  # what one sync does, for comparison
    once = [count(one / "imports") for one in (*here, wheels)]
    kinds = ("environments", "wheels")
    made = [len(receipts(alone.store, kind)) for kind in kinds]
    for file in tmp_path.rglob("imports"):
        file.unlink()
    started = threading.Barrier(4)

    def in_a_thread(number: int) -> list[str]:
        started.wait()
        workplace = open_workplace(str(space.plugins), progress=lambda _: None, offline=True)
        contents = list(workplace.catalog.locations)[:: 1 if number % 2 else -1]
        outcomes = sync_all(workplace.context, contents)
        assert all(isinstance(one, SyncedLocation) for one in outcomes), outcomes
        return sorted(one.environment.digest for one in outcomes if isinstance(one, SyncedLocation))

    with contextlib.ExitStack() as stack:
        command = ("plugins", "sync", "--offline", "--json")
        names = sorted(path.name for path in space.plugins.iterdir())
        processes = [
            stack.enter_context(
                space.start(*command, "--plugin-path", space.plugins, *names[:: 1 - 2 * (n % 2)])
            )
            for n in range(4)
        ]
        with ThreadPoolExecutor(4) as pool:
            by_thread = list(pool.map(in_a_thread, range(4)))
        said = [json.loads(process.communicate(timeout=300)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said
    by_process = [sorted({row["environment"] for row in one["data"]["plugins"]}) for one in said]
    assert all(sorted(set(one)) == by_process[0] for one in (*by_thread, *by_process))
    assert [count(one / "builds") for one in here] == [2, 2]  # one for each store
    # An environment's entry points are tried once, before it is published.
    assert [count(one / "imports") for one in (*here, wheels)] == once
    assert [len(receipts(space.store, kind)) for kind in kinds] == made == [4, 4]
    assert not list((space.store / "staging").iterdir())
    before = receipts(space.store, "environments") | receipts(space.store, "wheels")
    space.sync()
    assert receipts(space.store, "environments") | receipts(space.store, "wheels") == before


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    """A worker over one plugin that is ready and projects that have to be built."""
    monkeypatch.setenv("VENVOY_STORE", str(tmp_path / "store"))
    plugins = tmp_path / "plugins"
    files = {"hostile.py": PLUGIN}
    make_wheel(plugins / "hostile", "hostile", "1.0", files=files, entry_points=ENTRY_POINTS)
    add_project(plugins, "slow", tmp_path / "slow")
    add_project(plugins, "quick", tmp_path / "quick")
    (tmp_path / "quick" / "gate").touch()
    pairs = {**WORKER, "plugin.path": plugins}
    made = Ground(tmp_path, write_properties(tmp_path / "worker.properties", pairs))
    made.start()
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.wait()


def test_SY01_many_starts_at_once_of_what_was_never_made(ground: Ground) -> None:
    """Twelve connectors of two locations, asked for at one time of a worker that knows neither."""
    (ground.directory / "slow" / "gate").touch()
    names = [(f"{plugin}-{n}", plugin) for n in range(4) for plugin in ("slow", "quick", "hostile")]

    def create(name: str, plugin: str) -> None:
        config = {"connector.class": f"{plugin}.Hostile", "topic": name}
        ground.ask("POST", "/connectors", {"name": name, "config": config})

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda one: create(*one), names))
    for name, _ in names:
        ground.until_states(name, "RUNNING", "RUNNING")
        ground.goes_on(name)
    assert [count(ground.directory / one / "builds") for one in ("slow", "quick")] == [1, 1]
    assert len(receipts(ground.directory / "store", "environments")) == 3
    assert ground.end() == 0


def test_SY02_a_build_that_hangs_is_in_nobodys_way_and_its_killed_builder_is_replaced(
    ground: Ground,
) -> None:
    space = Workspace(ground.directory, ground.directory / "store")
    builds = ground.directory / "slow" / "builds"
    sync = ("plugins", "sync", "--offline", "--json", "--plugin-path", space.plugins)
    with space.start(*sync, "slow") as hanging, ThreadPoolExecutor(1) as pool:
        until(lambda: count(builds) == 1)
        space.venvoy(*sync, "quick")  # another location's sync
        config = {"connector.class": "slow.Hostile", "topic": "slow"}
        made = pool.submit(ground.ask, "POST", "/connectors", {"name": "slow", "config": config})
        ground.create("other", ground.config("Hostile", topic="other"))
        ground.goes_on("other")
        ground.create("quick", {"connector.class": "quick.Hostile", "topic": "quick"})
        for path in ("/", "/health", "/connectors", "/connector-plugins", "/connectors/other"):
            assert ground.get(path)
        assert not made.done()
        assert hanging.poll() is None
        assert count(builds) == 1  # who waits for the lock builds nothing of its own
        # The lock goes with the process that held it, though its pip lives on.
        hanging.send_signal(signal.SIGKILL)
        hanging.communicate()
        until(lambda: count(builds) == 2)
        (ground.directory / "slow" / "gate").touch()
        assert made.result(timeout=120)["name"] == "slow"
    ground.until_states("slow", "RUNNING", "RUNNING")
    ground.goes_on("slow")
    assert count(builds) == 2
    assert ground.end() == 0


@pytest.mark.parametrize("then", ["delete", "end"])
def test_SY02_a_worker_whose_build_hangs_can_be_steered_and_ended(
    ground: Ground, then: str
) -> None:
    builds = ground.directory / "slow" / "builds"
    config = {"connector.class": "slow.Hostile", "topic": "slow"}
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(_answer, ground.ask, config)
        until(lambda: count(builds) == 1)
        ground.create("other", ground.config("Hostile", topic="other"))
        if then == "delete":
            ground.delete("other")
        assert ground.end() == 0
        asked.result(timeout=60)
    pid = int(builds.read_text())
    until(lambda: not _lives(pid))
    ground.until_nothing_is_left()


def _answer(ask: Callable[..., object], config: dict[str, str]) -> object:
    """Ask for a connector of a worker that ends meanwhile; what it answers is open."""
    with contextlib.suppress(OSError, HTTPException, AssertionError):
        return ask("POST", "/connectors", {"name": "slow", "config": config})
    return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
