"""The other converters: text, bytes, and headers that are told by their looks."""

from datetime import UTC, date, datetime, time
from decimal import Decimal as Number

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.strategies import MOMENTS, TEXT, TIMES
from venvoy_api import (
    BOOLEAN_SCHEMA,
    BYTES_SCHEMA,
    FLOAT32_SCHEMA,
    FLOAT64_SCHEMA,
    INT8_SCHEMA,
    INT16_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_BYTES_SCHEMA,
    OPTIONAL_INT8_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    ConfigError,
    DataError,
    Date,
    Decimal,
    Schema,
    SchemaBuilder,
    Struct,
    Time,
    Timestamp,
)
from venvoy_api.converters import ByteArrayConverter, SimpleHeaderConverter, StringConverter

SIMPLE = SimpleHeaderConverter()
MOMENT = datetime(2019, 8, 23, 14, 34, 54, 346_000, UTC)


@given(TEXT)
def test_text_comes_back_equal(text: str) -> None:
    made = StringConverter()
    data = made.from_connect_data("t", None, STRING_SCHEMA, text)
    assert data == text.encode()
    assert made.to_connect_data("t", None, data) == (OPTIONAL_STRING_SCHEMA, text)


def test_text_can_have_another_encoding() -> None:
    made = StringConverter()
    made.configure({"converter.encoding": "ISO-8859-1"}, is_key=True)
    assert made.from_connect_header("t", "k", None, "é") == b"\xe9"
    assert made.to_connect_header("t", "k", b"\xe9").value == "é"
    with pytest.raises(DataError):
        made.from_connect_data("t", None, None, "€")


def test_an_encoding_that_does_not_exist_is_refused() -> None:
    for name in ("utf-99", "base64"):
        with pytest.raises(ConfigError, match=r"converter\.encoding"):
            StringConverter().configure({"converter.encoding": name})


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (12, "12"), (1.5, "1.5"), ({"a": [1, None]}, '{"a":[1,null]}')],
)
def test_other_values_become_text(value: object, text: str) -> None:
    assert StringConverter().from_connect_data("t", None, None, value) == text.encode()


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(DataError):
        StringConverter().to_connect_data("t", None, b"\xff")


def test_null_stays_null() -> None:
    assert StringConverter().from_connect_data("t", None, OPTIONAL_STRING_SCHEMA, None) is None
    assert StringConverter().to_connect_data("t", None, None).value is None
    assert ByteArrayConverter().from_connect_data("t", None, None, None) is None
    assert ByteArrayConverter().to_connect_data("t", None, None).value is None
    assert SIMPLE.from_connect_header("t", "k", None, None) is None
    assert SIMPLE.to_connect_header("t", "k", None) == (None, None)


def test_bytes_pass_as_they_are() -> None:
    made = ByteArrayConverter()
    for value in (b"\x00", bytearray(b"\x00"), memoryview(b"\x00")):
        assert made.from_connect_data("t", None, BYTES_SCHEMA, value) == b"\x00"
    assert made.to_connect_header("t", "k", b"\x00") == (OPTIONAL_BYTES_SCHEMA, b"\x00")


