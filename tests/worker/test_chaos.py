"""Hosts and zygotes killed, stopped, starved and flooding at random, while others run on.

`--chaos-seconds 600` makes it ten minutes; the seed is printed, and `--chaos-seed` repeats it.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.hosts.host import Host
from launcher.interface.views import State
from launcher.worker.standing import StandingWorker
from tests.launcher.pipelines import PLUGINS, values
from tests.wheel_maker import make_wheel
from tests.worker.standing import Stand, until, until_state

VICTIMS = ("v0", "v1", "v2")
RUNNING, FAILED = State.RUNNING, State.FAILED

CHAOS = '''
import ctypes, faulthandler, os, pathlib, resource, signal, subprocess, sys, time
from venvoy_api import *
from acme import Counter, CounterTask

class Unruly(Counter):
    def task_class(self): return UnrulyTask

class UnrulyTask(CounterTask):
    """Does what stands in `do_file`, once; else it counts."""
    def poll(self):
        file = pathlib.Path(self.props["do_file"])
        if file.exists():
            do = file.read_text()
            file.unlink()
            found = getattr(self, do)()
            if found is not None:
                return found
        return super().poll()
    def segfault(self): ctypes.string_at(0)
    def silent_segfault(self):
        faulthandler.disable()
        ctypes.string_at(0)
    def abort(self): os.abort()
    def leave(self): os._exit(5)
    def throw(self): raise ValueError("thrown")
    def swell(self):
        resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
        self.kept = [bytes(2**20) for _ in range(2000)]
    def flood(self):
        while True:
            os.write(1, b"flood\\n" * 10000)
    def enlarge(self):
        offset = {"next": self.next}
        return [SourceRecord(self.partition, offset, "large", value="x" * 100 * 2**20)]
    def leave_children(self):
        subprocess.Popen(["sleep", "3600"], start_new_session=True)
        if not os.fork():
            os.setsid()
            if os.fork():
                os._exit(0)
            os.closerange(0, 256)
            time.sleep(3600)
        os.kill(os.getpid(), signal.SIGKILL)
'''
"""A source that is told what to do by files."""

DEADLY = {
    "segfault": "SIGSEGV",
    "silent_segfault": "SIGSEGV",
    "abort": "SIGABRT",
    "leave": "exit code 5",
    "throw": "ValueError: thrown",
    "swell": "MemoryError",
    "leave_children": "SIGKILL",
}
"""What a task can be told that ends it, and what its trace says then."""


class Chaos:
    """One worker with three unruly sources, a sink of each, and a calm pair beside them."""

    def __init__(self, stand: Stand, worker: StandingWorker, chance: random.Random) -> None:
        self.stand = stand
        self.worker = worker
        self.chance = chance
        self.figures: Counter[str] = Counter()
        self.larges = 0
        self.began = time.monotonic()
        self.calm_pids: dict[str, int] = {}

    async def begin(self) -> None:
        """Make the connectors and wait until everything moves."""
        for name in VICTIMS:
            await self.worker.create(name, self.source(name, "acme_chaos.Unruly", "1.0"))
            await self.worker.create(f"{name}-out", self.sink(name, "1.0"))
        await self.worker.create("calm", self.source("calm", "acme.Counter", "2.0"))
        await self.worker.create("calm-out", self.sink("calm", "2.0"))
        await self.all_running()
        await until(lambda: {f"{one}-0" for one in ("calm", "calm-out")} <= self.hosts().keys())
        self.calm_pids = {n: host.pid for n, host in self.hosts().items() if n.startswith("calm")}
        assert len(self.calm_pids) == 4
        await until(lambda: all(self.out(one).exists() for one in (*VICTIMS, "calm")))

    def source(self, topic: str, target: str, version: str) -> dict[str, str]:
        """A source that counts into a topic for ever."""
        return {
            "connector.class": target,
            "connector.version": version,
            "count": "1000000000",
            "batch": "2",
            "pause_s": "0.01",
            "topic": topic,
            "do_file": str(self.stand.directory / f"{topic}.do"),
        }

    def sink(self, topic: str, version: str) -> dict[str, str]:
        """A sink that writes a line for each record."""
        return {
            "connector.class": "acme.Writer",
            "connector.version": version,
            "topics": topic,
            "file": str(self.out(topic)),
            "key.converter": "StringConverter",
        }

    def out(self, topic: str) -> Path:
        """What the sink of a topic writes."""
        return self.stand.directory / f"{topic}.jsonl"

    def hosts(self) -> dict[str, Host]:
        """Every host that lives, by the name of its connector or task."""
        living = [host for host in self.worker._runtime._hosts if not host.ended.done()]
        return {host.spec.name: host for host in living}

    async def all_running(self) -> None:
        """Wait until every connector and task is."""
        for name in self.worker.connectors():
            await until_state(self.worker, name, RUNNING, RUNNING)

    async def failed(self, name: str, *words: str) -> None:
        """Wait until a connector's own object (`v0`) or task (`v0-0`) is FAILED with that trace."""
        connector, _, index = name.rpartition("-")
        is_task = index.isdigit()

        def trace() -> str | None:
            status = self.worker.status(connector if is_task else name)
            state = status.tasks[0] if is_task else status.connector
            return state.trace if state.state is FAILED else None

        await until(trace)
        text = trace()
        assert text is not None
        for word in words:
            assert word in text, text

    async def restart(self, name: str) -> None:
        """Restart what failed, and wait until it runs."""
        self.say(f"restart {name}")
        connector, _, index = name.rpartition("-")
        if index.isdigit():
            await self.worker.restart_task(connector, 0)
        else:
            connector = name
            await self.worker.restart(name, include_tasks=True)
        await until_state(self.worker, connector, RUNNING, RUNNING)

    async def kill_host(self) -> None:
        """End a host at random by a signal."""
        name = self.chance.choice([one for one in self.hosts() if not one.startswith("calm")])
        number = self.chance.choice([signal.SIGKILL, signal.SIGSEGV])
        self.say(f"{number.name} {name} {self.hosts()[name].pid}")
        os.kill(self.hosts()[name].pid, number)
        await self.failed(name, f"died with {number.name}")
        await self.restart(name)

    async def stop_host(self) -> None:
        """Stop a host at random: nobody sees that, and a restart ends it."""
        name = self.chance.choice([one for one in self.hosts() if not one.startswith("calm")])
        host = self.hosts()[name]
        self.say(f"SIGSTOP {name} {host.pid}")
        os.kill(host.pid, signal.SIGSTOP)
        await self.calm_moves()
        await self.restart(name)
        await until(host.ended.done)

    def tell(self, name: str, do: str) -> None:
        """Have a task do something in its next poll."""
        self.say(f"{name} {do}")
        written = self.stand.directory / "do"
        written.write_text(do)
        written.rename(self.stand.directory / f"{name}.do")

    def say(self, text: str) -> None:
        """Leave a trace of what was done, for a test that fails."""
        print(f"{time.monotonic() - self.began:8.2f} {text}", file=sys.stderr)

    async def do(self) -> None:
        """Have a task end itself at random."""
        name, do = self.chance.choice(VICTIMS), self.chance.choice(sorted(DEADLY))
        self.tell(name, do)
        await self.failed(f"{name}-0", DEADLY[do])
        self.figures[do] += 1
        await self.restart(f"{name}-0")

    async def flood(self) -> None:
        """Have a task write for ever: it stays as it is, and a restart ends it."""
        name = self.chance.choice(VICTIMS)
        before = len(self.stand.heard.lines)
        self.tell(name, "flood")
        await until(lambda: any(" lines dropped" in one[2] for one in self.lines_since(before)))
        await self.calm_moves()
        await self.restart(f"{name}-0")
        assert len(self.lines_since(before)) < 100_000

    def lines_since(self, number: int) -> list[tuple[str, str, str]]:
        """What hosts wrote since then."""
        return self.stand.heard.lines[number:]

    async def enlarge(self) -> None:
        """Have a task send 100 MiB in one record."""
        name = self.chance.choice(VICTIMS)
        self.tell(name, "enlarge")
        self.larges += 1
        while await self.stand.end("large") < self.larges:
            await asyncio.sleep(0.05)
        assert self.worker.task_status(name, 0).state is RUNNING

    async def harm_zygote(self) -> None:
        """Kill or stop a zygote or its standby, the calm one's too, then start a task."""
        (zygotes,) = self.worker._runtime._started
        living = [one for one in zygotes._living if one.is_ready]
        if living:
            zygote = self.chance.choice(living)
            target = self.chance.choice([zygote.pid, zygote._standby or zygote.pid])
            number = self.chance.choice([signal.SIGKILL, signal.SIGSTOP])
            with contextlib.suppress(ProcessLookupError):
                self.say(f"{number.name} zygote {zygote.pid}: {target}")
                os.kill(target, number)
                self.figures[f"{number.name} of a zygote or a standby"] += 1
        await self.restart(f"{self.chance.choice(VICTIMS)}-0")

    async def calm_moves(self) -> None:
        """Wait until the calm pair has moved on."""
        end, size = await self.stand.end("calm"), self.out("calm").stat().st_size
        while await self.stand.end("calm") <= end or self.out("calm").stat().st_size <= size:
            self.calm_is_well()
            await asyncio.sleep(0.02)

    def calm_is_well(self) -> None:
        """The calm pair runs, in the processes that it began with."""
        for name in ("calm", "calm-out"):
            status = self.worker.status(name)
            assert [status.connector.state, *(one.state for one in status.tasks)] == [RUNNING] * 2
        found = {name: host.pid for name, host in self.hosts().items() if name.startswith("calm")}
        assert found == self.calm_pids

    async def run(self, seconds: float) -> None:
        """Do harm until the time is up; every kind at least once."""
        kinds = [self.kill_host, self.stop_host, self.do, self.flood, self.harm_zygote]
        deadline = time.monotonic() + seconds
        first = [*kinds, self.enlarge]
        self.chance.shuffle(first)
        while first or time.monotonic() < deadline:
            harm = first.pop() if first else self.chance.choice(kinds)
            await harm()
            self.figures[harm.__name__] += 1
            await self.calm_moves()
            self.calm_is_well()

    async def end(self) -> None:
        """Stop the sources, and let the sinks come to the end."""
        for name in (*VICTIMS, "calm"):
            await self.worker.stop(name)
            await until_state(self.worker, name, State.STOPPED)
        for name in (*VICTIMS, "calm"):
            count = await self.stand.end(name)
            await until(lambda name=name, count=count: self.offsets(name) >= set(range(count)))  # type: ignore[misc]

    def offsets(self, topic: str) -> set[int]:
        """What a topic's sink has written, line by line; a torn line is not counted."""
        found = set()
        for line in self.out(topic).read_text().splitlines():
            with contextlib.suppress(ValueError):
                found.add(json.loads(line)[1])
        return found


