"""What a standing worker keeps: connectors, states, topics; and files of an earlier format."""

import asyncio
import gzip
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from launcher.interface.move import Move, MoveState
from launcher.interface.views import ConnectorState, StageVersion, State, TargetState, TaskState
from launcher.storage.generations import KEPT, StoredGeneration
from launcher.storage.sqlite_file import SCHEMA_NUMBER, ForeignLogError, LogError
from launcher.storage.sqlite_log import SqliteLog
from launcher.storage.worker_store import Fallback, SqliteWorkerStore, StoredConnector

ROOT = Path(__file__).parents[2]
FORMAT_1 = Path(__file__).with_name("storage_format_1.sqlite.gz")
"""Written by the venvoy before format 2: five records in two frames, an offset of each kind."""
FORMAT_2 = Path(__file__).with_name("storage_format_2.sqlite.gz")
"""Written by a worker before format 3, with a source, a paused sink and a stopped source."""


def with_store(file: Path, body: Callable[[SqliteWorkerStore, SqliteLog], Awaitable[None]]) -> None:
    async def inside() -> None:
        log = SqliteLog(file)
        try:
            await body(SqliteWorkerStore(log), log)
        finally:
            log.close()

    asyncio.run(inside())


def state(what: State, *, trace: str | None = None) -> ConnectorState:
    return ConnectorState(
        state=what, worker_id="w:1", version="1.2", trace=trace, environment="abc"
    )


def task(number: int, what: State = State.RUNNING) -> TaskState:
    return TaskState(id=number, state=what, worker_id="w:1", version="1.2", trace="oh\nno")


def test_what_was_put_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    plain = StoredConnector(name="b", config={"name": "b", "password": "${env:X}"})
    full = StoredConnector(
        name="a",
        config={"name": "a", "ключ": "é\n"},
        target=TargetState.PAUSED,
        applied={"name": "a"},
        task_configs=({"task": "0"}, {}),
    )
    ids = []

    async def write(store: SqliteWorkerStore, _: SqliteLog) -> None:
        ids.append(await store.cluster_id())
        assert await store.connectors() == {}
        await store.put_connector(StoredConnector(name="b", config={}, applied={"x": "y"}))
        await store.put_connector(plain)
        await store.put_connector(full)
        await store.put_connector_status("a", state(State.RUNNING))
        await store.put_connector_status("a", state(State.FAILED, trace="why"))
        await store.put_task_status("a", task(1))
        await store.put_task_status("a", task(0, State.FAILED))
        for topic in ("u", "t", "t"):
            await store.add_topic("a", topic)

    async def read(store: SqliteWorkerStore, _: SqliteLog) -> None:
        ids.append(await store.cluster_id())
        found = await store.connectors()
        assert list(found.items()) == [("a", full), ("b", plain)]
        kept = await store.statuses("a")
        assert kept is not None
        assert kept.connector == state(State.FAILED, trace="why")
        assert kept.tasks == (task(0, State.FAILED), task(1))
        assert await store.statuses("b") is None
        assert await store.topics("a") == ("t", "u")

    with_store(tmp_path / "w.sqlite", write)
    with_store(tmp_path / "w.sqlite", read)
    assert ids[0] == ids[1]
    assert len(ids[0]) == 22


def test_fewer_tasks_and_a_reset_forget_only_what_they_name(tmp_path: Path) -> None:
    async def body(store: SqliteWorkerStore, _: SqliteLog) -> None:
        for name in ("a", "b"):
            await store.put_connector(StoredConnector(name=name, config={}))
            await store.add_topic(name, "t")
            for number in range(3):
                await store.put_task_status(name, task(number))
        await store.delete_task_statuses("a", 1)
        await store.reset_topics("a")
        counts = {}
        for name in ("a", "b"):
            kept = await store.statuses(name)
            assert kept is not None
            counts[name] = (len(kept.tasks), await store.topics(name))
        assert counts == {"a": (1, ()), "b": (3, ("t",))}

    with_store(tmp_path / "w.sqlite", body)


