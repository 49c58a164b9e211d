"""A store and the interpreters of this machine, for the tests of the manager."""

from collections.abc import Callable
from pathlib import Path

import pytest

from manager.digests import file_sha256
from manager.interpreters.search import Interpreter, probe
from manager.store.environments import Environment, make_environment, plan_environment
from manager.store.store import Store
from tests.conftest import python_or_skip


@pytest.fixture(scope="session")
def interpreter_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One place for what the interpreters say, so that each is asked once in a run."""
    return tmp_path_factory.mktemp("interpreters")


@pytest.fixture
def python311(interpreter_cache: Path) -> Interpreter:
    """The 3.11 of this machine."""
    return probe(python_or_skip("3.11"), cache_dir=interpreter_cache)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store of the test's own."""
    return Store(tmp_path / "store")


@pytest.fixture
def environment_of(store: Store, python311: Interpreter) -> Callable[..., Environment]:
    """Make an environment from wheel files."""

    def make(*files: Path, interpreter: Interpreter = python311) -> Environment:
        wheels = store.add_wheels([(file, file_sha256(file)) for file in files], interpreter)
        return make_environment(store, plan_environment(wheels, interpreter))

    return make
