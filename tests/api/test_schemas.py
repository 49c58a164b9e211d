"""Schemas, structs and logical types: what fits, what is equal, what survives a pickle."""

import copy
import pickle
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal as Number

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.strategies import MOMENTS, SCHEMAS, SCHEMAS_AND_VALUES, TIMES
from venvoy_api import (
    INT8_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    DataError,
    Date,
    Decimal,
    Field,
    Schema,
    SchemaAndValue,
    SchemaBuilder,
    SchemaBuilderError,
    Struct,
    Time,
    Timestamp,
    Type,
)

PERSON = (
    SchemaBuilder.struct()
    .name("person")
    .version(2)
    .doc("somebody")
    .parameter("a", "b")
    .field("id", INT64_SCHEMA)
    .field("name", OPTIONAL_STRING_SCHEMA)
    .field("lang", SchemaBuilder.string().default("en").build())
    .build()
)


@given(SCHEMAS)
def test_a_schema_comes_out_of_a_pickle_equal_and_always_as_one_object(schema: Schema) -> None:
    data = pickle.dumps(schema, 5)
    restored = pickle.loads(data)
    assert restored == schema
    assert hash(restored) == hash(schema)
    assert restored is pickle.loads(data)


def test_a_constant_comes_out_of_a_pickle_as_itself() -> None:
    assert pickle.loads(pickle.dumps(STRING_SCHEMA, 5)) is STRING_SCHEMA


def test_copies_of_a_schema_are_itself() -> None:
    assert copy.deepcopy(PERSON) is PERSON
    assert copy.copy(PERSON) is PERSON


@given(SCHEMAS_AND_VALUES)
def test_values_of_a_schema_fit_it_and_come_out_of_a_pickle_equal(pair: SchemaAndValue) -> None:
    assert pair.schema is not None
    pair.schema.validate(pair.value)
    assert pickle.loads(pickle.dumps(pair, 5)) == pair


@pytest.mark.parametrize(
    "other",
    [
        Schema(Type.INT64, optional=True),
        Schema(Type.INT64, name="n"),
        Schema(Type.INT64, version=1),
        Schema(Type.INT64, doc="d"),
        Schema(Type.INT64, default=1),
        Schema(Type.INT64, parameters={"a": "b"}),
        Schema(Type.INT32),
    ],
)
def test_schemas_that_differ_in_one_part_are_not_equal(other: Schema) -> None:
    assert other != Schema(Type.INT64)
    assert Schema(Type.INT64) == INT64_SCHEMA


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (INT8_SCHEMA, 128),
        (INT8_SCHEMA, -129),
        (INT8_SCHEMA, True),
        (INT8_SCHEMA, 1.0),
        (INT8_SCHEMA, None),
        (Schema(Type.FLOAT64), "1"),
        (Schema(Type.FLOAT64), True),
        (Schema(Type.BOOLEAN), 1),
        (STRING_SCHEMA, b"x"),
        (Schema(Type.BYTES), "x"),
        (Schema(Type.ARRAY, value_schema=INT8_SCHEMA), [1, "x"]),
        (Schema(Type.ARRAY, value_schema=INT8_SCHEMA), {1}),
        (Schema(Type.MAP, key_schema=STRING_SCHEMA, value_schema=INT8_SCHEMA), {1: 1}),
        (Schema(Type.MAP, key_schema=STRING_SCHEMA, value_schema=INT8_SCHEMA), {"a": None}),
        (PERSON, {"id": 1}),
        (Date.SCHEMA, datetime(2024, 1, 1, tzinfo=UTC)),
        (Date.SCHEMA, 3),
        (Time.SCHEMA, time(1, tzinfo=UTC)),
        (Timestamp.SCHEMA, datetime(2024, 1, 1)),  # the fault
        (Decimal.schema(2), 1.5),
    ],
)
def test_values_that_do_not_fit_are_refused(schema: Schema, value: object) -> None:
    with pytest.raises(DataError, match=r'^Invalid value for field "f"'):
        schema.validate(value, "f")


