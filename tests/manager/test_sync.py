"""Locking and syncing locations of every shape, with real wheels, builds and environments."""

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from manager.digests import file_sha256
from manager.interpreters.search import Interpreter, probe
from manager.locks.building import BuildError
from manager.locks.fetching import MissingWheelsError
from manager.locks.freshness import made_for
from manager.locks.locking import lock_location
from manager.locks.locks import read_lock
from manager.locks.resolution import ResolutionError
from manager.locks.sync_context import installed, interpreter_for
from manager.locks.targets import target_of
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Problem
from manager.plugins.plugin_path import scan
from manager.proc import child_environment, run
from manager.store.store import Store
from manager.store.wheels import CorruptWheelError
from manager.sync import (
    StaleLockError,
    SyncContext,
    SyncedLocation,
    fault_of,
    sync_all,
    sync_location,
    wheel_of,
)
from tests.conftest import python_or_skip
from tests.project_maker import CSV, make_project, read_catalog
from tests.wheel_maker import make_wheel

SHARED = Path(__file__).parents[2] / "launcher" / "shared"
PLUGIN = """
import dep
from venvoy_api import SourceConnector, SourceTask

class CsvSourceConnector(SourceConnector):
    def version(self): return dep.VERSION
    def start(self, props): pass
    def task_class(self): return SourceTask
    def task_configs(self, max_tasks): return []
    def stop(self): pass
    def config(self): return None
"""


@pytest.fixture
def messages() -> list[str]:
    return []


