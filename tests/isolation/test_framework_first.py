"""Framework first (design 7): whatever a plugin brings, the API is ours and the plugin works.

Every hostile plugin runs in hosts of every Python from 3.9 to 3.13 below this worker (X17), and
the worker's own environment leaks as much as it can (X15). One run for each Python, and one of
bundles, holds all of them; each record went through the log and a sink.
"""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import PYTHON_VERSIONS, python_or_skip
from tests.isolation.plugins import NOISE, SINK, SOURCE, entry_points
from tests.isolation.workspaces import ROOT, Workspace, once, write_lock

Told = dict[str, dict[str, object]]
BUNDLED = "3.11-bundles"

FALSE = "raise SystemExit('{} was imported from a plugin')\n"
FALSE_METADATA = "Metadata-Version: 2.1\nName: venvoy-api\nVersion: 9.9\n"
FALSE_API = {
    "venvoy_api/__init__.py": FALSE.format("a false venvoy_api"),
    "venvoy_api/transforms.py": FALSE.format("a false venvoy_api.transforms"),
    "venvoy_host/__init__.py": FALSE.format("a false venvoy_host"),
    # A wheel may have only one dist-info; by way of its scheme it brings another.
    "false_api-1.0.data/purelib/venvoy_api-9.9.dist-info/METADATA": FALSE_METADATA,
    "false_api-1.0.data/purelib/venvoy_api-9.9.dist-info/RECORD": "",
}
OWN_PARTS = ("manager", "launcher", "bundler")

# What a `.pth` file can do before anything else of the plugin runs.
FIRST = """
import builtins, importlib, importlib.util, os, sys, types

class Thief:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("venvoy_api", "venvoy_host"):
            raise SystemExit("the thief served " + name)
    def find_distributions(self, context=None):
        return []

OURS = os.path.join(os.path.dirname(__file__), "first_false")
sys.meta_path.insert(0, Thief())
sys.path.insert(0, OURS)
sys.path_importer_cache.clear()
for name in [name for name in sys.modules if name.startswith("venvoy_api")]:
    del sys.modules[name]
sys.modules["venvoy_api"] = types.ModuleType("venvoy_api")
sys.modules["venvoy_host"] = types.ModuleType("venvoy_host")

def steal(name, location=None, **options):
    if name.startswith("venvoy_"):
        location = os.path.join(OURS, "venvoy_api", "__init__.py")
    return KEPT(name, location, **options)

KEPT = importlib.util.spec_from_file_location
importlib.util.spec_from_file_location = steal
importlib.import_module = lambda name, package=None, real=importlib.import_module: (
    sys.modules["venvoy_api"] if name.startswith("venvoy_api") else real(name, package)
)

def statement(name, *rest, real=builtins.__import__, **options):
    if name.partition(".")[0] in ("venvoy_api", "venvoy_host"):
        raise SystemExit("the thief's import statement served " + name)
    return real(name, *rest, **options)

builtins.__import__ = statement
builtins.FIRST_RAN = True
"""

HOSTILE: dict[str, dict[str, str]] = {
    "false_api": FALSE_API,
    "locked_api": {},
    "own_parts": {f"{one}.py": f"WHO = 'my own {one}'\n" for one in OWN_PARTS},
    "pth": {
        "first.pth": "import sys; sys.path.insert(0, '/nowhere'); import first\n../elsewhere\n",
        "first.py": FIRST,
        "first_false/venvoy_api/__init__.py": FALSE.format("the venvoy_api of a .pth file"),
    },
    "shadows": {
        "json.py": FALSE.format("json"),
        "logging/__init__.py": FALSE.format("logging"),
        "site.py": FALSE.format("site"),
        "sitecustomize.py": "import builtins; builtins.SITE_RAN = True\n",
    },
    "noise": {},
}
MORE = {
    "false_api": "import venvoy_api as found; more = lambda: {'doc': bool(found.__doc__)}\n",
    "locked_api": "def more(): return importlib.metadata.requires('locked-api')\n",
    "own_parts": """
import bundler, launcher, manager
def more(): return {'who': [manager.WHO, launcher.WHO, bundler.WHO]}
""",
    "pth": "def more(): return {'ran': FIRST_RAN}\n",
    "shadows": """
import logging
def more():
    logging.getLogger("shadows").warning("a warning of the plugin's")
    return {'json': json.__file__, 'logging': logging.__file__, 'ran': SITE_RAN}
""",
    "noise": """
def more():
    KEPT.write("through the old stdout\\n")
    os.write(1, b"half a line")
    os.write(1, b" and {\\"type\\": \\"stop\\"}\\n")
    os.write(2, b"\\xff\\xfe no text\\n")
    os.close(0)
    return {'stdout': type(sys.stdout).__name__}
""",
}


