"""Plans, environments and plugins for tests of the running part: real hosts, plain virtualenvs."""

import asyncio
import contextlib
import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path

from packaging.version import Version

from launcher.configs.connector_config import PluginRequest
from launcher.hosts.frames import StoredFrame
from launcher.planning.plan import PipelinePlan, Stage, StageRole
from launcher.settings import SHARED_DIR
from launcher.storage.sqlite_log import SqliteLog
from launcher.storage.topic_log import TopicLog
from launcher.tasks.report import RunReport
from launcher.tasks.runtime import Event, RunSettings
from launcher.worker.run import run
from manager.plugins.catalog import Plugin
from manager.plugins.distributions import Distribution
from manager.plugins.entry_points import EntryPoint, PluginType
from manager.plugins.locations import Location, Shape
from manager.plugins.selection import Choice
from manager.plugins.versions import VersionSpec
from manager.proc import inherited
from manager.store.api_copies import ApiCopy
from manager.store.environments import Environment
from manager.store.receipts import Receipt
from tests.conftest import PYTHONS
from venvoy_host import frames as host_frames

API = ApiCopy(path=SHARED_DIR, version=Version("1.0.0"), digest="0" * 64)

PLUGINS = '''
import json, os, pathlib, time
import venvoy_api
from venvoy_api import *

class Counter(SourceConnector):
    """Counts from 0 to `count` - 1; `batch` at a time; remembers how far it got."""
    def start(self, props):
        self.props = dict(props)
    def stop(self): pass
    def task_class(self): return CounterTask
    def task_configs(self, max_tasks):
        return [dict(self.props, task=str(i)) for i in range(int(self.props.get("tasks", "1")))]
    def config(self):
        return (ConfigDef()
            .define("count", ConfigType.INT, importance=Importance.HIGH, documentation="how many"))

class CounterTask(SourceTask):
    def start(self, props):
        self.props = props
        self.count = int(props["count"])
        self.batch = int(props.get("batch", "10"))
        self.partition = {"task": props["task"]}
        offset = self.context.offset_storage_reader().offset(self.partition)
        self.next = offset["next"] if offset else 0
        self.began_at = self.next
        self.polls = 0
    def poll(self):
        self.polls += 1
        if "polling_file" in self.props:
            pathlib.Path(self.props["polling_file"]).touch()
        if "pause_s" in self.props:
            time.sleep(float(self.props["pause_s"]))
        self.misbehave()
        end = min(self.count, self.next + self.batch)
        made = [SourceRecord(self.partition, {"next": n + 1}, self.props.get("topic", "numbers"),
            key=str(n), value={"n": n}, timestamp=1000 + n,
            headers=[Header("from", None, "counter")] if "headers" in self.props else None)
            for n in range(self.next, end)]
        self.next = end
        if "polled_file" in self.props:
            part = pathlib.Path(self.props["polled_file"] + ".part")
            part.write_text(str(self.next))
            part.replace(self.props["polled_file"])  # a number is there whole at any moment
        return made or None
    def misbehave(self):
        how = self.props.get("fault")
        if self.polls < int(self.props.get("fault_at", "3")) or not how:
            return
        if how == "raise": raise ValueError("the counter broke")
        if how == "exit": os._exit(7)
        if how == "kill": os.kill(os.getpid(), 9)
        if how == "segfault":
            import ctypes
            ctypes.string_at(0)
        if how == "retriable" and self.polls < 6: raise RetriableError("not yet")
        if how == "hang": time.sleep(3600)
        if how == "stubborn":
            while True:
                try: time.sleep(3600)
                except BaseException: pass
    def drained(self):
        return self.next >= self.count and self.props.get("endless") != "true"
    def commit_record(self, record, metadata):
        if "acked_file" in self.props:
            with open(self.props["acked_file"], "a") as out:
                where = None if metadata is None else [metadata.topic, metadata.offset]
                out.write(json.dumps([record.value["n"], where]) + chr(10))
    def stop(self):
        if "stopped_file" in self.props:
            pathlib.Path(self.props["stopped_file"]).write_text("stopped")

class Writer(SinkConnector):
    """Writes a JSON line for each record into `file`, and a word for each call into `calls`."""
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return WriterTask
    def task_configs(self, max_tasks):
        return [dict(self.props, task=str(i)) for i in range(int(self.props.get("tasks", "1")))]
    def config(self):
        return ConfigDef().define("file", ConfigType.STRING, importance=Importance.HIGH,
            documentation="where to")

class WriterTask(SinkTask):
    def note(self, *words):
        if "calls" in self.props:
            with open(self.props["calls"], "a") as out:
                out.write(" ".join(map(str, words)) + chr(10))
    def start(self, props):
        self.props = props
        self.puts = 0
        self.rewound = False
        self.note("start")
    def open(self, partitions): self.note("open", sorted(tuple(p) for p in partitions))
    def close(self, partitions): self.note("close")
    def stop(self): self.note("stop")
    def flush(self, offsets): self.note("flush", sorted((*tp, o) for tp, o in offsets.items()))
    def put(self, records):
        if not records:
            return
        self.puts += 1
        self.note("put", len(records))
        how = self.props.get("fault")
        if how == "retriable" and self.puts < 3: raise RetriableError("not yet")
        if how == "unready": raise RetriableError("never")
        if how == "raise" and self.puts >= 2: raise ValueError("the writer broke")
        if how == "slow": time.sleep(0.05)
        with open(self.props["file"], "a") as out:
            for r in records:
                out.write(json.dumps([r.topic, r.offset, r.key, r.value, r.timestamp,
                    [[h.key, h.value] for h in r.headers]]) + chr(10))
        if how == "rewind" and not self.rewound:
            self.rewound = True
            self.context.offset(TopicPartition("numbers", 0), 0)
        if how == "pause" and not self.rewound:
            self.rewound = True
            self.context.pause(TopicPartition("numbers", 0))
            self.context.resume(TopicPartition("numbers", 0))

class Tag(Transformation):
    """Adds `tag` to the value; drops every record whose n is a multiple of `drop`."""
    def configure(self, configs): self.configs = configs
    def apply(self, record):
        value = dict(record.value)
        drop = self.configs.get("drop")
        if drop and value["n"] % int(drop) == 0:
            return None
        value["tag"] = self.configs.get("tag", "tagged")
        return record.new_record(value=value)

class Even(Predicate):
    def test(self, record): return record.value["n"] % 2 == 0
'''
"""A module with a source, a sink, a transformation and a predicate that misbehave on demand."""


