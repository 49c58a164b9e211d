"""TimestampConverter, TimestampRouter, and the patterns of Java that both take."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given

from tests.api.strategies import MOMENTS
from tests.api.transforming import applied, configured, set_up, sink, with_key
from venvoy_api import (
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    ConfigError,
    ConnectError,
    DataError,
    Date,
    Schema,
    SchemaBuilder,
    SourceRecord,
    Struct,
    Time,
    Timestamp,
)
from venvoy_api.date_format import date_format
from venvoy_api.transforms import TimestampConverter, TimestampRouter

FORMAT = "yyyy MM dd HH mm ss SSS z"
# The same moment in every form, one day and 1234 ms after 1970 began, as Kafka's tests have it.
MOMENT: Mapping[str, Any] = {
    "Timestamp": datetime(1970, 1, 2, 0, 0, 1, 234_000, UTC),
    "Date": date(1970, 1, 2),
    "Time": time(0, 0, 1, 234_000),
    "unix": 86_401_234,
    "string": "1970 01 02 00 00 01 234 UTC",
}
OPTIONAL: Mapping[str, Schema] = {
    "Timestamp": Timestamp.builder().optional().build(),
    "Date": Date.builder().optional().build(),
    "Time": Time.builder().optional().build(),
    "unix": OPTIONAL_INT64_SCHEMA,
    "string": OPTIONAL_STRING_SCHEMA,
}
REQUIRED: Mapping[str, Schema] = {
    "Timestamp": Timestamp.SCHEMA,
    "Date": Date.SCHEMA,
    "Time": Time.SCHEMA,
    "unix": INT64_SCHEMA,
    "string": STRING_SCHEMA,
}
FORMS = list(MOMENT)


def seen_as(form: str, target: str) -> object:
    """What becomes of the moment when it is known in one form only."""
    known = {
        "Date": datetime(1970, 1, 2, tzinfo=UTC),
        "Time": datetime(1970, 1, 1, 0, 0, 1, 234_000, UTC),
    }.get(form, MOMENT["Timestamp"])
    milliseconds = (known - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return {
        "Timestamp": known,
        "Date": known.date(),
        "Time": known.time(),
        "unix": milliseconds,
        "string": f"1970 01 0{known.day} 00 00 0{known.second} {milliseconds % 1000:03} UTC",
    }[target]


@pytest.mark.parametrize("target", FORMS)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_becomes_every_other(form: str, target: str) -> None:
    settings = {"target.type": target, "format": FORMAT}
    record = applied(set_up(TimestampConverter.Value(), settings), sink(None, MOMENT[form]))
    assert (record.value_schema, record.value) == (None, seen_as(form, target))
    transformation = set_up(TimestampConverter.Key(), settings)
    record = applied(transformation, with_key(REQUIRED[form], MOMENT[form]))
    assert (record.key_schema, record.key) == (REQUIRED[target], seen_as(form, target))
    assert record.value == "value"


@pytest.mark.parametrize("target", FORMS)
@pytest.mark.parametrize("form", FORMS)
def test_null_stays_null_under_a_new_schema(form: str, target: str) -> None:
    settings = {"target.type": target, "format": FORMAT}
    record = applied(set_up(TimestampConverter.Value(), settings), sink(OPTIONAL[form], None))
    assert (record.value_schema, record.value) == (OPTIONAL[target], None)
    before = SchemaBuilder.struct().field("ts", OPTIONAL[form]).field("other", STRING_SCHEMA)
    after = SchemaBuilder.struct().field("ts", OPTIONAL[target]).field("other", STRING_SCHEMA)
    transformation = set_up(TimestampConverter.Value(), {**settings, "field": "ts"})
    record = applied(
        transformation, sink(before.build(), Struct(before.build(), {"other": "test"}))
    )
    assert record.value_schema == after.build()
    assert record.value.to_dict() == {"ts": None, "other": "test"}
    record = applied(transformation, sink(before.optional().build(), None))
    assert (record.value_schema, record.value) == (after.optional().build(), None)


@pytest.mark.parametrize("target", FORMS)
def test_null_without_schema_stays_null(target: str) -> None:
    for field in ({}, {"field": "ts"}):
        settings = {"target.type": target, "format": FORMAT, **field}
        record = applied(set_up(TimestampConverter.Value(), settings), sink(None, None))
        assert (record.value_schema, record.value) == (None, None)


def test_a_field_of_a_map_is_converted() -> None:
    transformation = configured(TimestampConverter.Value(), target_type="Date", field="ts")
    record = applied(transformation, sink(None, {"ts": MOMENT["Timestamp"], "x": 1}))
    assert record.value == {"ts": MOMENT["Date"], "x": 1}
    assert applied(transformation, sink(None, {"x": 1})).value == {"x": 1, "ts": None}


ROW = SchemaBuilder.struct().field("ts", INT64_SCHEMA).field("other", STRING_SCHEMA).build()


def test_a_field_of_a_struct_is_converted() -> None:
    transformation = configured(TimestampConverter.Value(), target_type="Timestamp", field="ts")
    value = Struct(ROW, {"ts": MOMENT["unix"], "other": "test"})
    record = applied(transformation, sink(ROW, value))
    schema = SchemaBuilder.struct().field("ts", Timestamp.SCHEMA).field("other", STRING_SCHEMA)
    assert record.value_schema == schema.build()
    assert record.value.to_dict() == {"ts": MOMENT["Timestamp"], "other": "test"}
    assert applied(transformation, sink(ROW, value)).value_schema is record.value_schema
    other = SchemaBuilder.struct().field("other", STRING_SCHEMA).build()
    record = applied(transformation, sink(other, Struct(other, {"other": "x"})))
    assert record.value_schema == other


def test_a_structs_default_is_converted_with_it() -> None:
    bare = SchemaBuilder.struct().field("ts", INT64_SCHEMA)
    schema = bare.default(Struct(bare.build(), {"ts": MOMENT["unix"]})).build()
    transformation = configured(TimestampConverter.Value(), target_type="Timestamp", field="ts")
    record = applied(transformation, sink(schema, Struct(schema, {"ts": 0})))
    assert record.value_schema is not None
    assert record.value_schema.default["ts"] == MOMENT["Timestamp"]
    assert record.value["ts"] == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("told", "kept"), [("true", 0), ("false", None)])
def test_a_fields_default_stands_in_for_null_unless_told_otherwise(
    told: str, kept: int | None
) -> None:
    optional = SchemaBuilder.int64().optional().default(0).build()
    schema = SchemaBuilder.struct().field("ts", optional).build()
    transformation = configured(
        TimestampConverter.Value(), target_type="unix", field="ts", replace_null_with_default=told
    )
    record = applied(transformation, sink(schema, Struct(schema)))
    assert record.value.get_without_default("ts") == kept


@pytest.mark.parametrize(
    ("precision", "number", "moment"),
    [
        ("seconds", 86_401, "1970-01-02T00:00:01.000+00:00"),
        ("milliseconds", 86_401_234, "1970-01-02T00:00:01.234+00:00"),
        ("microseconds", 86_401_234_123, "1970-01-02T00:00:01.234+00:00"),
        ("nanoseconds", 86_401_234_123_456, "1970-01-02T00:00:01.234+00:00"),
        ("seconds", -1, "1969-12-31T23:59:59.000+00:00"),
        ("microseconds", -999, "1970-01-01T00:00:00.000+00:00"),
    ],
)
def test_numbers_are_read_in_their_precision(precision: str, number: int, moment: str) -> None:
    transformation = configured(
        TimestampConverter.Value(), target_type="Timestamp", unix_precision=precision
    )
    record = applied(transformation, sink(INT64_SCHEMA, number))
    assert record.value == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    ("precision", "text", "number"),
    [
        ("seconds", MOMENT["string"], 86_401),
        ("milliseconds", MOMENT["string"], 86_401_234),
        ("microseconds", MOMENT["string"], 86_401_234_000),
        ("nanoseconds", MOMENT["string"], 86_401_234_000_000),
        ("seconds", "1969 12 31 23 59 59 500 UTC", 0),
    ],
)
def test_numbers_are_written_in_their_precision(precision: str, text: str, number: int) -> None:
    transformation = configured(
        TimestampConverter.Value(), target_type="unix", unix_precision=precision, format=FORMAT
    )
    assert applied(transformation, sink(None, text)).value == number


def test_what_is_finer_than_a_millisecond_is_cut_off() -> None:
    transformation = configured(
        TimestampConverter.Value(), target_type="unix", unix_precision="nanoseconds"
    )
    finer = MOMENT["Timestamp"] + timedelta(microseconds=999)
    assert applied(transformation, sink(None, finer)).value == 86_401_234_000_000


def test_a_number_that_no_longer_fits_is_refused() -> None:
    transformation = configured(
        TimestampConverter.Value(), target_type="unix", unix_precision="nanoseconds"
    )
    with pytest.raises(DataError, match="does not fit 64 bits"):
        transformation.apply(sink(None, datetime(9999, 1, 1, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("schema", "value", "error", "reason"),
    [
        (None, True, DataError, "does not support bool objects as timestamps"),
        (None, 1.5, DataError, "does not support float objects as timestamps"),
        (INT64_SCHEMA, "x", DataError, "Expected unix timestamp to be a int, but found str"),
        (Date.SCHEMA, 1, DataError, "Expected Date timestamp to be a date, but found int"),
        (INT32_SCHEMA, 1, ConnectError, "does not correspond to a known timestamp type"),
        (None, datetime(2024, 1, 1), DataError, "has no time zone"),
        (None, 10**17, DataError, "outside of the years 1 to 9999"),
        (None, "1970", DataError, "requires format option to be specified"),
    ],
)
def test_what_is_no_moment_is_refused(
    schema: Schema | None, value: object, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        configured(TimestampConverter.Value(), target_type="Date").apply(sink(schema, value))


@pytest.mark.parametrize("text", ["", "1970 01", "1970 13 02 00 00 01 234 UTC", "x" + FORMAT])
def test_text_of_another_form_is_refused(text: str) -> None:
    transformation = configured(TimestampConverter.Value(), target_type="Timestamp", format=FORMAT)
    wanted = f"Could not parse timestamp: value ({text}) does not match pattern ({FORMAT})"
    with pytest.raises(DataError, match=re.escape(wanted)):
        transformation.apply(sink(STRING_SCHEMA, text))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "target.type"),
        ({"target.type": "invalid"}, "target.type"),
        ({"target.type": "unix", "unix.precision": "invalid"}, "unix.precision"),
        ({"target.type": "string"}, "requires format option to be specified"),
        ({"target.type": "string", "format": " "}, "requires format option to be specified"),
        ({"target.type": "string", "format": "bad-format"}, "Illegal pattern character 'b'"),
        ({"target.type": "string", "format": "'open"}, "Unterminated quote"),
        ({"target.type": "string", "format": "YYYY-MM-dd"}, "a calendar year is yyyy"),
        ({"target.type": "string", "format": "HH:mm:ss.SSSSSS"}, "SSS at most"),
        ({"target.type": "string", "format": "yyyy-DDD"}, "a day of the month is dd"),
        ({"target.type": "string", "format": "yyyyyyyyyy"}, "stands there 10 times"),
        ({"target.type": "string", "format": "XXXX"}, "Illegal pattern character 'X'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: Mapping[str, str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        TimestampConverter.Value().configure(settings)


def test_a_bad_pattern_is_told_by_validation_already() -> None:
    values = TimestampConverter.Value().config().validate({"target.type": "unix", "format": "bad"})
    assert [value.name for value in values if value.error_messages] == ["format"]


AFTERNOON = datetime(2024, 2, 9, 15, 4, 5, 67_000, UTC)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", "2024-02-09T15:04:05.067Z"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSX", "2024-02-09T15:04:05.067Z"),
        ("yyyyMMddHHmmssSSS", "20240209150405067"),
        ("yy/M/d H:m:s.S Z", "24/2/9 15:4:5.67 +0000"),
        ("EEE, dd MMM yyyy hh:mm:ss.SSS a z", "Fri, 09 Feb 2024 03:04:05.067 PM UTC"),
        (
            "EEEE d MMMM yyyy h 'o''clock' a '%d' m s S",
            "Friday 9 February 2024 3 o'clock PM %d 4 5 67",
        ),
        ("''yyyy''MM-dd HHmm:ss,SSS", "'2024'02-09 1504:05,067"),
        ("yyyyyy-MM-dd HH:mm:ss.SSS", "002024-02-09 15:04:05.067"),
    ],
)
def test_patterns_write_and_read_as_in_java(pattern: str, text: str) -> None:
    compiled = date_format("format", pattern)
    milliseconds = Timestamp.from_logical(Timestamp.SCHEMA, AFTERNOON)
    assert compiled.format(milliseconds) == text
    assert compiled.parse(text) == milliseconds


@pytest.mark.parametrize(
    ("pattern", "text", "moment"),
    [
        ("yyyy-MM-dd", "2024-2-9T15:04 and more", "2024-02-09T00:00"),
        ("HH:mm", " 7:05", "1970-01-01T07:05"),
        ("hh:mm a", "12:05 am", "1970-01-01T00:05"),
        ("hh:mm a", "12:05 PM", "1970-01-01T12:05"),
        ("hh", "11", "1970-01-01T11:00"),
        ("dd MMM yyyy", "9 FEBRUARY 2024", "2024-02-09T00:00"),
        ("s.SSS", "1.5", "1970-01-01T00:00:01.005"),
        ("yy", "1815", "1815-01-01T00:00"),
        ("HH:mm Z", "15:04 +0530", "1970-01-01T09:34"),
        ("HH:mm z", "15:04 GMT-8:00", "1970-01-01T23:04"),
        ("HH:mm z", "15:04 GMT", "1970-01-01T15:04"),
        ("HH:mmX", "15:04-08", "1970-01-01T23:04"),
        ("HH:mmXX", "15:04-0830", "1970-01-01T23:34"),
        ("HH:mmXXX", "15:04+01:30", "1970-01-01T13:34"),
        ("HH:mmXXX", "15:04Z", "1970-01-01T15:04"),
    ],
)
def test_patterns_read_what_java_reads(pattern: str, text: str, moment: str) -> None:
    milliseconds = date_format("format", pattern).parse(text)
    wanted = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert Timestamp.to_logical(Timestamp.SCHEMA, milliseconds) == wanted


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy-MM-dd", "2024-02-30"),
        ("HH", "24"),
        ("hh a", "13 PM"),
        ("SSS", "1000"),
        ("EEE yyyy-MM-dd", "Mon 2024-02-09"),
        ("yyyyMMdd", "202429"),
        ("HH z", "15 PST"),
        ("'T'HH", "t15"),
    ],
)
def test_moments_that_do_not_exist_are_refused(pattern: str, text: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        date_format("format", pattern).parse(text)


def test_a_year_of_two_digits_is_near() -> None:
    compiled = date_format("format", "yyMMdd")
    this_year = datetime.now(UTC).year
    for year in (this_year - 79, this_year, this_year + 19):
        milliseconds = compiled.parse(f"{year % 100:02}0301")
        assert Timestamp.to_logical(Timestamp.SCHEMA, milliseconds).year == year


@given(MOMENTS)
def test_moments_come_back_from_text(moment: datetime) -> None:
    compiled = date_format("format", "yyyy-MM-dd HH:mm:ss.SSS X")
    milliseconds = Timestamp.from_logical(Timestamp.SCHEMA, moment)
    assert compiled.parse(compiled.format(milliseconds)) == milliseconds


def at(milliseconds: int | None, topic: str = "test") -> SourceRecord:
    return SourceRecord(None, None, topic, value=1, timestamp=milliseconds)


@pytest.mark.parametrize(
    ("settings", "topic"),
    [
        ({}, "test-20170103"),
        ({"timestamp.format": "yyyy'w'HH"}, "test-2017w22"),
        ({"topic.format": "${timestamp}/${topic}/${topic}"}, "20170103/test/test"),
        ({"topic.format": "fixed"}, "fixed"),
    ],
)
def test_timestamp_router_names_topics_by_their_time(
    settings: Mapping[str, str], topic: str
) -> None:
    router = set_up(TimestampRouter(), settings)
    milliseconds = 1_483_484_399_000
    for _ in range(2):
        assert applied(router, at(milliseconds)).topic == topic
    assert applied(router, at(milliseconds)).timestamp == milliseconds


def test_timestamp_router_forgets_no_change_of_time_or_topic() -> None:
    router = configured(TimestampRouter(), timestamp_format="HHmm")
    topics = [applied(router, at(n * 60_000, f"t{n % 2}")).topic for n in range(1500)]
    assert topics == [f"t{n % 2}-{n // 60 % 24:02}{n % 60:02}" for n in range(1500)]


def test_timestamp_router_refuses_records_without_a_time() -> None:
    with pytest.raises(DataError, match="Timestamp missing on record: SourceRecord"):
        set_up(TimestampRouter(), {}).apply(at(None))
    with pytest.raises(ConfigError, match=r"timestamp\.format.*Illegal pattern character 'b'"):
        configured(TimestampRouter(), timestamp_format="bad")


def test_other_time_zones_are_the_same_moment() -> None:
    transformation = configured(TimestampConverter.Value(), target_type="Date")
    east = datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert applied(transformation, sink(None, east)).value == date(2023, 12, 31)
