"""A standing worker with hostile plugins, and a quiet pair that has to go on beside them."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import PYTHONS
from tests.wheel_maker import make_wheel
from tests.worker.standalone import Standalone, write_properties

GRACEFUL_S = 0.5
"""How long a task may take to stop before it is killed."""

MEBIBYTE = 1024 * 1024

PLUGIN = '''
import ctypes, hashlib, json, multiprocessing, os, pathlib, signal, subprocess, sys, threading, time
from venvoy_api import ConfigDef, SinkConnector, SinkTask, SourceConnector, SourceTask, SourceRecord
from venvoy_api import Transformation

C = ctypes.CDLL(None)

def there(props, key):
    return key in props and pathlib.Path(props[key]).exists()

class Hostile(SourceConnector):
    """Numbers in a partition for each task; task 0 does `how` once the file `when` is there."""
    def start(self, props):
        self.props = dict(props)
        if self.props.get("how") == "children":
            os.chdir(self.props["here"])
            subprocess.Popen(["sleep", "600"], start_new_session=True)
    def stop(self): pass
    def task_class(self): return HostileTask
    def task_configs(self, max_tasks):
        return [dict(self.props, task=str(number)) for number in range(max_tasks)]
    def config(self): return ConfigDef()

class HostileTask(SourceTask):
    def start(self, props):
        self.props = props
        self.how = props.get("how", "") if props["task"] == "0" else ""
        self.partition = {"task": props["task"]}
        found = self.context.offset_storage_reader().offset(self.partition)
        self.next = found["next"] if found else 0
        self.count = int(props.get("count", 10**9))
        if "pids" in props:
            with open(props["pids"], "a") as file:
                file.write(f"{props['task']} {os.getpid()}\\n")
        if self.how == "children":
            self.bear(props["here"])
        if self.how == "noise":
            self.shout()
    def bear(self, here):
        """Leaves children behind in every manner that a process has to leave."""
        os.chdir(here)
        subprocess.Popen(["/bin/sh", "-c", "sleep 600 & sleep 600; :"])
        multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,)).start()
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        subprocess.Popen(["sleep", "600"], env={"PATH": os.environ["PATH"]})
        if not os.fork():
            os.setsid()
            if os.fork():
                os._exit(0)
            os.closerange(0, 256)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        threading.Thread(target=time.sleep, args=(600,)).start()
        pathlib.Path(here, "born").touch()
    def shout(self):
        print("a print")
        os.write(1, b"bytes \\xff without end of line")
        os.write(1, b"\\n" + b"\\0\\1\\2" * 1000 + b"\\n")
        C.puts(b"a line of C")
        C.fflush(None)
        subprocess.run(["echo", "a line of a child"])
        print("to stderr", file=sys.stderr)
        sys.stdout = sys.__stdout__ = None
        sys.stderr = open(os.devnull, "w")
        os.dup2(2, 1)
    def misbehave(self):
        self.how, how = "", self.how
        if how == "SIGKILL":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "SIGSEGV":
            ctypes.string_at(8)
        if how == "SIGABRT":
            C.abort()
        if how == "MemoryError":
            import resource
            resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
            self.kept = [bytes(2**20) for _ in range(2000)]
        if how == "exit":
            os._exit(7)
    def poll(self):
        if self.next >= self.count:
            time.sleep(0.05)
            return None
        if there(self.props, "when"):
            self.misbehave()
        size = int(self.props.get("size", 0))
        if not size:
            time.sleep(0.02)
        if "polled" in self.props:
            with open(self.props["polled"], "a") as file:
                file.write(f"{self.next}\\n")
        self.next += 1
        value = {"n": self.next - 1, "python": "%d.%d" % sys.version_info[:2]}
        if size:
            value["filling"] = chr(97 + self.next % 26) * size
        return [SourceRecord(self.partition, {"next": self.next}, self.props["topic"], value=value)]
    def stop(self):
        if self.props.get("how") == "hang" and self.props["task"] == "0":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            pathlib.Path(self.props["here"], "hangs").touch()
            while True:
                time.sleep(1)

class Slow(Transformation):
    """Lets nothing through until the file `gate` is there."""
    def configure(self, configs): self.gate = pathlib.Path(configs["gate"])
    def config(self): return ConfigDef()
    def close(self): pass
    def apply(self, record):
        while not self.gate.exists():
            time.sleep(0.02)
        return record

class Keeper(SinkConnector):
    """A line for each record in `file`; nothing is put until the file `gate` is there."""
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return KeeperTask
    def task_configs(self, max_tasks): return [self.props]
    def config(self): return ConfigDef()

class KeeperTask(SinkTask):
    def start(self, props): self.props = props
    def stop(self): pass
    def put(self, records):
        while "gate" in self.props and not there(self.props, "gate"):
            time.sleep(0.02)
        with open(self.props["file"], "a") as file:
            for record in records:
                value = record.value
                filling = value.pop("filling", "")
                line = dict(value, offset=record.offset, length=len(filling), pid=os.getpid(),
                            sink="%d.%d" % sys.version_info[:2],
                            sha256=hashlib.sha256(filling.encode()).hexdigest())
                file.write(json.dumps(line) + "\\n")
'''

ENTRY_POINTS = {
    "venvoy.source": {"hostile": "hostile:Hostile"},
    "venvoy.sink": {"keeper": "hostile:Keeper"},
    "venvoy.transformation": {"slow": "hostile:Slow"},
}

WORKER = {
    "listeners": "http://127.0.0.1:0",
    "key.converter": "StringConverter",
    "value.converter": "JsonConverter",
    "value.converter.schemas.enable": "false",
    "offset.flush.interval.ms": "100",
    "task.shutdown.graceful.timeout.ms": str(int(GRACEFUL_S * 1000)),
}


class Ground(Standalone):
    """A worker over version 1.0 of the plugin, and over 2.x on each Python that is here."""

    def config(self, cls: str, /, **keys: str) -> dict[str, str]:
        """Return a connector's config; `__` in a keyword stands for a dot."""
        pairs = {"connector.class": f"hostile.{cls}", "connector.version": "1.0"}
        return pairs | {key.replace("__", "."): value for key, value in keys.items()}

    def create(self, name: str, config: Mapping[str, str], *, tasks: int = 1) -> None:
        """Create a connector and wait until it and all its tasks run."""
        config = {"tasks.max": str(tasks), **config}
        self.ask("POST", "/connectors", {"name": name, "config": config})
        self.until_states(name, *["RUNNING"] * (1 + tasks))

    def delete(self, *names: str) -> None:
        """Delete connectors."""
        for name in names:
            self.ask("DELETE", f"/connectors/{name}")

    def status(self, name: str) -> dict[str, object]:
        """Return a connector's status."""
        found: dict[str, object] = self.get(f"/connectors/{name}/status")
        return found

    def position(self, name: str, task: int = 0) -> int:
        """Return how far a source's task has got, by its stored offset."""
        for one in self.get(f"/connectors/{name}/offsets")["offsets"]:
            if one["partition"] == {"task": str(task)}:
                return int(one["offset"]["next"])
        return 0

    def goes_on(self, name: str, task: int = 0) -> None:
        """Wait until a source has got further than it is now."""
        before = self.position(name, task)
        self.until(lambda: self.position(name, task) > before)


