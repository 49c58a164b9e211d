"""A storage file that is taken from under the worker: told, and nothing is promised any more."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Coroutine
from pathlib import Path

import pytest

from launcher.interface.views import State, TargetState
from launcher.storage.sqlite_file import LogError, LostFileError
from launcher.storage.sqlite_log import SqliteLog
from launcher.storage.worker_store import SqliteWorkerStore
from launcher.worker.standing import StandingWorker
from launcher.worker.storage_watch import StorageWatch
from tests.worker.standalone import Standalone, write_properties
from tests.worker.standing import (
    Stand,
    counter,
    steered,
    until,
    until_state,
    until_task_version,
    writer,
)

RUNNING, STOPPED = State.RUNNING, State.STOPPED


def move_away(file: Path) -> Path:
    """Move a storage file and what SQLite has beside it; return where it is."""
    away = file.with_name("away")
    away.mkdir()
    for one in (*file.parent.glob(f"{file.name}-*"), file):
        one.rename(away / one.name)
    return away


def move_back(file: Path) -> None:
    for one in file.with_name("away").iterdir():
        one.replace(file.with_name(one.name))


def errors(stand: Stand) -> list[str]:
    return [event.text for event in stand.heard.events if event.level == "ERROR"]


def test_every_change_is_refused_while_the_storage_file_is_gone(stand: Stand) -> None:
    stand.plugin()

    async def refused(change: Coroutine[object, object, object]) -> None:
        with pytest.raises(LostFileError) as raised:
            await change
        assert f"`{stand.log_file}" in raised.value.message

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", steered())
        await worker.create("written", writer(stand.directory / "out"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await worker.stop("written")
        await until_state(worker, "written", STOPPED)
        assert worker.health().status == "healthy"
        move_away(stand.log_file)
        for change in (
            worker.create("more", counter()),
            worker.put_config("numbers", steered(count="7")),
            worker.patch_config("numbers", {"count": "7"}),
            worker.pause("numbers"),
            worker.stop("numbers"),
            worker.resume("written"),
            worker.reset_offsets("written"),
            worker.delete("numbers"),
            worker.reset_topics("numbers"),
        ):
            await refused(change)
        assert worker.connectors() == ("numbers", "written")
        assert worker.config("numbers")["count"] == "1000000000"
        assert worker.topics("numbers") == ("numbers",)
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await until_state(worker, "written", STOPPED)
        assert worker.health().status == "unhealthy"
        move_back(stand.log_file)
        assert worker.health().status == "healthy"
        await worker.delete("numbers")

    stand.run(body)
    assert stand.stored("written").target is TargetState.STOPPED


def test_a_connector_that_the_storage_cannot_forget_stays(stand: Stand) -> None:
    stand.plugin()
    refusal = (
        "CREATE TRIGGER full BEFORE DELETE ON connectors BEGIN SELECT RAISE(FAIL, 'full'); END"
    )

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", steered())
        await until_state(worker, "numbers", RUNNING, RUNNING)
        with contextlib.closing(sqlite3.connect(stand.log_file, isolation_level=None)) as file:
            file.execute(refusal)
            with pytest.raises(LogError, match="full"):
                await worker.delete("numbers")
            file.execute("DROP TRIGGER full")
        assert worker.connectors() == ("numbers",)
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await worker.pause("numbers")
        await until_state(worker, "numbers", State.PAUSED, State.PAUSED)
        await worker.delete("numbers")
        assert worker.connectors() == ()

    stand.run(body)
    with pytest.raises(KeyError):
        stand.stored("numbers")


def test_a_move_that_the_storage_cannot_keep_fails_with_the_storages_words(stand: Stand) -> None:
    stand.plugin()
    stand.plugin("2.0")
    refusal = (
        "CREATE TRIGGER full BEFORE INSERT ON connectors WHEN"
        " (SELECT fallback FROM connectors WHERE name = NEW.name) IS NOT NULL"
        " BEGIN SELECT RAISE(FAIL, 'full'); END"
    )

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", steered(connector__version="1.0"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        with contextlib.closing(sqlite3.connect(stand.log_file, isolation_level=None)) as file:
            file.execute(refusal)
            await worker.patch_config("numbers", {"connector.version": "2.0"})
            await until(lambda: worker.status("numbers").connector.state is State.FAILED)
            trace = worker.status("numbers").connector.trace
            assert trace is not None
            assert trace.startswith(f"the log `{stand.log_file}` cannot be used: full")
            file.execute("DROP TRIGGER full")
        await worker.restart("numbers")
        await until_task_version(worker, "numbers", "2.0")
        assert not [text for text in errors(stand) if "Traceback" in text]

    stand.run(body)


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_each_file_of_the_database_is_missed_and_told_once(stand: Stand, ending: str) -> None:
    file = Path(f"{stand.log_file}{ending}")

    async def body(worker: StandingWorker) -> None:
        kept = file.with_name("kept")
        os.link(file, kept)
        file.unlink()
        for _ in range(3):
            health = worker.health()
            assert health.status == "unhealthy"
            assert f"`{file}` was removed while the worker uses it" in health.message
            assert "GET /connectors?expand=info" in health.message
        shutil.copyfile(kept, file)
        assert f"`{file}` was replaced by another file" in worker.health().message
        assert len(errors(stand)) == 1
        kept.replace(file)
        assert worker.health().status == "healthy"
        file.rename(kept)
        assert worker.health().status == "unhealthy"
        assert len(errors(stand)) == 2
        kept.rename(file)

    stand.run(body)


def test_a_lost_file_is_noticed_though_nobody_asks(tmp_path: Path) -> None:
    told: list[str] = []

    async def body() -> None:
        log = SqliteLog(tmp_path / "log.sqlite")
        store = SqliteWorkerStore(log)
        watch = StorageWatch(
            store.fault, tell=lambda text, level: told.append(f"{level} {text}"), every_s=0.01
        )
        watch.begin()
        move_away(tmp_path / "log.sqlite")
        await until(lambda: told)
        move_back(tmp_path / "log.sqlite")
        await until(lambda: len(told) > 1)
        await watch.close()
        log.close()

    asyncio.run(body())
    lost, back = told
    assert lost.startswith("ERROR the log's file")
    assert "hint: move the file back" in lost
    assert back.startswith("WARNING the log's files are back")


def test_rest_answers_unhealthy_when_the_state_directory_is_removed(stand: Stand) -> None:
    stand.plugin()
    state = stand.directory / "state"
    pairs = {
        "listeners": "http://127.0.0.1:0",
        "plugin.path": stand.plugins,
        "storage.file": state / "worker.sqlite",
    }
    file = write_properties(stand.directory / "worker.properties", pairs)
    standalone = Standalone(stand.directory, file)
    try:
        standalone.start()
        shutil.rmtree(state)
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(f"{standalone.url}/health", timeout=60)
        with raised.value as answer:
            assert answer.code == 500
            assert b'"status":"unhealthy"' in answer.read()
        request = {"name": "numbers", "config": counter()}
        with pytest.raises(AssertionError, match=r"500 .*was removed while the worker uses it"):
            standalone.ask("POST", "/connectors", request)
        assert standalone.get("/connectors") == []
        assert standalone.end() == 0
    finally:
        assert standalone.process is not None
        standalone.process.kill()
        standalone.process.wait()
        standalone.until_nothing_is_left()
