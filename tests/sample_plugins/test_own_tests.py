"""Each sample plugin passes its own tests in an environment of its own."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sample_plugins.conftest import NAMES, SAMPLES, project_table

pytestmark = pytest.mark.network


@pytest.mark.parametrize("name", NAMES)
def test_the_plugin_passes_its_own_tests(
    name: str, plugin_python: Callable[[str], list[str]]
) -> None:
    done = subprocess.run(
        [*plugin_python(name), "-W", "error", "-m", "unittest", "discover", "-s", "tests"],
        cwd=SAMPLES / name,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "OK" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", NAMES)
def test_the_plugin_tells_the_version_of_its_distribution(
    name: str, plugin_python: Callable[[str], list[str]]
) -> None:
    table = project_table(name)
    groups = table["entry-points"]
    assert isinstance(groups, dict)
    for plugins in groups.values():
        for module, _, qualname in (target.partition(":") for target in plugins.values()):
            code = f"import {module}; print({module}.{qualname}().version())"
            done = subprocess.run(
                [*plugin_python(name), "-c", code], capture_output=True, text=True, check=True
            )
            assert done.stdout.strip() == table["version"]


@pytest.mark.parametrize("name", NAMES)
def test_the_wheel_is_the_same_from_another_directory(
    name: str, plugin_python: Callable[[str], list[str]], tmp_path: Path
) -> None:
    wheels = []
    for copy in ("first", "second copy"):
        project = tmp_path / copy / name
        shutil.copytree(SAMPLES / name, project)
        argv = ["env", "SOURCE_DATE_EPOCH=1700000000", *plugin_python(name), "-m", "pip", "wheel"]
        wheel_dir = tmp_path / copy / "wheels"
        subprocess.run([*argv, "-q", "--no-deps", "-w", wheel_dir, project], check=True)
        (wheel,) = wheel_dir.glob("*.whl")
        wheels.append((wheel.name, wheel.read_bytes()))
    assert wheels[0] == wheels[1]
