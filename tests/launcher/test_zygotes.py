"""Zygotes: hosts as forks of one import, on old and new Pythons, and what becomes of the rest."""

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import cast

import pytest

from launcher.hosts.control import Message, PluginFailedError
from launcher.hosts.guardian import Guardian
from launcher.hosts.host import Host, HostSpec
from launcher.hosts.zygotes import Zygotes
from launcher.settings import SHARED_DIR
from launcher.tasks.report import RunState
from manager.proc import inherited
from manager.store.environments import Environment
from tests.conftest import python_or_skip
from tests.launcher.pipelines import (
    PLUGINS,
    Heard,
    make_environment,
    open_files,
    run_plans,
    sink,
    source,
    until,
    values,
)

Facts = Mapping[str, object]

# A connector whose only task config is what it sees.
TELLER = """
import gc, json, logging, os, random, sys
import venvoy_api
from venvoy_api import ConfigDef, SourceConnector, SourceTask

IMPORTED_BY = os.getpid()
POOLS = {name: os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
os.environ["SET_AT_IMPORT"] = "kept"

class Teller(SourceConnector):
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return SourceTask
    def config(self): return ConfigDef()
    def task_configs(self, max_tasks):
        numpy = sys.modules.get("numpy.random")
        exec(self.props.get("do", ""))
        return [{"facts": json.dumps({
            "imported_by": IMPORTED_BY, "pools_at_import": POOLS, "environ": dict(os.environ),
            "pid": os.getpid(), "ppid": os.getppid(), "sid": os.getsid(0), "group": os.getpgid(0),
            "argv": sys.argv[1:], "cwd": os.getcwd(), "frozen": gc.get_freeze_count(),
            "random": random.random(), "seeded_by": numpy and numpy.SEEDED_BY,
            "version": "%d.%d" % sys.version_info[:2], "api": venvoy_api.__file__,
            "finder": type(sys.meta_path[0]).__name__, "value": globals().get("VALUE"),
        })}]
"""
NUMPY = "import os\nSEEDED_BY = None\ndef seed():\n    global SEEDED_BY; SEEDED_BY = os.getpid()\n"


@dataclasses.dataclass
class Nursery:
    """Zygotes with what they said, and specs for hosts of one directory."""

    zygotes: Zygotes
    guardian: Guardian
    directory: Path
    told: list[tuple[str, str]]
    lines: list[tuple[str, str, str]]
    hosts: list[Host]

    def spec(self, environment: Environment, name: str = "it", **fields: object) -> HostSpec:
        """A host that may be forked, unless `preload` says otherwise."""
        spec = HostSpec(
            name=name,
            mode="connector",
            python=environment.python,
            api_dir=SHARED_DIR,
            working_dir=self.directory,
            parent_environment=inherited(),
            preload=("teller",),
        )
        return dataclasses.replace(spec, **fields)  # type: ignore[arg-type]

    async def start(self, environment: Environment, name: str = "it", **fields: object) -> Host:
        """A host that has greeted."""
        host = await self.zygotes.start(self.spec(environment, name, **fields))
        self.hosts.append(host)
        await host.greeting()
        return host


@contextlib.asynccontextmanager
async def nursery(directory: Path, **options: float) -> AsyncIterator[Nursery]:
    """Zygotes that are closed in the end, when the hosts have ended."""
    hosts: list[Host] = []
    told: list[tuple[str, str]] = []
    lines: list[tuple[str, str, str]] = []
    with Guardian(parent_environment=inherited()) as guardian:
        zygotes = Zygotes(
            guardian=guardian,
            parent_environment=inherited(),
            on_output=lambda *line: lines.append(line),
            tell=lambda name, text: told.append((name, text)),
            **options,
        )
        try:
            yield Nursery(zygotes, guardian, directory, told, lines, hosts)
        finally:
            await asyncio.gather(*(host.kill() for host in hosts))
            await zygotes.close()


