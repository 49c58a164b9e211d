"""What plugin code may do to its host without harm to anyone else."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.hosts.frames import StoredFrame
from launcher.hosts.host import HostDiedError
from launcher.storage.sqlite_log import LogError
from launcher.storage.topic_log import Append, TopicLog
from launcher.tasks.report import RunState
from manager.store.environments import Environment
from tests.launcher.pipelines import (
    PLUGINS,
    Heard,
    lines_of,
    make_environment,
    run_plans,
    sink,
    source,
    until,
    values,
)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return make_environment(tmp_path / "environment")


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


@pytest.mark.parametrize(
    ("fault", "ending"), [("exit", "exit code 7"), ("kill", "SIGKILL"), ("segfault", "SIGSEGV")]
)
def test_a_dead_host_is_a_failed_task_and_others_run_on(
    environment: Environment, log_file: Path, tmp_path: Path, fault: str, ending: str
) -> None:
    out = tmp_path / "out.jsonl"
    plans = [
        source(environment.path, "dies", fault=fault),
        source(environment.path, "lives", topic="others"),
        sink(environment.path, out, topic="others"),
    ]
    dies, lives, writer = run_plans(plans, [environment], log_file).connectors
    assert dies.state is RunState.FAILED
    (failure,) = dies.failures
    assert isinstance(failure, HostDiedError)
    assert failure.message == f"the host of `dies-0` died with {ending}"
    if fault == "segfault":
        assert "Segmentation fault" in failure.hint
        assert "acme.py" in failure.hint
    assert lives.state is writer.state is RunState.COMPLETED
    assert len(lines_of(out)) == 100


def test_a_dead_host_of_a_connector_fails_it_though_its_tasks_did_all(
    log_file: Path, tmp_path: Path
) -> None:
    murderous = PLUGINS.replace(
        "dict(self.props, task=str(i)) for",
        "dict(self.props, task=str(i), pid=str(os.getpid())) for",
    ).replace("        self.polls += 1\n", "        self.polls += 1\n        self.murder()\n", 1)
    murderous = murderous.replace(
        "    def misbehave(self):",
        "    def murder(self):\n"
        "        if self.polls == 1: os.kill(int(self.props['pid']), 9)\n"
        "    def misbehave(self):",
    )
    environment = make_environment(tmp_path / "environment", {"acme.py": murderous})
    (report,) = run_plans([source(environment.path)], [environment], log_file).connectors
    assert report.state is RunState.FAILED
    (failure,) = report.failures
    assert failure.message == "the host of `counter` died with SIGKILL"
    assert report.records_out == 100


def test_a_commit_that_cannot_be_stored_fails_the_sink_at_once(
    environment: Environment, log_file: Path, tmp_path: Path
) -> None:
    class Full:
        def __init__(self, log: TopicLog) -> None:
            self.log = log

        def __getattr__(self, name: str) -> object:
            return getattr(self.log, name)

        async def commit_sink_offsets(self, *_: object) -> None:
            raise LogError(file=log_file, reason="disk full")

    async def meanwhile(stop: asyncio.Event) -> None:
        await until(lambda: any(one.level == "ERROR" for one in heard.events))
        stop.set()

    heard = Heard([], [])
    plans = [
        source(environment.path, endless="true"),
        sink(environment.path, tmp_path / "out.jsonl"),
    ]
    report = run_plans(
        plans,
        [environment],
        log_file,
        heard=heard,
        wrap=Full,  # type: ignore[arg-type]  # whatever it lacks, it passes on
        meanwhile=meanwhile,
        flush_interval_s=0.1,
    )
    counter, writer = report.connectors
    assert counter.state is RunState.STOPPED
    assert [str(failure) for failure in writer.failures] == [
        f"the log `{log_file}` cannot be used: disk full"
    ]


def test_x10_output_of_a_plugin_reaches_the_worker_and_breaks_nothing(
    log_file: Path, tmp_path: Path
) -> None:
    noisy = PLUGINS.replace(
        "        self.polls += 1\n",
        "        self.polls += 1\n"
        "        print('polling', self.polls)\n"
        "        os.write(1, b'\\xff no text\\n')\n"
        "        os.write(2, b'x' * 200_000 + b'\\n')\n"
        "        import logging; logging.getLogger('acme').warning('careful')\n",
    )
    environment = make_environment(tmp_path / "environment", {"acme.py": noisy})
    heard = Heard([], [])
    report = run_plans([source(environment.path, count="20")], [environment], log_file, heard=heard)
    assert report.failures == ()
    assert ("counter-0", "stdout", "polling 1") in heard.lines
    assert ("counter-0", "stdout", "\ufffd no text") in heard.lines
    longest = max(
        (line for line in heard.lines if line[1] == "stderr"), key=lambda one: len(one[2])
    )
    assert len(longest[2]) < 70_000
    assert longest[2].endswith("[cut]")
    logged = [event for event in heard.events if event.kind == "log"]
    assert {(one.subject, one.level, one.logger, one.text) for one in logged} == {
        ("counter-0", "WARNING", "acme", "careful")
    }


def test_endless_output_without_a_line_end_neither_blocks_nor_grows(
    log_file: Path, tmp_path: Path
) -> None:
    flood = PLUGINS.replace(
        "        self.polls += 1\n",
        "        self.polls += 1\n        os.write(1, b'y' * 30_000_000)\n",
    )
    environment = make_environment(tmp_path / "environment", {"acme.py": flood})
    heard = Heard([], [])
    report = run_plans([source(environment.path, count="20")], [environment], log_file, heard=heard)
    assert report.failures == ()
    assert sum(len(line[2]) for line in heard.lines) < 100_000


def test_what_a_plugin_leaves_behind_ends_with_its_host(log_file: Path, tmp_path: Path) -> None:
    leaving = PLUGINS.replace(
        "        self.polls = 0\n",
        "        self.polls = 0\n"
        "        import subprocess\n"
        "        child = subprocess.Popen(['sleep', '600'])\n"
        "        pathlib.Path(props['polled_file'] + '.pid').write_text(str(child.pid))\n",
    )
    environment = make_environment(tmp_path / "environment", {"acme.py": leaving})
    polled = tmp_path / "polled"
    report = run_plans([source(environment.path, polled_file=str(polled))], [environment], log_file)
    assert report.failures == ()
    assert not _is_alive(int((tmp_path / "polled.pid").read_text()))


class _Gate:
    """A log that stores nothing until it is opened; the rest goes straight through."""

    def __init__(self, log: TopicLog, is_open: asyncio.Event) -> None:
        self._log = log
        self._is_open = is_open

    async def append(self, batch: Append) -> tuple[tuple[str, int, int], ...]:
        await self._is_open.wait()
        return await self._log.append(batch)

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)


def test_a_slow_log_holds_a_fast_source(
    environment: Environment, log_file: Path, tmp_path: Path
) -> None:
    polled = tmp_path / "polled"
    seen: list[int] = []
    gates: list[asyncio.Event] = []

    def wrap(log: TopicLog) -> TopicLog:
        gates.append(asyncio.Event())
        return _Gate(log, gates[0])  # type: ignore[return-value]  # the rest by __getattr__

    async def watch(_stop: asyncio.Event) -> None:
        await until(lambda: polled.exists() and int(polled.read_text()) >= 500)
        await asyncio.sleep(0.3)  # time in which a source that nobody holds would run away
        seen.append(int(polled.read_text()))
        gates[0].set()

    made = source(environment.path, count="20000", batch="100", polled_file=str(polled))
    report = run_plans(
        [made], [environment], log_file, wrap=wrap, meanwhile=watch, window_records=500
    )
    assert report.failures == ()
    assert seen[0] <= 600
    assert len(values(log_file)) == 20_000


class _Watched:
    """A log that notes how far its reader is ahead of the records that the sink has written."""

    def __init__(self, log: TopicLog, out: Path) -> None:
        self._log = log
        self._out = out
        self.ahead = 0

    async def read(
        self, topic: str, partition: int, offset: int, *, max_bytes: int
    ) -> tuple[StoredFrame, ...]:
        self.ahead = max(self.ahead, offset - len(lines_of(self._out)))
        return await self._log.read(topic, partition, offset, max_bytes=max_bytes)

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)


def test_a_slow_sink_is_not_sent_more_than_its_window(
    environment: Environment, log_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    watched: list[_Watched] = []

    def wrap(log: TopicLog) -> TopicLog:
        watched.append(_Watched(log, out))
        return watched[0]  # type: ignore[return-value]  # the rest by __getattr__

    run_plans([source(environment.path, count="600", batch="20")], [environment], log_file)
    slow = sink(environment.path, out, fault="slow")
    report = run_plans([slow], [environment], log_file, wrap=wrap, window_records=40)
    assert report.failures == ()
    assert [line[1] for line in lines_of(out)] == list(range(600))  # type: ignore[index]
    assert watched[0].ahead <= 60


WORKER = """
import asyncio, sys
from pathlib import Path
from tests.launcher.pipelines import *
directory = Path(sys.argv[1])
environment = Environment(path=directory / "environment", digest="d",
    receipt=None)
