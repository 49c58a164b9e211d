"""Children get what they are given, nothing else, and end when they must."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from manager.proc import (
    ProcessTimeoutError,
    UnstartableError,
    child_environment,
    inherited,
    run,
    start,
)

SHELL = Path("/bin/sh")


def test_output_input_and_exit_code_come_back() -> None:
    done = run(
        [SHELL, "-c", "cat; echo oops >&2; exit 3"], env={}, cwd=None, timeout_s=10, input="hällo"
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "hällo", "oops\n")


def test_a_child_sees_only_its_built_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", "/evil")
        patch.setenv("LC_ALL", "C.UTF-8")
        env = child_environment(inherited(), {"OWN": "1"})
    assert "PYTHONPATH" not in env
    assert env["LC_ALL"] == "C.UTF-8"
    assert env["OWN"] == "1"


def test_names_for_pip_are_taken_over_when_asked_for() -> None:
    parent = {"PIP_INDEX_URL": "x", "PYTHONHOME": "y"}
    assert child_environment(parent, passing=["PIP_*"]) == {"PIP_INDEX_URL": "x"}


def test_a_child_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {note}; wait"
    with pytest.raises(ProcessTimeoutError) as caught:
        run([SHELL, "-c", script], env=dict(os.environ), cwd=None, timeout_s=1)
    assert "did not end within 1 s" in caught.value.message
    pid = int(note.read_text())
    deadline = time.monotonic() + 60
    while _alive(pid):
        assert time.monotonic() < deadline


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # before the open, or between it and the read
        return False


def test_a_missing_program_is_named() -> None:
    with pytest.raises(UnstartableError) as caught:
        run(["/no/such/program"], env={}, cwd=None, timeout_s=1)
    assert "`/no/such/program`" in caught.value.message


def test_a_started_child_gets_its_descriptors_and_leads_its_own_group() -> None:
    read_end, write_end = os.pipe()
    code = f"import os; os.write({write_end}, b'hi')"
    child = start([sys.executable, "-c", code], env={}, cwd=None, pass_fds=[write_end])
    os.close(write_end)
    assert os.getpgid(child.pid) == child.pid
    with os.fdopen(read_end) as stream:
        assert stream.read() == "hi"
    assert child.communicate() == (b"", b"")
    assert child.returncode == 0


def test_a_signal_shows_as_a_negative_code() -> None:
    done = run([SHELL, "-c", "kill -9 $$"], env={}, cwd=None, timeout_s=10)
    assert done.returncode == -signal.SIGKILL
