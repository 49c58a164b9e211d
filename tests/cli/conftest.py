"""A place with a good plugin on it, and the command line, called as a user would."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from launcher.cli import main_without_exit
from tests.cli.places import GOOD, put_plugin, write_config, write_worker

LINES = ("one", "two", "three")

_FILTERS = (
    (re.compile(r"found: [^;]+;"), "found: PYTHONS;"),
    (re.compile(r"`?/\S+/lib/python3\.\d+/"), "STDLIB/"),
    (re.compile(r"/[^\s`]+/bin/python3\.\d+"), "PYTHON"),
    (re.compile(r"Python 3\.\d+\.\d+"), "Python 3.X"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "DIGEST"),
    (re.compile(r"\b\d+\.\d\d s\b"), "TIME"),
    (re.compile(r"(?<=\S) {2,}"), "  "),
)
_STATES = re.compile(r"\[\w+-\d+\] (?:RUNNING|COMPLETED)\n")
# What takes time is told step by step; a test of its own holds the steps.
_STEPS = re.compile(
    r"^[\w.-]+: (?:making its lock|resolving .*|fetching .*|building .*|unpacking .*"
    r"|trying its entry points|took .*)\n",
    re.MULTILINE,
)
_BUILT_IN = re.compile(r"^\d+ built-in plugins are not shown; .*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command answered, paths and other chances filtered out."""

    code: int
    out: str
    err: str


class Desk:
    """A directory with a plugin path, a worker's file, and a file with some lines to move."""

    def __init__(
        self, directory: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self.directory = directory
        self.capsys = capsys
        self.patch = patch
        self.place = directory / "plugins"
        self.place.mkdir()
        put_plugin(GOOD, self.place)
        self.worker = self.write_worker()
        self.input = directory / "in.txt"
        self.output = directory / "out.txt"
        self.input.write_text("".join(f"{line}\n" for line in LINES))

    def write_worker(self, **keys: object) -> Path:
        """Write the worker's file anew with more keys."""
        strings = {"key_converter": "StringConverter", "value_converter": "StringConverter"}
        return write_worker(self.directory / "worker.properties", self.place, **(strings | keys))

    def source(self, **keys: object) -> Path:
        """Write the config of a source for the lines; a key that is None is left out."""
        return self._config("src", "LinesSource", {"file": self.input, "topic": "t"}, keys)

    def sink(self, **keys: object) -> Path:
        """Write the config of a sink for the lines."""
        return self._config("snk", "LinesSink", {"file": self.output, "topics": "t"}, keys)

    def _config(
        self, stem: str, cls: str, defaults: dict[str, object], keys: dict[str, object]
    ) -> Path:
        every = {"name": stem, "connector_class": cls} | defaults | keys
        present = {key: value for key, value in every.items() if value is not None}
        return write_config(self.directory / f"{stem}.properties", **present)

    @property
    def moved(self) -> tuple[str, ...]:
        """The lines that reached the sink's file."""
        return tuple(self.output.read_text().splitlines()) if self.output.exists() else ()

    @property
    def storage(self) -> Path:
        """The worker's topics and offsets."""
        return self.directory / "worker.sqlite"

    def venvoy(self, *arguments: object) -> Said:
        """Run a command in this process."""
        self.capsys.readouterr()
        code = main_without_exit([str(argument) for argument in arguments])
        said = self.capsys.readouterr()
        return Said(code=code, out=self.filtered(said.out), err=self.filtered(said.err))

    def filtered(self, text: str) -> str:
        """Take out what differs from run to run and from machine to machine."""
        text = text.replace(str(self.directory), "TMP")
        for pattern, instead in _FILTERS:
            text = pattern.sub(instead, text)
        return _STEPS.sub("", _BUILT_IN.sub("", _STATES.sub("", text)))

    def patience(self, seconds: int) -> None:
        """Give up an entry point after that time."""
        self.patch.setenv("VENVOY_TRIAL_TIMEOUT_S", str(seconds))

    def list(self) -> Said:
        """List the place."""
        return self.venvoy("plugins", "list", "--plugin-path", self.place)

    def sync(self) -> Said:
        """Sync the place without an index."""
        return self.venvoy("plugins", "sync", "--offline", "--plugin-path", self.place)

    def run(self, *configs: Path) -> Said:
        """Run connectors without an index."""
        return self.venvoy("run", "--offline", self.worker, *configs)


@pytest.fixture
def desk(
    clean_environment: None,
    shared_store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Desk]:
    """A desk of the test's own, and a store that all share."""
    directory = tmp_path / "desk"
    directory.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VENVOY_STORE", str(shared_store))
        yield Desk(directory, capsys, patch)