@pytest.fixture
def context(store: Store, python311: Interpreter, messages: list[str]) -> SyncContext:
    """Offline: every test here makes do with what lies on the disk."""
    return SyncContext(
        store=store,
        api=store.put_api(SHARED),
        inherited=dict(os.environ),
        default_python=python311.executable,
        offline=True,
        progress=messages.append,
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    directory = tmp_path / "plugins"
    directory.mkdir()
    return directory


def dep(directory: Path, version: str = "1.0", **more: Sequence[str]) -> Path:
    files = {"dep.py": f"VERSION = {version!r}\n"}
    return make_wheel(directory, "dep", version, files=files, requires=more.get("requires", ()))


def plugin_wheel(directory: Path, version: str = "1.0", requires: str = "dep>=1") -> Path:
    return make_wheel(
        directory,
        "acme-csv",
        version,
        files={"acme_csv.py": PLUGIN},
        requires=[requires, "venvoy-api>=1"],
        entry_points=CSV,
    )


def wheels_location(place: Path, name: str = "acme") -> Path:
    """A directory with a plugin's wheel at the top and its dependency in `wheels/`."""
    directory = place / name
    plugin_wheel(directory)
    dep(directory / "wheels")
    return directory


def content_of(place: Path, name: str = "acme") -> LocationContent:
    catalog = read_catalog(place)
    return next(one for one in catalog.locations if one.location.name == name)


def imported(synced: SyncedLocation, expression: str) -> str:
    argv: list[str | Path] = [synced.environment.python, "-I", "-B", "-c", f"print({expression})"]
    done = run(argv, env=child_environment({}), cwd=None, timeout_s=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def names(synced: SyncedLocation) -> list[str]:
    return [f"{name} {version}" for name, version, _ in synced.environment.receipt.wheels]


def test_a_directory_of_wheels_is_locked_from_itself_and_made(
    place: Path, context: SyncContext
) -> None:
    directory = wheels_location(place)
    synced = sync_location(context, content_of(place))
    assert synced.lock_state == "made"
    assert synced.lock_reason == "there is none"
    assert names(synced) == ["acme-csv 1.0", "dep 1.0"]
    assert imported(synced, "__import__('dep').VERSION") == "1.0"
    assert synced.verification.ok, synced.verification
    lock = read_lock(directory / "pylock.toml")
    assert lock is not None
    paths = {wheel.path for one in lock.pylock.packages for wheel in one.wheels or ()}
    assert paths == {"acme_csv-1.0-py3-none-any.whl", "wheels/dep-1.0-py3-none-any.whl"}


def test_a_single_wheel_finds_its_dependencies_beside_it(place: Path, context: SyncContext) -> None:
    file = plugin_wheel(place)
    dep(place)
    synced = sync_location(context, content_of(place, file.name))
    assert names(synced) == ["acme-csv 1.0", "dep 1.0"]
    assert (place / "pylock.acme_csv-1-0-py3-none-any.toml").is_file()


def test_a_directory_of_wheels_needs_no_index_even_online(
    place: Path, context: SyncContext
) -> None:
    wheels_location(place)
    inherited = {**context.inherited, "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0"}
    online = replace(context, offline=False, inherited=inherited)
    assert names(sync_location(online, content_of(place))) == ["acme-csv 1.0", "dep 1.0"]


def test_nothing_to_do_costs_about_a_millisecond(
    place: Path, context: SyncContext, messages: list[str]
) -> None:
    wheels_location(place)
    content = content_of(place)
    first = sync_location(context, content)
    messages.clear()
    again, times = first, []
    for _ in range(20):
        begun = time.thread_time()  # not what others do meanwhile
        again = sync_location(context, content)
        times.append(time.thread_time() - begun)
    assert again.environment == first.environment
    assert again.plugin_digest == first.plugin_digest
    assert again.lock_state == "fresh"
    assert again.verification == first.verification
    assert not messages
    assert min(times) < 0.005


def test_a_relative_path_of_an_interpreter_starts_at_the_location(
    place: Path, context: SyncContext
) -> None:
    directory = wheels_location(place)
    (directory / "its-python").symlink_to(python_or_skip("3.12"))
    (directory / "venvoy.toml").write_text('python = "./its-python"\n')
    assert interpreter_for(context, content_of(place)).minor == "3.12"


def test_each_step_is_told_once_with_its_location(
    place: Path, context: SyncContext, messages: list[str]
) -> None:
    wheels_location(place)
    sync_location(context, content_of(place))
    target = target_of(installed(context, None)).name
    assert messages == [
        "acme: making its lock",
        f"acme: resolving for {target}",
        "acme: unpacking 2 wheels",
        "acme: trying its entry points",
    ]


def test_a_sync_after_the_lock_is_fresh(place: Path, context: SyncContext) -> None:
    wheels_location(place)
    content = content_of(place)
    locked = lock_location(context, content)
    assert locked.changed
    assert not lock_location(context, content).changed
    synced = sync_location(replace(context, frozen=True), content)
    assert synced.lock_state == "fresh"


def test_an_environment_that_is_gone_is_made_again(place: Path, context: SyncContext) -> None:
    wheels_location(place)
    content = content_of(place)
    path = sync_location(context, content).environment.path
    path.chmod(0o755)
    path.rename(path.with_name("moved-away"))
    again = sync_location(context, content)
    assert again.environment.path == path
    assert imported(again, "__import__('dep').VERSION") == "1.0"


def test_a_changed_plugin_wheel_is_noticed_and_locked_again(
    place: Path, context: SyncContext, messages: list[str]
) -> None:
    directory = wheels_location(place)
    first = sync_location(context, content_of(place))
    plugin_wheel(directory, requires="dep")
    again = sync_location(context, content_of(place))
    assert again.lock_state == "remade"
    assert again.lock_reason == "the wheel `acme_csv-1.0-py3-none-any.whl` has changed"
    assert again.environment.digest != first.environment.digest
    assert again.plugin_digest != first.plugin_digest
    assert any("making its lock anew" in message for message in messages)


def test_a_frozen_sync_refuses_a_missing_and_a_stale_lock(
    place: Path, context: SyncContext
) -> None:
    directory = wheels_location(place)
    frozen = replace(context, frozen=True)
    with pytest.raises(StaleLockError, match="there is no lock"):
        sync_location(frozen, content_of(place))
    sync_location(context, content_of(place))
    before = (directory / "pylock.toml").read_bytes()
    dep(directory / "wheels", "2.0")
    (directory / "venvoy.toml").write_text('extra = ["dep>=2"]\n')
    with pytest.raises(StaleLockError, match="the extra requirement `dep>=2` is new"):
        sync_location(frozen, content_of(place))
    assert (directory / "pylock.toml").read_bytes() == before
    assert names(sync_location(context, content_of(place)))[1] == "dep 2.0"


def test_an_extra_of_the_plugin_itself_is_had_as_pip_has_it(
    place: Path, context: SyncContext
) -> None:
    directory = wheels_location(place)
    for name, version in (("more", "1.0"), ("more", "2.0"), ("unasked", "1.0")):
        make_wheel(directory / "wheels", name, version)

    def plugin(more: str) -> None:
        make_wheel(
            directory,
            "acme-csv",
            "1.0",
            files={"acme_csv.py": PLUGIN},
            requires=["dep", f"{more}; extra == 'more-ways'", "unasked; extra == 'other'"],
            entry_points=CSV,
            extra_metadata="Provides-Extra: more-ways\nProvides-Extra: other\n",
        )

    plugin("more<2")
    assert names(sync_location(context, content_of(place))) == ["acme-csv 1.0", "dep 1.0"]
    (directory / "venvoy.toml").write_text('extra = ["acme-csv[More_Ways]"]\n')
    assert names(sync_location(context, content_of(place)))[2:] == ["more 1.0"]
    plugin("more")
    assert names(sync_location(context, content_of(place)))[2:] == ["more 2.0"]


@pytest.mark.parametrize(
    ("dependency", "counted"),
    [("dep[x]", ("dep[x]",)), ("Acme_CSV[x]", ("acme-csv[x]", 'more<2; extra == "x"'))],
)
def test_a_lock_holds_on_what_extras_ask_for_where_the_plugin_asks_for_its_own(
    place: Path, dependency: str, counted: tuple[str, ...]
) -> None:
    optional = '[project.optional-dependencies]\nx = ["more<2"]\n'
    make_project(place / "acme", dependencies=[dependency], more=optional)
    assert made_for(content_of(place)).requirements == counted


def test_a_lock_serves_from_a_wheelhouse_under_another_path(
    place: Path, tmp_path: Path, context: SyncContext, python311: Interpreter
) -> None:
    wheels_location(place)
    first = sync_location(context, content_of(place))
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(place, elsewhere)
    fresh = Store(tmp_path / "other-store")
    moved = replace(context, store=fresh, api=fresh.put_api(SHARED), frozen=True)
    again = sync_location(moved, content_of(elsewhere))
    assert again.plugin_digest == first.plugin_digest
    assert again.environment.digest == first.environment.digest


def test_what_is_in_the_store_needs_no_wheelhouse(place: Path, context: SyncContext) -> None:
    directory = wheels_location(place)
    first = sync_location(context, content_of(place))
    shutil.rmtree(directory / "wheels")
    os.utime(directory / "acme_csv-1.0-py3-none-any.whl")
    again = sync_location(replace(context, frozen=True), content_of(place))
    assert again.environment.digest == first.environment.digest


def test_every_missing_wheel_is_named_with_its_hash(
    place: Path, tmp_path: Path, context: SyncContext
) -> None:
    directory = wheels_location(place)
    sha256 = file_sha256(directory / "wheels" / "dep-1.0-py3-none-any.whl")
    sync_location(context, content_of(place))
    shutil.rmtree(directory / "wheels")
    fresh = Store(tmp_path / "other-store")
    with pytest.raises(MissingWheelsError) as caught:
        sync_location(replace(context, store=fresh, api=fresh.put_api(SHARED)), content_of(place))
    assert f"dep-1.0-py3-none-any.whl (sha256 {sha256})" in caught.value.message
    assert str(directory) in caught.value.message


def test_a_damaged_wheel_in_the_wheelhouse_is_named(
    place: Path, tmp_path: Path, context: SyncContext
) -> None:
    directory = wheels_location(place)
    sync_location(context, content_of(place))
    file = directory / "wheels" / "dep-1.0-py3-none-any.whl"
    file.write_bytes(file.read_bytes()[:100])
    fresh = Store(tmp_path / "other-store")
    with pytest.raises(CorruptWheelError, match=str(file)):
        sync_location(replace(context, store=fresh, api=fresh.put_api(SHARED)), content_of(place))


def test_a_fault_of_one_location_never_stops_the_others(place: Path, context: SyncContext) -> None:
    wheels_location(place, "good")
    plugin_wheel(place / "bad", requires="nothere>=3")
    results = sync_all(context, read_catalog(place))
    assert [type(one) for one in results] == [Problem, SyncedLocation]
    problem = results[0]
    assert isinstance(problem, Problem)
    assert isinstance(problem.error, ResolutionError)
    assert "nothing is there for nothere>=3 (from acme-csv)" in problem.error.message


def test_an_entry_point_that_does_not_import_is_told_in_the_verification(
    place: Path, context: SyncContext
) -> None:
    directory = place / "acme"
    make_wheel(
        directory,
        "acme-csv",
        "1.0",
        files={"acme_csv.py": "import pkg_resources\n"},
        entry_points=CSV,
    )
    synced = sync_location(context, content_of(place))
    result = synced.verification.results[0]
    assert result.module == "pkg_resources"
    assert "setuptools<81" in (result.remedy or "")
    assert sync_location(context, content_of(place)).verification == synced.verification


def test_a_plugin_runs_on_the_interpreter_that_it_asks_for(
    place: Path, context: SyncContext
) -> None:
    python39 = python_or_skip("3.9")
    directory = wheels_location(place)
    (directory / "venvoy.toml").write_text(f'python = "{python39}"\n')
    synced = sync_location(context, content_of(place))
    assert imported(synced, "__import__('sys').version_info[:2]") == "(3, 9)"
    assert synced.verification.ok, synced.verification


def test_a_lock_for_several_targets_serves_each(
    place: Path, context: SyncContext, python311: Interpreter, interpreter_cache: Path
) -> None:
    python39 = probe(python_or_skip("3.9"), cache_dir=interpreter_cache)
    directory = place / "acme"
    plugin_wheel(directory, requires="dep")
    make_wheel(directory / "wheels", "dep", "1.0", files={"dep.py": "VERSION = '1'\n"})
    make_wheel(
        directory / "wheels",
        "dep",
        "2.0",
        files={"dep.py": "VERSION = '2'\n"},
        requires_python=">=3.10",
    )
    locked = lock_location(context, content_of(place), interpreters=(python311, python39))
    assert len(locked.targets) == 2
    frozen = replace(context, frozen=True)
    versions = {}
    for python in (python311, python39):
        synced = sync_location(replace(frozen, default_python=python.executable), content_of(place))
        versions[python.minor] = imported(synced, "__import__('dep').VERSION")
    assert versions == {"3.11": "2", "3.9": "1"}


BACKEND: Mapping[str, str] = {
    "backend.py": """
import base64, hashlib, os, zipfile
from pathlib import Path

METADATA = '''Metadata-Version: 2.1
Name: acme-csv
Version: 1.0
Requires-Dist: dep
'''
WHEEL = '''Wheel-Version: 1.0
Generator: x
Root-Is-Purelib: true
Tag: py3-none-any
'''

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    if Path("broken").exists():
        raise RuntimeError("the compiler is missing")
    name = "acme_csv-1.0-py3-none-any.whl"
    info = "acme_csv-1.0.dist-info"
    files = {
        "acme_csv.py": Path("acme_csv.py").read_text(),
        f"{info}/METADATA": METADATA,
        f"{info}/WHEEL": WHEEL,
        f"{info}/entry_points.txt": "[venvoy.source]\\ncsv = acme_csv:CsvSourceConnector\\n",
    }
    record = "".join(f"{path},,\\n" for path in files)
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\\n"
    with zipfile.ZipFile(Path(wheel_directory, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return name
"""
}
"""A build backend inside the project: it builds without an index, at today's time."""


def project(place: Path, name: str = "acme", *, dynamic: bool = False) -> Path:
    directory = make_project(place / name, dependencies=["dep"])
    text = (directory / "pyproject.toml").read_text()
    text = text.replace('requires = ["setuptools>=77"]', "requires = []")
    text = text.replace('"setuptools.build_meta"', '"backend"\nbackend-path = ["."]')
    if dynamic:
        text = text.replace('version = "1.0"', 'dynamic = ["version"]')
    (directory / "pyproject.toml").write_text(text)
    (directory / "acme_csv.py").write_text(PLUGIN)
    for file, content in BACKEND.items():
        (directory / file).write_text(content)
    dep(directory / "wheels")
    return directory


def test_a_project_is_built_and_its_lock_holds_only_what_it_requires(
    place: Path, context: SyncContext
) -> None:
    directory = project(place)
    synced = sync_location(context, content_of(place))
    assert names(synced) == ["acme-csv 1.0", "dep 1.0"]
    assert synced.verification.ok, synced.verification
    lock = read_lock(directory / "pylock.toml")
    assert lock is not None
    assert [one.name for one in lock.pylock.packages] == ["dep"]


def test_a_build_is_told_only_when_there_is_one(
    place: Path, context: SyncContext, messages: list[str]
) -> None:
    project(place, dynamic=True)
    location = scan([place]).locations[0]
    wheel = wheel_of(context, location)
    assert messages == ["acme: building its wheel"]
    assert wheel_of(context, location) == wheel
    assert messages == ["acme: building its wheel"]


def test_a_project_with_dynamic_metadata_is_built_first(place: Path, context: SyncContext) -> None:
    project(place, dynamic=True)
    catalog = read_catalog(place, build=lambda location: wheel_of(context, location))
    assert sync_location(context, catalog.locations[0]).verification.ok


def test_the_same_project_gives_the_same_digests_wherever_and_whenever_it_lies(
    place: Path, tmp_path: Path, context: SyncContext
) -> None:
    directory = project(place)
    first = sync_location(context, content_of(place))
    elsewhere = tmp_path / "elsewhere" / "acme"
    shutil.copytree(directory, elsewhere, copy_function=shutil.copyfile)
    for file in sorted(elsewhere.rglob("*"), reverse=True):
        os.utime(file, (1, 1))
        file.chmod(0o700 if file.is_dir() else 0o600)
    store = Store(tmp_path / "other-store")
    other = replace(context, store=store, api=store.put_api(SHARED), frozen=True)
    again = sync_location(other, content_of(elsewhere.parent))
    assert again.plugin_digest == first.plugin_digest
    assert again.environment.digest == first.environment.digest


def test_one_byte_of_a_project_changes_both_digests(place: Path, context: SyncContext) -> None:
    directory = project(place)
    first = sync_location(context, content_of(place))
    with (directory / "acme_csv.py").open("a") as stream:
        stream.write("#")
    again = sync_location(context, content_of(place))
    assert again.lock_state == "fresh"
    assert again.plugin_digest != first.plugin_digest
    assert again.environment.digest != first.environment.digest


def test_a_build_that_fails_tells_the_backends_last_words(
    place: Path, context: SyncContext
) -> None:
    directory = project(place)
    (directory / "broken").touch()
    with pytest.raises(BuildError) as caught:
        sync_location(context, content_of(place))
    assert "RuntimeError: the compiler is missing" in caught.value.message
    assert str(directory) in caught.value.message


def test_a_version_of_the_repositorys_tags_is_told_with_what_to_do(
    place: Path, context: SyncContext
) -> None:
    directory = project(place)
    (directory / ".git").mkdir()
    said = "setuptools-scm was unable to detect version: build from an intact git repository"
    (directory / "backend.py").write_text(
        f"import os\ndef build_wheel(*a, **k):\n"
        f"    if not os.path.exists('.git'): raise LookupError({said!r})\n"
    )
    with pytest.raises(BuildError) as caught:
        sync_location(context, content_of(place))
    assert said in caught.value.message
    assert "without `.git`: write `version` into `[project]`" in caught.value.hint
    assert f"pip wheel --no-deps {directory}` makes in its place" in caught.value.hint


def test_an_sdist_is_built_once_and_its_wheel_is_locked(
    place: Path, tmp_path: Path, context: SyncContext, make_sdist: Callable[[Path], Path]
) -> None:
    directory = place / "acme"
    plugin_wheel(directory, requires="dep")
    make_sdist(directory / "wheels")
    content = content_of(place)
    first = sync_location(context, content)
    assert first.verification.ok, first.verification
    lock = read_lock(directory / "pylock.toml")
    assert lock is not None
    package = next(one for one in lock.pylock.packages if one.name == "dep")
    assert package.tool is not None
    assert package.tool["venvoy"]["built-from"]["name"] == "dep-1.0.tar.gz"
    assert not lock_location(context, content).changed
    store = Store(tmp_path / "other-store")
    other = replace(context, store=store, api=store.put_api(SHARED), offline=False)
    inherited = {**context.inherited, "PIP_NO_INDEX": "1"}
    again = sync_location(replace(other, inherited=inherited, frozen=True), content)
    assert again.environment.digest == first.environment.digest


@pytest.mark.parametrize("in_metadata", [False, True])
def test_an_sdist_that_cannot_be_built_is_named_with_what_to_do(
    place: Path,
    context: SyncContext,
    make_sdist: Callable[..., Path],
    in_metadata: bool,
) -> None:
    directory = place / "acme"
    plugin_wheel(directory, requires="dep")
    hook = "get_requires_for_build_wheel" if in_metadata else "build_wheel"
    more = f"def {hook}(*a, **k): raise RuntimeError('the compiler is missing')\n"
    if not in_metadata:
        more += METADATA_HOOK
    sdist = make_sdist(directory / "wheels", more)
    with pytest.raises(ResolutionError if in_metadata else BuildError) as caught:
        sync_location(context, content_of(place))
    assert caught.value.message.endswith(": RuntimeError: the compiler is missing")
    if in_metadata:
        assert "dep cannot be built" in caught.value.message
        assert f"put a built wheel into `{directory / 'wheels'}`" in caught.value.hint
    else:
        assert caught.value.message.startswith("no wheel of dep 1.0 could be built")
        assert f"pip wheel --no-deps 'dep @ {sdist.as_uri()}'" in caught.value.hint


def test_a_full_disk_is_told_of_the_store_and_not_of_the_plugin(
    context: SyncContext, place: Path
) -> None:
    make_wheel(place, "dep", "1.0", entry_points={"venvoy.source": {"dep": "dep:Dep"}})
    (content,) = read_catalog(place).locations
    with pytest.raises(OSError, match="No space left") as raised:
        Path("/dev/full").write_bytes(b"a receipt")
    told = fault_of(context, content.location, raised.value).error
    where = f"the store `{context.store.root}` cannot be used"
    assert told.message == f"{where}: no space left on device"
    assert told.hint == "name another directory in VENVOY_STORE, or make room"


METADATA_HOOK = """
def prepare_metadata_for_build_wheel(directory, config_settings=None):
    info = Path(directory, "dep-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    return info.name
"""


@pytest.fixture
def make_sdist(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of `dep-1.0.tar.gz` that builds without an index, by a backend and `more`."""

    def make(directory: Path, more: str = "") -> Path:
        source = tmp_path / "sdist" / "dep-1.0"
        source.mkdir(parents=True)
        text = BACKEND["backend.py"].replace("acme_csv", "dep").replace("acme-csv", "dep")
        text = text.replace("Requires-Dist: dep\n", "")
        text = "\n".join(line for line in text.splitlines() if "entry_points" not in line)
        (source / "backend.py").write_text(f"{text}\n{more}")
        (source / "dep.py").write_text("VERSION = '1.0'\n")
        (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: dep\nVersion: 1.0\n")
        (source / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        )
        directory.mkdir(parents=True, exist_ok=True)
        archive = shutil.make_archive(
            str(directory / "dep-1.0"), "gztar", source.parent, source.name
        )
        return Path(archive)

    return make
