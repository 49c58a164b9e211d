"""Framework first: whatever lies in an environment, `venvoy_api` is the store's (design 7)."""

import json
import subprocess
from pathlib import Path
from typing import Any

from launcher.settings import SHARED_DIR
from manager.store.environments import Environment
from tests.launcher.pipelines import make_environment, site_packages

PLUGIN = """
import sys
import importlib.metadata
import venvoy_api
import venvoy_api.transforms

class Source(venvoy_api.SourceConnector):
    def version(self): return self.seen()
    def seen(self): return "-"
    def start(self, props): ...
    def stop(self): ...
    def task_class(self): ...
    def task_configs(self, max_tasks): ...
    def config(self): ...
"""


def seen(environment: Environment, expression: str, *, module: str = PLUGIN) -> object:
    """What the expression gives inside the plugin's module in a host."""
    text = module + f"\nSource.seen = lambda self: __import__('json').dumps({expression})\n"
    (site_packages(environment.path) / "acme.py").write_text(text)
    answer = verify(environment, [("source", "acme", "Source")])
    (result,) = answer["results"]
    assert result["error"] is None, result
    return json.loads(result["version"])


def verify(environment: Environment, entry_points: list[tuple[str, str, str]]) -> dict[str, Any]:
    question = {
        "entry_points": [
            {"type": kind, "name": qualname, "module": module, "qualname": qualname}
            for kind, module, qualname in entry_points
        ]
    }
    python = environment.path / "bin" / "python"
    host = SHARED_DIR / "venvoy_host"
    result_file = environment.path / "result.json"
    with result_file.open("wb") as result:
        subprocess.run(
            [python, "-I", "-S", "-B", host, "verify", "--result-fd", str(result.fileno())],
            input=json.dumps(question).encode(),
            pass_fds=(result.fileno(),),
            check=True,
            timeout=30,
            env={"PYTHONPATH": "/nowhere", "PATH": "/usr/bin"},
            cwd=environment.path,
        )
    answer: dict[str, Any] = json.loads(result_file.read_text())
    return answer


FALSE_API = "raise SystemError('the false API was imported')\n"

EVIL = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(("venvoy_api", "venvoy_host")):
            raise SystemError("a finder of a plugin served " + name)
sys.meta_path.insert(0, Finder())
sys.modules["venvoy_api"] = sys
sys.path.insert(0, "/tmp")
sys.path_hooks.insert(0, lambda path: 1 / 0)
sys.path_hooks.pop(0)
"""


def test_a_false_api_in_site_packages_loses(tmp_path: Path, each_python: Path) -> None:
    version = each_python.name.removeprefix("python")
    modules = {
        "venvoy_api/__init__.py": FALSE_API,
        "venvoy_host.py": FALSE_API,
        "venvoy_api-9.dist-info/METADATA": "Metadata-Version: 2.1\nName: venvoy-api\nVersion: 9\n",
    }
    environment = make_environment(tmp_path / "environment", modules, python=version)
    assert seen(environment, "venvoy_api.__file__") == str(SHARED_DIR / "venvoy_api/__init__.py")
    for name in ("venvoy-api", "venvoy_api", "Venvoy.Api"):
        assert seen(environment, f"importlib.metadata.version({name!r})") == "1.0.0"
    assert seen(environment, "importlib.metadata.metadata('venvoy-api')['Name']") == "venvoy-api"


def test_a_pth_file_that_gets_in_first_loses(tmp_path: Path, each_python: Path) -> None:
    version = each_python.name.removeprefix("python")
    modules = {"evil.pth": "import evil\n", "evil.py": EVIL}
    environment = make_environment(tmp_path / "environment", modules, python=version)
    path = seen(environment, "sys.path")
    assert isinstance(path, list)
    assert path[-1] == str(site_packages(environment.path))
    assert not [one for one in path if str(one).startswith(str(SHARED_DIR))]
    assert "/tmp" not in path
    assert all(Path(str(one)).name.startswith(("python", "lib-dynload")) for one in path[:-1])
    assert seen(environment, "venvoy_api.__file__") == str(SHARED_DIR / "venvoy_api/__init__.py")


def test_a_hook_that_a_plugins_import_installs_serves_no_framework(tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "environment", {"evil.py": EVIL})
    module = "import evil\ndel __import__('sys').modules['venvoy_api']\n"
    text = module + "import venvoy_host\n"
    (site_packages(environment.path) / "bad.py").write_text(text)
    (site_packages(environment.path) / "acme.py").write_text(PLUGIN)
    answer = verify(environment, [("source", "bad", "X"), ("source", "acme", "Source")])
    assert [one["ok"] for one in answer["results"]] == [False, True]


def test_a_plugins_own_manager_launcher_and_bundler_are_its_own(tmp_path: Path) -> None:
    names = ("manager", "launcher", "bundler")
    modules = {f"{name}.py": f"WHO = 'my {name}'\n" for name in names}
    environment = make_environment(tmp_path / "environment", modules)
    module = PLUGIN + "import manager, launcher, bundler\n"
    found = seen(environment, "[manager.WHO, launcher.WHO, bundler.WHO]", module=module)
    assert found == [f"my {name}" for name in names]


def test_a_plugin_that_ships_json_does_not_shadow_the_standard_library(tmp_path: Path) -> None:
    modules = {"json.py": "raise SystemError('shadowed')\n"}
    environment = make_environment(tmp_path / "environment", modules)
    assert seen(environment, "__import__('json').__name__") == "json"


def test_a_framework_module_that_does_not_exist_is_not_made_up(tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "environment", {})
    module = (
        PLUGIN
        + """
