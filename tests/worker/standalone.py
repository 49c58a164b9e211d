"""`venvoy standalone` as a process of its own: started, asked over HTTP, signalled, killed."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from venvoy_host import frames

_T = TypeVar("_T")
ROOT = Path(__file__).parents[2]
_ADDRESS = re.compile(r"the REST API is at (\S+)")
_MAIN = "import sys; sys.path[:0] = {paths!r}; from launcher.cli import main; main()"


class Standalone:
    """One worker process after the other, on one directory; its stderr is in `said`."""

    def __init__(self, directory: Path, worker_file: Path) -> None:
        self.directory = directory
        self.worker_file = worker_file
        self.process: subprocess.Popen[bytes] | None = None
        self._stderr = directory / "stderr.txt"
        self.url = ""

    @property
    def said(self) -> str:
        """What the running worker, or the last one, wrote to stderr."""
        return self._stderr.read_text()

    def launch(self, *files: Path | str, shell: str = "true") -> None:
        """Start a worker, behind a word to the shell, and wait for nothing."""
        paths = [str(ROOT), str(ROOT / "launcher" / "shared")]
        command = [sys.executable, "-c", _MAIN.format(paths=paths), "standalone", "--offline"]
        command.append(str(self.worker_file))
        with self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", f'{shell}; exec "$@"', "sh", *command, *map(str, files)],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )

    def start(self, *files: Path | str, shell: str = "true") -> "Standalone":
        """Start a worker and wait until its REST API answers that all is well."""
        self.launch(*files, shell=shell)
        self.url = self.until(lambda: (m := _ADDRESS.search(self.said)) and m[1])
        self.until(lambda: self.get("/health")["status"] == "healthy")
        return self

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; return the exit code once it has ended."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Return the exit code once it has ended."""
        assert self.process is not None
        return self.process.wait(timeout=120)

    def until(self, condition: Callable[[], _T | None], timeout_s: float = 120) -> _T:
        """Wait until the condition gives something, and return that; a dead worker fails."""
        deadline = time.monotonic() + timeout_s
        while not (found := condition()):
            assert self.process is not None
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, f"waited too long: {found}\n{self.said}"
            time.sleep(0.02)
        return found

    def get(self, path: str) -> Any:
        """GET; return the JSON."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Send a request; return the JSON, or None for an empty answer."""
        request = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={} if body is None else {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{method} {path}: {error.code} {error.read()!r}") from error
        return json.loads(text) if text else None

    def states(self, name: str) -> list[str]:
        """The connector's state, then its tasks'."""
        status = self.get(f"/connectors/{name}/status")
        return [status["connector"]["state"], *(task["state"] for task in status["tasks"])]

    def until_states(self, name: str, *states: str) -> None:
        """Wait until the connector and exactly these tasks are in these states."""
        self.until(lambda: name in self.get("/connectors") and self.states(name) == [*states])

    def leftovers(self) -> list[int]:
        """Every process that works in the directory, except the test's own."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                if (entry / "cwd").readlink() == self.directory and _is_alive(entry):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def until_nothing_is_left(self, timeout_s: float = 60) -> None:
        """Wait until no process of a worker that has ended is left."""
        deadline = time.monotonic() + timeout_s
        while left := self.leftovers():
            assert time.monotonic() < deadline, f"{left} are left"
            time.sleep(0.02)


def _is_alive(entry: Path) -> bool:
    return (entry / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"


def write_properties(file: Path, pairs: Mapping[str, object]) -> Path:
    """Write a properties file."""
    file.write_text("".join(f"{key}={value}\n" for key, value in pairs.items()))
    return file


def values_in(storage: Path, topic: str) -> list[Any]:
    """Every value of a topic's partition 0, in order, read by SQLite; offsets must be seamless."""
    connection = sqlite3.connect(f"file:{storage}?mode=ro", uri=True)
    try:
        connection.execute("BEGIN")  # both at one moment, also while a worker appends
        rows = connection.execute(
            "SELECT first_offset, count, frame FROM frames JOIN topics ON id = topic_id "
            "WHERE topic = ? AND partition = 0 ORDER BY first_offset",
            (topic,),
        ).fetchall()
        end = connection.execute(
            "SELECT next_offset FROM topics WHERE topic = ? AND partition = 0", (topic,)
        ).fetchone()
    finally:
        connection.close()
    found: list[Any] = []
    size = frames.HEADER.size
    for first, count, data in rows:
        assert first == len(found)
        columns = frames.decode_columns(frames.parse(data[:size], data[size:]))
        assert len(columns.values) == count
        found += [json.loads(value or b"null") for value in columns.values]
    assert end == ((len(found),) if found else end)
    return found
