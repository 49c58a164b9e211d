"""The embedded log: offsets in order, all or nothing, and what survives."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from launcher.hosts.frames import RawRecord, WireFrame, parse_frame
from launcher.storage.sqlite_log import ForeignLogError, LogError, SqliteLog
from launcher.storage.topic_log import Append, parse_source_offsets
from manager.errors import InternalError
from venvoy_host import frames


def frame(topic: str, count: int, *, partition: int = 0) -> WireFrame:
    pieces = frames.encode_records(
        topic,
        partition,
        keys=[None] * count,
        values=[b"v"] * count,
        headers=None,
        timestamps=[0] * count,
        batch=1,
    )
    return parse_frame(b"".join(pieces))


def append(*made: WireFrame, connector: str = "c", offsets: bytes = b"") -> Append:
    return Append(connector=connector, frames=made, source_offsets=parse_source_offsets(offsets))


def with_log(file: Path, body: Callable[[SqliteLog], Awaitable[None]]) -> None:
    async def inside() -> None:
        log = SqliteLog(file)
        try:
            await body(log)
        finally:
            log.close()

    asyncio.run(inside())


def test_offsets_count_up_per_partition_and_frames_are_found_by_any_offset(
    tmp_path: Path,
) -> None:
    async def body(log: SqliteLog) -> None:
        assert await log.append(append(frame("t", 3), frame("u", 2))) == (
            ("t", 0, 0),
            ("u", 0, 0),
        )
        assert await log.append(append(frame("t", 4), frame("t", 1, partition=2))) == (
            ("t", 0, 3),
            ("t", 2, 0),
        )
        assert dict(await log.ends(("t", "nothing"))) == {("t", 0): 7, ("t", 2): 1}
        for offset, firsts in ((0, [0, 3]), (2, [0, 3]), (3, [3]), (6, [3]), (7, [])):
            found = await log.read("t", 0, offset, max_bytes=10_000)
            assert [one.first_offset for one in found] == firsts
        (only,) = await log.read("t", 0, 0, max_bytes=1)
        assert (only.first_offset, only.end_offset) == (0, 3)
        assert parse_frame((await log.read("t", 0, 5, max_bytes=1))[0].data).first_offset == 3

    with_log(tmp_path / "log", body)


def test_records_and_source_offsets_are_stored_together_or_not_at_all(tmp_path: Path) -> None:
    async def body(log: SqliteLog) -> None:
        await log.append(append(frame("t", 1), offsets=b'[[{"b":1,"a":2},{"n":1}]]'))
        bad = Append(
            connector="c",
            frames=(frame("t", 1),),
            source_offsets=(("p", object()),),  # type: ignore[arg-type]  # what SQLite refuses
        )
        good = append(frame("t", 2), offsets=b'[[{"a":2,"b":1},{"n":3}]]')
        results = await asyncio.gather(
            log.append(good), log.append(bad), log.append(good), return_exceptions=True
        )
        assert results[0] == (("t", 0, 1),)
        assert isinstance(results[1], LogError)
        assert results[2] == (("t", 0, 3),)
        assert await log.source_offsets("c") == (('{"a":2,"b":1}', '{"n":3}'),)
        assert await log.source_offsets("other") == ()
        assert dict(await log.ends(("t",))) == {("t", 0): 5}

    with_log(tmp_path / "log", body)


def test_everything_is_there_after_it_was_closed(tmp_path: Path) -> None:
    async def write(log: SqliteLog) -> None:
        await log.append(append(frame("t", 3), offsets=b"[[{},{}]]"))
        await log.commit_sink_offsets("s", {("t", 0): 2, ("t", 1): 0})
        await log.commit_sink_offsets("s", {("t", 0): 3})

    async def read(log: SqliteLog) -> None:
        assert dict(await log.sink_offsets("s")) == {("t", 0): 3, ("t", 1): 0}
        assert await log.source_offsets("c") == (("{}", "{}"),)
        assert await log.append(append(frame("t", 1))) == (("t", 0, 3),)

    with_log(tmp_path / "log", write)
    with_log(tmp_path / "log", read)


def test_a_batch_without_records_moves_only_the_offsets(tmp_path: Path) -> None:
    async def body(log: SqliteLog) -> None:
        assert await log.append(append(frame("", 0), offsets=b'[[{"a":1},{"n":1}]]')) == ()
        assert len(await log.source_offsets("c")) == 1
        assert dict(await log.ends(("",))) == {}

    with_log(tmp_path / "log", body)


def test_a_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "text"
    other.write_text("this is not a database, " * 100)
    with pytest.raises(ForeignLogError, match="cannot be used: file is not a database"):
        SqliteLog(other)
    newer = tmp_path / "newer"
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(ForeignLogError, match="has format 9") as caught:
        SqliteLog(newer)
    assert "storage.file" in caught.value.hint
    with pytest.raises(LogError):
        SqliteLog(other / "below" / "a file")


def test_malformed_source_offsets_are_our_bug() -> None:
    with pytest.raises(InternalError):
        parse_source_offsets(b'{"not": "pairs"}')


def test_two_workers_do_not_share_a_log(tmp_path: Path) -> None:
    first = SqliteLog(tmp_path / "log")
    try:
        with pytest.raises(LogError, match="another worker uses it"):
            SqliteLog(tmp_path / "log")
    finally:
        first.close()
    SqliteLog(tmp_path / "log").close()


def test_offsets_can_be_altered_and_forgotten(tmp_path: Path) -> None:
    async def body(log: SqliteLog) -> None:
        for connector in ("c", "other"):
            await log.set_source_offsets(connector, [('{"a":1}', "1"), ('{"a":2}', "2")])
            await log.set_sink_offsets(connector, {("t", 0): 5, ("t", 1): 6})
        await log.set_source_offsets("c", [('{"a":1}', None), ('{"a":3}', "3")])
        await log.set_sink_offsets("c", {("t", 0): None, ("u", 0): 7})
        assert await log.source_offsets("c") == (('{"a":2}', "2"), ('{"a":3}', "3"))
        assert dict(await log.sink_offsets("c")) == {("t", 1): 6, ("u", 0): 7}
        await log.delete_source_offsets("c")
        await log.delete_sink_offsets("c")
        assert await log.source_offsets("c") == ()
        assert dict(await log.sink_offsets("c")) == {}
        assert len(await log.source_offsets("other")) == 2
        assert len(await log.sink_offsets("other")) == 2

    with_log(tmp_path / "log", body)


def test_a_record_is_cut_out_of_its_frame_and_one_alone_is_appended(tmp_path: Path) -> None:
    pieces = frames.encode_records(
        "t",
        1,
        keys=[b"k0", None, b""],
        values=[None, b"v1", b"v2"],
        headers=[None, frames.encode_headers([("h", b"x"), ("n", None)]), None],
        timestamps=[5, frames.NO_TIMESTAMP, 7],
        batch=1,
    )
    expected = [
        RawRecord(key=b"k0", value=None, timestamp=5),
        RawRecord(key=None, value=b"v1", headers=(("h", b"x"), ("n", None))),
        RawRecord(key=b"", value=b"v2", timestamp=7),
    ]

    async def body(log: SqliteLog) -> None:
        await log.append(append(frame("t", 2, partition=1), parse_frame(b"".join(pieces))))
        cut = [await log.record_at("t", 1, offset) for offset in (2, 3, 4)]
        assert cut == expected
        for place, record in enumerate(expected):
            assert await log.append_record("dead", 0, record) == place
            assert await log.record_at("dead", 0, place) == record
            (stored,) = await log.read("dead", 0, place, max_bytes=1)
            size = frames.HEADER.size
            read = frames.decode_columns(frames.parse(stored.data[:size], stored.data[size:]))
            assert (read.keys, read.values) == ([record.key], [record.value])
            header = (read.headers or [None])[0]
            assert tuple(frames.decode_headers(header) if header else ()) == record.headers
        assert set(await log.topic_names()) == {"t", "dead"}
        with pytest.raises(InternalError, match="no record 3 in dead-0"):
            await log.record_at("dead", 0, 3)

    with_log(tmp_path / "log", body)