class Maker:
    def find_spec(self, name, path=None, target=None):
        if name == "venvoy_api.extra":
            import importlib.util
            return importlib.util.spec_from_loader(name, None)
sys.meta_path.append(Maker())
try:
    import venvoy_api.extra
except ModuleNotFoundError as error:
    SEEN = error.name
else:
    SEEN = "made up"
"""
    )
    assert seen(environment, "SEEN", module=module) == "venvoy_api.extra"


def test_a_multiprocessing_child_of_a_plugin_has_the_framework_too(tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "environment", {})
    module = (
        PLUGIN
        + """
def where(queue):
    queue.put(venvoy_api.__file__)

def ask():
    import multiprocessing
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    child = context.Process(target=where, args=(queue,))
    child.start()
    answer = queue.get(timeout=20)
    child.join()
    return answer
"""
    )
    found = seen(environment, "ask()", module=module)
    assert found == str(SHARED_DIR / "venvoy_api/__init__.py")


def test_no_module_of_the_worker_is_importable(tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "environment", {})
    expression = (
        "[name for name in ('manager', 'launcher', 'bundler', 'click', 'packaging', 'pip') "
        "if __import__('importlib.util').util.find_spec(name)]"
    )
    assert seen(environment, expression) == []


def test_pl07_a_good_class_beside_bad_siblings_stays_usable(tmp_path: Path) -> None:
    environment = make_environment(
        tmp_path / "environment",
        {
            "acme.py": PLUGIN
            + """
class Abstract(venvoy_api.SourceConnector): ...
class NoDefault(Source):
    def __init__(self, wanted): ...
class Raises(Source):
    def __init__(self): raise ValueError("not today")
class BadVersion(Source):
    def version(self): raise ValueError("no version")
class Plain: ...
class Exits(Source):
    def __init__(self): sys.exit(3)
""",
            "needs.py": "import pkg_resources\n",
            "broken.py": "1 / 0\n",
            "exits.py": "import sys\nsys.exit(3)\n",
        },
    )
    asked = [
        ("source", "acme", "Source"),
        ("source", "acme", "Abstract"),
        ("source", "acme", "NoDefault"),
        ("source", "acme", "Raises"),
        ("source", "acme", "BadVersion"),
        ("source", "acme", "Plain"),
        ("source", "acme", "Exits"),
        ("source", "acme", "Absent"),
        ("sink", "acme", "Source"),
        ("source", "needs", "Source"),
        ("source", "broken", "Source"),
        ("source", "exits", "Source"),
        ("source", "nowhere", "Source"),
    ]
    answer = verify(environment, asked)
    kinds = [one["error"] and one["error"]["kind"] for one in answer["results"]]
    assert kinds == [
        None,
        "abstract",
        "constructor",
        "constructor",
        None,
        "not-a-plugin",
        "constructor",
        "missing-attribute",
        "not-a-plugin",
        "missing-module",
        "import-error",
        "import-error",
        "missing-module",
    ]
    modules = [one["error"]["module"] for one in answer["results"] if one["error"]]
    assert [module for module in modules if module] == ["pkg_resources", "nowhere"]
    assert answer["api"] == "1.0.0"
    assert answer["prefix"] == str(environment.path)


def test_all_of_importlib_metadata_works_beside_the_provided_api(
    tmp_path: Path, each_python: Path
) -> None:
    version = each_python.name.removeprefix("python")
    modules = {
        "own-2.dist-info/METADATA": "Metadata-Version: 2.1\nName: own\nVersion: 2\n",
        "own-2.dist-info/entry_points.txt": "[venvoy.source]\ncsv = acme:Source\n",
        "own-2.dist-info/top_level.txt": "acme\n",
    }
    environment = make_environment(tmp_path / "environment", modules, python=version)
    names = "sorted(one.metadata['Name'] for one in importlib.metadata.distributions())"
    assert seen(environment, names) == ["own", "venvoy-api"]
    groups = "sorted({p.group for d in importlib.metadata.distributions() for p in d.entry_points})"
    assert seen(environment, groups) == ["venvoy.source"]
    assert seen(environment, "super(Source, self).version()") == "2"
    assert seen(environment, "len(importlib.metadata.entry_points())") == 1
