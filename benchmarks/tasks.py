"""How long one more task takes to start, and what memory is its own: a fork beside a new process.

Run from the repository's root, by a Python that has venvoy's `test` extra::

    export PYTHONPATH=launcher/shared
    python -m benchmarks.tasks [--tasks 50] [--wheelhouse DIR] [--work DIR]

The plugin is a source that imports pandas and makes a small DataFrame when it starts; pandas is
downloaded once into the wheelhouse, and the environment is made in a store like any other. Task 1
starts the zygote, and another one warms up the other way. Then forks and spawned processes take
turns up to `--tasks` of each, so that a busy machine is unfair to both alike; all of them stay
alive until the memory has been read from `/proc/PID/smaps_rollup`. In the end as many forks again
are asked for at once, as a connector with that many tasks does.

- hello: until the host's first word, with which it can take the start message;
- started: until the task has made its converters and has started. In a fork the
  plugin is imported already; a spawned process imports it here.
"""

import argparse
import asyncio
import os
import socket
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from launcher.hosts.guardian import Guardian
from launcher.hosts.host import Host, HostSpec
from launcher.hosts.zygotes import Zygotes
from launcher.settings import SHARED_DIR
from manager.digests import file_sha256
from manager.interpreters.search import Interpreter, probe
from manager.proc import inherited, run
from manager.store.api_copies import ApiCopy
from manager.store.environments import Environment, make_environment, plan_environment
from manager.store.store import Store
from tests.wheel_maker import make_wheel

PLUGIN = """
import time
import pandas
from venvoy_api import ConfigDef, SourceConnector, SourceTask

class Frames(SourceConnector):
    def start(self, props): pass
    def stop(self): pass
    def task_class(self): return FramesTask
    def task_configs(self, max_tasks): return [{}] * max_tasks
    def config(self): return ConfigDef()

class FramesTask(SourceTask):
    def start(self, props):
        self.frame = pandas.DataFrame({"n": range(1000)})
    def poll(self):
        time.sleep(3600)
    def stop(self): pass
"""
MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a process holds, in bytes: its share of all (PSS), and what only it has (USS)."""

    pss: int
    uss: int


@dataclass(slots=True)
class Contender:
    """One way to start tasks, and what was measured of it, in seconds."""

    name: str
    preload: tuple[str, ...] | None
    hello: list[float] = field(default_factory=list)
    started: list[float] = field(default_factory=list)
    hosts: list[Host] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    at_once_s: float = 0.0


def main() -> None:
    """Prepare, take turns, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=50)
    parser.add_argument("--wheelhouse", type=Path, help="kept between runs (default: a new one)")
    parser.add_argument("--work", type=Path, help="where to measure (default: a new directory)")
    options = parser.parse_args()
    if options.work:
        options.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.work) as directory:
        work_dir = Path(directory)
        interpreter, environment, api = prepare(
            work_dir, options.wheelhouse or work_dir / "wheelhouse"
        )
        contenders = asyncio.run(measure(work_dir, environment, api, tasks=options.tasks))
    report(interpreter, contenders)


def prepare(work_dir: Path, wheelhouse: Path) -> tuple[Interpreter, Environment, ApiCopy]:
    """Download pandas, and make an environment of it and the plugin."""
    if not list(wheelhouse.glob("*.whl")):
        argv = [sys.executable, "-m", "pip", "download", "-q", "-d", str(wheelhouse), "pandas"]
        done = run(argv, env=inherited(), cwd=Path.cwd(), timeout_s=None)
        if done.returncode:
            raise SystemExit(done.stderr)
    plugin = make_wheel(work_dir, "frames", "1.0", files={"frames.py": PLUGIN})
    store = Store(work_dir / "store")
    interpreter = probe(Path(sys.executable), cache_dir=store.interpreters_dir)
    files = [(file, file_sha256(file)) for file in (plugin, *sorted(wheelhouse.glob("*.whl")))]
    wheels = store.add_wheels(files, interpreter)
    environment = make_environment(store, plan_environment(wheels, interpreter))
    return interpreter, environment, store.put_api(SHARED_DIR, [interpreter])


