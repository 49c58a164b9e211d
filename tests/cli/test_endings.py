"""Every command ends soon when nobody reads it any more, or a signal asks it to: none hangs."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from launcher.cli import venvoy
from tests.cli.conftest import Desk
from tests.cli.places import put_plugin

REPOSITORY = Path(__file__).parents[2]
MAIN = "import sys; sys.path[:0] = {paths!r}; from launcher.__main__ import main; main()"
# Two seconds on an idle machine; what is tested is that nothing waits for ever.
_LIMIT_S = 30
_BY_SIGNAL = {signal.SIGINT: 130, signal.SIGTERM: 143}

# What each command is called with; {place}, {hangs} … are paths, {url} a server that never answers.
COMMANDS = {
    "plugins list": "--plugin-path {place}",
    "plugins lock": "--plugin-path {asks}",
    "plugins vendor": "--plugin-path {asks}",
    "plugins sync": "--plugin-path {hangs} --offline",
    "plugins check": "--plugin-path {place}",
    "plugins explain": "--worker-config {worker} {source}",
    "plugins rescan": "--url {url}",
    "plugins locations": "--url {url}",
    "run": "--offline {worker} {source} {sink}",
    "standalone": "--offline {worker} {source}",
    "export": "--plugin-path {place} -o {directory}/x.tar",
    "import": "{directory}/none.tar {directory}/new",
    "bundle make": "{place}/good_neighbour -o {directory}/x.pyz",
    "bundle inspect": "{directory}/none.pyz",
    "sbom": "--plugin-path {place}",
    "diff": "{place}/good_neighbour {place}/good_neighbour",
    "demo": "",
    "connectors list": "--url {url}",
    "connectors create": "--url {url} {source}",
    "connectors status": "--url {url}",
    "connectors config": "--url {url} c",
    "connectors pause": "--url {url} c",
    "connectors resume": "--url {url} c",
    "connectors stop": "--url {url} c",
    "connectors restart": "--url {url} c",
    "connectors delete": "--url {url} c",
    "connectors offsets": "--url {url} c",
    "connectors plan": "--url {url} c 1.0",
    "connectors move": "--url {url} c 1.0",
    "connectors generations": "--url {url} c",
    "connectors rollback": "--url {url} c",
    "which": "--url {url} leaf",
    "outdated": "--plugin-path {asks}",
    "completion": "bash",
}


def _leaves(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _leaves(command, (*before, name))
        else:
            yield " ".join((*before, name))


def test_every_command_is_in_the_table() -> None:
    assert set(COMMANDS) == set(_leaves(venvoy))


@pytest.fixture(scope="module")
def silent_url() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


class Started:
    """A command in a process of its own; stdout and stderr are what the test gives it."""

    def __init__(self, desk: Desk, command: str, url: str, **streams: object) -> None:
        places = {
            "place": desk.place,
            "hangs": desk.directory / "hangs",
            "asks": desk.directory / "asks",
            "directory": desk.directory,
            "worker": desk.write_worker(listeners="http://127.0.0.1:0"),
            "source": desk.source(pause_ms="20", follow="true"),
            "sink": desk.sink(),
            "url": url,
        }
        put_plugin("hangs_at_import", desk.directory / "hangs")
        put_plugin("unsatisfiable_requirement", desk.directory / "asks")
        desk.input.write_text("line\n" * 1000)
        words = [*command.split(), *COMMANDS[command].format(**places).split()]
        paths = [str(REPOSITORY), str(REPOSITORY / "launcher" / "shared")]
        environment = {**os.environ, "PIP_INDEX_URL": f"{url}/simple", "PIP_RETRIES": "0"}
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-u", "-c", MAIN.format(paths=paths), *words],
            cwd=desk.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            **streams,  # type: ignore[call-overload]  # named by each test
        )

    def __enter__(self) -> "Started":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no process of a test that has failed."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def ended(self) -> int:
        """Return the exit code; a command that hangs fails."""
        return self.process.wait(timeout=_LIMIT_S)


@pytest.mark.parametrize("both", [False, True], ids=["stdout", "stdout and stderr"])
@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_it_ends_when_the_reader_has_gone(
    desk: Desk, silent_url: str, command: str, *, both: bool
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    error_file = desk.directory / "stderr.txt"
    with error_file.open("wb") as errors:
        streams = {"stdout": writing, "stderr": writing if both else errors}
        with Started(desk, command, silent_url, **streams) as started:
            os.close(writing)
            if command == "standalone":  # its log's reader may come and go: see decisions.md
                with pytest.raises(subprocess.TimeoutExpired):
                    started.process.wait(timeout=3)
                started.process.send_signal(signal.SIGTERM)
                assert started.ended() == 0
                return
            assert started.ended() in {0, 1, 2, 141}
    assert "Traceback" not in error_file.read_text()
    assert "Exception ignored" not in error_file.read_text()


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_it_ends_after_one_line_was_read(desk: Desk, silent_url: str, command: str) -> None:
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with Started(desk, command, silent_url, **streams) as started:
        assert started.process.stdout is not None
        if command not in SAY_NOTHING:
            assert started.process.stdout.readline()
        started.process.stdout.close()
        if command == "standalone":
            started.process.send_signal(signal.SIGTERM)
        assert started.ended() in {0, 1, 2, 141}


SAY_NOTHING = frozenset(name for name, text in COMMANDS.items() if "{url}" in text)
"""What waits for a server says nothing meanwhile."""


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("command", sorted(set(COMMANDS) - SAY_NOTHING - {"demo"}))
def test_it_ends_with_a_stream_that_was_never_there(
    desk: Desk, silent_url: str, command: str, stream: str
) -> None:
    closed = 1 if stream == "stdout" else 2
    streams = {
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "preexec_fn": lambda: os.close(closed),
    }
    with Started(desk, command, silent_url, **streams) as started:
        try:
            assert started.process.wait(timeout=3) in {0, 1, 2}
        except subprocess.TimeoutExpired:  # it waits for what it was made to wait for
            started.process.send_signal(signal.SIGTERM)
            assert started.ended() in {0, 143}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_it_ends_at_a_signal(
    desk: Desk, silent_url: str, command: str, number: signal.Signals
) -> None:
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with Started(desk, command, silent_url, **streams) as started:
        assert started.process.stdout is not None
        if command not in SAY_NOTHING:
            started.process.stdout.readline()  # it is under way
        started.process.send_signal(number)
        said, _ = started.process.communicate(timeout=_LIMIT_S)
        by_signal = {_BY_SIGNAL[number], -number}  # so early that Python's own way was taken
        in_order = {0, 1} if number == signal.SIGTERM or "{url}" not in COMMANDS[command] else {1}
        assert started.process.returncode in by_signal | in_order
    assert b"Traceback" not in said or command in SAY_NOTHING


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_second_interrupt_ends_it_whatever_it_waits_for(
    desk: Desk, silent_url: str, command: str
) -> None:
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with Started(desk, command, silent_url, **streams) as started:
        assert started.process.stdout is not None
        if command not in SAY_NOTHING:
            started.process.stdout.readline()
        started.process.send_signal(signal.SIGINT)
        started.process.send_signal(signal.SIGINT)
        started.process.communicate(timeout=_LIMIT_S)
        assert started.process.returncode in {0, 1, 130, -signal.SIGINT}
