"""The command line itself: help, version, completion, usage errors, tables, Ctrl-C."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest

from launcher import render
from launcher.cli import main_without_exit
from tests.cli.conftest import LINES, Desk, Said
from tests.cli.places import GOOD, put_plugin

REPOSITORY = Path(__file__).parent.parent.parent
COMMANDS: tuple[list[str], ...] = (
    [], ["plugins"], ["plugins", "list"], ["plugins", "lock"], ["plugins", "sync"],
    ["plugins", "explain"], ["run"], ["demo"], ["completion"],
)  # fmt: skip
MAIN = "from launcher.__main__ import main; main()"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_tells_how_it_is_called(
    capsys: pytest.CaptureFixture[str], command: list[str], flag: str
) -> None:
    assert main_without_exit([*command, flag]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith(f"Usage: {' '.join(['venvoy', *command])} ")
    assert "..." not in said.out.partition("\n")[2], "a line of help was cut off"
    assert all(len(line) <= 100 for line in said.out.splitlines())


def test_what_the_machine_refuses_is_no_bug_of_ours(desk: Desk) -> None:
    desk.patch.setenv("VENVOY_STORE", str(desk.input))
    assert desk.list() == Said(
        code=1,
        out="",
        err="error: the store `TMP/in.txt` cannot be used: file exists\n"
        "hint: name another directory in VENVOY_STORE, or correct the rights of this one\n",
    )
    said = desk.venvoy("demo", "--keep", desk.input)
    assert said.code == 2
    assert "'TMP/in.txt' is a file" in said.err
    said = desk.venvoy("demo", "--keep", desk.input / "below")
    assert said == Said(
        code=1,
        out="",
        err="error: `TMP/in.txt/below`: not a directory\n"
        "hint: check the rights, the free space and the disk that it is on, then run it again\n",
    )


def test_what_plugins_and_files_say_is_printed_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = "[bold]:warning:[/] a:b:c \\[x] é"
    render.note(text)
    render.line(text)
    render.table(("column",), [(text,)])
    said = capsys.readouterr()
    assert said.err == f"{text}\n"
    assert said.out == f"{text}\ncolumn\n{text}\n"


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main_without_exit(["--version"]) == 0
    assert capsys.readouterr().out == f"venvoy {version('venvoy')}\n"


@pytest.mark.parametrize(
    ("arguments", "said", "command"),
    [
        (["plugins", "lst"], "no such command 'lst'. Did you mean 'list'?", "venvoy plugins"),
        (["run", "--jsn"], "no such option '--jsn'. Did you mean '--json'?", "venvoy run"),
        (["run"], "missing argument 'WORKER_CONFIG'", "venvoy run"),
    ],
)
def test_a_wrong_command_line_is_refused_with_a_hint(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str, command: str
) -> None:
    assert main_without_exit(arguments) == 2
    assert capsys.readouterr() == (
        "",
        f"error: {said}\nhint: `{command} --help` tells how to call it\n",
    )


def test_a_listing_without_a_plugin_path_is_refused(desk: Desk) -> None:
    assert desk.venvoy("plugins", "list") == Said(
        code=2,
        out="",
        err="error: nothing says where plugins are\n"
        "hint: add `--plugin-path /opt/plugins` or `--worker-config worker.properties`\n",
    )


def test_a_trial_timeout_that_is_no_number_is_refused(desk: Desk) -> None:
    desk.patch.setenv("VENVOY_TRIAL_TIMEOUT_S", "soon")
    assert desk.list() == Said(
        code=2,
        out="",
        err="error: VENVOY_TRIAL_TIMEOUT_S is `soon` in the environment, not a number of seconds\n"
        "hint: set it to a number such as 120, or unset it\n",
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_a_script_that_asks_venvoy(
    capsys: pytest.CaptureFixture[str], shell: str
) -> None:
    assert main_without_exit(["completion", shell]) == 0
    said = capsys.readouterr().out
    assert f"_VENVOY_COMPLETE={shell}_complete" in said
    assert said.count("_venvoy_completion") >= 2


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("venvoy ", {"completion", "demo", "plugins", "run"}),
        ("venvoy plugins l", {"list", "lock"}),
        (
            "venvoy plugins list --",
            {"--all", "--plugin-path", "--worker-config", "--json", "--help"},
        ),
    ],
)
def test_bash_is_offered_commands_and_options(desk: Desk, words: str, offered: set[str]) -> None:
    environment = os.environ | {
        "_VENVOY_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    done = subprocess.run(
        [sys.executable, "-c", MAIN], cwd=REPOSITORY, env=environment, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    told = {line.partition(",")[2] for line in done.stdout.splitlines()}
    assert told >= offered, done.stderr
    assert all(one.startswith(words.rpartition(" ")[2]) for one in told)


def test_a_link_that_leads_back_to_itself_hinders_no_command(desk: Desk) -> None:
    (desk.place / "loop").symlink_to("loop")
    for command in ("lock", "sync", "list"):
        said = desk.venvoy("plugins", command, "--plugin-path", desk.place)
        assert said.code == 0, said.err
        assert "`TMP/plugins/loop` is a link to `loop`" in said.err or command == "lock"


def test_connectors_are_explained_with_a_line_between_them(desk: Desk) -> None:
    said = desk.venvoy(
        "plugins", "explain", "--worker-config", desk.worker, *(desk.source(), desk.sink())
    )
    assert said.code == 0, said.err
    assert said.out.startswith("src (source)\n\n")
    assert "\n\nsnk (sink)\n\n" in said.out


def test_an_export_that_would_lack_what_was_asked_for_is_refused(desk: Desk) -> None:
    put_plugin("malformed_pyproject", desk.place)
    archive = desk.directory / "site.tar"
    said = desk.venvoy("export", "--plugin-path", desk.place, "-o", archive)
    assert said.code == 1
    assert "malformed_pyproject/pyproject.toml` cannot be read" in said.err
    named = desk.venvoy("export", desk.place / "malformed_pyproject", "-o", archive)
    assert (named.code, named.err.count("error: ")) == (1, 1)
    (desk.directory / "empty").mkdir()
    empty = desk.venvoy("export", "--plugin-path", desk.directory / "empty", "-o", archive)
    assert empty == Said(
        code=1,
        out="",
        err="the plugin path holds no location, so there is nothing to do\n"
        "error: the plugin path has no location to export\n"
        "hint: `venvoy plugins list` shows what a plugin path holds\n",
    )
    assert not archive.exists()


@pytest.mark.parametrize("command", ["lock", "sync", "vendor", "check"])
def test_a_place_without_plugins_is_told_so(desk: Desk, command: str) -> None:
    (desk.directory / "empty").mkdir()
    assert desk.venvoy("plugins", command, "--plugin-path", desk.directory / "empty") == Said(
        code=0,
        out="",
        err="the plugin path holds no location, so there is nothing to do\n",
    )


def test_a_hint_can_be_copied_though_a_name_has_blanks(desk: Desk) -> None:
    spaced = (desk.place / GOOD).rename(desk.place / "a b")
    (spaced / "pylock.toml").unlink(missing_ok=True)
    said = desk.venvoy("plugins", "sync", "--frozen", "--plugin-path", desk.place)
    assert "run `venvoy plugins lock 'TMP/plugins/a b'` and commit" in said.err


@pytest.mark.parametrize("output", ["gone/x.json", "."])
def test_a_bill_of_materials_that_cannot_be_written_is_told(desk: Desk, output: str) -> None:
    desk.sync()
    file = desk.directory / output
    said = desk.venvoy("sbom", desk.place / GOOD, "-o", file)
    assert said.code == 1
    assert re.match(r"error: `TMP[^`]*` cannot be written: (no such file|is a d)", said.err)


def test_a_path_that_the_terminal_cannot_show_is_shown_with_escapes(desk: Desk) -> None:
    (desk.place / GOOD).rename(desk.place / "d\N{LATIN SMALL LETTER U WITH DIAERESIS}")
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "plugins", "list", "--plugin-path", desk.place],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "d\\xfc" in done.stdout


def test_closed_streams_are_no_fault(desk: Desk) -> None:
    command = [sys.executable, "-c", MAIN, "plugins", "list", "--plugin-path", desk.place]
    closed = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *map(str, command)]
    assert subprocess.run(closed, cwd=REPOSITORY, check=False, timeout=60).returncode == 0


def test_a_table_in_a_pipe_has_a_line_for_each_row_however_long(desk: Desk) -> None:
    assert main_without_exit(["plugins", "list", "--plugin-path", str(desk.place)]) == 0
    lines = desk.capsys.readouterr().out.splitlines()
    header = lines[0]
    assert re.split(" {2,}", header) == [
        "type", "class", "version", "location", "environment", "state",
    ]  # fmt: skip
    rows = [line for line in lines if "acme_good" in line]
    assert [row[: header.index("class")].strip() for row in rows] == ["sink", "source"]
    assert all(row[header.index("state") :] == "not synced" for row in rows)


def test_a_named_location_alone_is_locked_and_synced(desk: Desk) -> None:
    place = ("--plugin-path", desk.place)
    locked = desk.venvoy("plugins", "lock", "good_neighbour", "--offline", *place)
    assert locked == Said(
        code=0,
        out="lock  packages\nTMP/plugins/good_neighbour/pylock.toml  1  changed\n",
        err="",
    )
    synced = desk.venvoy("plugins", "sync", desk.place / "good_neighbour", "--frozen", *place)
    assert (synced.code, synced.err, synced.out.count(" ready\n")) == (0, "", 2)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_ctrl_c_ends_a_run_in_order_and_the_next_goes_on_from_there(
    desk: Desk, number: signal.Signals, code: int
) -> None:
    lines = [f"line {number}" for number in range(1000)]
    desk.input.write_text("".join(f"{line}\n" for line in lines))
    files = (desk.worker, desk.source(pause_ms="50", follow="true"), desk.sink())
    running = subprocess.Popen(
        [sys.executable, "-c", MAIN, "run", "--offline", *map(str, files)],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        patience = time.monotonic() + 60
        while len(desk.moved) < 5 and running.poll() is None and time.monotonic() < patience:
            time.sleep(0.02)
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == code, err
    assert re.findall(r"^(src|snk) .*STOPPED$", out, re.MULTILINE) == ["src", "snk"]
    told = [
        "error: interrupted",
        "hint: run it again: it goes on from the offsets that were committed",
    ]
    assert (err.splitlines()[-2:] == told) is (number == signal.SIGINT)
    assert "Traceback" not in err
    stopped_at = len(desk.moved)
    assert 5 <= stopped_at < len(lines)
    with closing(sqlite3.connect(desk.storage)) as log:
        assert log.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    said = desk.run(desk.source(), desk.sink())
    assert said.code == 0
    assert desk.moved == tuple(lines)


@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_ends_a_sync_and_leaves_nothing_behind(desk: Desk, as_json: bool) -> None:
    put_plugin("hangs_at_import", desk.place)
    store = desk.directory / "store"
    desk.patch.setenv("VENVOY_STORE", str(store))
    options = ["--offline", "--plugin-path", str(desk.place), *(["--json"] if as_json else [])]
    running = subprocess.Popen(
        [sys.executable, "-c", MAIN, "plugins", "sync", *options],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        lock = desk.place / "hangs_at_import" / "pylock.toml"
        patience = time.monotonic() + 60
        while not lock.exists() and running.poll() is None and time.monotonic() < patience:
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 130, err
    said = ("interrupted", "run it again; what was finished is kept")
    if as_json:
        (error,) = json.loads(out)["errors"]
        assert error == {"code": "interrupted", "message": said[0], "hint": said[1]}
    else:
        assert (out, desk.filtered(err).strip()) == ("", f"error: {said[0]}\nhint: {said[1]}")
    assert not list((store / "staging").iterdir())


def test_a_sync_in_a_pipe_says_what_each_location_begins_and_how_long_it_took(desk: Desk) -> None:
    desk.patch.setenv("VENVOY_STORE", str(desk.directory / "store"))
    running = subprocess.run(
        [sys.executable, "-c", MAIN, "plugins", "sync", "--offline", "--plugin-path", desk.place],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = [line for line in running.stderr.splitlines() if line.startswith("good_neighbour: ")]
    assert told[0] == "good_neighbour: making its lock"
    assert "good_neighbour: unpacking 1 wheel" in told
    assert re.fullmatch(r"good_neighbour: took \d+\.\d s", told[-2])  # then what became of its lock


def test_ctrl_c_while_modules_load_is_told_in_a_line(tmp_path: Path) -> None:
    loading = tmp_path / "loading"
    (tmp_path / "click.py").write_text(
        f"import pathlib, time\npathlib.Path({str(loading)!r}).touch()\ntime.sleep(60)\n"
    )
    paths = os.pathsep.join([str(tmp_path), str(REPOSITORY)])
    running = subprocess.Popen(
        [sys.executable, "-m", "launcher", "--version"], cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        while not loading.exists() and running.poll() is None:
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    assert (running.returncode, err) == (130, "error: interrupted\n")


def test_a_run_again_has_nothing_left_to_move(desk: Desk) -> None:
    assert desk.run(desk.source(), desk.sink()).code == 0
    again = desk.run(desk.source(), desk.sink())
    assert again.out.splitlines()[1].endswith("  DIGEST  0  TIME  COMPLETED")
    assert desk.moved == LINES