def bearing(prefix: str) -> list[str]:
    """Every process that bears a mark which begins so."""
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"\0VENVOY_HOST={prefix}".encode() in b"\0" + file.read_bytes():
                found.append(file.parent.name)
    return found


def children() -> set[int]:
    """Our children, zombies too."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(file.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.add(int(file.parent.name))
    return found


@pytest.mark.timeout(0)
def test_whatever_ends_hosts_and_zygotes_the_others_run_on_and_nothing_is_lost(
    stand: Stand,
    request: pytest.FixtureRequest,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    seconds: float = request.config.getoption("chaos_seconds")
    seed: int = request.config.getoption("chaos_seed") or random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    for version in ("1.0", "2.0"):
        make_wheel(
            stand.plugins / f"acme-{version}",
            "acme",
            version,
            files={"acme.py": PLUGINS, "acme_chaos.py": CHAOS},
            entry_points={
                "venvoy.source": {"counter": "acme:Counter", "unruly": "acme_chaos:Unruly"},
                "venvoy.sink": {"writer": "acme:Writer"},
            },
        )
    before = children()
    marks: list[str] = []
    figures: list[Counter[str]] = []

    async def body(worker: StandingWorker) -> None:
        chaos = Chaos(stand, worker, random.Random(seed))
        figures.append(chaos.figures)
        marks.append(worker._runtime.guardian.new_mark().partition(".")[0])
        await chaos.begin()
        assert bearing(f"{marks[0]}.")
        await chaos.run(seconds)
        await chaos.end()

    stand.run(body, timeout_s=seconds + 300, shutdown_timeout_s=1.0)
    assert bearing(f"{marks[0]}.") == []
    assert children() <= before
    for name in (*VICTIMS, "calm"):
        found = [one["n"] for one in values(stand.log_file, name)]  # type: ignore[index]
        assert found == list(range(len(found))), name
        figures[0]["records"] += len(found)
    for name, figure in sorted(figures[0].items()):
        print(f"{figure:8} {name}")
        record_testsuite_property(f"chaos: {name}", figure)