@pytest.mark.parametrize(
    "build",
    [
        lambda: Schema(Type.STRING, default=1),
        lambda: Schema(Type.ARRAY),
        lambda: Schema(Type.STRING, value_schema=STRING_SCHEMA),
        lambda: Schema(Type.MAP, value_schema=STRING_SCHEMA),
        lambda: Schema(Type.STRING, fields=[Field("a", 0, STRING_SCHEMA)]),
        lambda: SchemaBuilder.string().field("a", STRING_SCHEMA),
        lambda: SchemaBuilder.struct().field("", STRING_SCHEMA),
        lambda: SchemaBuilder.struct().field("a", STRING_SCHEMA).field("a", STRING_SCHEMA),
        lambda: SchemaBuilder.string().name("a").name("b"),
        lambda: SchemaBuilder.string().optional().required(),
    ],
)
def test_schemas_whose_parts_do_not_fit_are_refused(build: object) -> None:
    with pytest.raises(SchemaBuilderError):
        build()  # type: ignore[operator]  # each is a function


def test_a_struct_checks_fields_as_they_are_set_and_the_missing_ones_at_the_end() -> None:
    person = Struct(PERSON)
    with pytest.raises(DataError, match='field "id"'):
        person.put("id", "1")
    with pytest.raises(DataError, match="age is not a valid field name"):
        person.put("age", 1)
    with pytest.raises(DataError, match='field "id"'):
        person.validate()
    person["id"] = 1
    person.validate()
    assert person.to_dict() == {"id": 1, "name": None, "lang": "en"}
    assert person.get("lang") == "en"
    assert person.get_without_default("lang") is None
    assert list(person) == ["id", "name", "lang"]


def test_a_copy_of_a_struct_can_be_changed_on_its_own() -> None:
    person = Struct(PERSON, {"id": 1})
    other = copy.copy(person)
    other.put("id", 2)
    assert person["id"] == 1
    assert person != other


def test_a_struct_of_another_schema_does_not_fit() -> None:
    other = SchemaBuilder.struct().field("id", INT64_SCHEMA).build()
    outer = SchemaBuilder.struct().field("who", PERSON).build()
    with pytest.raises(DataError, match="Struct schemas do not match"):
        Struct(outer).put("who", Struct(other, {"id": 1}))


@given(MOMENTS)
def test_timestamps_keep_their_milliseconds(moment: datetime) -> None:
    stored = Timestamp.from_logical(Timestamp.SCHEMA, moment)
    assert Timestamp.to_logical(Timestamp.SCHEMA, stored) == moment


def test_timestamps_before_1970_and_of_other_zones_are_the_same_moment() -> None:
    moment = datetime(1969, 12, 31, 23, 59, 59, 999_999, timezone(timedelta(hours=-1)))
    assert Timestamp.from_logical(Timestamp.SCHEMA, moment) == 3_599_999
    before = datetime(1969, 12, 31, 23, 59, 59, 999_000, UTC)
    assert Timestamp.from_logical(Timestamp.SCHEMA, before) == -1


@given(TIMES)
def test_times_keep_their_milliseconds(at: time) -> None:
    assert Time.to_logical(Time.SCHEMA, Time.from_logical(Time.SCHEMA, at)) == at


@given(st.dates())
def test_dates_are_kept(day: date) -> None:
    assert Date.to_logical(Date.SCHEMA, Date.from_logical(Date.SCHEMA, day)) == day


@pytest.mark.parametrize(
    ("text", "scale", "stored"),
    [
        ("0", 0, b"\x00"),
        ("1.27", 2, b"\x7f"),
        ("1.28", 2, b"\x00\x80"),
        ("-1.28", 2, b"\x80"),
        ("-1.29", 2, b"\xff\x7f"),
        ("1E+3", -3, b"\x01"),
    ],
)
def test_decimals_are_stored_as_java_does(text: str, scale: int, stored: bytes) -> None:
    schema = Decimal.schema(scale)
    assert Decimal.from_logical(schema, Number(text)) == stored
    assert str(Decimal.to_logical(schema, stored)) == text


@pytest.mark.parametrize("text", ["1.5", "1.500", "NaN", "Infinity"])
def test_decimals_of_another_scale_are_refused(text: str) -> None:
    with pytest.raises(DataError):
        Decimal.from_logical(Decimal.schema(2), Number(text))


@pytest.mark.parametrize(
    "read",
    [
        lambda: Date.to_logical(Date.SCHEMA, 2**31 - 1),
        lambda: Time.to_logical(Time.SCHEMA, 86_400_000),
        lambda: Timestamp.to_logical(Timestamp.SCHEMA, 2**63 - 1),
        lambda: Decimal.to_logical(Schema(Type.BYTES, name=Decimal.LOGICAL_NAME), b"\x00"),
    ],
)
def test_stored_values_that_mean_nothing_are_refused(read: object) -> None:
    with pytest.raises(DataError):
        read()  # type: ignore[operator]  # each is a function
