"""The converters of numbers and truth values: Kafka's bytes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venvoy_api import (
    BOOLEAN_SCHEMA,
    FLOAT32_SCHEMA,
    FLOAT64_SCHEMA,
    INT16_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_BOOLEAN_SCHEMA,
    OPTIONAL_FLOAT32_SCHEMA,
    OPTIONAL_FLOAT64_SCHEMA,
    OPTIONAL_INT16_SCHEMA,
    OPTIONAL_INT32_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    STRING_SCHEMA,
    ConfigError,
    DataError,
    Date,
    Schema,
)
from venvoy_api.converters import (
    BooleanConverter,
    DoubleConverter,
    FloatConverter,
    IntegerConverter,
    LongConverter,
    ShortConverter,
)

Made = (
    BooleanConverter
    | DoubleConverter
    | FloatConverter
    | IntegerConverter
    | LongConverter
    | ShortConverter
)

BYTES = [
    (ShortConverter, INT16_SCHEMA, OPTIONAL_INT16_SCHEMA, -32768, b"\x80\x00"),
    (ShortConverter, INT16_SCHEMA, OPTIONAL_INT16_SCHEMA, 258, b"\x01\x02"),
    (IntegerConverter, INT32_SCHEMA, OPTIONAL_INT32_SCHEMA, -1, b"\xff\xff\xff\xff"),
    (IntegerConverter, INT32_SCHEMA, OPTIONAL_INT32_SCHEMA, 2**31 - 1, b"\x7f\xff\xff\xff"),
    (LongConverter, INT64_SCHEMA, OPTIONAL_INT64_SCHEMA, 1, b"\0\0\0\0\0\0\0\x01"),
    (LongConverter, INT64_SCHEMA, OPTIONAL_INT64_SCHEMA, -(2**63), b"\x80\0\0\0\0\0\0\0"),
    (FloatConverter, FLOAT32_SCHEMA, OPTIONAL_FLOAT32_SCHEMA, 1.5, b"\x3f\xc0\x00\x00"),
    (FloatConverter, FLOAT32_SCHEMA, OPTIONAL_FLOAT32_SCHEMA, 2, b"\x40\x00\x00\x00"),
    (DoubleConverter, FLOAT64_SCHEMA, OPTIONAL_FLOAT64_SCHEMA, -2.0, b"\xc0\0\0\0\0\0\0\0"),
    (BooleanConverter, BOOLEAN_SCHEMA, OPTIONAL_BOOLEAN_SCHEMA, True, b"\x01"),
    (BooleanConverter, BOOLEAN_SCHEMA, OPTIONAL_BOOLEAN_SCHEMA, False, b"\x00"),
]
CONVERTERS = sorted({case[0] for case in BYTES}, key=lambda cls: cls.__name__)


@pytest.mark.parametrize(("cls", "schema", "optional", "value", "data"), BYTES)
def test_values_have_kafkas_bytes(
    cls: type[Made], schema: Schema, optional: Schema, value: object, data: bytes
) -> None:
    made = cls()
    for given_schema in (None, schema, optional):
        assert made.from_connect_data("t", None, given_schema, value) == data
        assert made.from_connect_header("t", "k", given_schema, value) == data
    assert made.to_connect_data("t", None, data) == (optional, value)
    assert made.to_connect_header("t", "k", data) == (optional, value)
    assert type(made.to_connect_data("t", None, data).value) is (
        float if cls in (FloatConverter, DoubleConverter) else type(value)
    )


@pytest.mark.parametrize(("cls", "optional"), dict.fromkeys((case[0], case[2]) for case in BYTES))
def test_null_stays_null(cls: type[Made], optional: Schema) -> None:
    made = cls()
    assert made.from_connect_data("t", None, optional, None) is None
    assert made.from_connect_header("t", "k", None, None) is None
    assert made.to_connect_data("t", None, None) == (optional, None)
    assert made.to_connect_header("t", "k", None) == (optional, None)


@pytest.mark.parametrize("cls", CONVERTERS)
def test_bytes_of_another_size_are_refused(cls: type[Made]) -> None:
    for data in (b"", b"\x00" * 3, b"\x00" * 9):
        with pytest.raises(DataError, match=r"Failed to deserialize \w+: Size of data received"):
            cls().to_connect_data("t", None, data)


def test_a_byte_that_is_no_truth_value_is_refused() -> None:
    with pytest.raises(DataError, match="Failed to deserialize boolean: Unexpected byte"):
        BooleanConverter().to_connect_data("t", None, b"\x02")


@pytest.mark.parametrize("cls", CONVERTERS)
@pytest.mark.parametrize("schema", [STRING_SCHEMA, None])
def test_other_types_are_refused(cls: type[Made], schema: Schema | None) -> None:
    with pytest.raises(DataError, match=r"Failed to serialize to|BooleanConverter"):
        cls().from_connect_data("t", None, schema, "1")


@pytest.mark.parametrize("cls", [one for one in CONVERTERS if one is not BooleanConverter])
def test_a_truth_value_is_no_number(cls: type[Made]) -> None:
    with pytest.raises(DataError, match=r"Failed to serialize to \w+ \(was bool\)"):
        cls().from_connect_data("t", None, None, True)


@pytest.mark.parametrize(
    ("cls", "value"),
    [
        (ShortConverter, 2**15),
        (IntegerConverter, -(2**31) - 1),
        (LongConverter, 2**63),
        (FloatConverter, 1e300),
        (FloatConverter, 10**400),
        (IntegerConverter, 1.5),
    ],
)
def test_numbers_out_of_range_are_refused(cls: type[Made], value: object) -> None:
    with pytest.raises(DataError, match="Failed to serialize to"):
        cls().from_connect_data("t", None, None, value)


def test_a_number_of_another_width_or_meaning_is_refused() -> None:
    with pytest.raises(DataError, match=r"Failed to serialize to long \(was INT32\)"):
        LongConverter().from_connect_data("t", None, INT32_SCHEMA, 1)
    with pytest.raises(DataError, match=r"Failed to serialize to integer \(was date\)"):
        IntegerConverter().from_connect_data(
            "t", None, Date.SCHEMA, Date.to_logical(Date.SCHEMA, 1)
        )


@pytest.mark.parametrize("cls", CONVERTERS)
def test_the_converter_type_is_checked(cls: type[Made]) -> None:
    made = cls()
    made.configure({"converter.type": "key"}, is_key=True)
    with pytest.raises(ConfigError, match=r"converter\.type"):
        made.configure({"converter.type": "x"})


@given(st.floats())
def test_every_float_comes_back(value: float) -> None:
    data = DoubleConverter().from_connect_data("t", None, None, value)
    back = DoubleConverter().to_connect_data("t", None, data).value
    assert back == value or (math.isnan(back) and math.isnan(value))