def test_a_deleted_connector_leaves_its_offsets_and_nothing_else(tmp_path: Path) -> None:
    async def body(store: SqliteWorkerStore, log: SqliteLog) -> None:
        await store.put_connector(StoredConnector(name="a", config={}))
        await store.put_connector_status("a", state(State.RUNNING))
        await store.put_task_status("a", task(0))
        await store.add_topic("a", "t")
        await log.set_source_offsets("a", [("{}", "{}")])
        await store.delete_connector("a")
        # What tasks that are just ending still tell.
        await store.put_connector_status("a", state(State.RUNNING))
        await store.put_task_status("a", task(0))
        await store.add_topic("a", "t")
        assert await store.connectors() == {}
        assert await store.statuses("a") is None
        assert await store.topics("a") == ()
        assert await log.source_offsets("a") == (("{}", "{}"),)
        await store.put_connector(StoredConnector(name="a", config={}))
        assert await store.statuses("a") is None

    with_store(tmp_path / "w.sqlite", body)


def test_a_file_of_format_1_is_brought_up_with_all_it_holds(tmp_path: Path) -> None:
    file = tmp_path / "old.sqlite"
    file.write_bytes(gzip.decompress(FORMAT_1.read_bytes()))
    assert schema(file)[0] == 1

    async def body(store: SqliteWorkerStore, log: SqliteLog) -> None:
        await store.put_connector(StoredConnector(name="a", config={}))
        assert await log.source_offsets("counter") == (('{"task":"0"}', '{"next":5}'),)
        assert dict(await log.sink_offsets("writer")) == {("numbers", 0): 4}
        assert dict(await log.ends(("numbers",))) == {("numbers", 0): 5}
        records = [await log.record_at("numbers", 0, offset) for offset in range(5)]
        assert [record.value for record in records] == [b'{"n": %d}' % n for n in range(5)]
        assert await log.append_record("numbers", 0, records[0]) == 5

    with_store(file, body)
    with_store(file, body_of_nothing)
    fresh = tmp_path / "new.sqlite"
    with_store(fresh, body_of_nothing)
    assert schema(file) == schema(fresh)
    assert schema(file)[0] == SCHEMA_NUMBER


def test_a_file_of_format_2_keeps_its_connectors_and_their_states(tmp_path: Path) -> None:
    file = tmp_path / "old.sqlite"
    file.write_bytes(gzip.decompress(FORMAT_2.read_bytes()))
    assert schema(file)[0] == 2

    async def body(store: SqliteWorkerStore, log: SqliteLog) -> None:
        found = await store.connectors()
        assert {name: str(one.target) for name, one in found.items()} == {
            "asleep": "STOPPED",
            "numbers": "STARTED",
            "written": "PAUSED",
        }
        numbers = found["numbers"]
        assert numbers.config == numbers.applied
        assert numbers.password_keys == {"password"}
        assert len(numbers.task_configs) == 1
        assert (numbers.asked_by, numbers.generation) == ("worker", 0)
        assert (dict(numbers.locked), numbers.last_move, numbers.fallback) == ({}, None, None)
        assert await store.generations("numbers") == ()
        known = await store.statuses("numbers")
        assert known is not None
        assert known.connector is not None
        assert known.connector.version == "1.0"
        assert await log.source_offsets("numbers") == (('{"task":"0"}', '{"next":5}'),)
        assert dict(await log.sink_offsets("written")) == {("numbers", 0): 5}
        await store.put_generation("numbers", generation(1))

    with_store(file, body)
    fresh = tmp_path / "new.sqlite"
    with_store(fresh, body_of_nothing)
    assert schema(file) == schema(fresh)


def generation(number: int) -> StoredGeneration:
    stage = StageVersion(
        role="transformation", alias="t", class_name="a.Tag", version="1.0", environment="abc"
    )
    return StoredGeneration(
        number=number,
        config={"name": "a", "password": "hush"},
        password_keys=frozenset(("password",)),
        versions=(stage,),
        exact={"connector.version": "1.0"},
        plugin_digests={"/plugins/a": "def"},
        environment_digests={"/plugins/a": "abc"},
        at=1_700_000_000_000 + number,
        asked_by="anna",
        outcome=MoveState.RETURNED,
        reason="it broke",
    )


