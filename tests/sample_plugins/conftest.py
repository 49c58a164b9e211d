"""One environment for each sample plugin, with what it requires and the plugin itself."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_plugins"
NAMES = ("csv_source_1", "csv_source_2", "phone_transform", "sql_sink_1", "sql_sink_2")


def project_table(name: str) -> dict[str, object]:
    """Return the `[project]` table of a sample plugin."""
    with (SAMPLES / name / "pyproject.toml").open("rb") as stream:
        table: dict[str, object] = tomllib.load(stream)["project"]
    return table


def _build(name: str, environment_dir: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", environment_dir], check=True)
    wanted = project_table(name)["dependencies"]
    assert isinstance(wanted, list)
    pip = [
        str(environment_dir / "bin" / "python"),
        "-m",
        "pip",
        "-q",
        "--disable-pip-version-check",
    ]
    needed = [one for one in wanted if not one.startswith("venvoy-api")]
    subprocess.run([*pip, "install", *needed], check=True)
    subprocess.run([*pip, "install", "--no-deps", str(SAMPLES / name)], check=True)


@pytest.fixture(scope="session")
def plugin_python(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """Return a maker of argv prefixes: the Python of a plugin's environment, made once a run.

    The API comes from this checkout, ahead of everything else. All workers of a run share the
    environments.
    """
    shared_dir = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared_dir = shared_dir.parent

    def argv(name: str) -> list[str]:
        environment_dir = shared_dir / f"plugin-{name}"
        made = environment_dir / "made"
        with FileLock(f"{environment_dir}.lock"):
            if not made.exists():
                _build(name, environment_dir)
                made.touch()
        python = environment_dir / "bin" / "python"
        return ["env", f"PYTHONPATH={ROOT / 'launcher' / 'shared'}", str(python), "-B"]

    return argv
