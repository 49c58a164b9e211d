"""Entry points are tried once in the real host, and a failure comes with its remedy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from manager.digests import file_sha256
from manager.interpreters.search import Interpreter, probe
from manager.plugins.entry_points import EntryPoint, PluginType
from manager.store.environments import Environment, make_environment, plan_environment
from manager.store.receipts import read_receipt
from manager.store.store import Store
from manager.store.verification import EntryPointResult, Verification, remedy_for
from manager.store.verify import verify

SHARED = Path(__file__).parents[2] / "launcher" / "shared"

TRANSFORMATION = """
from venvoy_api import ConfigDef, Transformation

class Good(Transformation):
    def version(self): return "9.9"
    def configure(self, configs): pass
    def apply(self, record): return record
    def config(self): return ConfigDef()
    def close(self): pass
"""


def transformation(name: str, module: str, qualname: str) -> EntryPoint:
    return EntryPoint(type=PluginType.TRANSFORMATION, name=name, module=module, qualname=qualname)


@pytest.fixture
def check(
    store: Store, python311: Interpreter, make_wheel: Callable[..., Path]
) -> Callable[..., dict[str, EntryPointResult]]:
    """Make a wheel of the files, an environment of it, and try the entry points in it."""

    def check(
        files: dict[str, str],
        *targets: str,
        interpreter: Interpreter = python311,
        timeout_s: float = 60,
    ) -> dict[str, EntryPointResult]:
        wheel = make_wheel(files=files)
        wheels = store.add_wheels([(wheel, file_sha256(wheel))], interpreter)
        api = store.put_api(SHARED, [interpreter])
        points = [transformation(target, *target.split(":")) for target in targets]

        def trial(environment: Environment) -> Verification:
            return verify(environment.path, api, points, timeout_s=timeout_s)

        environment = make_environment(store, plan_environment(wheels, interpreter), verify=trial)
        kept = read_receipt(environment.path).verification
        assert kept is not None
        assert kept == environment.receipt.verification
        return {result.name: result for result in kept.results}

    return check


Check = Callable[..., dict[str, EntryPointResult]]


def test_a_good_plugin_passes_in_every_python(
    check: Check, each_python: Path, interpreter_cache: Path
) -> None:
    interpreter = probe(each_python, cache_dir=interpreter_cache)
    (result,) = check({"good.py": TRANSFORMATION}, "good:Good", interpreter=interpreter).values()
    assert (result.kind, result.message, result.version) == (None, "", "9.9")
    assert result.class_name == "good.Good"


def test_PL07_a_good_class_beside_bad_siblings_stays_usable(check: Check) -> None:  # noqa: N802
    results = check(
        {
            "good.py": TRANSFORMATION,
            "gone.py": "import no_such_module_at_all",
            "dist.py": "import pkg_resources",
            "old.py": "from collections import MutableMapping",
            "plain.py": "class Plain: pass",
        },
        *("good:Good", "gone:X", "dist:X", "old:X", "plain:Plain", "good:Missing"),
    )
    assert {name: result.kind for name, result in results.items()} == {
        "good:Good": None,
        "gone:X": "missing-module",
        "dist:X": "missing-module",
        "old:X": "import-error",
        "plain:Plain": "not-a-plugin",
        "good:Missing": "missing-attribute",
    }
    assert results["good:Good"].remedy is None
    assert "provides `no_such_module_at_all`" in str(results["gone:X"].remedy)
    assert "`setuptools<81`" in str(results["dist:X"].remedy)
    assert 'python = "3.9"' in str(results["old:X"].remedy)


def test_a_plugin_that_takes_the_host_with_it_does_not_hide_its_sibling(check: Check) -> None:
    results = check(
        {"good.py": TRANSFORMATION, "bomb.py": "import os; os.kill(os.getpid(), 11)"},
        *("good:Good", "bomb:X"),
    )
    assert results["good:Good"].ok
    assert results["bomb:X"].kind == "crash"
    assert "signal 11" in results["bomb:X"].message


def test_a_plugin_that_hangs_is_given_up(check: Check) -> None:
    (result,) = check({"slow.py": "import time; time.sleep(60)"}, "slow:X", timeout_s=2).values()
    assert result.kind == "crash"
    assert "did not end within 2 s" in result.message


def test_a_plugin_may_print_and_read(check: Check) -> None:
    noisy = TRANSFORMATION + "\nprint('x' * 200_000)\nimport sys; sys.stdin.read()\n"
    (result,) = check({"noisy.py": noisy}, "noisy:Good").values()
    assert result.ok


@pytest.mark.parametrize(
    ("kind", "module", "message", "remedy"),
    [
        ("missing-module", "pkg_resources", "", "`setuptools<81`"),
        ("missing-module", "yaml", "", "`pyyaml`"),
        ("missing-module", "distutils.core", "", 'python = "3.11"'),
        ("missing-module", "pytz", "", "provides `pytz`"),
        ("missing-module", "venvoy_api.future", "", "require the `venvoy-api`"),
        (
            "import-error",
            None,
            "AttributeError: module 'collections' has no attribute 'Mapping'",
            'python = "3.9"',
        ),
        ("constructor", None, "", "`__init__`"),
    ],
)
def test_each_known_failure_has_its_remedy(
    kind: str, module: str | None, message: str, remedy: str
) -> None:
    assert remedy in str(remedy_for(kind, module, message))


def test_an_unknown_failure_has_none() -> None:
    assert remedy_for("import-error", None, "ValueError: no idea") is None
