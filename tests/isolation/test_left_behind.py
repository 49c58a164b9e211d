"""Nothing is left behind: no host, nothing that a plugin started, however a worker ends (X11)."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.isolation.plugins import SOURCE, entry_points
from tests.isolation.workspaces import Workspace

PATIENCE_S = 60.0

# Starts a child and a grandchild of every kind, names them by the workspace, and goes on for ever.
BUSY = """
import multiprocessing, subprocess, threading, time

def dawdle(): time.sleep(600)

class BusyTask(Task):
    def start(self, props):
        self.props = props
        here = props["here"]
        if props["alone"] == "yes":
            open(os.path.join(here, "busy"), "w").close()
            return
        shell = "sleep 600 & sleep 600; : " + here
        self.children = [subprocess.Popen(["/bin/sh", "-c", shell])]
        context = multiprocessing.get_context("spawn")
        self.process = context.Process(target=dawdle)
        self.process.start()
        if not os.fork():
            time.sleep(600)
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        if not os.fork():
            os.setsid()
            if os.fork():
                os._exit(0)
            os.closerange(0, 256)
            time.sleep(600)
        threading.Thread(target=dawdle).start()
        open(os.path.join(here, "busy"), "w").close()
    def drained(self): return self.props["ends"] == "yes"
    def poll(self):
        time.sleep(0.05)
        return None

class Busy(Source):
    def task_class(self): return BusyTask
"""


def processes_of(workspace: Workspace) -> list[str]:
    """Command lines of processes with the workspace's home: all that its commands started."""
    home = f"HOME={workspace.home}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if home in variables and command:
            found.append(f"{process.name} {command}")
    return found


def wait_until(condition: Callable[[], bool]) -> bool:
    """Say whether it comes true. What is left behind goes on for ten minutes, so a minute tells."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def busy(workspace: Workspace, *, ends: str, forks: bool = True, alone: str = "no") -> Path:
    if not forks:
        (workspace.plugins / "busy").mkdir()
        (workspace.plugins / "busy" / "venvoy.toml").write_text("preload = false\n")
    workspace.wheel(
        "busy",
        "busy",
        files={"busy.py": SOURCE + BUSY},
        entry_points={"venvoy.source": {"busy": "busy:Busy"}},
    )
    here = str(workspace.work)
    return workspace.config("busy", "busy.Busy", topic="busy", here=here, ends=ends, alone=alone)


@pytest.mark.parametrize("forks", [True, False], ids=["forks", "processes"])
def test_after_a_run_no_process_is_left(workspace: Workspace, *, forks: bool) -> None:
    workspace.run(busy(workspace, ends="yes", forks=forks))
    assert (workspace.work / "busy").exists()
    assert wait_until(lambda: not processes_of(workspace)), processes_of(workspace)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("forks", [True, False], ids=["forks", "processes"])
def test_when_the_worker_ends_no_process_is_left(
    workspace: Workspace, number: signal.Signals, *, forks: bool
) -> None:
    config = busy(workspace, ends="no", forks=forks)
    with workspace.start("run", "--offline", workspace.worker(), config) as worker:
        assert wait_until((workspace.work / "busy").exists)
        # The worker, its guardian, two hosts, and the plugin's: a shell and its two children,
        # multiprocessing's tracker and process, a fork, and two that left the session; some of
        # them only start just now. And a zygote with its standby, if there is one.
        everyone = 12 + 2 * forks
        alive_in_time = wait_until(lambda: len(processes_of(workspace)) >= everyone)
        assert alive_in_time, processes_of(workspace)
        worker.send_signal(number)
        _, stderr = worker.communicate(timeout=PATIENCE_S)
        expected = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 0, signal.SIGINT: 130}
        assert worker.returncode == expected[number], stderr
        assert wait_until(lambda: not processes_of(workspace)), processes_of(workspace)


@pytest.mark.parametrize("forks", [True, False], ids=["forks", "processes"])
def test_hosts_end_with_the_worker_though_the_guardian_is_gone(
    workspace: Workspace, *, forks: bool
) -> None:
    config = busy(workspace, ends="no", forks=forks, alone="yes")
    with workspace.start("run", "--offline", workspace.worker(), config) as worker:
        assert wait_until((workspace.work / "busy").exists)
        (guardian,) = (one for one in processes_of(workspace) if "guardian_process" in one)
        os.kill(int(guardian.split()[0]), signal.SIGKILL)
        worker.kill()
        worker.communicate(timeout=PATIENCE_S)
        assert wait_until(lambda: not processes_of(workspace)), processes_of(workspace)


def reads_of(process: str) -> int:
    """How often a process, as `processes_of` has it, has called read(2)."""
    lines = Path("/proc", process.split(maxsplit=1)[0], "io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["syscr"])


def test_what_cleared_its_environment_ends_with_a_killed_worker(workspace: Workspace) -> None:
    more = """
class LonerTask(BusyTask):
    def start(self, props):
        self.props = props
        file = os.path.join(props["here"], "pid")
        if not os.fork():
            os.setsid()
            if os.fork():
                os._exit(0)
            with open(file + ".part", "w") as out:
                out.write(str(os.getpid()))
            os.rename(file + ".part", file)
            os.execve("/bin/sleep", ["sleep", "600"], {})

class Loner(Busy):
    def task_class(self): return LonerTask
"""
    workspace.wheel(
        "busy",
        "busy",
        files={"busy.py": SOURCE + BUSY + more},
        entry_points={"venvoy.source": {"busy": "busy:Loner"}},
    )
    config = workspace.config("busy", "busy.Loner", topic="x", here=str(workspace.work), ends="no")
    with workspace.start("run", "--offline", workspace.worker(), config) as worker:
        pid_file = workspace.work / "pid"
        assert wait_until(pid_file.exists)
        (guardian,) = (one for one in processes_of(workspace) if "guardian_process" in one)
        # Each look of the guardian reads a file of every process, in two calls.
        enough = reads_of(guardian) + 5 * len(list(Path("/proc").glob("[0-9]*")))
        assert wait_until(lambda: reads_of(guardian) > enough)
        worker.kill()
        worker.communicate(timeout=PATIENCE_S)
        assert wait_until(lambda: not Path("/proc", pid_file.read_text()).exists())
        assert wait_until(lambda: not processes_of(workspace)), processes_of(workspace)


def test_a_run_that_is_refused_leaves_no_process(workspace: Workspace) -> None:
    config = busy(workspace, ends="no")
    workspace.wheel("bad", "bad", files={"bad.py": SOURCE}, entry_points=entry_points("bad"))
    missing = workspace.config("bad", "bad.Source", connector__version="9")
    workspace.run(config, missing, code=1)
    assert wait_until(lambda: not processes_of(workspace)), processes_of(workspace)
