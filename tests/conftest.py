"""Guards that every test runs under, and fixtures that make real wheels, places and stores."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.wheel_maker import make_wheel as make_wheel_file

# How long an example takes says more about the machine than about what is tested.
settings.register_profile("venvoy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("venvoy")

PYTHON_VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of tests that can do more than CI has time for."""
    parser.addoption("--chaos-seconds", type=float, default=20, help="how long hosts are killed")
    parser.addoption("--chaos-seed", type=int, help="of an earlier run, to repeat it")
    text = "write docs/screenshots anew"
    parser.addoption("--write-screenshots", action="store_true", help=text)


def installed_pythons() -> dict[str, Path]:
    """Every CPython of PYTHON_VERSIONS on this machine, and the one that runs."""
    found = {version: path for version in PYTHON_VERSIONS if (path := find_python(version))}
    found.setdefault(
        f"{sys.version_info[0]}.{sys.version_info[1]}",
        Path(getattr(sys, "_base_executable", sys.executable)),
    )
    return found


def find_python(version: str) -> Path | None:
    """The real path of a CPython, pyenv's before PATH's; None when there is none."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for candidate in sorted(root.glob(f"{version}.*/bin/python{version}")):
        return candidate
    on_path = shutil.which(f"python{version}")
    return None if on_path is None or "shims" in on_path else Path(on_path)


PYTHONS = installed_pythons()
OLD_PYTHONS = {version: find_python(version) for version in ("2.7", "3.6")}
"""Too old for anything of ours but a message."""


def python_or_skip(version: str) -> Path:
    """The real path of that Python, or a skip that says which one is missing."""
    if version not in PYTHONS:
        pytest.skip(f"no Python {version} on this machine")
    return PYTHONS[version]


@pytest.fixture(params=PYTHON_VERSIONS)
def each_python(request: pytest.FixtureRequest) -> Path:
    """Each installed Python from 3.9 to 3.13 in turn."""
    return python_or_skip(request.param)


@pytest.fixture(autouse=True)
def clean_environment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """No PIP_* or VENVOY_* from outside, no pip configuration, a home of the test's own.

    Tests marked `network` keep the machine's index. A test that leaves the working directory or
    the environment changed fails; what it sets through its own `monkeypatch` is undone before.
    """
    uses_network = request.node.get_closest_marker("network") is not None
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("VENVOY_") or (name.startswith("PIP_") and not uses_network):
                patch.delenv(name)
        home = tmp_path / "home"
        home.mkdir()
        if not uses_network:
            patch.setenv("PIP_CONFIG_FILE", os.devnull)
            patch.setenv("HOME", str(home))
        patch.setenv("XDG_DATA_HOME", str(home / "data"))
        patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
        before_directory = Path.cwd()
        before = dict(os.environ)
        yield
        assert Path.cwd() == before_directory, "the test left the working directory changed"
        changed = {
            name
            for name in before.keys() | os.environ.keys()
            if before.get(name) != os.environ.get(name) and name != "PYTEST_CURRENT_TEST"
        }
        assert not changed, f"the test left the environment changed: {sorted(changed)}"


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for the whole run, whichever process asks: what is published in it never changes.

    What a test counts in a store, or takes out of it, needs a store of its own.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    return base / "store"


@pytest.fixture
def make_wheel(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of wheels below `tmp_path/wheelhouse` (see `tests.wheel_maker`)."""

    def make(name: str = "acme", version: str = "1.0", **options: object) -> Path:
        directory = options.pop("directory", None) or tmp_path / "wheelhouse"
        return make_wheel_file(Path(str(directory)), name, version, **options)  # type: ignore[arg-type]  # options are named once, in wheel_maker

    return make