def site_packages(environment_dir: Path) -> Path:
    """Where an environment's modules are."""
    (found,) = environment_dir.glob("lib/python3.*/site-packages")
    return found


def make_environment(
    directory: Path, modules: Mapping[str, str] | None = None, *, python: str | None = None
) -> Environment:
    """A plain virtualenv with the modules (file name -> text) in it."""
    version = python or f"{sys.version_info[0]}.{sys.version_info[1]}"
    argv = [str(PYTHONS[version]), "-I", "-m", "venv", "--without-pip", str(directory)]
    subprocess.run(argv, check=True)
    packages = site_packages(directory)
    for name, text in (modules or {"acme.py": PLUGINS}).items():
        file = packages / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    receipt = Receipt(
        digest="e" * 64, interpreter={}, wheels=(), warnings=(), verification=None, created=""
    )
    return Environment(path=directory, digest=directory.name, receipt=receipt)


def location(path: Path, *, builtin: bool = False) -> Location:
    """A location at the environment's own path: tests need no plugin path."""
    return Location(
        path=path, shape=Shape.PROJECT, place=path.parent, place_index=0, builtin=builtin
    )


def stage(
    role: StageRole,
    target: str,
    *,
    at: Path = SHARED_DIR,
    alias: str | None = None,
    config: Mapping[str, str] | None = None,
    predicate: Stage | None = None,
    negate: bool = False,
    type: PluginType | None = None,  # noqa: A002
) -> Stage:
    """A stage of `module:Class` from the location at `at`."""
    types = {
        StageRole.TRANSFORMATION: PluginType.TRANSFORMATION,
        StageRole.PREDICATE: PluginType.PREDICATE,
        StageRole.KEY_CONVERTER: PluginType.CONVERTER,
        StageRole.VALUE_CONVERTER: PluginType.CONVERTER,
        StageRole.HEADER_CONVERTER: PluginType.HEADER_CONVERTER,
    }
    kind = type or types[role]
    module, _, qualname = target.partition(":")
    entry_point = EntryPoint(type=kind, name=qualname, module=module, qualname=qualname)
    place = location(at, builtin=at == SHARED_DIR)
    distribution = Distribution(
        **{
            field.name: ()
            for field in dataclasses.fields(Distribution)
            if field.default is dataclasses.MISSING
        }  # type: ignore[arg-type]
    )
    plugin = Plugin(
        type=kind,
        class_name=f"{module}.{qualname}",
        entry_point=entry_point,
        version=Version("1.0"),
        distribution=distribution,
        location=place,
    )
    request = PluginRequest(
        name=qualname,
        spec=VersionSpec.parse(None),
        name_key="",
        version_key="",
        asked_version=None,
        config=config or {},
    )
    return Stage(
        role=role,
        alias=alias,
        plugin=plugin,
        choice=Choice(plugin=plugin, candidates=(plugin,), reason=""),
        request=request,
        config=config or {},
        predicate=predicate,
        negate=negate,
    )