def test_moves_and_generations_are_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    move = Move(
        from_generation=1,
        to_generation=2,
        state=MoveState.STARTING,
        from_version="1.0",
        to_version="2.0",
        began_at=1_700_000_000_000,
    )
    fallback = Fallback(
        config={"name": "a"},
        password_keys=frozenset(("password",)),
        asked_by="anna",
        generation=1,
        locked={"connector.version": "1.0"},
    )
    moving = StoredConnector(
        name="a",
        config={"name": "a", "connector.version": "2.0"},
        asked_by="bert",
        generation=2,
        locked={"transforms.t.plugin.version": "3.0"},
        last_move=move,
        fallback=fallback,
    )

    async def write(store: SqliteWorkerStore, _: SqliteLog) -> None:
        await store.put_generation("a", generation(1))  # of nobody
        await store.put_connector(moving)
        for number in (1, 2, 1):
            await store.put_generation("a", generation(number))

    async def read(store: SqliteWorkerStore, _: SqliteLog) -> None:
        assert await store.connectors() == {"a": moving}
        assert await store.generations("a") == (generation(1), generation(2))
        for number in range(3, KEPT + 5):
            await store.put_generation("a", generation(number))
        kept = [one.number for one in await store.generations("a")]
        assert kept == [2, *range(5, KEPT + 5)]
        await store.delete_connector("a")
        assert await store.generations("a") == ()

    with_store(tmp_path / "w.sqlite", write)
    with_store(tmp_path / "w.sqlite", read)


def test_a_file_whose_migration_was_broken_off_is_of_format_1_and_brought_up_later(
    tmp_path: Path,
) -> None:
    file = tmp_path / "old.sqlite"
    file.write_bytes(gzip.decompress(FORMAT_1.read_bytes()))
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE connectors (stands TEXT, in_the TEXT, way TEXT)")
    connection.close()
    with pytest.raises(LogError, match="already exists"):
        SqliteLog(file)
    assert schema(file)[0] == 1
    assert "worker" not in {table for table, _ in schema(file)[1]}
    connection = sqlite3.connect(file)
    connection.execute("DROP TABLE connectors")
    connection.close()
    with_store(file, body_of_nothing)
    assert schema(file)[0] == SCHEMA_NUMBER


async def body_of_nothing(store: SqliteWorkerStore, _: SqliteLog) -> None:
    await store.cluster_id()


def schema(file: Path) -> tuple[int, list[tuple[str, str]]]:
    connection = sqlite3.connect(file)
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    columns = connection.execute(
        "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c "
        "WHERE m.type = 'table' ORDER BY 1, c.cid"
    ).fetchall()
    connection.close()
    return number, columns


def test_somebody_elses_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "theirs.sqlite"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE precious (x)")
    connection.commit()
    connection.close()
    before = file.read_bytes()
    with pytest.raises(ForeignLogError, match="a database of something else"):
        SqliteLog(file)
    assert file.read_bytes() == before


def test_nobody_else_may_read_a_file_that_holds_configs(tmp_path: Path) -> None:
    file = tmp_path / "w.sqlite"
    with_store(file, body_of_nothing)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


WRITER = """
import asyncio, sys
from pathlib import Path
from launcher.storage.sqlite_log import SqliteLog
from launcher.storage.worker_store import SqliteWorkerStore, StoredConnector

async def main():
    log = SqliteLog(Path(sys.argv[1]))
    store = SqliteWorkerStore(log)
    first = max((int(name) for name in await store.connectors()), default=-1) + 1
    for number in range(first, 1_000_000):
        name = str(number)
        await asyncio.gather(
            store.put_connector(StoredConnector(name=name, config={"n": name})),
            store.add_topic(name, name),
            log.set_source_offsets(name, [("{}", name)]),
        )
        print(number, flush=True)

asyncio.run(main())
"""


def test_what_was_answered_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    file = tmp_path / "w.sqlite"
    answered = -1
    for round_ in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(file)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        for _ in range(20 + 7 * round_):
            answered = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        rest, _errors = writer.communicate()
        whole = [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        answered = int(whole[-1]) if whole else answered

    async def read(store: SqliteWorkerStore, log: SqliteLog) -> None:
        found = await store.connectors()
        assert set(map(str, range(answered + 1))) <= set(found)
        for name, one in found.items():
            assert one.config == {"n": name}
            if int(name) <= answered:
                assert await store.topics(name) == (name,)
                assert await log.source_offsets(name) == (("{}", name),)

    with_store(file, read)
