"""Plugins to vendor and to carry: a project with an sdist-only dependency, and their own index.

Nothing here needs an index on the network: `tinybuild` is a build backend of forty lines that asks
for one more package while it builds, as setuptools does, and `oldlib` is there as an sdist only.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import PYTHONS
from tests.isolation.workspaces import once
from tests.wheel_maker import make_wheel

ROOT = Path(__file__).parents[2]
VALUES = 3

BACKEND = """
import base64, hashlib, os, tomllib, zipfile


def get_requires_for_build_wheel(config_settings=None):
    return ["tinymore"]


def build_wheel(directory, config_settings=None, metadata_directory=None):
    import tinymore
    with open("pyproject.toml", "rb") as stream:
        project = tomllib.load(stream)["project"]
    stem = "%s-%s" % (project["name"].replace("-", "_"), project["version"])
    files = {name: open(name, "rb").read() for name in os.listdir() if name.endswith(".py")}
    lines = ["Metadata-Version: 2.1", "Name: " + project["name"], "Version: " + project["version"]]
    lines += ["Requires-Dist: " + one for one in project.get("dependencies", ())]
    files[stem + ".dist-info/METADATA"] = "\\n".join(lines).encode() + b"\\n"
    wheel = "Wheel-Version: 1.0\\nGenerator: tiny %s\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[stem + ".dist-info/WHEEL"] = (wheel % tinymore.VERSION).encode()
    groups = project.get("entry-points", {})
    text = "".join(
        "[%s]\\n%s" % (group, "".join("%s = %s\\n" % one for one in table.items()))
        for group, table in groups.items()
    )
    if text:
        files[stem + ".dist-info/entry_points.txt"] = text.encode()
    record = ""
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += "%s,sha256=%s,%d\\n" % (name, digest, len(data))
    files[stem + ".dist-info/RECORD"] = (record + stem + ".dist-info/RECORD,,\\n").encode()
    with zipfile.ZipFile(os.path.join(directory, stem + "-py3-none-any.whl"), "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stem + "-py3-none-any.whl"


def build_sdist(directory, config_settings=None):
    raise NotImplementedError
"""

PLUGIN = """
import oldlib
from venvoy_api import ConfigDef, SourceConnector, SourceRecord, SourceTask


class NumbersSourceConnector(SourceConnector):
    def start(self, props): self.props = props
    def stop(self): pass
    def task_class(self): return NumbersTask
    def task_configs(self, max_tasks): return [self.props]
    def config(self): return ConfigDef()


class NumbersTask(SourceTask):
    told = False
    def start(self, props): pass
    def stop(self): pass
    def drained(self): return self.told
    def poll(self):
        if self.told:
            return None
        self.told = True
        values = oldlib.numbers()
        return [SourceRecord({"p": 1}, {"n": n}, "numbers", value=n) for n in values]
"""
ENTRY_POINTS = {"venvoy.source": {"numbers": "acme_numbers:NumbersSourceConnector"}}
OLDLIB = f"def numbers():\n    return range({VALUES})\n"
BUILD_SYSTEM = '[build-system]\nrequires = ["tinybuild>=1"]\nbuild-backend = "tinybuild"\n'


def make_index(directory: Path) -> Path:
    """Write what the network would have: a build backend with what it asks for, and an sdist."""
    make_wheel(directory, "tinybuild", "1.2", files={"tinybuild.py": BACKEND})
    make_wheel(directory, "tinymore", "3.0", files={"tinymore.py": "VERSION = '3.0'\n"})
    project = BUILD_SYSTEM + '[project]\nname = "oldlib"\nversion = "1.0"\n'
    make_sdist(directory, "oldlib", "1.0", {"pyproject.toml": project, "oldlib.py": OLDLIB})
    return directory


def make_sdist(directory: Path, name: str, version: str, files: Mapping[str, str]) -> Path:
    """Write `name-version.tar.gz`."""
    file = directory / f"{name}-{version}.tar.gz"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with tarfile.open(file, "w:gz") as archive:
        for path, text in {**files, "PKG-INFO": metadata}.items():
            info = tarfile.TarInfo(f"{name}-{version}/{path}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return file


def make_numbers_project(directory: Path, version: str = "1.0") -> Path:
    """Write the project of a source that needs the sdist."""
    directory.mkdir(parents=True)
    (directory / "acme_numbers.py").write_text(PLUGIN)
    (directory / "pyproject.toml").write_text(
        BUILD_SYSTEM
        + f'[project]\nname = "acme-numbers"\nversion = "{version}"\n'
        + 'dependencies = ["oldlib", "venvoy-api>=1"]\n'
        + '[project.entry-points."venvoy.source"]\n'
        + 'numbers = "acme_numbers:NumbersSourceConnector"\n'
    )
    return directory


def make_numbers_wheels(directory: Path) -> Path:
    """Write a directory of wheels that holds the same plugin, without what it needs."""
    make_wheel(
        directory,
        "acme-numbers",
        "1.0",
        files={"acme_numbers.py": PLUGIN},
        requires=["oldlib", "venvoy-api>=1"],
        entry_points=ENTRY_POINTS,
    )
    return directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a command came to; `data` is its envelope's."""

    code: int
    stdout: str
    stderr: str

    @property
    def envelope(self) -> dict[str, object]:
        told = json.loads(self.stdout)
        assert isinstance(told, dict)
        return told

    @property
    def codes(self) -> list[str]:
        errors = self.envelope["errors"]
        assert isinstance(errors, list)
        return [one["code"] for one in errors]

    @property
    def messages(self) -> list[str]:
        errors = self.envelope["errors"]
        assert isinstance(errors, list)
        return [one["message"] for one in errors]


class Machine:
    """A home, a store and a working directory; with `network` false: no network at all."""

    def __init__(self, directory: Path, *, index: Path | None = None, network: bool = True) -> None:
        self.directory = directory
        self.index = index
        self.network = network
        self.plugins = directory / "plugins"
        self.store = directory / "store"
        for one in (self.plugins, directory / "home"):
            one.mkdir(parents=True, exist_ok=True)

    @property
    def environment(self) -> dict[str, str]:
        found = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory / "home"),
            "VENVOY_STORE": str(self.store),
            "PIP_CONFIG_FILE": os.devnull,
            "PYTHONPATH": str(ROOT),
            "PYENV_ROOT": str(PYTHONS["3.11"].parents[3]) if "3.11" in PYTHONS else "",
        }
        if self.index is not None:
            found |= {"PIP_FIND_LINKS": str(self.index), "PIP_NO_INDEX": "1"}
        return found

    def venvoy(
        self,
        *arguments: str | Path,
        code: int | None = 0,
        env: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
    ) -> Told:
        """Run the command line as a process; the code is asserted unless it is None."""
        program = [sys.executable, "-P", "-m", "launcher"]
        program[1:] = ["-c", "from launcher.cli import main; main()"]
        jail = () if self.network else ("unshare", "-rn")
        done = subprocess.run(
            [*before, *jail, *program, *map(str, arguments)],
            cwd=self.directory,
            env={**self.environment, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        if code is not None:
            assert done.returncode == code, done.stderr + done.stdout
        return Told(code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def plugins_command(self, name: str, *arguments: str | Path, code: int | None = 0) -> Told:
        """Run `venvoy plugins NAME --plugin-path <plugins>`."""
        return self.venvoy(
            "plugins", name, "--json", "--plugin-path", self.plugins, *arguments, code=code
        )

    def numbers(self, *options: str) -> int:
        """Run the connector to its end; return how many records it made."""
        worker, connector = self.directory / "worker.properties", self.directory / "n.properties"
        worker.write_text(f"plugin.path={self.plugins}\nvalue.converter=JsonConverter\n")
        connector.write_text("name=n\nconnector.class=NumbersSource\n")
        told = self.venvoy("run", "--json", *options, worker, connector)
        data = told.envelope["data"]
        rows = data["connectors"] if isinstance(data, dict) else data
        assert isinstance(rows, list)
        return int(rows[0]["records_out"])


def vendored_machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine with a vendored project and a vendored directory of wheels; change nothing there.

    It is made once for all processes of a test run.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    with once(base, "vendored") as directory:
        machine = Machine(base / "vendored", index=base / "vendored" / "index")
        if directory is not None:
            make_index(directory / "index")
            make_numbers_project(machine.plugins / "project", version="2.0")
            make_numbers_wheels(machine.plugins / "wheelsdir")
            machine.plugins_command("vendor")
    return machine


def machine_without_network(directory: Path) -> Machine:
    """A machine whose processes have no network, or a skip where that is not permitted."""
    if shutil.which("unshare") is None:
        pytest.skip("no `unshare` on this machine")
    tried = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"no network namespace is permitted here: {tried.stderr.decode().strip()}")
    return Machine(directory, network=False)