def leaking_environment(home: Path) -> dict[str, str]:
    """Variables, user sites and start-up files that would reach a plain `python`."""
    leak = home / "leak"
    places = [leak, *(home / f".local/lib/python{one}/site-packages" for one in PYTHON_VERSIONS)]
    for place in places:
        place.mkdir(parents=True)
        (place / "leaked.py").write_text("")
        for name in ("sitecustomize", "usercustomize", "startup", "venvoy_api"):
            (place / f"{name}.py").write_text(f"import builtins; builtins.LEAK_{name} = True\n")
        (place / "leak.pth").write_text("import builtins; builtins.LEAK_pth = True\n")
    return {
        "PYTHONPATH": f"{leak}:{ROOT}",
        "PYTHONHOME": str(leak),
        "PYTHONSTARTUP": str(leak / "startup.py"),
        "PYTHONUSERBASE": str(home / ".local"),
        "PYTHONWARNINGS": "error",
        "PYTHONSAFEPATH": "",
        "PYTHONPLATLIBDIR": "leak",
        "LD_PRELOAD": "",
        "VENVOY_SECRET": "s3cret",
        "DATABASE_PASSWORD": "s3cret",
    }


def run_all(workspace: Workspace, python: str, *, bundled: bool) -> None:
    """Run every hostile plugin on one Python, and keep what was told."""
    configs = []
    for kind, files in HOSTILE.items():
        start = NOISE if kind == "noise" else ""
        modules = {f"{kind}.py": start + SOURCE + MORE[kind], **files}
        workspace.wheel(
            kind,
            kind,
            files=modules,
            python=python,
            requires=["venvoy-api>=1"] if kind == "locked_api" else (),
            entry_points=entry_points(kind),
        )
        configs.append(workspace.config(kind, f"{kind}.Source", topic=kind))
    workspace.wheel("locked_api", "venvoy-api", "9.9", files=FALSE_API)
    write_lock(workspace.plugins / "locked_api")
    workspace.wheel(
        "out", "out", files={"out.py": SINK}, entry_points=entry_points("out", sink=True)
    )
    topics = ",".join(HOSTILE)
    configs.append(workspace.config("out", "out.Sink", topics=topics, file="out.jsonl"))
    for name in ("venvoy_api", "json", "leaked", "manager"):  # hosts run in this directory
        (workspace.work / f"{name}.py").write_text("raise SystemExit('from the directory')\n")
    if bundled:
        put_into_bundles(workspace)
    ran = workspace.run(*configs, env=leaking_environment(workspace.home))
    told = {"stderr": ran.stderr} | {kind: workspace.values(kind) for kind in HOSTILE}
    (workspace.work / "told.json").write_text(json.dumps(told))


def put_into_bundles(workspace: Workspace) -> None:
    """Let a bundle take the place of every location (X13)."""
    for location in sorted(workspace.plugins.iterdir()):
        bundle = location.with_suffix(".pyz")
        workspace.venvoy("bundle", location, "-o", bundle, "--offline")
        shutil.rmtree(location)


@pytest.fixture(scope="module", params=[*PYTHON_VERSIONS, BUNDLED])
def ran(request: pytest.FixtureRequest, isolation_dir: Path, store_dir: Path) -> Workspace:
    """The finished run of one Python's hosts; made once, whichever test comes first."""
    python = request.param.removesuffix("-bundles")
    python_or_skip(python)
    name = f"first-{request.param}"
    with once(isolation_dir, name) as mine:
        workspace = Workspace(isolation_dir / name, store_dir)
        if mine is not None:
            run_all(workspace, python, bundled=request.param == BUNDLED)
    return workspace


@pytest.fixture(params=HOSTILE)
def kind(request: pytest.FixtureRequest) -> str:
    """Each hostile plugin in turn."""
    value: str = request.param
    return value


@pytest.fixture
def told(ran: Workspace, kind: str) -> Told:
    """What a plugin told at import, in its connector and in its task, as the sink wrote it."""
    return told_by(ran, kind)


def told_by(ran: Workspace, kind: str) -> Told:
    lines = [json.loads(line) for line in (ran.work / "out.jsonl").read_text().splitlines()]
    values = [line["value"] for line in lines if line["topic"] == kind]
    assert [value["at"] for value in values] == ["import", "connector", "task", "end"]
    assert values == json.loads((ran.work / "told.json").read_text())[kind]
    return {value["at"]: value for value in values[:-1]}


def python_of(ran: Workspace) -> str:
    return ran.directory.name.removeprefix("first-").removesuffix("-bundles")


def test_the_framework_wins_and_records_go_through(ran: Workspace, kind: str, told: Told) -> None:
    for at, one in told.items():
        api_dir = Path(str(one["api"])).parents[1]
        assert api_dir.parent == ran.store / "api", at
        assert Path(str(one["transforms"])).is_relative_to(api_dir), at
        assert one["base"] == "venvoy_api.task"
        assert one["api_version"] == "1.0.0"
        assert one["name"] == "venvoy-api"
        assert one["finder"] == "FrameworkFirst"
        assert one["flags"] == [1, 1, 1]