async def begin(host: Host, module: str = "teller", **config: str) -> None:
    """Start the connector in a host."""
    stage: dict[str, object] = {
        "role": "connector",
        "prefix": "",
        "type": "source",
        "module": module,
        "qualname": "Teller",
        "config": {},
        "predicate": None,
        "negate": False,
    }
    await host.control.request("start", connector=stage, config=config, offsets=[])


async def facts_of(host: Host, **config: str) -> Facts:
    """What the connector in a host sees, after it has done what `do` says."""
    await begin(host, **config)
    answer = await host.control.request("task_configs", max=1)
    (configs,) = cast("dict[str, list[dict[str, str]]]", answer)["configs"]
    return cast("Facts", json.loads(configs["facts"]))


def is_fork(host: Host) -> bool:
    """Whether a host has the command line of a zygote."""
    return b"\0zygote\0" in Path(f"/proc/{host.pid}/cmdline").read_bytes()


def parent_of_forks(facts: Facts) -> int:
    return int(str(facts["imported_by"]))


async def standby_of(it: Nursery) -> int:
    """The fork that the only zygote keeps at hand for the next host, once there is one."""
    (zygote,) = it.zygotes._living
    await until(lambda: zygote._standby is not None)
    assert zygote._standby is not None
    return zygote._standby


def running(command: bytes) -> set[int]:
    """Processes with that command line: a zygote and its forks share one."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if file.read_bytes() == command:
                found.add(int(file.parent.name))
    return found


def children_of(parent: int) -> set[int]:
    """Children, zombies too."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(file.read_text().rpartition(")")[2].split()[1]) == parent:
                found.add(int(file.parent.name))
    return found


@pytest.fixture(params=["3.9", "3.11", "3.13"])
def version(request: pytest.FixtureRequest) -> str:
    """The oldest, the middle and the newest Python."""
    python_or_skip(request.param)
    return str(request.param)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return make_environment(tmp_path / "environment", {"teller.py": TELLER})


