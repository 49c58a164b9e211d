"""A worker that stands, with two versions of a source and one sink, and its REST address."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.isolation.workspaces import Workspace
from tests.ports import free_port

START_S = 120.0

TICKER = '''
import itertools, time
import venvoy_api
from venvoy_api import ConfigDef, ConfigType, Importance, SourceRecord

class TickerSourceConnector(venvoy_api.SourceConnector):
    """Counts up for ever, each task in a partition of its own."""
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return TickerTask
    def task_configs(self, max_tasks):
        return [dict(self.props, task=str(number)) for number in range(max_tasks)]
    def config(self):
        return (ConfigDef()
            .define("topic", ConfigType.STRING, importance=Importance.HIGH, documentation="where")
            .define("fail.file", ConfigType.STRING, default="", importance=Importance.LOW,
                    documentation="A file; while it is there, no task starts."))

class TickerTask(venvoy_api.SourceTask):
    def start(self, props):
        import os
        if props.get("fail.file") and os.path.exists(props["fail.file"]):
            raise ValueError("the file says so")
        self.props = props
        self.partition = {"task": props["task"]}
        found = self.context.offset_storage_reader().offset(self.partition)
        self.next = found["next"] if found else 0
    def stop(self): pass
    def poll(self):
        time.sleep(0.02)
        self.next += 1
        return [SourceRecord(self.partition, {"next": self.next}, self.props["topic"],
                             value={"n": self.next - 1})]
'''

KEEPER = '''
import venvoy_api
from venvoy_api import ConfigDef, ConfigType, Importance

class KeeperSinkConnector(venvoy_api.SinkConnector):
    """Appends the values to a file."""
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return KeeperTask
    def task_configs(self, max_tasks): return [self.props]
    def config(self):
        return ConfigDef().define("file", ConfigType.STRING, importance=Importance.HIGH,
                                  documentation="where")

class KeeperTask(venvoy_api.SinkTask):
    def start(self, props): self.file = open(props["file"], "a")
    def stop(self): self.file.close()
    def put(self, records):
        for record in records:
            self.file.write(f"{record.value}\\n")
        self.file.flush()
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """A worker that stands; `http` asks it without any client in between."""

    url: str
    http: httpx.Client
    workspace: Workspace

    def ticker(self, name: str, **keys: str) -> dict[str, str]:
        """Return the config of a source; `__` in a keyword stands for a dot."""
        config = {"name": name, "connector.class": "ticker.TickerSourceConnector", "topic": name}
        return config | {key.replace("__", "."): value for key, value in keys.items()}

    def wait_for(self, name: str, state: str, *, tasks: int = 1) -> dict[str, Any]:
        """Wait until a connector and that many tasks are in a state; return the status."""
        deadline = time.monotonic() + START_S
        status: dict[str, Any] = {}
        while time.monotonic() < deadline:
            answer = self.http.get(f"/connectors/{name}/status")
            if answer.status_code == 200:
                status = answer.json()
                connector = status["connector"]["state"]
                found = [task["state"] for task in status["tasks"]]
                if found == [state] * tasks and state in (connector, "FAILED"):
                    return status
            time.sleep(0.05)
        raise AssertionError(f"{name} did not become {state}: {status}")

    def count(self, name: str) -> int:
        """Return how far a source has got, by its first partition's offset."""
        offsets = self.http.get(f"/connectors/{name}/offsets").json()["offsets"]
        return max((one["offset"]["next"] for one in offsets), default=0)

    def wait_past(self, name: str, count: int) -> None:
        """Wait until a source has got further than that."""
        deadline = time.monotonic() + START_S
        while self.count(name) <= count:
            assert time.monotonic() < deadline, f"{name} stands still at {self.count(name)}"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def connect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connect]:
    """`venvoy standalone` over a plugin path with two versions of a source, and a sink."""
    directory = tmp_path_factory.mktemp("connect")
    workspace = Workspace(directory, directory / "store")
    for version in ("1.4.0", "2.0.0"):
        workspace.wheel(
            f"ticker-{version}", "acme-ticker", version, files={"ticker.py": TICKER},
            entry_points={"venvoy.source": {"ticker": "ticker:TickerSourceConnector"}},
        )  # fmt: skip
    workspace.wheel(
        "keeper", "acme-keeper", "1.0.0", files={"keeper.py": KEEPER},
        entry_points={"venvoy.sink": {"keeper": "keeper:KeeperSinkConnector"}},
    )  # fmt: skip
    url = f"http://127.0.0.1:{free_port()}"
    worker = workspace.worker(listeners=url, offset__flush__interval__ms="200")
    with (
        workspace.start("standalone", worker) as process,
        httpx.Client(base_url=url, timeout=START_S) as http,
    ):
        _wait_until_healthy(http, process)
        yield Connect(url=url, http=http, workspace=workspace)
        process.terminate()
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said


def _wait_until_healthy(http: httpx.Client, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        try:
            if http.get("/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("the worker did not become healthy")