async def measure(
    work_dir: Path, environment: Environment, api: ApiCopy, *, tasks: int
) -> tuple[Contender, Contender]:
    """Start every task; the first of each contender is kept apart, as `[0]`."""
    fork = Contender("fork of a zygote", ("frames",))
    spawned = Contender("new process", None)
    with Guardian(parent_environment=inherited()) as guardian:
        zygotes = Zygotes(
            guardian=guardian,
            parent_environment=inherited(),
            on_output=lambda *line: print(*line, file=sys.stderr),
            tell=lambda *words: print(*words, file=sys.stderr),
        )
        try:
            spec = HostSpec(
                name="frames",
                mode="task",
                python=environment.python,
                api_dir=api.path,
                working_dir=work_dir,
                parent_environment=inherited(),
            )
            for _ in range(tasks):
                for one in (fork, spawned):
                    await start_one(zygotes, spec, one)
            for one in (fork, spawned):
                one.memory = [memory_of(host.pid) for host in one.hosts]
            more = Contender(fork.name, fork.preload, hosts=fork.hosts, sockets=fork.sockets)
            began = time.perf_counter()
            await asyncio.gather(*(start_one(zygotes, spec, more) for _ in range(tasks)))
            fork.at_once_s = time.perf_counter() - began
        finally:
            hosts = [*fork.hosts, *spawned.hosts]
            await asyncio.gather(*(host.kill() for host in hosts))
            await zygotes.close()
            for end in (*fork.sockets, *spawned.sockets):
                end.close()
    return fork, spawned


async def start_one(zygotes: Zygotes, spec: HostSpec, contender: Contender) -> None:
    """Start one task as the worker does, and note the times."""
    ours, theirs = socket.socketpair()
    contender.sockets.append(ours)
    began = time.perf_counter()
    host = await zygotes.start(replace(spec, data_out=theirs, preload=contender.preload))
    contender.hosts.append(host)
    await host.greeting()
    contender.hello.append(time.perf_counter() - began)
    await host.control.request("start", **start_message())
    contender.started.append(time.perf_counter() - began)


def start_message() -> dict[str, object]:
    """Return what the worker tells a source task with JSON converters."""
    roles = {
        "key.converter": ("converter", "StringConverter"),
        "value.converter": ("converter", "JsonConverter"),
        "header.converter": ("header_converter", "SimpleHeaderConverter"),
    }
    return {
        "kind": "source",
        "config": {},
        "offsets": [],
        "window_records": 20_000,
        "window_bytes": 32 * MIB,
        "flush_interval_ms": 10_000,
        "flush_timeout_ms": 3_000,
        "max_poll_records": 500,
        "until_drained": False,
        "task_class": {"module": "frames", "qualname": "FramesTask"},
        "is_last": True,
        "stages": [
            {
                "role": role,
                "prefix": f"{role}.",
                "type": kind,
                "module": "venvoy_api.converters",
                "qualname": name,
                "config": {},
                "predicate": None,
                "negate": False,
            }
            for role, (kind, name) in roles.items()
        ],
    }


def memory_of(pid: int) -> Memory:
    """Read what a process holds."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    private = kib["Private_Clean"] + kib["Private_Dirty"]
    return Memory(pss=kib["Pss"] * 1024, uss=private * 1024)


def report(interpreter: Interpreter, contenders: tuple[Contender, Contender]) -> None:
    """Print what was measured."""
    fork, spawned = contenders
    count = len(fork.memory)
    print(f"{interpreter}, {os.cpu_count()} cores; tasks 2 to {count} of each, in turns\n")
    print(f"{'':18}{'hello':>22}{'started':>22}{'PSS':>12}{'USS':>12}")
    print(f"{'':18}{'median':>12}{'max':>10}{'median':>12}{'max':>10}{'median':>12}{'median':>12}")
    for one in contenders:
        hello, started = one.hello[1:], one.started[1:]
        pss = statistics.median(memory.pss for memory in one.memory[1:])
        uss = statistics.median(memory.uss for memory in one.memory[1:])
        print(
            f"{one.name:18}{statistics.median(hello) * 1000:>9.1f} ms{max(hello) * 1000:>7.1f} ms"
            f"{statistics.median(started) * 1000:>9.1f} ms{max(started) * 1000:>7.1f} ms"
            f"{pss / MIB:>8.1f} MiB{uss / MIB:>8.1f} MiB"
        )
    times = statistics.median(spawned.started[1:]) / statistics.median(fork.started[1:])
    fork_bytes, spawned_bytes = (sum(one.pss for one in each.memory) for each in contenders)
    print(
        f"\na fork starts {times:.0f} times as fast;"
        f" {count} forks hold {fork_bytes / MIB:.0f} MiB, processes {spawned_bytes / MIB:.0f} MiB"
    )
    print(f"{count} forks asked for at once: all started after {fork.at_once_s * 1000:.0f} ms")
    print(
        f"the first of all: {fork.started[0] * 1000:.0f} ms with its zygote,"
        f" {spawned.started[0] * 1000:.0f} ms as a process"
    )


if __name__ == "__main__":
    main()
