"""Locks that pip and uv write are synced as they are; and locking from a real index."""

import os
import shutil
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.version import Version

from manager.digests import file_sha256
from manager.interpreters.search import Interpreter
from manager.locks.locking import lock_location
from manager.locks.locks import read_lock, select_wheels
from manager.plugins.location_content import LocationContent
from manager.proc import child_environment, run
from manager.store.store import Store
from manager.sync import SyncContext, sync_location
from tests.project_maker import make_project, read_catalog

pytestmark = pytest.mark.network
SHARED = Path(__file__).parents[2] / "launcher" / "shared"
MODULE = "class CsvSourceConnector: pass\n"


@pytest.fixture
def context(store: Store, python311: Interpreter) -> SyncContext:
    return SyncContext(
        store=store,
        api=store.put_api(SHARED),
        inherited=dict(os.environ),
        default_python=python311.executable,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = make_project(tmp_path / "plugins" / "acme", dependencies=["requests<3", "idna"])
    (directory / "acme_csv.py").write_text(MODULE)
    return directory


def content_of(project: Path) -> LocationContent:
    return read_catalog(project.parent).locations[0]


def tool(*argv: str | Path, cwd: Path) -> str:
    passing = ("PIP_*", "UV_*", "XDG_*")
    env = child_environment(os.environ, passing=passing)
    done = run(argv, env=env, cwd=cwd, timeout_s=200)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_frozen_sync_works(context: SyncContext, project: Path, creator: str) -> None:
    lock = read_lock(project / "pylock.toml")
    assert lock is not None
    assert lock.pylock.created_by == creator
    before = lock.path.read_bytes()
    synced = sync_location(context, content_of(project))
    assert synced.lock_state == "fresh"
    assert lock.path.read_bytes() == before
    installed = {name for name, _, _ in synced.environment.receipt.wheels}
    assert {"acme-csv", "certifi", "idna", "requests", "urllib3"} <= installed


@pytest.mark.skipif(Version(metadata.version("pip")) < Version("25.1"), reason="no `pip lock`")
def test_a_lock_made_by_pip_is_accepted(context: SyncContext, project: Path) -> None:
    tool(sys.executable, "-m", "pip", "lock", "requests<3", "idna", cwd=project)
    assert_frozen_sync_works(context, project, "pip")


def test_a_lock_exported_by_uv_is_accepted(context: SyncContext, project: Path) -> None:
    found = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if found is None:
        pytest.skip("no uv on this machine")
    tool(found, "export", "--format", "pylock.toml", "-o", "pylock.toml", cwd=project)
    assert_frozen_sync_works(context, project, "uv")


def test_a_lock_from_the_index_names_sizes_and_no_place_of_this_machine(
    context: SyncContext, project: Path, python311: Interpreter
) -> None:
    content = content_of(project)
    locked = lock_location(context, content)
    text = (project / "pylock.toml").read_text()
    assert "://" not in text
    assert "file:" not in text
    wheels = select_wheels(locked.lock, python311)
    assert all(wheel.size_bytes for wheel in wheels)
    tag = python311.bytecode_tag
    assert all(context.store.find_wheel(wheel.sha256, tag) for wheel in wheels)
    assert not lock_location(context, content).changed


def test_a_lock_is_fetched_again_by_its_hashes_into_an_empty_store(
    context: SyncContext, project: Path, tmp_path: Path
) -> None:
    first = sync_location(context, content_of(project))
    fresh = Store(tmp_path / "other-store")
    again = sync_location(
        SyncContext(
            store=fresh,
            api=fresh.put_api(SHARED),
            inherited=context.inherited,
            default_python=context.default_python,
            frozen=True,
        ),
        content_of(project),
    )
    assert again.environment.digest == first.environment.digest
    built = fresh.built_wheel(next(iter(fresh.built_dir.iterdir())).name)
    assert built is not None
    assert file_sha256(built) in {sha256 for _, _, sha256 in again.environment.receipt.wheels}
