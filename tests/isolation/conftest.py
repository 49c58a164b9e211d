"""Directories that all processes of a test run share, so that nothing is made twice."""

import os
from pathlib import Path

import pytest

from tests.isolation.workspaces import Workspace


@pytest.fixture(scope="session")
def isolation_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One directory for the whole run, whichever process asks."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    directory = base / "isolation"
    directory.mkdir(exist_ok=True)
    return directory


@pytest.fixture(scope="session")
def store_dir(shared_store: Path) -> Path:
    """The store of every isolation test."""
    return shared_store


@pytest.fixture
def workspace(tmp_path: Path, store_dir: Path) -> Workspace:
    """A workspace of the test's own on the shared store."""
    return Workspace(tmp_path / "space", store_dir)
