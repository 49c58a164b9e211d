"""The built-in transformations and predicates, on structs and on maps without schema."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal as Number

import pytest

from tests.api.transforming import applied, configured, sink
from venvoy_api import (
    FLOAT64_SCHEMA,
    INT8_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_INT32_SCHEMA,
    STRING_SCHEMA,
    ConfigError,
    ConnectRecord,
    DataError,
    Date,
    Decimal,
    Predicate,
    Schema,
    SchemaBuilder,
    SourceRecord,
    Struct,
    Time,
    Timestamp,
    Transformation,
    Type,
)
from venvoy_api.predicates import HasHeaderKey, RecordIsTombstone, TopicNameMatches
from venvoy_api.transforms import Cast, Filter, InsertField, RegexRouter, ReplaceField

ROW = (
    SchemaBuilder.struct()
    .name("row")
    .version(3)
    .field("id", INT64_SCHEMA)
    .field("price", SchemaBuilder.float64().optional().default(1.5).build())
    .field("note", SchemaBuilder.string().optional().build())
    .build()
)


def row(**values: object) -> Struct:
    return Struct(ROW, values)


INSERT = {
    "topic_field": "topic",
    "partition_field": "part!",
    "offset_field": "at?",
    "timestamp_field": "ts",
    "static_field": "who",
    "static_value": "me",
}


def test_insert_field_adds_where_a_record_comes_from_to_a_map() -> None:
    before = {"id": 1}
    record = applied(configured(InsertField.Value(), **INSERT), sink(None, before))
    assert record.value == {"id": 1, "topic": "rows", "part": 2, "at": 7, "ts": 1000, "who": "me"}
    assert before == {"id": 1}
    assert "h" in record.headers


def test_insert_field_adds_where_a_record_comes_from_to_a_struct() -> None:
    record = applied(configured(InsertField.Value(), **INSERT), sink(ROW, row(id=1)))
    record.value.validate()
    schema = record.value_schema
    assert schema is record.value.schema
    assert schema is not None
    assert (schema.name, schema.version) == ("row", 3)
    kinds = {field.name: (field.schema.type, field.schema.optional) for field in schema.fields}
    assert kinds["topic"] == (Type.STRING, True)
    assert kinds["part"] == (Type.INT32, False)
    assert kinds["at"] == (Type.INT64, True)
    assert record.value["ts"] == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert record.value["who"] == "me"


def test_insert_field_works_on_keys() -> None:
    record = applied(configured(InsertField.Key(), topic_field="topic"), sink(None, {"id": 1}))
    assert record.key == {"k": 1, "topic": "rows"}
    assert record.value == {"id": 1}


def test_insert_field_leaves_out_what_a_record_does_not_have() -> None:
    transformation = configured(
        InsertField.Value(), partition_field="part", timestamp_field="ts", topic_field="topic"
    )
    record = SourceRecord(None, None, "rows", value={"id": 1})
    assert applied(transformation, record).value == {"id": 1, "topic": "rows"}
    required = configured(InsertField.Value(), partition_field="part!")
    with pytest.raises(DataError, match='field "part"'):
        required.apply(SourceRecord(None, None, "rows", value_schema=ROW, value=row(id=1)))


def test_insert_field_refuses_offsets_of_sources() -> None:
    with pytest.raises(DataError, match="only supported for sink connectors"):
        configured(InsertField.Value(), offset_field="at").apply(
            SourceRecord(None, None, "rows", value={})
        )


def test_replace_field_drops_and_renames_in_a_map() -> None:
    transformation = configured(ReplaceField.Value(), exclude="a,b", renames="c:d,x:y")
    record = applied(transformation, sink(None, {"a": 1, "b": 2, "c": 3, "e": 4}))
    assert record.value == {"d": 3, "e": 4}


def test_replace_field_keeps_only_what_is_included() -> None:
    transformation = configured(ReplaceField.Key(), include="k", renames="k:key")
    record = sink(None, None).new_record(key={"k": 1, "x": 2})
    assert applied(transformation, record).key == {"key": 1}


def test_replace_field_drops_and_renames_in_a_struct() -> None:
    transformation = configured(ReplaceField.Value(), exclude="note", renames="id:number")
    record = applied(transformation, sink(ROW, row(id=1, note="x")))
    assert record.value.to_dict() == {"number": 1, "price": 1.5}
    assert record.value.get_without_default("price") == 1.5
    again = applied(transformation, sink(ROW, row(id=2)))
    assert again.value_schema is record.value_schema


def test_defaults_stay_away_where_that_is_asked_for() -> None:
    transformation = configured(
        ReplaceField.Value(), exclude="note", replace_null_with_default="false"
    )
    record = applied(transformation, sink(ROW, row(id=1)))
    assert record.value.get_without_default("price") is None


def test_cast_changes_fields_of_a_map_and_leaves_missing_ones_away() -> None:
    transformation = configured(Cast.Value(), spec="id:string, price:int32 , gone:int8")
    record = applied(transformation, sink(None, {"id": 1, "price": 2.9, "x": None}))
    assert record.value == {"id": "1", "price": 2, "x": None}


def test_cast_changes_fields_and_schema_of_a_struct() -> None:
    record = applied(configured(Cast.Value(), spec="id:string,price:int8"), sink(ROW, row(id=1)))
    record.value.validate()
    assert record.value.to_dict() == {"id": "1", "price": 1, "note": None}
    price = record.value.schema.field("price")
    assert price is not None
    assert price.schema == Schema(Type.INT8, optional=True, default=1)


def test_cast_changes_the_whole_value() -> None:
    record = applied(configured(Cast.Value(), spec="string"), sink(OPTIONAL_INT32_SCHEMA, 5))
    assert record.value == "5"
    assert record.value_schema == Schema(Type.STRING, optional=True)
    plain = applied(configured(Cast.Key(), spec="int64"), sink(None, 1).new_record(key="12"))
    assert (plain.key, plain.key_schema) == (12, None)


MOMENT = datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "wanted", "result"),
    [
        (True, "int8", 1),
        ("-128", "int8", -128),
        (-1.9, "int16", -1),
        (Number("12.9"), "int32", 12),
        ("1e3", "float64", 1000.0),
        (0.1, "float32", 0.10000000149011612),
        (False, "float32", 0.0),
        ("TRUE", "boolean", True),
        ("yes", "boolean", False),
        (0.5, "boolean", False),
        (7, "boolean", True),
        (True, "string", "true"),
        (b"\xff", "string", "/w=="),
        (1.5, "string", "1.5"),
        (Number("1.50"), "string", "1.50"),
        (MOMENT, "string", "1970-01-01T00:00:02.000Z"),
        (MOMENT, "int64", 2000),
        (date(1970, 1, 2), "int32", 1),
        (date(1970, 1, 2), "string", "1970-01-02"),
        (time(0, 0, 1), "int32", 1000),
    ],
)
def test_values_are_cast_as_in_kafka(value: object, wanted: str, result: object) -> None:
    record = applied(configured(Cast.Value(), spec=wanted), sink(None, value))
    assert record.value == result
    assert type(record.value) is type(result)


@pytest.mark.parametrize(
    ("schema", "value", "wanted"),
    [
        (Timestamp.SCHEMA, MOMENT, "int64"),
        (Date.SCHEMA, date(2024, 1, 1), "string"),
        (Time.SCHEMA, time(1), "int32"),
        (Decimal.schema(1), Number("1.5"), "float64"),
    ],
)
def test_casting_a_logical_type_drops_its_meaning(
    schema: Schema, value: object, wanted: str
) -> None:
    record = applied(configured(Cast.Value(), spec=wanted), sink(schema, value))
    assert record.value_schema is not None
    assert record.value_schema.name is None
    record.value_schema.validate(record.value)


@pytest.mark.parametrize(
    ("schema", "value", "wanted"),
    [
        (INT32_SCHEMA, 128, "int8"),
        (FLOAT64_SCHEMA, float("nan"), "int32"),
        (FLOAT64_SCHEMA, 1e300, "float32"),
        (STRING_SCHEMA, "1.5", "int32"),
        (STRING_SCHEMA, " 1", "int32"),
        (STRING_SCHEMA, "x", "float64"),
        (Schema(Type.BYTES), b"1", "int8"),
        (None, [1], "string"),
        (None, {"a": 1}, "string"),
        (ROW, Struct(ROW, {"id": 1}), "string"),
    ],
)
def test_values_that_cannot_be_cast_are_refused(
    schema: Schema | None, value: object, wanted: str
) -> None:
    with pytest.raises(DataError):
        configured(Cast.Value(), spec=wanted).apply(sink(schema, value))


@pytest.mark.parametrize(
    ("transformation", "settings"),
    [
        (InsertField.Value(), {}),
        (InsertField.Value(), {"static_field": "a"}),
        (ReplaceField.Value(), {"renames": "a"}),
        (ReplaceField.Value(), {"renames": "a:b:c"}),
        (Cast.Value(), {}),
        (Cast.Value(), {"spec": ""}),
        (Cast.Value(), {"spec": "a:int128"}),
        (Cast.Value(), {"spec": "a:struct"}),
        (Cast.Value(), {"spec": "bytes"}),
        (Cast.Value(), {"spec": "int8,int16"}),
        (Cast.Value(), {"spec": ":int8"}),
        (RegexRouter(), {"regex": "a"}),
        (RegexRouter(), {"regex": "(", "replacement": "x"}),
        (RegexRouter(), {"regex": "a", "replacement": "$1"}),
        (RegexRouter(), {"regex": "a", "replacement": "${n}"}),
        (RegexRouter(), {"regex": "a", "replacement": "$"}),
    ],
)
def test_settings_that_mean_nothing_are_refused(
    transformation: Transformation, settings: Mapping[str, str]
) -> None:
    with pytest.raises(ConfigError):
        configured(transformation, **settings)


@pytest.mark.parametrize(
    "transformation",
    [
        configured(InsertField.Value(), topic_field="t"),
        configured(ReplaceField.Value(), exclude="a"),
        configured(Cast.Value(), spec="a:int8"),
    ],
)
def test_tombstones_pass_and_what_has_no_fields_is_refused(transformation: Transformation) -> None:
    tombstone = sink(None, None)
    assert transformation.apply(tombstone) is tombstone
    with pytest.raises(DataError, match="Only Map objects supported"):
        transformation.apply(sink(None, "text"))
    with pytest.raises(DataError, match="Only Struct objects supported"):
        transformation.apply(sink(INT8_SCHEMA, 1))


@pytest.mark.parametrize(
    ("regex", "replacement", "topic", "routed"),
    [
        ("(.*)-(\\d+)", "$1", "logs-2024", "logs"),
        ("(.*)-(\\d+)", "$2-$1", "logs-2024", "2024-logs"),
        ("(?<name>.*)-x", "${name}_y", "a-x", "a_y"),
        ("(?<a>x)\\k<a>(?!y)", "${a}", "xx", "x"),
        ("(a)", "$10", "a", "a0"),
        ("a", "\\$1\\\\n", "a", "$1\\n"),
        ("a", "b\\1", "a", "b1"),
        ("log", "x", "logs", "logs"),
        ("\\(?<a", "x", "<a", "x"),
    ],
)
def test_regex_router_renames_topics_that_match_as_a_whole(
    regex: str, replacement: str, topic: str, routed: str
) -> None:
    router = configured(RegexRouter(), regex=regex, replacement=replacement)
    record = SourceRecord(None, None, topic, value=1)
    for _ in range(2):
        assert applied(router, record).topic == routed


def test_filter_drops_every_record() -> None:
    assert Filter().apply(sink(None, 1)) is None


def meets(predicate: Predicate, record: ConnectRecord, **settings: str) -> bool:
    predicate.configure(settings)
    return predicate.test(record)


def test_predicates_tell_records_apart() -> None:
    record = sink(None, None)
    assert meets(RecordIsTombstone(), record)
    assert not meets(RecordIsTombstone(), sink(None, 0))
    assert meets(HasHeaderKey(), record, name="h")
    assert not meets(HasHeaderKey(), record, name="x")
    assert meets(TopicNameMatches(), record, pattern="r.ws")
    assert not meets(TopicNameMatches(), record, pattern="row")


@pytest.mark.parametrize(
    ("predicate", "settings"),
    [
        (HasHeaderKey(), {}),
        (HasHeaderKey(), {"name": ""}),
        (TopicNameMatches(), {"pattern": "("}),
        (TopicNameMatches(), {}),
    ],
)
def test_predicates_refuse_settings_that_mean_nothing(
    predicate: Predicate, settings: Mapping[str, str]
) -> None:
    with pytest.raises(ConfigError):
        predicate.configure(settings)
