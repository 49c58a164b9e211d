"""Records and headers: changing them, comparing them, sending them through a pickle."""

import pickle
import pickletools

import pytest

from venvoy_api import (
    INT64_SCHEMA,
    STRING_SCHEMA,
    DataError,
    Header,
    Headers,
    SchemaBuilder,
    SinkRecord,
    SourceRecord,
    Struct,
    TimestampType,
    TopicPartition,
)

ROW = SchemaBuilder.struct().field("id", INT64_SCHEMA).field("name", STRING_SCHEMA).build()


def source_record(number: int = 1) -> SourceRecord:
    return SourceRecord(
        {"file": "a"},
        {"line": number},
        "rows",
        key_schema=INT64_SCHEMA,
        key=number,
        value_schema=ROW,
        value=Struct(ROW, {"id": number, "name": "x"}),
        timestamp=1_700_000_000_000,
    )


def sink_record(number: int = 1) -> SinkRecord:
    return SinkRecord(
        "rows", 0, None, "k", None, {"id": number}, number, 5, TimestampType.CREATE_TIME
    )


@pytest.mark.parametrize("record", [source_record(), sink_record()])
def test_a_record_comes_out_of_a_pickle_equal(record: SourceRecord | SinkRecord) -> None:
    record.headers.add("h", 1, INT64_SCHEMA).add("h", "two")
    assert pickle.loads(pickle.dumps(record, 5)) == record


def test_a_batch_of_records_pickles_its_schema_once() -> None:
    one = len(pickle.dumps([source_record()], 5))
    many = pickle.dumps([source_record(number) for number in range(200)], 5)
    assert (len(many) - one) / 199 < 80
    calls = [arg for _, arg, _ in pickletools.genops(many) if arg == "restore_schema"]
    assert len(calls) == 1


def test_reading_the_headers_of_a_record_leaves_it_equal() -> None:
    record, other = source_record(), source_record()
    assert len(record.headers) == 0
    assert record == other


def test_new_record_changes_what_is_named_and_keeps_the_rest() -> None:
    record = source_record()
    record.headers.add("h", 1)
    changed = record.new_record(topic="other", key=None, key_schema=None)
    assert changed.topic == "other"
    assert changed.key is None
    assert changed.value is record.value
    assert changed.source_offset == {"line": 1}
    changed.headers.remove("h")
    assert "h" in record.headers


def test_a_sink_record_remembers_where_it_was_read() -> None:
    changed = sink_record(7).new_record(topic="other", partition=3).new_record(topic="third")
    assert (changed.original_topic, changed.original_partition, changed.original_offset) == (
        "rows",
        0,
        7,
    )
    assert (changed.topic, changed.partition, changed.offset) == ("third", 3, 7)
    assert changed.timestamp_type is TimestampType.CREATE_TIME


def test_source_and_sink_records_are_never_equal() -> None:
    assert source_record() != sink_record()


def test_headers_keep_order_and_repetitions() -> None:
    headers = Headers([Header("a", None, 1)]).add("b", 2).add("a", 3)
    assert [(header.key, header.value) for header in headers] == [("a", 1), ("b", 2), ("a", 3)]
    last = headers.last("a")
    assert last is not None
    assert last.value == 3
    assert headers.last("c") is None
    assert len(headers.all("a")) == 2
    assert [header.value for header in headers.duplicate().retain_latest("a")] == [2, 3]
    assert [header.value for header in headers.duplicate().retain_latest()] == [2, 3]
    doubled = headers.duplicate().apply(
        lambda header: None if header.key == "b" else Header("x", None, header.value * 2)
    )
    assert [(header.key, header.value) for header in doubled] == [("x", 2), ("x", 6)]
    assert len(headers.remove("a")) == 1
    assert not headers.clear()


def test_a_header_that_is_not_of_its_schema_is_refused() -> None:
    with pytest.raises(DataError, match='field "a"'):
        Headers().add("a", "x", INT64_SCHEMA)


def test_topic_partitions_are_keys() -> None:
    assert {TopicPartition("t", 1): 2}[TopicPartition("t", 1)] == 2
