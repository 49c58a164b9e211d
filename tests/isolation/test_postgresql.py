"""The SQL sink writes to a real PostgreSQL, with a driver that only its location adds."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.isolation.workspaces import ROOT, Workspace

ROWS = 5220


def server_programs() -> Path | None:
    """Where `initdb` and `pg_ctl` are: on PATH, or where Debian keeps them."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@contextmanager
def postgresql(directory: Path) -> Iterator[str]:
    """Start a server of the test's own on a socket; yield the directory of the socket."""
    programs = server_programs()
    if programs is None or not (programs / "initdb").exists():
        pytest.skip("no PostgreSQL server on this machine")
    as_user: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    place = Path(subprocess.check_output(["mktemp", "-d", "/tmp/pg.XXXXXX"], text=True).strip())
    data = place / "data"
    try:
        if as_user:
            shutil.chown(place, "postgres")
        options = ["--auth=trust", "--username=venvoy", "--no-sync"]
        run([*as_user, str(programs / "initdb"), "-D", str(data), *options])
        settings = f"-c listen_addresses= -c unix_socket_directories={place} -c fsync=off"
        control = [*as_user, str(programs / "pg_ctl"), "-D", str(data)]
        run([*control, "-w", "-l", str(data / "log"), "-o", settings, "start"])
        try:
            yield str(place)
        finally:
            run([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(place, ignore_errors=True)


def run(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/", timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.network
@pytest.mark.timeout(300)
def test_airports_are_upserted_into_postgresql(workspace: Workspace, tmp_path: Path) -> None:
    for name in ("csv_source_2", "sql_sink_2"):
        shutil.copytree(ROOT / "sample_plugins" / name, workspace.plugins / name)
    sink = workspace.plugins / "sql_sink_2"
    with (sink / "pyproject.toml").open("a") as project:
        project.write('\n[tool.venvoy]\nextra = ["psycopg[binary]>=3.1"]\n')
    (sink / "pylock.toml").unlink()  # made anew, for this Python only
    table = ROOT / "sample_plugins" / "data" / "airports.csv"
    source = workspace.config(
        "airports", "csv", files=str(table), topic="airports", key__field="ident"
    )
    worker = workspace.worker(value__converter__schemas__enable="true")
    with postgresql(tmp_path) as socket_dir:
        database = workspace.config(
            "database",
            "sql",
            topics="airports",
            connection__url=f"postgresql+psycopg://venvoy@/postgres?host={socket_dir}",
            insert__mode="upsert",
            pk__mode="record_key",
            pk__fields="ident",
            auto__create="true",
        )
        for _ in range(2):  # the second time from the start again: the same keys
            ran = workspace.venvoy("run", "--json", worker, source, database)
            assert [row["records_out"] for row in ran.rows()] == [ROWS, ROWS]
            workspace.log_file.unlink()
        client = shutil.which("psql")
        assert client is not None
        query = "select count(*), count(distinct ident), pg_typeof(max(latitude_deg)) from airports"
        psql = [client, "-h", socket_dir, "-U", "venvoy", "-At", "-c", query]
        assert run([*psql, "postgres"]).strip() == f"{ROWS}|{ROWS}|double precision"
