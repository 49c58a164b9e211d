"""A place for a standing worker, on a store that all its tests share."""

import os
from pathlib import Path

import pytest

from tests.worker.standing import Stand


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for the whole run, whichever process asks."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    return base / "standing-store"


@pytest.fixture
def stand(tmp_path: Path, shared_store: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """An empty plugin path and storage file of the test's own."""
    monkeypatch.setenv("VENVOY_STORE", str(shared_store))
    return Stand(tmp_path / "stand")
