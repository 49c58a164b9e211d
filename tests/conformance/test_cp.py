"""CP: Kafka's `connect-plugin-path`, told of `venvoy plugins list` and `plugins sync`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.isolation.plugins import SINK, SOURCE
from tests.isolation.workspaces import ROOT, Ran, Workspace, snapshot
from tests.project_maker import make_project
from tests.wheel_maker import make_wheel

SINK_POINTS = {"venvoy.sink": {"extra": "extra:Sink"}}
SHAPES = ("project", "wheels", "wheel", "bundle")


def put(workspace: Workspace, shape: str, name: str = "acme", *, place: str = "a") -> Path:
    """Put a plugin of that shape into a place, and return its location."""
    directory = workspace.directory / place
    directory.mkdir(exist_ok=True)
    wheels = Workspace(workspace.directory / f"made-{name}", workspace.store)
    wheel = wheels.wheel(
        name, f"{name}-plugin", files={f"{name}.py": SOURCE}, entry_points=source(name)
    )
    match shape:
        case "project":
            return make_project(directory / name, f"{name}-plugin", entry_points=source(name))
        case "wheels":
            shutil.copytree(wheel.parent, directory / name)
            return directory / name
        case "wheel":
            return Path(shutil.copy(wheel, directory))
        case _:
            bundle = directory / f"{name}.pyz"
            workspace.venvoy("bundle", wheel.parent, "-o", bundle, "--offline")
            return bundle


def source(name: str) -> dict[str, dict[str, str]]:
    return {"venvoy.source": {name: f"{name}:Source"}}


def listed(ran: Ran) -> list[tuple[str, str]]:
    """Class and location of each plugin that is not built in."""
    found = [(str(row["class"]), str(row["location"])) for row in ran.rows()]
    return [one for one in found if one[1] != "built in"]


def list_(workspace: Workspace, *arguments: str | Path, code: int = 0) -> list[tuple[str, str]]:
    return listed(workspace.venvoy("plugins", "list", "--json", *arguments, code=code))


def test_CP01_no_arguments(workspace: Workspace) -> None:
    ran = workspace.venvoy("plugins", code=2)
    assert "Usage: venvoy plugins" in ran.stderr
    assert "sync" in ran.stderr


def test_CP02_list_and_sync_without_arguments_say_what_to_give(workspace: Workspace) -> None:
    for command in (["list"], ["sync"], ["sync", "--dry-run"], ["lock"]):
        ran = workspace.venvoy("plugins", *command, code=2)
        assert ran.stdout == ""
        assert ran.stderr == (
            "error: nothing says where plugins are\n"
            "hint: add `--plugin-path /opt/plugins` or `--worker-config worker.properties`\n"
        )


@pytest.mark.parametrize("shape", SHAPES)
def test_CP03_list_one_location_of_each_shape(workspace: Workspace, shape: str) -> None:
    location = put(workspace, shape)
    put(workspace, "wheels", "neighbour")
    assert list_(workspace, location) == [("acme.Source", str(location))]


def test_CP04_list_several_locations_by_path_or_by_name(workspace: Workspace) -> None:
    one, two = put(workspace, "wheels", "one"), put(workspace, "wheel", "two", place="b")
    three = put(workspace, "project", "three")
    everything = [("one.Source", str(one)), ("three.Source", str(three)), ("two.Source", str(two))]
    relative = os.path.relpath(three, workspace.work)
    assert list_(workspace, one, two, relative) == everything
    path = f"{one.parent},{two.parent}"
    assert list_(workspace, "--plugin-path", path, "three", two) == everything[1:]


def test_CP04_what_is_no_location_is_told_and_the_others_are_listed(workspace: Workspace) -> None:
    good = put(workspace, "wheels")
    empty, file = workspace.directory / "empty", workspace.directory / "notes.txt"
    empty.mkdir()
    file.touch()
    gone = workspace.directory / "gone"
    names = [gone, empty, good.parent, file, good]
    ran = workspace.venvoy("plugins", "list", "--json", *names, code=1)
    assert listed(ran) == [("acme.Source", str(good))]
    assert ran.told is not None
    errors = ran.told["errors"]
    assert isinstance(errors, list)
    codes_and_hints = [(one["code"], one["hint"]) for one in errors]
    assert [code for code, _ in codes_and_hints] == [
        "missing-location",
        "no-plugin-there",
        "nested-locations",
        "not-a-location",
    ]
    hints = [hint for _, hint in codes_and_hints]
    assert hints[0] == "name a directory with a `pyproject.toml` or wheels, a `.whl` or a `.pyz`"
    assert f"`--plugin-path {empty}`" in hints[1]
    assert hints[2] == f"did you mean `plugin.path={good.parent}`?"


def test_CP05_list_one_plugin_path_with_several_places(workspace: Workspace) -> None:
    one, two = put(workspace, "wheels", "one"), put(workspace, "wheels", "two", place="b")
    found = list_(workspace, "--plugin-path", f"{one.parent} , {two.parent},")
    assert found == [("one.Source", str(one)), ("two.Source", str(two))]


def test_CP06_list_several_plugin_paths_in_their_order(workspace: Workspace) -> None:
    one, two = put(workspace, "wheels", place="a"), put(workspace, "wheels", place="b")
    for first, second in ((one, two), (two, one)):
        path = ("--plugin-path", first.parent, "--plugin-path", second.parent)
        ran = workspace.venvoy("plugins", "list", "--json", *path)
        states = {str(row["location"]): row["state"] for row in ran.rows()}
        assert (states[str(first)], states[str(second)]) == ("not synced", "shadowed")


def test_CP07_list_one_worker_config(workspace: Workspace) -> None:
    location = put(workspace, "wheels")
    worker = workspace.worker(plugin__path=str(location.parent))
    assert list_(workspace, "--worker-config", worker) == [("acme.Source", str(location))]


def test_CP08_list_several_worker_configs_and_plugin_paths_together(workspace: Workspace) -> None:
    found = [put(workspace, "wheels", name, place=name) for name in ("one", "three", "two")]
    files = [
        workspace.properties(f"worker-{one.name}", {"plugin.path": str(one.parent)})
        for one in found[:2]
    ]
    given = [argument for file in files for argument in ("--worker-config", file)]
    expected = [(f"{one.name}.Source", str(one)) for one in found]
    assert list_(workspace, *given) == expected[:2]
    assert list_(workspace, *given, "--plugin-path", found[2].parent) == expected


def sync(workspace: Workspace, *arguments: str | Path, code: int = 0) -> Ran:
    place = ("--plugin-path", workspace.directory / "a")
    return workspace.venvoy("plugins", "sync", "--offline", "--json", *place, *arguments, code=code)


def states(ran: Ran) -> dict[str, object]:
    return {str(row["class"]): row["state"] for row in ran.rows()}


def test_CP09_sync_adds_and_removes_and_then_has_nothing_to_do(workspace: Workspace) -> None:
    location = put(workspace, "wheels")
    there = make_wheel(location, "extra", "1.0", files={"extra.py": SINK}, entry_points=SINK_POINTS)
    assert states(sync(workspace)) == {"acme.Source": "ready", "extra.Sink": "ready"}
    there.unlink()
    assert states(sync(workspace)) == {"acme.Source": "ready"}
    assert "extra" not in (location / "pylock.toml").read_text()
    before = snapshot(location), snapshot(workspace.store)
    again = sync(workspace)
    assert states(again) == {"acme.Source": "ready"}
    assert (snapshot(location), snapshot(workspace.store)) == before
    assert steps(sync(workspace, "--dry-run")) == {"acme": []}


def steps(ran: Ran) -> dict[str, list[str]]:
    """The steps that a dry run tells, by the location's name."""
    assert ran.told is not None, ran.stderr
    data = ran.told["data"]
    assert isinstance(data, list)
    return {Path(one["location"]).name: [step["step"] for step in one["steps"]] for one in data}


