"""The main job for a plugin of each Python, by the installed command, from a lock to a record.

`run-tests` passes these twice: with the newest releases of what venvoy requires, and in a second
virtualenv with the lowest that it admits.
"""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.cli.places import GOOD, put_plugin, write_config, write_worker
from tests.worker.standalone import Standalone

LINES = ["one", "two", "three"]


class Job:
    """A place with one plugin for one Python, and a store of its own."""

    def __init__(self, directory: Path, python: Path) -> None:
        self.directory = directory
        self.place = directory / "plugins"
        self.place.mkdir()
        self.location = put_plugin(GOOD, self.place)
        minor = python.name.removeprefix("python")
        (self.location / "venvoy.toml").write_text(f'python = "{minor}"\n')
        strings = {"key_converter": "StringConverter", "value_converter": "StringConverter"}
        self.worker = write_worker(directory / "worker.properties", self.place, **strings)
        (directory / "in.txt").write_text("".join(f"{line}\n" for line in LINES))
        self.source = self._config("src", connector_class="LinesSource", topic="t", file="in.txt")
        self.sink = self._config("snk", connector_class="LinesSink", topics="t", file="out.txt")

    def _config(self, name: str, *, file: str, **keys: str) -> Path:
        path = self.directory / f"{name}.properties"
        return write_config(path, name=name, file=self.directory / file, **keys)

    def venvoy(self, *arguments: object) -> str:
        """Run the installed command; it must succeed."""
        command = Path(sys.executable).with_name("venvoy")
        done = subprocess.run(
            [str(command), *map(str, arguments)],
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def job(tmp_path: Path, each_python: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """The job for each Python in turn, without an index."""
    monkeypatch.setenv("VENVOY_STORE", str(tmp_path / "store"))
    return Job(tmp_path, each_python)


def test_a_plugin_is_locked_synced_listed_and_run(job: Job, each_python: Path) -> None:
    place = ("--plugin-path", job.place)
    job.venvoy("plugins", "lock", "--offline", *place)
    job.venvoy("plugins", "sync", "--offline", "--frozen", *place)
    listed = json.loads(job.venvoy("plugins", "list", "--json", *place))["data"]
    assert {"acme_good.LinesSource", "acme_good.LinesSink"} <= {
        row["class"] for row in listed["plugins"]
    }
    job.venvoy("run", "--offline", job.worker, job.source, job.sink)
    assert (job.directory / "out.txt").read_text().split() == LINES
    explained = job.venvoy("plugins", "explain", "--worker-config", job.worker, job.source)
    assert f"Python {each_python.name.removeprefix('python')}." in explained


def test_a_bundle_of_it_runs_without_venvoy(job: Job, each_python: Path) -> None:
    bundle = job.directory / "acme.pyz"
    job.venvoy("bundle", job.location, "-o", bundle, "--offline")
    done = subprocess.run(
        [each_python, bundle, "run", job.source],
        cwd=job.directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["value"] for line in done.stdout.splitlines()] == LINES


def test_a_worker_runs_it_and_answers(job: Job) -> None:
    write_worker(job.worker, job.place, listeners="http://127.0.0.1:0")
    worker = Standalone(job.directory, job.worker).start(job.source)
    try:
        worker.until_states("src", "RUNNING", "RUNNING")
        assert worker.get("/connectors/src/status")["connector"]["version"] == "1.2"
    finally:
        assert worker.end() == 0


def test_every_requirement_has_a_lower_bound_that_is_not_above_what_runs() -> None:
    texts = metadata.requires("venvoy") or []
    for requirement in map(Requirement, texts):
        assert any(one.operator == ">=" for one in requirement.specifier), str(requirement)
        if requirement.marker is None:
            found = metadata.version(requirement.name)
            assert requirement.specifier.contains(found, prereleases=True), (
                f"{requirement}: {found}"
            )