def converters() -> tuple[Stage, ...]:
    """String keys, schemaless JSON values, simple headers: the API's own."""
    plain = {"schemas.enable": "false"}
    return (
        stage(StageRole.KEY_CONVERTER, "venvoy_api.converters:StringConverter"),
        stage(StageRole.VALUE_CONVERTER, "venvoy_api.converters:JsonConverter", config=plain),
        stage(StageRole.HEADER_CONVERTER, "venvoy_api.converters:SimpleHeaderConverter"),
    )


def plan(
    name: str,
    target: str,
    at: Path,
    *,
    config: Mapping[str, str],
    between: Sequence[Stage] = (),
    topics: tuple[str, ...] = (),
    tasks_max: int = 10,
) -> PipelinePlan:
    """A plan: a sink if it has topics; `between` are transformations, segments as `plan` does."""
    from launcher.planning.plan import segments  # noqa: PLC0415

    kind = PluginType.SINK if topics else PluginType.SOURCE
    connector = stage(StageRole.CONNECTOR, target, at=at, config=config, type=kind)
    ordered = [connector, *between, *converters()]
    if topics:
        ordered = [*converters(), *between, connector]
    return PipelinePlan(
        name=name,
        kind="sink" if topics else "source",
        connector=connector,
        segments=segments(ordered, own=connector.plugin.location),
        tasks_max=tasks_max,
        topics=topics,
        config={"name": name, **config},
    )


def source(at: Path, name: str = "counter", **config: str) -> PipelinePlan:
    """A plan of `acme:Counter`; keys with `_` as they are."""
    return plan(name, "acme:Counter", at, config={"count": "100", **config})


def sink(at: Path, file: Path, name: str = "writer", **config: str) -> PipelinePlan:
    """A plan of `acme:Writer` on the topic `numbers` (or `topic`)."""
    topic = config.pop("topic", "numbers")
    return plan(name, "acme:Writer", at, config={"file": str(file), **config}, topics=(topic,))


@dataclasses.dataclass
class Heard:
    """What a run said while it ran."""

    lines: list[tuple[str, str, str]]
    events: list[Event]


def run_plans(
    plans: Sequence[PipelinePlan],
    environments: Sequence[Environment],
    log_file: Path,
    *,
    heard: Heard | None = None,
    wrap: Callable[[TopicLog], TopicLog] = lambda log: log,
    meanwhile: Callable[[asyncio.Event], Coroutine[None, None, None]] | None = None,
    timeout_s: float = 60,
    **settings: float,
) -> RunReport:
    """Run plans on a log file, in this process, and return the report."""
    heard = heard or Heard([], [])

    async def body() -> RunReport:
        stop = asyncio.Event()
        log = SqliteLog(log_file)
        helper = None
        try:
            if meanwhile is not None:
                helper = asyncio.create_task(meanwhile(stop))
            async with asyncio.timeout(timeout_s):
                return await run(
                    plans,
                    environments={one.path: one for one in environments},
                    api=API,
                    open_log=lambda: wrap(log),
                    settings=RunSettings(
                        working_dir=log_file.parent,
                        parent_environment=inherited(),
                        **settings,  # type: ignore[arg-type]
                    ),
                    on_output=lambda *line: heard.lines.append(line),
                    on_event=heard.events.append,
                    stop=stop,
                )
        finally:
            if helper is not None:
                helper.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await helper  # what went wrong in it is what went wrong
            log.close()

    return asyncio.run(body())


def stored(log_file: Path, topic: str = "numbers", partition: int = 0) -> list[StoredFrame]:
    """Every frame of a partition."""

    async def body() -> list[StoredFrame]:
        log = SqliteLog(log_file)
        try:
            return list(await log.read(topic, partition, 0, max_bytes=2**40))
        finally:
            log.close()

    return asyncio.run(body())


def values(log_file: Path, topic: str = "numbers") -> list[object]:
    """Every value of a topic's first partition, as JSON, in order."""
    found: list[object] = []
    for frame in stored(log_file, topic):
        head = host_frames.HEADER.size
        whole = host_frames.parse(frame.data[:head], frame.data[head:])
        assert whole.first_offset == len(found)
        found += [json.loads(one or b"null") for one in host_frames.decode_columns(whole).values]
    return found


def lines_of(file: Path) -> list[object]:
    """The JSON lines of a file that are whole; none if it is not there.

    Whoever writes it may be about to end a line: a write is seen in parts.
    """
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


async def until(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    """Wait until the condition holds: for what happens in other processes."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        await asyncio.sleep(0.02)


def open_files() -> set[tuple[str, str]]:
    """Number and kind of each file that this process has open.

    Compare by `-`: what an earlier test has left may close meanwhile.
    """
    found = set()
    for file in sorted(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(FileNotFoundError):  # the listing itself, for one
            found.add((file.name, str(file.readlink())))
    return found