def test_CP10_a_dry_run_says_what_a_sync_would_do_and_writes_nothing(workspace: Workspace) -> None:
    space = Workspace(workspace.directory, workspace.directory / "own-store")
    for shape in SHAPES:
        put(space, shape, shape)
    shutil.rmtree(space.store, ignore_errors=True)  # what making the bundle left
    assert not space.store.exists()
    before = snapshot(space.directory)
    first = sync(space, "--dry-run")
    assert steps(first) == {
        "bundle.pyz": ["unpack", "environment"],
        "project": ["lock", "build", "unpack", "environment"],
        "wheel_plugin-1.0-py3-none-any.whl": ["lock", "unpack", "environment"],
        "wheels": ["lock", "unpack", "environment"],
    }
    assert snapshot(space.directory) == before
    sync(space, "wheels", "bundle.pyz")
    before = snapshot(space.directory)
    second = sync(space, "--dry-run")
    assert steps(second)["wheels"] == steps(second)["bundle.pyz"] == []
    assert steps(second)["project"] == steps(first)["project"]
    assert snapshot(space.directory) == before
    told = space.venvoy(
        "plugins", "sync", "--dry-run", "--offline", space.directory / "a" / "wheels"
    )
    assert told.stdout.split() == [
        "location",
        "would",
        str(space.directory / "a/wheels"),
        "nothing",
    ]


