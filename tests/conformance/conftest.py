"""Workspaces for the rows that need real environments and hosts."""

import os
from pathlib import Path

import pytest

from tests.isolation.workspaces import Workspace


@pytest.fixture(scope="session")
def host_tests_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One directory for the whole run, whichever process asks."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    directory = base / "conformance"
    directory.mkdir(exist_ok=True)
    return directory


@pytest.fixture
def workspace(tmp_path: Path, host_tests_dir: Path) -> Workspace:
    """A workspace of the test's own on a store that all host tests share."""
    return Workspace(tmp_path / "space", host_tests_dir / "store")
