"""The frame format: a round trip, the two header structs, and bytes that are no frame."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import venvoy_api
from launcher.hosts import frames as worker_frames
from tests.api.strategies import SCHEMAS_AND_VALUES, TEXT
from venvoy_api import ConnectRecord, Header, SinkRecord, SourceRecord
from venvoy_host import frames, objects, record_columns
from venvoy_host.source import last_offsets

maybe_bytes = st.none() | st.binary(max_size=40)
header_pairs = st.lists(st.tuples(st.text(max_size=10), maybe_bytes), max_size=3)
records = st.lists(
    st.tuples(
        maybe_bytes,
        maybe_bytes,
        header_pairs,
        st.integers(-(2**62), 2**62) | st.just(frames.NO_TIMESTAMP),
    ),
    max_size=20,
)


@given(
    records,
    st.text(max_size=20),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**64 - 1),
    st.integers(-1, 2**63 - 1),
    st.binary(max_size=30),
)
def test_a_frame_of_records_comes_back_as_it_went(  # hypothesis's
    rows: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]], int]],
    topic: str,
    partition: int,
    batch: int,
    first_offset: int,
    offsets: bytes,
) -> None:
    data = b"".join(
        frames.encode_records(
            topic,
            partition,
            keys=[row[0] for row in rows],
            values=[row[1] for row in rows],
            headers=[frames.encode_headers(row[2]) for row in rows],
            timestamps=[row[3] for row in rows],
            batch=batch,
            flags=frames.Flag.LAST,
            source_offsets=offsets,
            first_offset=first_offset,
        )
    )
    size = frames.HEADER.size
    frame = frames.parse(data[:size], data[size:])
    assert (frame.topic, frame.partition, frame.batch) == (topic, partition, batch)
    assert (frame.first_offset, frame.source_offsets) == (first_offset, offsets)
    columns = frames.decode_columns(frame)
    headers = columns.headers or [None] * len(rows)
    back = [
        (key, value, frames.decode_headers(one) if one else [], stamp)
        for key, value, one, stamp in zip(
            columns.keys, columns.values, headers, columns.timestamps, strict=True
        )
    ]
    assert back == rows
    # The worker sees the same in the header.
    seen = worker_frames.parse_frame(data)
    assert seen.kind is worker_frames.FrameKind.RECORDS
    assert (seen.topic, seen.partition, seen.batch, seen.count) == (
        topic,
        partition,
        batch,
        len(rows),
    )
    assert (seen.first_offset, seen.source_offsets, seen.is_last) == (first_offset, offsets, True)


@given(records)
def test_the_worker_cuts_out_and_encodes_records_as_the_host_does(
    rows: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]], int]],
) -> None:
    expected = [
        worker_frames.RawRecord(
            key=key,
            value=value,
            headers=tuple(pairs),
            timestamp=None if stamp == frames.NO_TIMESTAMP else stamp,
        )
        for key, value, pairs, stamp in rows
    ]
    data = b"".join(
        frames.encode_records(
            "t\u00e9",
            0,
            keys=[row[0] for row in rows],
            values=[row[1] for row in rows],
            headers=[frames.encode_headers(row[2]) for row in rows],
            timestamps=[row[3] for row in rows],
            batch=1,
            source_offsets=b"[]",
        )
    )
    assert [worker_frames.cut_record(data, place) for place in range(len(rows))] == expected
    for row, record in zip(rows, expected, strict=True):
        encoded = worker_frames.encode_record("t\u00e9", 3, record)
        alone = b"".join(
            frames.encode_records(
                "t\u00e9",
                3,
                keys=[row[0]],
                values=[row[1]],
                headers=[frames.encode_headers(row[2])],
                timestamps=[row[3]],
                batch=0,
            )
        )
        assert encoded.data == alone
        assert (encoded.topic, encoded.partition, encoded.count) == ("t\u00e9", 3, 1)


def test_the_worker_and_the_host_agree_about_the_header() -> None:
    assert worker_frames.HEADER.format == frames.HEADER.format
    assert worker_frames.HEADER.size == frames.HEADER.size == 96
    assert worker_frames.MAGIC == frames.MAGIC
    assert worker_frames.MAX_BODY_BYTES == frames.MAX_BODY_BYTES
    for kind in worker_frames.FrameKind:
        assert getattr(frames.Kind, kind.name) == kind
    for flag in worker_frames.FrameFlag:
        assert getattr(frames.Flag, flag.name or "") == flag


def test_an_offset_given_by_the_log_leaves_the_body_alone() -> None:
    pieces = frames.encode_records(
        "t", 3, keys=[b"k"], values=[None], headers=None, timestamps=[5], batch=1
    )
    data = worker_frames.with_first_offset(b"".join(pieces), 77)
    data = worker_frames.for_feed(data, batch=9, epoch=4)
    frame = frames.parse(data[:96], data[96:])
    assert (frame.first_offset, frame.batch, frame.epoch) == (77, 9, 4)
    assert (frame.topic, frame.partition) == ("t", 3)
    assert frames.decode_columns(frame) == ([b"k"], [None], None, [5])


def test_the_workers_acks_and_ends_are_read_by_the_host() -> None:
    ack = worker_frames.encode_ack(7, [("t", 0, 12)])
    frame = frames.parse(ack[:96], ack[96:])
    assert (frame.kind, frame.batch, json.loads(frame.payload)) == (3, 7, [["t", 0, 12]])
    end = worker_frames.encode_end(batch=2, epoch=5)
    frame = frames.parse(end[:96], end[96:])
    assert (frame.kind, frame.batch, frame.epoch, frame.payload) == (4, 2, 5, b"")


def test_bytes_that_are_no_frame_are_refused_by_both() -> None:
    pieces = frames.encode_records(
        "t", 0, keys=[b"k"], values=[b"v"], headers=None, timestamps=[5], batch=1
    )
    data = b"".join(pieces)
    changed = data[:-1] + b"w"
    with pytest.raises(frames.FrameError, match="does not match"):
        frames.parse(changed[:96], changed[96:])
    with pytest.raises(frames.FrameError, match="not a frame"):
        frames.parse(b"GET " + data[4:96], data[96:])
    with pytest.raises(worker_frames.BrokenFrameError):
        worker_frames.parse_frame(b"GET " + data[4:])


def test_the_worker_reads_frames_from_a_stream_until_it_ends() -> None:
    async def body() -> list[int]:
        reader = asyncio.StreamReader()
        for batch in (1, 2):
            reader.feed_data(worker_frames.encode_ack(batch, []))
        reader.feed_data(worker_frames.encode_ack(3, [])[:50])
        reader.feed_eof()
        found = []
        while (frame := await worker_frames.read_frame(reader)) is not None:
            found.append(frame.batch)
        return found

    assert asyncio.run(body()) == [1, 2]


def test_objects_of_the_api_and_of_the_standard_library_cross() -> None:
    import datetime  # noqa: PLC0415
    import decimal  # noqa: PLC0415
    import uuid  # noqa: PLC0415
    from collections import OrderedDict  # noqa: PLC0415

    schema = venvoy_api.SchemaBuilder.struct().field("n", venvoy_api.INT32_SCHEMA).build()
    record = venvoy_api.SinkRecord(
        "t",
        0,
        schema,
        venvoy_api.Struct(schema, {"n": 1}),
        None,
        {
            "d": decimal.Decimal("1.5"),
            "t": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
            "u": uuid.UUID(int=5),
            "o": OrderedDict(a=1),
            "s": {1, 2},
            "f": frozenset((3,)),
            "b": bytearray(b"x"),
            "type": venvoy_api.Type.INT8,
        },
        9,
        1,
        venvoy_api.TimestampType.CREATE_TIME,
        [venvoy_api.Header("h", None, 1)],
    )
    assert objects.loads(objects.dumps([record])) == [record]


class Stranger:
    pass


@pytest.mark.parametrize("value", [Stranger(), Stranger, print, json.loads, ValueError("x")])
def test_other_objects_do_not_leave(value: object) -> None:
    with pytest.raises(objects.ForeignObjectError, match="cannot pass"):
        objects.dumps({"value": value})


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "venvoy_api.schema.os"])
def test_other_names_do_not_enter(name: str) -> None:
    module, _, function = name.rpartition(".")
    data = f"c{module}\n{function}\n.".encode()
    with pytest.raises(objects.ForeignObjectError, match=name):
        objects.loads(data)


def test_the_last_offset_of_each_source_partition_counts() -> None:
    def record(partition: object, offset: object) -> venvoy_api.SourceRecord:
        return venvoy_api.SourceRecord(partition, offset, "t")  # type: ignore[arg-type]

    made = [
        record({"f": "a"}, {"n": 1}),
        record({"f": "b"}, {"n": 7}),
        record(None, None),
        record({"f": "a"}, {"n": 2}),
        record({"f": "b"}, None),
    ]
    assert last_offsets(made) == [[{"f": "b"}, {"n": 7}], [{"f": "a"}, {"n": 2}]]
    with pytest.raises(venvoy_api.ConnectError, match="JSON"):
        last_offsets([record({"f": Stranger()}, {"n": 1})])


HEADERS = st.lists(st.builds(Header, TEXT, st.none(), st.integers()), max_size=3)
SOURCE_RECORDS = st.builds(
    lambda n, headers, pair: SourceRecord(
        {"p": 1}, {"n": n}, "t", n, None, n, pair.schema, pair.value, None, headers
    ),
    st.integers(0, 9),
    HEADERS,
    SCHEMAS_AND_VALUES,
)
SINK_RECORDS = st.builds(
    lambda n, headers, pair: SinkRecord(
        "t", 1, None, n, pair.schema, pair.value, n, None, headers=headers or None
    ).new_record(topic="elsewhere"),
    st.integers(0, 9),
    HEADERS,
    SCHEMAS_AND_VALUES,
)


@given(st.lists(SOURCE_RECORDS, max_size=4) | st.lists(SINK_RECORDS, max_size=4))
def test_records_cross_between_segments_as_columns(records: list[ConnectRecord]) -> None:
    packed = record_columns.pack(records)
    assert record_columns.unpack(objects.loads(objects.dumps(packed))) == records


class OwnRecord(SourceRecord):
    """A plugin's own kind of record."""


def test_a_record_of_a_plugins_own_class_does_not_cross() -> None:
    records = [SourceRecord(None, None, "t"), OwnRecord(None, None, "t")]
    for mixed in (records, records[::-1]):
        with pytest.raises(objects.ForeignObjectError, match=r"test_frames\.OwnRecord"):
            objects.dumps(record_columns.pack(mixed))
