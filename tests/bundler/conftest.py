"""The small plugin's location and bundle, and the shared store in the environment."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.cli import main_without_exit
from tests.bundler.say import make_say_location


@pytest.fixture(scope="session")
def say_location(tmp_path_factory: pytest.TempPathFactory, shared_store: Path) -> Path:
    """The small plugin, locked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VENVOY_STORE", str(shared_store))
        patch.setenv("PIP_CONFIG_FILE", "/dev/null")
        return make_say_location(tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="session")
def say_bundle(
    tmp_path_factory: pytest.TempPathFactory, shared_store: Path, say_location: Path
) -> Path:
    """Its bundle."""
    out = tmp_path_factory.mktemp("bundles") / "say.pyz"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VENVOY_STORE", str(shared_store))
        assert main_without_exit(["bundle", str(say_location), "-o", str(out), "--offline"]) == 0
    return out


@pytest.fixture
def venvoy_store(shared_store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The shared store, named in the environment."""
    monkeypatch.setenv("VENVOY_STORE", str(shared_store))
    yield shared_store
    monkeypatch.undo()
