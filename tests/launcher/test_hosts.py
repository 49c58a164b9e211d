"""Starting and ending hosts, and the guardian."""

import asyncio
import dataclasses
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from launcher.hosts.guardian import Guardian
from launcher.hosts.host import Host, HostDiedError, HostSilentError, HostSpec
from launcher.settings import SHARED_DIR
from manager.proc import UnstartableError, inherited
from tests.launcher.pipelines import make_environment, open_files


def spec(tmp_path: Path, python: Path, api_dir: Path = SHARED_DIR) -> HostSpec:
    return HostSpec(
        name="it",
        mode="connector",
        python=python,
        api_dir=api_dir,
        working_dir=tmp_path,
        parent_environment=inherited(),
    )


async def start(wanted: HostSpec, guardian: Guardian) -> Host:
    host = Host.spawn(wanted, guardian=guardian, on_output=lambda *_: None)
    await host.greeting()
    return host


def test_a_host_that_cannot_start_or_ends_at_once_says_why(tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "environment", {})

    async def body() -> None:
        with Guardian(parent_environment=inherited()) as guardian:
            with pytest.raises(UnstartableError, match="no/python"):
                await start(spec(tmp_path, tmp_path / "no/python"), guardian)
            with pytest.raises(HostDiedError, match="exit code 2") as died:
                await start(spec(tmp_path, environment.python, tmp_path), guardian)
            assert "can't open file" in died.value.hint

    asyncio.run(body())


def test_a_host_stops_when_asked_and_is_the_leader_of_its_group(tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "environment", {})

    async def body() -> None:
        with Guardian(parent_environment=inherited()) as guardian:
            host = await start(spec(tmp_path, environment.python), guardian)
            assert os.getpgid(host.pid) == os.getsid(host.pid) == host.pid
            await host.stop(timeout_s=10)
            assert host.ended.result() == 0
            assert not host.was_signalled
            with pytest.raises(ConnectionResetError):
                await host.control.request("task_configs", max=1)

    asyncio.run(body())


def test_a_killed_host_names_its_signal(tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "environment", {})

    async def body() -> None:
        with Guardian(parent_environment=inherited()) as guardian:
            host = await start(spec(tmp_path, environment.python), guardian)
            os.kill(host.pid, signal.SIGABRT)
            await host.ended
            assert host.death().message == "the host of `it` died with SIGABRT"

    asyncio.run(body())


def test_the_last_word_of_a_host_arrives_though_a_message_to_it_does_not(tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "environment", {})
    heard: list[object] = []

    async def body() -> None:
        ours, theirs = socket.socketpair()
        wanted = dataclasses.replace(
            spec(tmp_path, environment.python), mode="task", data_out=theirs
        )
        with ours, Guardian(parent_environment=inherited()) as guardian:
            host = await start(wanted, guardian)
            host.on_message = lambda message: heard.append(message["type"])
            host.control.send({"type": "stop"})
            # The event loop stands still until the host has said its word and gone.
            os.waitid(os.P_PID, host.pid, os.WEXITED | os.WNOWAIT)
            with pytest.raises(ConnectionResetError):
                await host.control.request("start")
            await host.ended

    asyncio.run(body())
    assert heard == ["stopped"]


def test_a_host_that_does_not_greet_is_ended(tmp_path: Path) -> None:
    modules = {"slow.pth": "import time; time.sleep(600)\n"}
    environment = make_environment(tmp_path / "environment", modules)

    async def body() -> None:
        with Guardian(parent_environment=inherited()) as guardian:
            wanted = spec(tmp_path, environment.python)
            host = Host.spawn(wanted, guardian=guardian, on_output=lambda *_: None)
            with pytest.raises(HostSilentError, match="did not come up within 1 s"):
                await host.greeting(timeout_s=1)
            assert host.ended.result() == -signal.SIGKILL

    asyncio.run(body())


def test_a_start_that_is_called_off_leaves_nothing_open(tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "environment", {})

    async def body() -> None:
        with Guardian(parent_environment=inherited()) as guardian:
            before = open_files()
            for turns in range(1, 6):
                starting = asyncio.create_task(start(spec(tmp_path, environment.python), guardian))
                for _ in range(turns):
                    await asyncio.sleep(0)
                if starting.cancel():
                    with pytest.raises(asyncio.CancelledError):
                        await starting
                else:  # it was faster: there is nothing to call off
                    await (await starting).kill()
                assert open_files() - before == set()

    asyncio.run(body())


def test_a_host_knows_only_the_allowed_variables(tmp_path: Path) -> None:
    more = {"PYTHONPATH": "/somewhere", "SECRET_OF_THE_WORKER": "x"}
    environment = make_environment(tmp_path / "environment", {})

    async def body() -> bytes:
        with Guardian(parent_environment=inherited()) as guardian:
            wanted = dataclasses.replace(
                spec(tmp_path, environment.python), parent_environment=inherited() | more
            )
            host = await start(wanted, guardian)
            variables = Path(f"/proc/{host.pid}/environ").read_bytes()
            await host.stop(timeout_s=10)
            return variables

    variables = asyncio.run(body())
    assert b"PATH=" in variables
    assert b"SECRET" not in variables
    assert b"PYTHON" not in variables


def test_the_guardian_ends_the_groups_that_are_left() -> None:
    left, taken_back = (
        subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(2)
    )
    try:
        with Guardian(parent_environment=inherited()) as guardian:
            guardian.add(left.pid)
            guardian.add(taken_back.pid)
            guardian.remove(taken_back.pid)
        assert left.wait(timeout=60) == -signal.SIGKILL
        assert taken_back.poll() is None
    finally:
        taken_back.kill()
        taken_back.wait()
