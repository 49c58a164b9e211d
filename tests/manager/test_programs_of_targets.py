"""What runs under a target's Python needs nothing of the worker's environment, and no newer one."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_OLDEST = (3, 9)
_OWN = {"venvoy_api", "venvoy_host", "venvoy_bundle"}
_TREES = (ROOT / "launcher/shared/venvoy_api", ROOT / "launcher/shared/venvoy_host")
_STUB = ROOT / "bundler/stub"


def _scripts() -> Iterator[Path]:
    """Each file that is started by its path, or put into a bundle, from the rooms above."""
    for room in ("manager", "bundler", "launcher"):
        for file in (ROOT / room).rglob("*.py"):
            if file.is_relative_to(ROOT / "launcher/shared") or file.is_relative_to(_STUB):
                continue
            words = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
            if "never imported" in words or "Python 3.9 and later" in words:
                yield file


PROGRAMS = sorted(
    {*_scripts(), *(file for tree in (*_TREES, _STUB) for file in tree.rglob("*.py"))}
)


def test_the_programs_are_found() -> None:
    names = {file.name for file in PROGRAMS}
    assert {"interpreter_probe.py", "bytecode_worker.py", "boot.py", "stub.py"} <= names


@pytest.mark.parametrize("file", PROGRAMS, ids=lambda file: str(file.relative_to(ROOT)))
def test_it_imports_the_standard_library_and_itself_only(file: Path) -> None:
    tree = ast.parse(file.read_text("utf-8"), feature_version=_OLDEST)
    foreign = set(_imported(tree)) - sys.stdlib_module_names - _OWN
    assert not foreign, f"{file} imports {foreign}"


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]