def test_hosts_are_forks_of_one_import_and_share_nothing_else(tmp_path: Path, version: str) -> None:
    modules = {
        "teller.py": "import numpy.random\n" + TELLER,
        "numpy/__init__.py": "",
        "numpy/random.py": NUMPY,
    }
    environment = make_environment(tmp_path / "environment", modules, python=version)

    async def body() -> tuple[Facts, Facts]:
        async with nursery(tmp_path) as it:
            own = {"OWN": "1", "OMP_NUM_THREADS": "3"}
            first = await it.start(environment, "first", extra_environment=own)
            second = await it.start(environment, "second")
            assert is_fork(first) and is_fork(second)  # noqa: PT018  # both or neither
            seen = await facts_of(first), await facts_of(second)
            assert [one["pid"] for one in seen] == [first.pid, second.pid]
            for host in (first, second):
                await host.stop(timeout_s=10)
                assert host.ended.result() == 0
            assert it.told == []
            return seen

    first, second = asyncio.run(body())
    assert first["imported_by"] == second["imported_by"]
    assert first["random"] != second["random"]
    for one in (first, second):
        assert one["pid"] == one["sid"] == one["group"] == one["seeded_by"]
        assert one["ppid"] == os.getpid()
        assert one["argv"] == ["connector"]
        assert one["cwd"] == str(tmp_path)
        assert int(str(one["frozen"])) > 1000
        assert one["version"] == version
        assert one["finder"] == "FrameworkFirst"
        assert one["api"] == str(SHARED_DIR / "venvoy_api" / "__init__.py")
        assert one["pools_at_import"] == {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    names = set(inherited()) | {
        "OWN",
        "OMP_NUM_THREADS",
        "SET_AT_IMPORT",
        "VENVOY_HOST",
        "LC_CTYPE",
    }
    environ, other = (cast("dict[str, str]", one["environ"]) for one in (first, second))
    assert environ.keys() <= names
    assert (environ["OWN"], environ["OMP_NUM_THREADS"]) == ("1", "3")
    assert environ["SET_AT_IMPORT"] == other["SET_AT_IMPORT"] == "kept"
    assert "OWN" not in other and "OMP_NUM_THREADS" not in other  # noqa: PT018
    assert environ["VENVOY_HOST"] != other["VENVOY_HOST"]


LEFT_BY_IMPORT = {
    "thread": (
        "import threading as t\nt.Thread(target=t.Event().wait, daemon=True).start()\n",
        "its import leaves 1 more threads running",
    ),
    "connection": ("import socket\nPAIR = socket.socketpair()\n", "its import leaves socket:["),
    "file": ("import os\nFILE = open(os.__file__)\n", "os.py open"),
    "child": (
        "import subprocess\nCHILD = subprocess.Popen(['sleep', '600'])\n",
        "its import leaves a process running",
    ),
}


@pytest.mark.parametrize("left", LEFT_BY_IMPORT)
def test_what_cannot_be_forked_is_spawned_and_that_is_said_once(tmp_path: Path, left: str) -> None:
    start, reason = LEFT_BY_IMPORT[left]
    environment = make_environment(tmp_path / "environment", {"teller.py": start + TELLER})

    async def body() -> None:
        async with nursery(tmp_path) as it:
            for name in ("first", "second"):
                host = await it.start(environment, name)
                assert not is_fork(host)
                facts = await facts_of(host)
                assert facts["imported_by"] == host.pid
                assert facts["pools_at_import"] == {
                    "OPENBLAS_NUM_THREADS": None,
                    "OMP_NUM_THREADS": None,
                }
                await host.stop(timeout_s=10)
            ((name, text),) = it.told
            assert name == "first"
            assert reason in text

    before = children_of(os.getpid())
    asyncio.run(body())
    assert children_of(os.getpid()) <= before


def test_a_thread_that_ends_and_a_log_file_can_be_forked(tmp_path: Path) -> None:
    start = (
        "import logging, threading, time\n"
        "threading.Thread(target=time.sleep, args=(0.1,)).start()\n"
        f"logging.getLogger('x').addHandler(logging.FileHandler({str(tmp_path / 'x.log')!r}))\n"
    )
    environment = make_environment(tmp_path / "environment", {"teller.py": start + TELLER})

    async def body() -> None:
        async with nursery(tmp_path) as it:
            assert is_fork(await it.start(environment))
            assert it.told == []

    asyncio.run(body())


def test_an_import_that_raises_is_told_by_a_fork_as_by_a_process(
    tmp_path: Path, version: str
) -> None:
    modules = {"teller.py": "import nowhere\n"}
    environment = make_environment(tmp_path / "environment", modules, python=version)

    async def failure_of(host: Host) -> str:
        with pytest.raises(PluginFailedError) as failed:
            await begin(host)
        return failed.value.error.text

    async def body() -> None:
        async with nursery(tmp_path) as it:
            forks = [await it.start(environment), await it.start(environment)]
            assert [is_fork(host) for host in forks] == [True, True]
            spawned = await it.start(environment, preload=None)
            assert not is_fork(spawned)
            texts = [await failure_of(host) for host in (*forks, spawned)]
            assert len(set(texts)) == 1
            assert "No module named 'nowhere'" in texts[0]
            assert it.told == []

    asyncio.run(body())


@pytest.mark.parametrize(
    "fault",
    [
        "os._exit(3)",
        "import ctypes; ctypes.string_at(0)",
        "os.kill(os.getpid(), signal.SIGSTOP)",
        "time.sleep(600)",
    ],
)
def test_an_import_that_ends_or_holds_the_zygote_is_done_by_the_hosts(
    tmp_path: Path, fault: str
) -> None:
    flag = tmp_path / "flag"
    start = (
        "import os, pathlib, signal, time\n"
        f"if not os.path.exists({str(flag)!r}):\n"
        f"    pathlib.Path({str(flag)!r}).touch()\n"
        f"    {fault}\n"
    )
    environment = make_environment(tmp_path / "environment", {"teller.py": start + TELLER})

    async def body() -> None:
        async with nursery(tmp_path, preload_timeout_s=2) as it:
            host = await it.start(environment)
            assert not is_fork(host)
            assert (await facts_of(host))["imported_by"] == host.pid

    before = children_of(os.getpid())
    asyncio.run(body())
    assert children_of(os.getpid()) <= before


def test_the_end_of_a_zygote_ends_no_host_and_the_next_host_has_another(
    environment: Environment, tmp_path: Path, version: str
) -> None:
    async def body() -> None:
        async with nursery(tmp_path) as it:
            first = await it.start(environment)
            zygote = parent_of_forks(await facts_of(first))
            os.kill(zygote, signal.SIGKILL)
            await until(lambda: not Path(f"/proc/{zygote}").exists())
            second = await it.start(environment)
            assert is_fork(second)
            assert parent_of_forks(await facts_of(second)) != zygote
            assert (await facts_of(first))["pid"] == first.pid
            await first.stop(timeout_s=10)
            assert (first.ended.result(), first.was_signalled) == (0, False)

    asyncio.run(body())


def test_a_stopped_zygote_is_ended_and_the_host_is_spawned(
    environment: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        async with nursery(tmp_path) as it:
            host = await it.start(environment)
            zygote = parent_of_forks(await facts_of(host))
            os.kill(zygote, signal.SIGSTOP)
            while is_fork(host):  # the one that stood by may still be used
                ours, theirs = socket.socketpair()
                with ours:
                    host = await it.start(environment, mode="task", data_out=theirs)
                    assert theirs.fileno() == -1
            assert not Path(f"/proc/{zygote}").exists()
            assert is_fork(await it.start(environment))

    asyncio.run(body())


def test_a_stopped_standby_is_ended_and_the_host_is_spawned(
    environment: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        async with nursery(tmp_path) as it:
            host = await it.start(environment)
            zygote = parent_of_forks(await facts_of(host))
            command = Path(f"/proc/{zygote}/cmdline").read_bytes()
            standby = await standby_of(it)
            assert running(command) == {zygote, host.pid, standby}
            os.kill(standby, signal.SIGSTOP)
            assert not is_fork(await it.start(environment))
            assert running(command) == {host.pid}
            assert (await facts_of(host))["pid"] == host.pid
            assert is_fork(await it.start(environment))

    asyncio.run(body())


@pytest.mark.parametrize("preload", [("teller",), None], ids=["fork", "process"])
def test_a_stopped_host_is_ended_all_the_same(
    environment: Environment, tmp_path: Path, preload: tuple[str, ...] | None
) -> None:
    async def body() -> None:
        async with nursery(tmp_path) as it:
            host = await it.start(environment, preload=preload)
            os.kill(host.pid, signal.SIGSTOP)
            await host.stop(timeout_s=0.1)
            assert host.ended.result() == -signal.SIGKILL

    asyncio.run(body())


@pytest.mark.parametrize("preload", [("teller",), None], ids=["fork", "process"])
def test_a_death_is_told_with_its_signal_and_last_lines(
    environment: Environment, tmp_path: Path, preload: tuple[str, ...] | None
) -> None:
    async def body() -> None:
        async with nursery(tmp_path) as it:
            host = await it.start(environment, preload=preload)
            await begin(
                host, do="import ctypes; print('now', file=sys.stderr); ctypes.string_at(0)"
            )
            with pytest.raises(ConnectionResetError):
                await host.control.request("task_configs", max=1)
            await host.ended
            death = host.death()
            assert death.message == "the host of `it` died with SIGSEGV"
            assert "now" in death.last_lines
            assert "Fatal Python error: Segmentation fault" in death.last_lines
            assert any("in task_configs" in line for line in death.last_lines)

    asyncio.run(body())


def test_each_fork_says_what_the_import_said(tmp_path: Path, version: str) -> None:
    start = (
        "import logging, os, sys, warnings\n"
        "print('a print at import')\nos.write(1, b'bytes at import\\n')\n"
        "print('an error at import', file=sys.stderr)\n"
        "logging.getLogger('acme').warning('a record at import')\n"
        "sys.stderr = None\n"
    )
    environment = make_environment(
        tmp_path / "environment", {"teller.py": start + TELLER}, python=version
    )

    async def body() -> None:
        async with nursery(tmp_path) as it:
            for name in ("first", "second"):
                host = await it.start(environment, name)
                heard: list[Message] = []
                host.on_message = heard.append
                await facts_of(host, do="print('later'); logging.getLogger('acme').info('now')")
                await host.stop(timeout_s=10)
                records = [one["message"] for one in heard if one["type"] == "log"]
                assert records == ["a record at import", "now"]
                mine = [line[1:] for line in it.lines if line[0] == name]
                assert [line for kind, line in mine if kind == "stdout"] == [
                    "a print at import",
                    "bytes at import",
                    "later",
                ]
                assert ("stderr", "an error at import") in mine

    asyncio.run(body())


def test_hosts_of_another_worker_in_this_process_live_on(
    environment: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        async with nursery(tmp_path) as it:
            host = await it.start(environment)
            async with nursery(tmp_path) as other:
                assert is_fork(await other.start(environment))
            assert (await facts_of(host))["pid"] == host.pid
            assert is_fork(await it.start(environment))

    before = children_of(os.getpid())
    asyncio.run(body())
    assert children_of(os.getpid()) <= before


def test_two_versions_of_one_plugin_have_a_zygote_each(tmp_path: Path) -> None:
    environments = [
        make_environment(
            tmp_path / f"environment-{value}", {"teller.py": TELLER + f"VALUE={value}"}
        )
        for value in (1, 2)
    ]

    async def body() -> None:
        async with nursery(tmp_path) as it:
            hosts = await asyncio.gather(*(it.start(one) for one in environments * 3))
            facts = [await facts_of(host) for host in hosts]
            assert [one["value"] for one in facts] == [1, 2] * 3
            assert len({one["imported_by"] for one in facts}) == 2

    asyncio.run(body())


def test_an_idle_zygote_ends(environment: Environment, tmp_path: Path) -> None:
    async def body() -> None:
        async with nursery(tmp_path, idle_s=0.2) as it:
            host = await it.start(environment)
            zygote = parent_of_forks(await facts_of(host))
            await until(lambda: not Path(f"/proc/{zygote}").exists())
            assert (await facts_of(host))["pid"] == host.pid
            assert is_fork(await it.start(environment))

    asyncio.run(body())


def test_without_idle_time_every_host_is_a_process(
    environment: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        async with nursery(tmp_path, idle_s=0) as it:
            assert not is_fork(await it.start(environment))

    asyncio.run(body())


def test_a_start_that_is_called_off_leaves_no_host(
    environment: Environment, tmp_path: Path
) -> None:
    async def body() -> None:
        async with nursery(tmp_path) as it:
            host = await it.start(environment)
            zygote = parent_of_forks(await facts_of(host))
            await host.stop(timeout_s=10)
            before = open_files()
            for turns in range(1, 12):
                starting = asyncio.create_task(it.start(environment))
                for _ in range(turns):
                    await asyncio.sleep(0)
                if starting.cancel():
                    with pytest.raises(asyncio.CancelledError):
                        await starting
                else:  # it was faster: there is nothing to call off
                    await (await starting).kill()
                # Zygotes are tended in a thread, which opens files of its own now and then.
                with contextlib.suppress(AssertionError):
                    await until(lambda: open_files() <= before)
                assert open_files() - before == set()
            standby = await standby_of(it)
            command = Path(f"/proc/{zygote}/cmdline").read_bytes()
            assert running(command) == {zygote, standby}

    asyncio.run(body())


LEAVING = {
    "session": "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True)",
    "daemon": """
if not os.fork():
    os.setsid()
    if os.fork(): os._exit(0)
    os.closerange(0, 256)
    os.execv('/bin/sleep', ['sleep', '600'])
""",
    "bare fork": """
if not os.fork():
    os.setsid()
    if os.fork(): os._exit(0)
    import time; time.sleep(600)
""",
    "dead orphan": """
if not os.fork():
    os.setsid()
    if os.fork(): os._exit(0)
    os._exit(7)
""",
}


@pytest.mark.parametrize("preload", [("teller",), None], ids=["fork", "process"])
@pytest.mark.parametrize("left", LEAVING)
@pytest.mark.parametrize("is_killed", [False, True], ids=["asked", "killed"])
def test_nothing_that_a_host_started_outlives_it(
    environment: Environment,
    tmp_path: Path,
    left: str,
    preload: tuple[str, ...] | None,
    *,
    is_killed: bool,
) -> None:
    async def body() -> None:
        async with nursery(tmp_path) as it:
            await it.start(environment, "other")
            host = await it.start(environment, preload=preload)
            mark = (
                f"VENVOY_HOST={(await facts_of(host, do=LEAVING[left]))['environ']['VENVOY_HOST']}"  # type: ignore[index]
            )
            bearers = 1 if left == "dead orphan" else 2
            await until(lambda: len(bearing(mark)) == bearers)
            if is_killed:
                os.kill(host.pid, signal.SIGKILL)
                await host.ended
            else:
                await host.stop(timeout_s=10)
            assert bearing(mark) == []

    def bearing(mark: str) -> list[int]:
        found = []
        for file in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark.encode() in file.read_bytes().split(b"\0"):
                    found.append(int(file.parent.name))
        return found

    before = children_of(os.getpid())
    asyncio.run(body())
    assert children_of(os.getpid()) <= before


def test_an_orphan_without_a_mark_ends_with_the_worker(
    environment: Environment, tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    do = f"""
if not os.fork():
    os.setsid()
    if os.fork(): os._exit(0)
    open({str(file)!r}, "w").write(str(os.getpid()) + "!")
    os.execve("/bin/sleep", ["sleep", "600"], dict())
"""

    async def body() -> None:
        async with nursery(tmp_path) as it:
            await facts_of(await it.start(environment), do=do)
            await until(lambda: file.exists() and file.read_text().endswith("!"))

    asyncio.run(body())
    assert not Path("/proc", file.read_text().rstrip("!")).exists()


@pytest.mark.parametrize("preload", ["false", '["acme"]', "true"])
def test_a_location_says_what_is_preloaded(tmp_path: Path, preload: str) -> None:
    mine = "import os\nIMPORTED_BY = os.getpid()\n" + PLUGINS.replace(
        'value={"n": n}', 'value={"n": n, "forked": IMPORTED_BY != os.getpid()}'
    )
    environment = make_environment(tmp_path / "environment", {"acme.py": mine})
    (environment.path / "pyproject.toml").write_text(f"[tool.venvoy]\npreload = {preload}\n")
    log_file = tmp_path / "log.sqlite"
    run_plans([source(environment.path, count="3")], [environment], log_file)
    forked = preload != "false"
    assert values(log_file) == [{"n": n, "forked": forked} for n in range(3)]


def test_a_whole_run_by_forks(tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "environment")
    heard = Heard([], [])
    out = tmp_path / "out.jsonl"
    plans = [source(environment.path, tasks="5"), sink(environment.path, out)]
    before = children_of(os.getpid())
    report = run_plans(plans, [environment], tmp_path / "log.sqlite", heard=heard)
    assert {one.state for one in report.connectors} == {RunState.COMPLETED}
    assert len(out.read_text().splitlines()) == 500
    assert children_of(os.getpid()) <= before