def test_CP10_a_dry_run_refuses_what_a_sync_refuses(workspace: Workspace) -> None:
    location = put(workspace, "wheels")
    make_wheel(location, "dep", "1.0")
    make_wheel(location, "needy", "1.0", requires=["dep"], entry_points=source("needy"))
    for arguments in (["--frozen"], ["--frozen", "--dry-run"]):
        assert codes(sync(workspace, *arguments, code=1)) == ["stale-lock"]
    sync(workspace, code=1)  # `needy` has no such module, which is told; the lock is made
    (location / "dep-1.0-py3-none-any.whl").unlink()
    elsewhere = Workspace(workspace.directory, workspace.directory / "another-store")
    for arguments in ([], ["--dry-run"]):
        assert codes(sync(elsewhere, *arguments, code=1)) == ["missing-wheels"]
    online = ("plugins", "sync", "--json", "--dry-run", location)
    assert steps(elsewhere.venvoy(*online)) == {"acme": ["fetch", "unpack", "environment"]}


def codes(ran: Ran) -> list[str]:
    assert ran.told is not None, ran.stderr
    errors = ran.told["errors"]
    assert isinstance(errors, list)
    return [one["code"] for one in errors]


READ_ONLY = """
directory=$1; shift
mount --bind "$directory" "$directory" && mount -o remount,bind,ro "$directory" && exec "$@"
"""
MAIN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from launcher.cli import main; main()"


def sync_read_only(workspace: Workspace, directory: Path, *arguments: str) -> list[str]:
    """Sync in a world where that directory is a read-only mount; return the codes of the faults.

    Modes would not do: root may write anywhere.
    """
    jail = ["unshare", "-rm", "sh", "-c", READ_ONLY, "sh", str(directory)]
    if subprocess.run([*jail, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no user namespaces with mounts on this machine")
    place = str(workspace.directory / "a")
    command = ["plugins", "sync", "--offline", "--json", "--plugin-path", place, *arguments]
    done = subprocess.run(
        [*jail, sys.executable, "-P", "-c", MAIN, str(ROOT), *command],
        cwd=workspace.work,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(workspace.home),
            "VENVOY_STORE": str(workspace.store),
            "PIP_CONFIG_FILE": os.devnull,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    told = json.loads(done.stdout)
    assert done.returncode == (1 if told["errors"] else 0), done.stderr
    return [error["code"] for error in told["errors"]]


@pytest.fixture
def own(tmp_path: Path) -> Workspace:
    """A workspace with a store of its own, which a test may make read-only."""
    return Workspace(tmp_path / "own", tmp_path / "own" / "store")


def test_CP11_X16_a_location_that_cannot_be_written_needs_its_lock(own: Workspace) -> None:
    location = put(own, "wheels")
    before = snapshot(own.directory)
    assert sync_read_only(own, location, "--dry-run") == ["unwritable-lock"]
    assert snapshot(own.directory) == before
    assert sync_read_only(own, location) == ["unwritable-lock"]
    sync(own)
    shutil.rmtree(own.store / "synced")  # so that it is looked at again
    assert sync_read_only(own, location, "--dry-run") == []
    assert sync_read_only(own, location) == []


def test_CP12_a_read_only_wheelhouse_hinders_nothing(own: Workspace) -> None:
    location = put(own, "wheels")
    make_wheel(location / "wheels", "dep", "1.0")
    assert sync_read_only(own, location / "wheels", "--dry-run") == []
    assert sync_read_only(own, location / "wheels") == []


def test_CP13_a_store_that_cannot_be_written_is_refused_if_it_has_to_be(own: Workspace) -> None:
    put(own, "wheels", "one")
    sync(own)
    put(own, "wheels", "two")
    assert sync_read_only(own, own.store, "--dry-run") == ["unusable-store"]
    assert sync_read_only(own, own.store) == ["unusable-store"]
    assert sync_read_only(own, own.store, "one", "--dry-run") == []
    assert sync_read_only(own, own.store, "one") == []


def test_CP14_a_stale_lock_is_replaced_even_if_its_file_is_read_only(own: Workspace) -> None:
    location = put(own, "wheels")
    sync(own)
    lock = location / "pylock.toml"
    make_wheel(location, "extra", "1.0", files={"extra.py": SINK}, entry_points=SINK_POINTS)
    lock.chmod(0o444)
    assert steps(sync(own, "--dry-run"))["acme"][0] == "lock"
    assert "extra" not in lock.read_text()
    sync(own)
    assert "extra" in lock.read_text()
