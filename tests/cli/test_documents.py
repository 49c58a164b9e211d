"""What messages and documents name exists: commands, and variables of the environment."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from launcher.cli import venvoy
from launcher.settings import VARIABLES

ROOT = Path(__file__).parents[2]
ROOMS = ("launcher", "manager", "bundler")
TOLD = sorted(
    file
    for place in ("README.md", "docs", *ROOMS)
    for file in ([ROOT / place] if place.endswith(".md") else (ROOT / place).rglob("*"))
    if file.suffix in {".md", ".py", ".html"}
)
_COMMAND = re.compile(r"(?:`|<code>|\$ |&& )venvoy ([a-z]+)(?: ([a-z]+))?")
_VARIABLE = re.compile(r"\bVENVOY_[A-Z_]+\b")
# Between processes of ours, not for people.
INTERNAL = {"VENVOY_HOST", "VENVOY_BUNDLE_PYTHON", "VENVOY_BUNDLE_SH"}


def _commands() -> Iterator[tuple[str, str | None]]:
    for name, command in venvoy.commands.items():
        yield name, None
        if isinstance(command, click.Group):
            yield from ((name, inner) for inner in command.commands)


COMMANDS = set(_commands())
GROUPS = {name for name, command in venvoy.commands.items() if isinstance(command, click.Group)}


@pytest.mark.parametrize("file", TOLD, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_command_that_is_named_exists(file: Path) -> None:
    for match in _COMMAND.finditer(file.read_text("utf-8")):
        name, inner = match.groups()
        assert (name, None) in COMMANDS, match[0]
        if name in GROUPS and inner is not None and name != "bundle":  # a location may follow that
            assert (name, inner) in COMMANDS, match[0]


def test_the_variables_that_are_read_are_in_the_table() -> None:
    read = {
        name
        for room in ROOMS
        for file in (ROOT / room).rglob("*.py")
        for name in _VARIABLE.findall(file.read_text("utf-8"))
    }
    assert read - INTERNAL == set(VARIABLES)
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(VENVOY_\w+)` \| (.*) \|$", page, re.MULTILINE))
    assert rows == VARIABLES