def test_what_is_not_bytes_is_refused() -> None:
    made = ByteArrayConverter()
    with pytest.raises(DataError, match="Invalid schema type for ByteArrayConverter: STRING"):
        made.from_connect_data("t", None, STRING_SCHEMA, "a")
    with pytest.raises(DataError, match="not compatible with objects of type str"):
        made.from_connect_header("t", "k", None, "a")


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("null", None, None),
        ("true", BOOLEAN_SCHEMA, True),
        (" false ", BOOLEAN_SCHEMA, False),
        ("true}", STRING_SCHEMA, "true}"),
        ("127", INT8_SCHEMA, 127),
        ("-129", INT16_SCHEMA, -129),
        ("+40000", INT32_SCHEMA, 40000),
        ("3000000000", INT64_SCHEMA, 3_000_000_000),
        ("1.0", INT8_SCHEMA, 1),
        ("3.14", FLOAT32_SCHEMA, 3.14),
        ("1.5e40", FLOAT64_SCHEMA, 1.5e40),
        ("9223372036854775808", Decimal.schema(0), Number(2**63)),
        ("1E+999999999", Decimal.schema(-999_999_999), Number("1E+999999999")),
        ("1_000", STRING_SCHEMA, "1_000"),
        ("0x1", STRING_SCHEMA, "0x1"),
        ("1,2", STRING_SCHEMA, "1,2"),
        ("", STRING_SCHEMA, ""),
        (" a ", STRING_SCHEMA, " a "),
        ("2019-08-23", Date.SCHEMA, date(2019, 8, 23)),
        ("2019-02-30", STRING_SCHEMA, "2019-02-30"),
        ("14:34:54.346Z", Time.SCHEMA, time(14, 34, 54, 346_000)),
        ("2019-08-23T14:34:54.346Z", Timestamp.SCHEMA, MOMENT),
        ("2019-08-23T14\\:34\\:54.346Z", Timestamp.SCHEMA, MOMENT),
        ("[1, 2, 300]", SchemaBuilder.array(INT16_SCHEMA).build(), [1, 2, 300]),
        ("[1, null]", SchemaBuilder.array(OPTIONAL_INT8_SCHEMA).build(), [1, None]),
        ('["a", "b,]"]', SchemaBuilder.array(STRING_SCHEMA).build(), ["a", "b,]"]),
        ('["2019-08-23"]', SchemaBuilder.array(Date.SCHEMA).build(), [date(2019, 8, 23)]),
        ("[2019-08-23T14:34:54.346Z]", SchemaBuilder.array(Timestamp.SCHEMA).build(), [MOMENT]),
        ('[1, "two"]', None, [1, "two"]),
        ("[]", None, []),
        ("[1 2]", STRING_SCHEMA, "[1 2]"),
        ("[1", STRING_SCHEMA, "[1"),
        ("[1] x", STRING_SCHEMA, "[1] x"),
        ("[a]", STRING_SCHEMA, "[a]"),
        ("[,]", STRING_SCHEMA, "[,]"),
        ("{null:1}", STRING_SCHEMA, "{null:1}"),
        ("{a:1}", STRING_SCHEMA, "{a:1}"),
        ('{"a" : 1, "b" : 2}', SchemaBuilder.map(STRING_SCHEMA, INT8_SCHEMA).build(), None),
        ("{1:[1,2]}", None, {1: [1, 2]}),
        ("[" * 5000, STRING_SCHEMA, "[" * 5000),
    ],
)
def test_headers_are_told_by_their_looks(text: str, schema: Schema | None, value: object) -> None:
    got = SIMPLE.to_connect_header("t", "k", text.encode())
    if text.startswith('{"a"'):
        value = {"a": 1, "b": 2}
    if text.startswith("{1"):
        schema = SchemaBuilder.map(INT8_SCHEMA, SchemaBuilder.array(INT8_SCHEMA).build()).build()
    assert got == (schema, value)


def test_headers_that_are_no_text_are_bytes() -> None:
    assert SIMPLE.to_connect_header("t", "k", b"\xff") == (BYTES_SCHEMA, b"\xff")


SCALARS = st.integers(-(2**70), 2**70) | st.booleans() | st.dates() | TIMES | MOMENTS
LISTED = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1) | st.lists(TEXT, min_size=1)


@given(SCALARS | LISTED | st.dictionaries(TEXT, st.lists(TEXT, min_size=1), min_size=1))
def test_header_values_come_back_equal(value: object) -> None:
    data = SIMPLE.from_connect_header("t", "k", None, value)
    assert data is not None
    got = SIMPLE.to_connect_header("t", "k", data)
    looks = [value] if isinstance(value, str) else list(value) if isinstance(value, list) else []
    if not any(isinstance(text, str) and text[:1].isdigit() for text in looks):
        assert got.value == value


@given(st.text())
def test_no_text_breaks_the_header_converter(text: str) -> None:
    data = text.encode("utf-8", "replace")
    got = SIMPLE.to_connect_header("t", "k", data)
    if got.schema is not None:
        got.schema.validate(got.value)


def test_structs_and_bytes_in_headers_become_text() -> None:
    struct = Struct(SchemaBuilder.struct().field("a", INT8_SCHEMA).build(), {"a": 1})
    assert SIMPLE.from_connect_header("t", "k", struct.schema, struct) == b'{"a":1}'
    assert SIMPLE.from_connect_header("t", "k", None, b"\xff") == b"/w=="


@pytest.mark.parametrize("value", [object(), datetime(2024, 1, 1), "\ud800"])
def test_headers_that_nobody_could_read_are_refused(value: object) -> None:
    with pytest.raises(DataError):
        SIMPLE.from_connect_header("t", "k", None, value)
