"""Environments cost links, imports compile nothing, and runs leave the store as it was."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.conftest import python_or_skip
from tests.isolation.plugins import SINK, SOURCE, entry_points
from tests.isolation.workspaces import Workspace, snapshot, write_lock

MODULES = 200
LIBRARY: dict[str, str | bytes] = {
    "library/__init__.py": "from library import " + ", ".join(f"m{n}" for n in range(MODULES)),
    "library/data.bin": os.urandom(2_000_000),
    **{f"library/m{n}.py": f"VALUE = {n}\n" + "# a line\n" * 200 for n in range(MODULES)},
}

# Notes what is compiled in the host from its first moments on.
WATCH = {
    "watch.pth": "import watch\n",
    "watch.py": """
import builtins
from importlib.machinery import SourceFileLoader

builtins.COMPILED = []
def source_to_code(self, data, path, *rest, real=SourceFileLoader.source_to_code, **options):
    COMPILED.append(path)
    return real(self, data, path, *rest, **options)
SourceFileLoader.source_to_code = source_to_code
""",
}
MORE = """
import library
def more():
    return {
        "compiled": COMPILED,
        "files": [library.m7.__file__, library.m7.__cached__],
        "cached": os.path.exists(library.m7.__cached__),
    }
"""


def add_plugin(workspace: Workspace, name: str, python: str | None = None) -> None:
    """Add a location with a plugin of its own, the library and the watch."""
    files = {f"{name}.py": SOURCE + MORE, f"{name}_sink.py": SINK}
    both = entry_points(name) | {"venvoy.sink": {"sink": f"{name}_sink:Sink"}}
    needed = ["library", "watch"]
    workspace.wheel(name, name, files=files, requires=needed, entry_points=both, python=python)
    workspace.wheel(f"{name}/wheels", "library", files=LIBRARY)
    workspace.wheel(f"{name}/wheels", "watch", files=WATCH)
    write_lock(workspace.plugins / name)


def configs(workspace: Workspace, name: str) -> tuple[Path, Path]:
    return (
        workspace.config(name, f"{name}.Source", topic=name),
        workspace.config(f"{name}-sink", f"{name}_sink.Sink", topics=name, file=f"{name}.jsonl"),
    )


def disk_kib(directory: Path) -> int:
    done = subprocess.run(["du", "-sk", directory], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[0])


def regular_files(directory: Path) -> list[str]:
    return sorted(
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if stat.S_ISREG(path.lstat().st_mode)
    )


@pytest.fixture
def fresh(tmp_path: Path) -> Workspace:
    """A workspace with a store of its own: what is in it is counted."""
    return Workspace(tmp_path / "space", tmp_path / "store")


def environment_of(ran: list[dict[str, object]], name: str) -> str:
    return next(str(row["environment"])[:40] for row in ran if row["class"] == f"{name}.Source")


@pytest.mark.parametrize("python", ["3.11", "3.9"])
def test_a_second_environment_adds_only_links_compiles_nothing_and_is_not_written_to(
    fresh: Workspace, python: str
) -> None:
    python_or_skip(python)
    add_plugin(fresh, "one", python)
    fresh.sync()
    first_kib, first_files = disk_kib(fresh.store), set(regular_files(fresh.store))
    assert first_kib > 2_000
    add_plugin(fresh, "two", python)
    environment = environment_of(fresh.sync().rows(), "two")

    # Only links: what is new is the plugin's own wheel, notes, and no file in site-packages.
    added_kib = disk_kib(fresh.store) - first_kib
    assert added_kib < 150, f"{added_kib} KiB more"
    directory = fresh.store / "environments" / environment
    in_environment = regular_files(directory)
    assert not [name for name in in_environment if "site-packages" in name]
    assert "receipt.json" in in_environment
    assert disk_kib(directory) < 100
    added = set(regular_files(fresh.store)) - first_files
    (its_wheel,) = {name.split("/")[1] for name in added if name.startswith("wheels/")}
    assert f"wheels/{its_wheel}/cpython-{python.replace('.', '')}/site/two.py" in added
    (library,) = directory.glob("lib/python3.*/site-packages/library")
    assert library.readlink().is_relative_to(fresh.store / "wheels")

    # Its first import compiles nothing, and nothing in the store changes while plugins run.
    before = snapshot(fresh.store)
    fresh.run(*configs(fresh, "two"))
    changed = differences(before, snapshot(fresh.store))
    assert changed == []
    lines = (fresh.work / "two.jsonl").read_text().splitlines()
    more = json.loads(lines[2])["value"]["more"]
    assert more["compiled"] == []
    assert more["cached"] is True
    for file in more["files"]:
        assert Path(file).is_relative_to(directory)


def differences(before: dict[str, tuple[int, ...]], after: dict[str, tuple[int, ...]]) -> list[str]:
    """The names of what is not as it was."""
    return sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )


def test_what_is_published_is_read_only(fresh: Workspace) -> None:
    add_plugin(fresh, "one")
    fresh.sync()
    for part in ("wheels", "environments", "api"):
        for path in (fresh.store / part).glob("*/**/*"):
            status = path.lstat()
            if not stat.S_ISLNK(status.st_mode):
                assert not status.st_mode & 0o222, path
