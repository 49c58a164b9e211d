"""A standing worker in the test's own event loop: real hosts, real SQLite, plugins from wheels."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path

from launcher.hosts.guardian import Guardian
from launcher.interface.views import State
from launcher.planning.workplace import open_workplace
from launcher.settings import WorkerConfig
from launcher.storage.sqlite_log import SqliteLog
from launcher.storage.worker_store import SqliteWorkerStore, StoredConnector
from launcher.tasks.runtime import Event, RunSettings
from launcher.worker.standing import StandingWorker
from manager.proc import inherited
from tests.launcher.pipelines import PLUGINS, lines_of
from tests.wheel_maker import make_wheel

ENTRY_POINTS = {
    "venvoy.source": {
        "counter": "acme:Counter",
        "steered": "acme_steered:Steered",
        "guarded": "acme_steered:Guarded",
    },
    "venvoy.sink": {"writer": "acme:Writer", "careful": "acme_steered:CarefulWriter"},
    "venvoy.transformation": {"tag": "acme:Tag"},
    "venvoy.predicate": {"even": "acme:Even"},
}

STEERED = '''
import logging, os, pathlib, threading, time
from venvoy_api import *
from acme import Counter, CounterTask, Writer

def there(props, key):
    return key in props and pathlib.Path(props[key]).exists()

def hang(props, key):
    if key in props:
        pathlib.Path(props[key]).touch()
        time.sleep(3600)

class Steered(Counter):
    """A task for each word in `tasks_file`, asked for again whenever that changes."""
    def start(self, props):
        if there(props, "unstartable_file"):
            raise ConnectError("it does not start: " + props.get("password", ""))
        hang(props, "hang_file")
        super().start(props)
        self.ending = threading.Event()
        self.seen = self.words()
        threading.Thread(target=self.watch, daemon=True).start()
    def words(self):
        if "tasks_file" not in self.props:
            return ["0"]
        return pathlib.Path(self.props["tasks_file"]).read_text().split()
    def watch(self):
        while not self.ending.wait(0.05):
            if self.words() != self.seen:
                self.seen = self.words()
                self.context.request_task_reconfiguration()
            if there(self.props, "error_file"):
                self.context.raise_error(ValueError("told by the connector"))
                return
    def stop(self):
        if hasattr(self, "ending"):
            self.ending.set()
    def task_class(self): return SteeredTask
    def task_configs(self, max_tasks):
        return [dict(self.props, task=word) for word in self.words()]
    def alter_offsets(self, configs, offsets):
        for partition, offset in offsets:
            if offset is not None and "next" not in offset:
                raise ConnectError("an offset without next")
        return True

class SteeredTask(CounterTask):
    """Writes its pid into `pid_file`; fails while `fault_file` is there."""
    def start(self, props):
        if there(props, "unstartable_task_file"):
            raise ConnectError("the task does not start")
        hang(props, "hang_task_file")
        super().start(props)
        if "pid_file" in props:
            pathlib.Path(props["pid_file"]).write_text(str(os.getpid()))
    def misbehave(self):
        if there(self.props, "fault_file"):
            raise ValueError("the task broke with " + self.props.get("password", "nothing"))
        super().misbehave()

class Guarded(Steered):
    """Has a password, and prints it."""
    def config(self):
        return super().config().define("pin", ConfigType.PASSWORD, None,
            importance=Importance.HIGH, documentation="a password that is not called so")
    def start(self, props):
        print("the connector prints", props["pin"], flush=True)
        super().start(props)
    def task_class(self): return GuardedTask

class GuardedTask(SteeredTask):
    def start(self, props):
        print("the task prints", props["pin"], flush=True)
        logging.getLogger("acme").warning("the task logs %s", props["pin"])
        super().start(props)

class CarefulWriter(Writer):
    def alter_offsets(self, configs, offsets):
        for partition, offset in offsets.items():
            if offset is not None and offset > 1000:
                raise ConnectError(f"{partition.topic} has no offset {offset}")
        return True
'''
"""Connectors that a test steers while they run, through files that their configs name."""


@dataclasses.dataclass
class Heard:
    """What the worker told while it ran."""

    lines: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)
    events: list[Event] = dataclasses.field(default_factory=list)

    def texts(self) -> list[str]:
        """Everything, as text."""
        return [line for _, _, line in self.lines] + [event.text for event in self.events]

    def starts(self, task: str) -> int:
        """How often a task, or a connector, came to RUNNING."""
        return sum(one.subject == task and one.text == "RUNNING" for one in self.events)


class Stand:
    """A directory with a plugin path, a storage file, and workers one after the other."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.plugins = directory / "plugins"
        self.plugins.mkdir(parents=True)
        self.heard = Heard()
        self.is_watched = True
        self.log: SqliteLog
        self.properties = {
            "value.converter": "JsonConverter",
            "value.converter.schemas.enable": "false",
        }

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
        run_settings = RunSettings(
            working_dir=self.directory,
            parent_environment=environment,
            flush_interval_s=settings.pop("flush_interval_s", 0.2),
            **settings,  # type: ignore[arg-type]
        )
        with (
            Guardian(parent_environment=environment) as guardian,
            contextlib.closing(SqliteLog(self.log_file)) as log,
        ):
            self.log = log
            worker = StandingWorker(
                worker_config=self.config(),
                workplace=open_workplace(str(self.plugins), progress=lambda _: None, offline=True),
                store=SqliteWorkerStore(log),
                log=log,
                guardian=guardian,
                settings=run_settings,
                on_output=lambda *line: self.heard.lines.append(line),
                on_event=self.heard.events.append,
            )
            await worker.start()
            try:
                yield worker
            finally:
                await worker.close()

    def stored(self, name: str) -> StoredConnector:
        """What the storage file has of a connector, while no worker runs."""

        async def body() -> StoredConnector:
            with contextlib.closing(SqliteLog(self.log_file)) as log:
                return (await SqliteWorkerStore(log).connectors())[name]

        return asyncio.run(body())

    def rewrite(self, name: str, config: Mapping[str, str]) -> None:
        """Put another config into the storage file, unchecked."""
        changed = dataclasses.replace(self.stored(name), config=config)

        async def body() -> None:
            with contextlib.closing(SqliteLog(self.log_file)) as log:
                await SqliteWorkerStore(log).put_connector(changed)

        asyncio.run(body())

    async def end(self, topic: str = "numbers") -> int:
        """The next offset of a topic's first partition, while a worker runs."""
        return (await self.log.ends((topic,))).get((topic, 0), 0)

    def config(self) -> WorkerConfig:
        """What the worker's file says."""
        return WorkerConfig(
            file=self.directory / "worker.properties",
            plugin_path=str(self.plugins),
            plugin_path_watched=self.is_watched,
            storage_file=self.log_file,
            flush_interval_s=0.2,
            shutdown_timeout_s=5.0,
            properties=self.properties,
        )


def counter(**keys: str) -> dict[str, str]:
    """A config of the counting source; `__` stands for a dot."""
    return _config({"connector.class": "acme.Counter", "count": "50"}, keys)


def steered(**keys: str) -> dict[str, str]:
    """A config of the steered source, which counts on and on unless `count` says otherwise."""
    pairs = {"connector.class": "acme_steered.Steered", "count": "1000000000", "pause_s": "0.01"}
    return _config(pairs, keys)


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


async def until_lines(file: Path, count: int) -> None:
    """Wait until a sink has written that many lines; more would be too many."""
    await until(lambda: len(lines_of(file)) >= count)
    assert len(lines_of(file)) == count


async def until_task_version(worker: StandingWorker, name: str, version: str) -> None:
    """Wait until every task of the connector, and there is one, has come to that version."""
    await until(lambda: {one.version for one in worker.status(name).tasks} == {version})
