"""What digests depend on, as `plugins sync --json` tells it: content, and nothing else (X01)."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import python_or_skip
from tests.isolation.plugins import SOURCE, entry_points
from tests.isolation.workspaces import Workspace, write_lock
from tests.wheel_maker import make_wheel

# Builds its own wheel, so that no build needs an index.
BACKEND = """
import base64, hashlib, pathlib, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    info = "acme-1.0.dist-info"
    files = {name: pathlib.Path(name).read_bytes() for name in ("acme.py", "notes.txt")}
    files[info + "/METADATA"] = (b"Metadata-Version: 2.1\\nName: acme\\nVersion: 1.0\\n"
                                 b"Requires-Dist: dep\\n")
    files[info + "/WHEEL"] = b"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[info + "/entry_points.txt"] = b"[venvoy.source]\\nacme = acme:Source\\n"
    lines = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append("%s,sha256=%s,%d\\n" % (name, digest, len(data)))
    files[info + "/RECORD"] = ("".join(lines) + info + "/RECORD,,\\n").encode()
    wheel = "acme-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / wheel, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data)
    return wheel
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "acme"
version = "1.0"
dependencies = ["dep"]

[project.entry-points."venvoy.source"]
acme = "acme:Source"
"""
FILES = {
    "pyproject.toml": PROJECT,
    "backend.py": BACKEND,
    "acme.py": SOURCE,
    "notes.txt": "a note\n",
}


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def write_project(directory: Path, names: Sequence[str] = tuple(FILES)) -> None:
    """Write the project's files in this order, with a wheelhouse and its lock."""
    directory.mkdir(parents=True)
    for name in names:
        (directory / name).write_text(FILES[name])
    make_wheel(directory / "wheels", "dep", "2.0")
    write_lock(directory)


def write_wheels(directory: Path, *, names: Sequence[str] = ("acme", "dep")) -> None:
    """Write the same plugin as a directory of wheels, in this order."""
    for name in names:
        if name == "acme":
            files = {"acme.py": SOURCE, "notes.txt": "a note\n"}
            points = entry_points("acme")
            make_wheel(directory, name, "1.0", files=files, entry_points=points, requires=["dep"])
        else:
            make_wheel(directory / "wheels", name, "1.0")
    write_lock(directory)


def digests(workspace: Workspace) -> tuple[str, str]:
    """The plugin digest and the environment digest of the workspace's one location."""
    rows = [row for row in workspace.sync().rows() if row["state"] == "ready"]
    (row,) = rows
    return str(row["plugin_digest"]), str(row["environment"])


@pytest.mark.parametrize("shape", ["project", "wheels"])
def test_a_plugin_has_one_digest_wherever_and_however_it_was_written(
    tmp_path: Path, shape: str
) -> None:
    first = Workspace(tmp_path / "one", tmp_path / "store")
    second = Workspace(tmp_path / "a longer path" / "two", tmp_path / "another store")
    with umask(0o022):
        if shape == "project":
            write_project(first.plugins / "acme")
        else:
            write_wheels(first.plugins / "acme")
    expected = digests(first)
    with umask(0o077):
        if shape == "project":
            write_project(second.plugins / "other-name", names=tuple(reversed(FILES)))
        else:
            write_wheels(second.plugins / "other-name", names=("dep", "acme"))
    for path in (second.plugins / "other-name").rglob("*"):
        os.utime(path, (1, 1))
    assert digests(second) == expected
    # Nor does it count that the lock was there before, nor that it was copied.
    third = Workspace(tmp_path / "three", tmp_path / "store")
    shutil.copytree(second.plugins, third.plugins, dirs_exist_ok=True)
    assert digests(third) == expected


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, store_dir: Path) -> tuple[Path, str, str]:
    """A synced project: its directory, the plugin digest, the environment digest."""
    workspace = Workspace(tmp_path_factory.mktemp("digests"), store_dir)
    write_project(workspace.plugins / "acme")
    return (workspace.plugins / "acme", *digests(workspace))


@pytest.fixture
def copy(original: tuple[Path, str, str], workspace: Workspace) -> Path:
    """A copy of the project to change, in the test's own workspace."""
    directory = workspace.plugins / "acme"
    shutil.copytree(original[0], directory)
    return directory


def test_the_lock_changes_both_digests(
    original: tuple[Path, str, str], copy: Path, workspace: Workspace
) -> None:
    assert digests(workspace) == original[1:]
    (wheel,) = (copy / "wheels").iterdir()
    wheel.unlink()
    make_wheel(copy / "wheels", "dep", "1.0")
    write_lock(copy)
    plugin, environment = digests(workspace)
    assert plugin != original[1]
    assert environment != original[2]


@pytest.mark.parametrize("file", ["acme.py", "notes.txt"])
def test_one_byte_of_the_plugin_changes_both_digests(
    original: tuple[Path, str, str], copy: Path, workspace: Workspace, file: str
) -> None:
    text = (copy / file).read_text()
    (copy / file).write_text(text[:-1] + " ")
    plugin, environment = digests(workspace)
    assert plugin != original[1]
    assert environment != original[2]


def test_another_interpreter_means_the_same_plugin_in_another_environment(
    workspace: Workspace,
) -> None:
    python_or_skip("3.12")
    directory = workspace.plugins / "acme"
    write_wheels(directory)
    first = digests(workspace)
    (directory / "venvoy.toml").write_text('python = "3.12"\n')
    second = digests(workspace)
    assert first[0] == second[0]
    assert first[1] != second[1]
