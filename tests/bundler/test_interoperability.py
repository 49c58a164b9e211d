"""Locks between tools: ours in pip and uv once vendored, theirs in ours, and no network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from virtualenv.seed.wheels.embed import get_embed_wheel

from tests.bundler.supply import (
    VALUES,
    Machine,
    machine_without_network,
    make_index,
    make_numbers_project,
    vendored_machine,
)
from tests.wheel_maker import make_wheel


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return vendored_machine(tmp_path_factory)


def uv() -> str:
    found = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if found is None:
        pytest.skip("no uv on this machine")
    return found


def pip() -> list[str]:
    """A pip that knows locks, from the wheel that virtualenv carries."""
    wheel = get_embed_wheel("pip", f"{sys.version_info[0]}.{sys.version_info[1]}")
    assert wheel is not None
    return [sys.executable, "-I", f"{wheel.path}/pip"]


def told(argv: list[str], directory: Path) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": str(directory), "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(argv, cwd=directory, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def empty_environment(directory: Path) -> Path:
    """A virtualenv without anything; returns its python."""
    told([sys.executable, "-I", "-m", "venv", "--without-pip", str(directory)], directory.parent)
    return directory / "bin" / "python"


def jail(tmp_path: Path) -> list[str]:
    machine_without_network(tmp_path / "machine")
    return ["unshare", "-rn"]


def test_pip_installs_our_vendored_lock_where_there_is_no_network(
    near: Machine, tmp_path: Path
) -> None:
    directory = shutil.copytree(near.plugins / "project", tmp_path / "project")
    python = empty_environment(tmp_path / "environment")
    options = ["--python", str(python), "install", "--no-index", "-r", "pylock.toml"]
    told([*jail(tmp_path), *pip(), *options], directory)
    assert told([str(python), "-c", "import oldlib; print(oldlib.__name__)"], tmp_path)


def test_uv_installs_our_vendored_lock_where_there_is_no_network(
    near: Machine, tmp_path: Path
) -> None:
    directory = shutil.copytree(near.plugins / "project", tmp_path / "project")
    python = empty_environment(tmp_path / "environment")
    options = ["pip", "sync", "--offline", "--no-cache", "--python", str(python), "pylock.toml"]
    told([*jail(tmp_path), uv(), *options], directory)
    assert told([str(python), "-c", "import oldlib; print(oldlib.__name__)"], tmp_path)


@pytest.mark.parametrize("creator", ["pip", "uv"])
def test_a_lock_of_another_tool_is_vendored_and_synced_where_there_is_no_network(
    tmp_path: Path, creator: str
) -> None:
    index = make_index(tmp_path / "index")
    next(index.glob("oldlib-*.tar.gz")).unlink()
    make_wheel(index, "oldlib", "1.0", files={"oldlib.py": "def numbers(): return range(3)\n"})
    make_wheel(index, "venvoy-api", "1.0.0", files={"venvoy_api_not.py": ""})
    machine = Machine(tmp_path / "near", index=index)
    directory = make_numbers_project(machine.plugins / "project")
    if creator == "pip":
        options = ["lock", "--no-index", "--find-links", str(index), "oldlib", "-o", "pylock.toml"]
        told([*pip(), *options], directory)
    else:
        project = directory / "pyproject.toml"
        project.write_text(project.read_text().replace("[project]", UV_PROJECT, 1))
        options = ["export", "--format", "pylock.toml", "-o", "pylock.toml", "--no-cache"]
        options += ["--no-index", "--find-links", str(index), "--python", sys.executable]
        told([uv(), *options], directory)
        (directory / "uv.lock").unlink()
    lock = (directory / "pylock.toml").read_text()
    assert f'created-by = "{creator}"' in lock
    machine.plugins_command("vendor", "--frozen")
    far = machine_without_network(tmp_path / "far")
    shutil.copytree(directory, far.plugins / "project")
    far.plugins_command("sync", "--offline", "--frozen")
    assert far.numbers("--offline", "--frozen") == VALUES


UV_PROJECT = "[project]\nrequires-python = '>=3.11'"
