"""Workspaces for the rows that need real environments and hosts."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.validating import Room, add_faulty, add_versions, room
from tests.isolation.workspaces import Workspace, once
from tests.worker.standing import Stand


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


@pytest.fixture(scope="module")
def validating(host_tests_dir: Path) -> Iterator[Room]:
    """A validator on the plugins of `validating.py`, for the tests of one file."""
    with once(host_tests_dir, "validating") as mine:
        if mine is not None:
            add_versions(mine / "plugins")
            add_faulty(mine / "plugins")
    with room(host_tests_dir / "validating", host_tests_dir / "store") as made:
        yield made


@pytest.fixture
def stand(tmp_path: Path, host_tests_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """An empty plugin path and storage file of the test's own, for a standing worker."""
    monkeypatch.setenv("VENVOY_STORE", str(host_tests_dir / "store"))
    return Stand(tmp_path / "stand")
