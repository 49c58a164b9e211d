"""A standing worker in the test's own event loop: real hosts, real SQLite, plugins from wheels."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path

from launcher.hosts.guardian import Guardian
from launcher.planning.workplace import open_workplace
from launcher.settings import WorkerConfig
from launcher.storage.sqlite_log import SqliteLog
from launcher.storage.worker_store import SqliteWorkerStore
from launcher.tasks.runtime import Event, RunSettings
from launcher.worker.standing import StandingWorker
from launcher.worker.views import State
from manager.proc import inherited
from tests.launcher.pipelines import PLUGINS
from tests.wheel_maker import make_wheel

ENTRY_POINTS = {
    "venvoy.source": {
        "counter": "acme:Counter",
        "steered": "acme_steered:Steered",
        "broken": "acme_steered:Broken",
    },
    "venvoy.sink": {"writer": "acme:Writer", "careful": "acme_steered:CarefulWriter"},
    "venvoy.transformation": {"tag": "acme:Tag"},
    "venvoy.predicate": {"even": "acme:Even"},
}

STEERED = '''
"""Connectors that a test steers while they run, through files and keys of their configs."""

import pathlib, threading, time
from venvoy_api import *
from acme import Counter, Writer

class Steered(Counter):
    """One task for each line of `tasks_file`, looked at again whenever it changes."""
    def start(self, props):
        super().start(props)
        self.ending = threading.Event()
        self.file = pathlib.Path(props["tasks_file"])
        self.seen = self.file.read_text()
        threading.Thread(target=self.watch, daemon=True).start()
    def watch(self):
        fault = pathlib.Path(self.props.get("fault_file", "/nowhere"))
        while not self.ending.wait(0.05):
            text = self.file.read_text()
            if text != self.seen:
                self.seen = text
                self.context.request_task_reconfiguration()
            if fault.exists():
                self.context.raise_error(ValueError("told by the connector"))
                return
    def stop(self): self.ending.set()
    def task_configs(self, max_tasks):
        lines = self.file.read_text().split()
        return [dict(self.props, task=line) for line in lines]
    def config(self):
        return super().config().define("tasks_file", ConfigType.STRING,
            importance=Importance.LOW, documentation="a line for each task")

class Broken(Counter):
    def start(self, props):
        if pathlib.Path(props["broken_file"]).exists():
            raise ConnectError("it does not start")
        super().start(props)
    def alter_offsets(self, configs, offsets):
        for partition, offset in offsets:
            if offset is not None and "next" not in offset:
                raise ConnectError("an offset without next")
        return True

class CarefulWriter(Writer):
    def alter_offsets(self, configs, offsets):
        for partition, offset in offsets.items():
            if offset is not None and offset > 1000:
                raise ConnectError(f"{partition.topic} has no offset {offset}")
        return True
'''


@dataclasses.dataclass
class Heard:
    """What the worker told while it ran."""

    lines: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)
    events: list[Event] = dataclasses.field(default_factory=list)

    def texts(self) -> list[str]:
        """Everything, as text."""
        return [line for _, _, line in self.lines] + [event.text for event in self.events]


class Stand:
    """A directory with a plugin path, a storage file, and workers one after the other."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.plugins = directory / "plugins"
        self.plugins.mkdir(parents=True)
        self.heard = Heard()
        self.properties: dict[str, str] = {"value.converter.schemas.enable": "false"}

    @property
    def log_file(self) -> Path:
        """The one file that holds topics, offsets, connectors and states."""
        return self.directory / "worker.sqlite"

    def plugin(self, version: str = "1.0", *, name: str = "acme", **files: str) -> Path:
        """Put the counter, the writer and their kin on the plugin path; return the location."""
        directory = self.plugins / f"{name}-{version}"
        modules = {"acme.py": PLUGINS, "acme_steered.py": STEERED, **files}
        make_wheel(directory, name, version, files=modules, entry_points=ENTRY_POINTS)
        return directory

    def run(
        self,
        body: Callable[[StandingWorker], Coroutine[object, object, None]],
        *,
        timeout_s: float = 180,
        **settings: float,
    ) -> None:
        """Run a worker from its start to its end, with the body in between."""

        async def whole() -> None:
            async with asyncio.timeout(timeout_s), self.worker(**settings) as worker:
                await body(worker)

        asyncio.run(whole())

    @contextlib.asynccontextmanager
    async def worker(self, **settings: float) -> AsyncIterator[StandingWorker]:
        """A worker that has started; it is closed at the end."""
        environment = inherited()
        with Guardian(parent_environment=environment) as guardian:
            with contextlib.closing(SqliteLog(self.log_file)) as log:
                worker = StandingWorker(
                    worker_config=self.config(),
                    workplace=open_workplace(
                        str(self.plugins), progress=lambda _: None, offline=True
                    ),
                    store=SqliteWorkerStore(log),
                    log=log,
                    guardian=guardian,
                    settings=RunSettings(
                        working_dir=self.directory,
                        parent_environment=environment,
                        flush_interval_s=settings.pop("flush_interval_s", 0.2),
                        **settings,  # type: ignore[arg-type]
                    ),
                    on_output=lambda *line: self.heard.lines.append(line),
                    on_event=self.heard.events.append,
                )
                await worker.start()
                try:
                    yield worker
                finally:
                    await worker.close()

    def config(self) -> WorkerConfig:
        """What the worker's file says."""
        return WorkerConfig(
            file=self.directory / "worker.properties",
            plugin_path=str(self.plugins),
            storage_file=self.log_file,
            flush_interval_s=0.2,
            shutdown_timeout_s=5.0,
            properties=self.properties,
        )


def counter(**keys: str) -> dict[str, str]:
    """A config of the counting source, which never ends by itself; `__` stands for a dot."""
    return _config({"connector.class": "acme.Counter", "count": "50"}, keys)


def writer(file: Path, **keys: str) -> dict[str, str]:
    """A config of the writing sink on the topic `numbers`."""
    pairs = {"connector.class": "acme.Writer", "file": str(file)}
    if "topics__regex" not in keys:
        pairs["topics"] = "numbers"
    return _config({**pairs, "key.converter": "StringConverter"}, keys)


def _config(pairs: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, str]:
    return {**pairs, **{key.replace("__", "."): value for key, value in keys.items()}}


async def until(condition: Callable[[], object], timeout_s: float = 60) -> None:
    """Wait until the condition holds; it fails with what it last came to."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited too long: {found}"
        await asyncio.sleep(0.02)


async def until_state(
    worker: StandingWorker,
    name: str,
    connector: State,
    *tasks: State,
    timeout_s: float = 60,
) -> None:
    """Wait until the connector and exactly these tasks are in these states."""
    deadline = time.monotonic() + timeout_s
    while True:
        status = worker.status(name)
        if status.connector.state is connector and [one.state for one in status.tasks] == [*tasks]:
            return
        assert time.monotonic() < deadline, f"waited too long: {status.as_json()}"
        await asyncio.sleep(0.02)
