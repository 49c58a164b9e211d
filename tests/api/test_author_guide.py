"""The code in docs/plugin-authors.md works as it is printed there."""

import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "plugin-authors.md").read_text()
BLOCKS = re.findall(r"^```(?:python|toml)\n# ([^\n]+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
FILES = {name: text for name, text in BLOCKS if not name.startswith("example")}
EXAMPLES = {name: text for name, text in BLOCKS if name.startswith("example")}


@pytest.fixture
def guide_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The tests printed in the guide, importing the plugin printed there."""
    for name, text in FILES.items():
        file = tmp_path / "acme" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path / "acme" / "src"))
    monkeypatch.syspath_prepend(str(tmp_path / "acme" / "tests"))
    yield importlib.import_module("test_acme_files")
    for name in [name for name in sys.modules if "acme_files" in name]:
        sys.modules.pop(name)


def test_the_plugin_of_the_guide_passes_the_tests_of_the_guide(
    guide_tests: ModuleType, tmp_path: Path
) -> None:
    ran = 0
    for name, test in list(vars(guide_tests).items()):
        if name.startswith("test_"):
            directory = tmp_path / name
            directory.mkdir()
            test(directory) if test.__code__.co_argcount else test()
            ran += 1
    assert ran == 4


def test_the_entry_points_of_the_guide_name_what_the_guide_defines(
    guide_tests: ModuleType,
) -> None:
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    for entry_points in project["entry-points"].values():
        for value in entry_points.values():
            module, _, name = value.partition(":")
            assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_the_guide_run(name: str) -> None:
    exec(compile(EXAMPLES[name], name, "exec"), {"__name__": "example"})