def standing_in(directory: Path) -> list[int]:
    """Every process that works in that directory: what a plugin that went there has started."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink() == directory:
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                found += [] if state in "ZX" else [int(entry.name)]
        except OSError:
            continue
    return found


def highest_memory(pid: int) -> int:
    """The most memory that a process has had resident, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} is none")


def until(condition: Callable[[], object], timeout_s: float = 120) -> None:
    """Wait until the condition is true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def hostile_ground(directory: Path, store: Path) -> Iterator[Ground]:
    """Run the worker, with a quiet source and sink, until the block ends; then nothing is left."""
    plugins = directory / "plugins"
    versions = {"1.0": None} | {f"2.{version[2:]}": version for version in PYTHONS}
    for number, python in versions.items():
        location = plugins / f"hostile-{number}"
        files = {"hostile.py": PLUGIN}
        make_wheel(location, "hostile", number, files=files, entry_points=ENTRY_POINTS)
        if python is not None:
            (location / "venvoy.toml").write_text(f'python = "{python}"\n')
    file = write_properties(directory / "worker.properties", {**WORKER, "plugin.path": plugins})
    ground = Ground(directory, file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VENVOY_STORE", str(store))
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        ground.start()
    try:
        ground.create("quiet", ground.config("Hostile", topic="quiet"))
        yield ground
        ground.goes_on("quiet")
        assert ground.states("quiet") == ["RUNNING", "RUNNING"]
        assert ground.end() == 0, ground.said
    finally:
        if ground.process is not None:
            ground.process.kill()
            ground.process.wait()
        ground.until_nothing_is_left()