def test_the_host_runs_the_python_that_the_plugin_asks_for(
    ran: Workspace, kind: str, told: Told
) -> None:
    for one in told.values():
        assert one["python"] == python_of(ran)
        prefix = Path(str(one["prefix"]))
        assert prefix.parent == ran.store / "environments"
        packages = prefix / "lib" / f"python{python_of(ran)}" / "site-packages"
        path = one["path"]
        assert isinstance(path, list)
        # The library as a zip, the library, its extensions; then what the environment brings.
        own = [str(packages / "first_false")] if kind == "pth" else []
        assert path[3:] == [*own, str(packages)]
        assert not [entry for entry in path[:3] if Path(entry).is_relative_to(prefix)]


def test_nothing_of_the_workers_environment_gets_in(ran: Workspace, kind: str, told: Told) -> None:
    for one in told.values():
        assert one["leaks"] == []
        own = list(OWN_PARTS) if kind == "own_parts" else []
        assert one["importable"] == own
        assert one["distributions"] == sorted([kind, "venvoy-api"])
        environ = one["environ"]
        assert isinstance(environ, dict)
        names = {name for name in environ if name.startswith(("PYTHON", "VENVOY", "LD_"))}
        assert names == {"VENVOY_HOST"}  # by which the worker finds what a host leaves behind
        assert "DATABASE_PASSWORD" not in environ
        assert environ["HOME"] == str(ran.home)


def test_each_plugin_has_a_host_of_its_own(ran: Workspace) -> None:
    every = [told_by(ran, kind) for kind in HOSTILE]
    pids = {one["task"]["pid"] for one in every} | {one["connector"]["pid"] for one in every}
    assert len(pids) == 2 * len(HOSTILE)
    assert len({one["task"]["prefix"] for one in every}) == len(HOSTILE)
    assert len({one["task"]["api"] for one in every}) == 1


def test_a_false_api_is_left_out_and_reported(ran: Workspace) -> None:
    one = told_by(ran, "false_api")["task"]
    assert one["more"] == {"doc": True}
    packages = Path(str(one["path"][-1]))  # type: ignore[index]
    names = {file.name for file in (*packages.iterdir(), *(packages / "__pycache__").iterdir())}
    assert not [name for name in names if name.startswith("venvoy")]
    receipt = json.loads((Path(str(one["prefix"])) / "receipt.json").read_text())
    warnings = " ".join(receipt["warnings"])
    assert "ships `venvoy_api`" in warnings
    assert "ships `venvoy_host`" in warnings
    stderr = json.loads((ran.work / "told.json").read_text())["stderr"]
    assert "false-api 1.0 ships `venvoy_api`, which only venvoy provides" in stderr


def test_a_locked_api_is_not_installed(ran: Workspace) -> None:
    one = told_by(ran, "locked_api")["task"]
    receipt = json.loads((Path(str(one["prefix"])) / "receipt.json").read_text())
    assert [wheel[0] for wheel in receipt["wheels"]] == ["locked-api"]
    assert receipt["warnings"] == []


def test_a_plugins_manager_launcher_and_bundler_are_its_own(ran: Workspace) -> None:
    who = [f"my own {one}" for one in OWN_PARTS]
    assert told_by(ran, "own_parts")["task"]["more"] == {"who": who}


def test_a_pth_file_runs_and_gains_nothing(ran: Workspace) -> None:
    assert told_by(ran, "pth")["task"]["more"] == {"ran": True}


def test_the_standard_library_goes_before_a_plugins_json_and_logging(ran: Workspace) -> None:
    more = told_by(ran, "shadows")["task"]["more"]
    assert isinstance(more, dict)
    base = f"python{python_of(ran)}"
    for name in ("json", "logging"):
        assert Path(more[name]).parts[-3:] == (base, name, "__init__.py")
    assert more["ran"] is True  # a sitecustomize of its own is the plugin's business
    stderr = json.loads((ran.work / "told.json").read_text())["stderr"]
    assert "[shadows-0] WARNING shadows: a warning of the plugin's" in stderr


def test_output_goes_to_the_log_and_breaks_no_protocol(ran: Workspace) -> None:
    """X10: of a run; of a standing worker in `tests/conformance/test_x.py`."""
    assert told_by(ran, "noise")["task"]["more"] == {"stdout": "Deaf"}
    stderr = json.loads((ran.work / "told.json").read_text())["stderr"]
    lines = stderr.splitlines()
    assert "[noise-0] stdout: a print at import" in lines
    assert "[noise-0] stdout: bytes at import" in lines
    assert "[noise-0] stdout: through the old stdout" in lines
    assert '[noise-0] stdout: half a line and {"type": "stop"}' in lines
    assert "[noise-0] stderr: \ufffd\ufffd no text" in lines
