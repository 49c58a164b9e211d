"""A directory with plugins, configs and a store, and the command line run in it as a process."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from manager.digests import file_sha256
from tests.launcher.pipelines import stored
from tests.wheel_maker import make_wheel
from venvoy_host import frames

ROOT = Path(__file__).parents[2]
JSON_VALUES = {"value.converter": "JsonConverter", "value.converter.schemas.enable": "false"}

# The command line as a process, with variables that a test wants in the worker's environment
# but that would keep its own interpreter from starting (PYTHONHOME).
_DRIVER = """
import json, os, sys
sys.path[:0] = json.loads(sys.argv.pop(1))
os.environ.update(json.loads(sys.argv.pop(1)))
from launcher.cli import main
main()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What one command came to; `told` is its JSON envelope, None when it printed none."""

    code: int
    told: Mapping[str, object] | None
    stdout: str
    stderr: str

    def rows(self) -> list[dict[str, object]]:
        """The envelope's data: of `run` the connectors, of `list` and `sync` the plugins."""
        assert self.told is not None, self.stderr
        data = self.told["data"]
        if isinstance(data, dict):
            data = data["plugins"]
        assert isinstance(data, list)
        return data


class Workspace:
    """A directory: `plugins/` (the plugin path), `work/` (where commands run), `home/`."""

    def __init__(self, directory: Path, store: Path) -> None:
        self.directory = directory
        self.store = store
        self.plugins = directory / "plugins"
        self.work = directory / "work"
        self.home = directory / "home"
        for one in (self.plugins, self.work, self.home):
            one.mkdir(parents=True, exist_ok=True)

    @property
    def log_file(self) -> Path:
        """Topics and offsets of the last run."""
        return self.work / "worker.sqlite"

    def wheel(
        self,
        location: str,
        name: str,
        version: str = "1.0",
        *,
        python: str | None = None,
        files: Mapping[str, str | bytes] | None = None,
        requires: Sequence[str] = (),
        entry_points: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Path:
        """Add a wheel to a location; `python` is what its plugins ask for."""
        directory = self.plugins / location
        wheel = make_wheel(
            directory, name, version, files=files, requires=requires, entry_points=entry_points
        )
        if python is not None:
            (directory / "venvoy.toml").write_text(f'python = "{python}"\n')
        return wheel

    def config(self, name: str, connector: str, /, **keys: str) -> Path:
        """Write a connector's config; `__` in a keyword stands for a dot."""
        pairs = {"name": name, "connector.class": connector}
        pairs |= {key.replace("__", "."): value for key, value in keys.items()}
        return self.properties(name, pairs)

    def properties(self, name: str, pairs: Mapping[str, str]) -> Path:
        """Write a file of properties."""
        file = self.work / f"{name}.properties"
        file.write_text("".join(f"{key}={value}\n" for key, value in pairs.items()))
        return file

    def worker(self, **keys: str) -> Path:
        """Write the worker's config."""
        pairs = {"plugin.path": str(self.plugins), **JSON_VALUES}
        pairs |= {key.replace("__", "."): value for key, value in keys.items()}
        return self.properties("worker", pairs)

    def run(self, *connectors: Path, code: int = 0, env: Mapping[str, str] | None = None) -> Ran:
        """`venvoy run --offline --json`; the code is asserted."""
        command = ("run", "--offline", "--json", self.worker())
        return self.venvoy(*command, *connectors, code=code, env=env)

    def sync(self, *arguments: str, code: int = 0) -> Ran:
        """`venvoy plugins sync --offline --json`; the code is asserted."""
        command = ("plugins", "sync", "--offline", "--json", "--plugin-path", self.plugins)
        return self.venvoy(*command, *arguments, code=code)

    def venvoy(
        self, *arguments: str | Path, code: int | None = 0, env: Mapping[str, str] | None = None
    ) -> Ran:
        """Run the command line to its end in `work/`."""
        with self.start(*arguments, env=env) as process:
            stdout, stderr = process.communicate(timeout=120)
        if code is not None:
            assert process.returncode == code, stderr + stdout
        told = None
        with contextlib.suppress(ValueError):
            told = json.loads(stdout)
        return Ran(code=process.returncode, told=told, stdout=stdout, stderr=stderr)

    @contextlib.contextmanager
    def start(
        self, *arguments: str | Path, env: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[str]]:
        """Start the command line; it is killed, if it still runs, when the block ends."""
        paths = json.dumps([str(ROOT)])
        argv = [sys.executable, "-P", "-c", _DRIVER, paths, json.dumps(dict(env or {}))]
        process = subprocess.Popen(
            [*argv, *map(str, arguments)],
            cwd=self.work,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "VENVOY_STORE": str(self.store),
                "PIP_CONFIG_FILE": os.devnull,
                "PYENV_ROOT": os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv")),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()

    def records(self, topic: str) -> list[frames.Columns]:
        """Every frame of a topic's first partition, as columns of bytes."""
        head = frames.HEADER.size
        return [
            frames.decode_columns(frames.parse(one.data[:head], one.data[head:]))
            for one in stored(self.log_file, topic)
        ]

    def values(self, topic: str) -> list[dict[str, object]]:
        """Every value of a topic's first partition, as JSON objects."""
        return [json.loads(value or b"{}") for one in self.records(topic) for value in one.values]


def write_lock(directory: Path) -> None:
    """Lock a directory of wheels to all that lies in it: what pip would find, not asked."""
    lines = ['lock-version = "1.0"', 'created-by = "tests"']
    for wheel in sorted(directory.glob("**/*.whl")):
        name, version, *_ = wheel.name.split("-")
        lines += ["[[packages]]", f'name = "{name.replace("_", "-")}"', f'version = "{version}"']
        where = wheel.relative_to(directory)
        lines.append(
            f'wheels = [{{name = "{wheel.name}", path = "{where}", '
            f'hashes = {{sha256 = "{file_sha256(wheel)}"}}}}]'
        )
    (directory / "pylock.toml").write_text("\n".join(lines) + "\n")


@contextlib.contextmanager
def once(base: Path, name: str) -> Iterator[Path | None]:
    """Give the directory `base/name` to whoever comes first, None to those who come later.

    `base` is shared by all processes of a test run; the others wait until the first is done.
    """
    with FileLock(base / f"{name}.lock"):
        done = base / f"{name}.done"
        if done.exists():
            yield None
            return
        directory = base / name
        directory.mkdir(exist_ok=True)
        yield directory
        done.touch()


def snapshot(directory: Path) -> dict[str, tuple[int, ...]]:
    """Every entry of a tree with inode, mode, owner, size and times; links are not followed."""
    found: dict[str, tuple[int, ...]] = {}
    for path in [directory, *sorted(directory.rglob("*"))]:
        status = path.lstat()
        found[str(path.relative_to(directory))] = (
            status.st_ino,
            status.st_mode,
            status.st_uid,
            status.st_nlink,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )
    return found