config = dict(count="100000", batch="7", pause_s="0.001", polled_file=str(directory / "polled"))
run_plans([source(environment.path, **config), sink(environment.path, directory / "out")],
    [environment], directory / "log.sqlite", timeout_s=600)
"""


def _start_worker(directory: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(directory)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": ".:launcher/shared", "PYTHONDONTWRITEBYTECODE": "1"},
    )


def _wait_for(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _processes_of(directory: Path) -> list[int]:
    """Every live process whose command line names the directory."""
    text = str(directory)
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text.encode() in file.read_bytes():
                found.append(int(file.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return [pid for pid in found if _is_alive(pid) and pid != os.getpid()]


def _numbers_in(file: Path) -> list[int]:
    """The numbers that a sink wrote; a line that a SIGKILL cut in two is left out."""
    found = []
    for line in file.read_text().splitlines() if file.exists() else []:
        with contextlib.suppress(json.JSONDecodeError):
            found.append(json.loads(line)[3]["n"])
    return found


def test_nothing_is_left_of_a_worker_that_is_killed_and_the_log_is_exact(tmp_path: Path) -> None:
    leaving = PLUGINS.replace(
        "        self.polls = 0\n",
        "        self.polls = 0\n"
        "        import subprocess\n"
        "        child = subprocess.Popen(['sh', '-c', 'sleep 601; :', props['polled_file']])\n",
    )
    make_environment(tmp_path / "environment", {"acme.py": leaving})
    log_file, out = tmp_path / "log.sqlite", tmp_path / "out"
    numbers: list[int] = []
    for _ in range(3):
        wanted = len(_numbers_in(out)) + 100
        worker = _start_worker(tmp_path)
        try:
            while len(_numbers_in(out)) <= wanted:
                assert worker.poll() is None
                time.sleep(0.02)
            # The worker, a zygote and its standby, two connectors, two tasks, and a child of one.
            _wait_for(lambda: len(_processes_of(tmp_path)) == 8)
        finally:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        _wait_for(lambda: _processes_of(tmp_path) == [])
        numbers = [one["n"] for one in values(log_file)]  # type: ignore[index]
        assert numbers == list(range(len(numbers)))
    written = set(_numbers_in(out))
    assert max(written) < len(numbers)
    run_plans(
        [sink(tmp_path / "environment", out)],
        [Environment(path=tmp_path / "environment", digest="d", receipt=None)],  # type: ignore[arg-type]
        log_file,
    )
    assert set(_numbers_in(out)) == set(range(len(numbers)))


def test_a_fork_of_a_plugin_is_no_host(log_file: Path, tmp_path: Path) -> None:
    forking = PLUGINS.replace(
        "        self.polls = 0\n",
        "        self.polls = 0\n"
        "        import logging, multiprocessing\n"
        "        context = multiprocessing.get_context('fork')\n"
        "        child = context.Process(target=logging.warning, args=('from the child',))\n"
        "        child.start(); child.join()\n"
        "        logging.warning('threads: %s', len(os.listdir('/proc/self/task')))\n"
        "        logging.warning('exit code %s', child.exitcode)\n",
    )
    environment = make_environment(tmp_path / "environment", {"acme.py": forking})
    heard = Heard([], [])
    report = run_plans([source(environment.path)], [environment], log_file, heard=heard)
    assert report.failures == ()
    assert ("counter-0", "stderr", "from the child") in heard.lines
    assert {"exit code 0", "threads: 1"} <= {event.text for event in heard.events}


def test_ctrl_c_ends_a_run_gracefully(
    environment: Environment, log_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    async def interrupt(_stop: asyncio.Event) -> None:
        await until(lambda: len(_numbers_in(out)) > 50)
        os.kill(os.getpid(), signal.SIGINT)

    plans = [
        source(environment.path, count="1000000", pause_s="0.01"),
        sink(environment.path, out),
    ]
    # A shell starts what it puts into the background with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_plans(plans, [environment], log_file, meanwhile=interrupt)
    finally:
        signal.signal(signal.SIGINT, before)
    run_plans([sink(environment.path, out)], [environment], log_file)
    numbers = [one["n"] for one in values(log_file)]  # type: ignore[index]
    assert _numbers_in(out) == numbers == list(range(len(numbers)))
