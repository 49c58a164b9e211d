"""JsonConverter: Kafka's bytes, with and without schemas, and back to equal values."""

import json
from datetime import UTC, datetime
from decimal import Decimal as Number

import pytest
from hypothesis import given

from tests.api.strategies import JSON_VALUES, SCHEMAS_AND_VALUES
from venvoy_api import (
    FLOAT64_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_INT32_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    ConfigError,
    DataError,
    Date,
    Decimal,
    Schema,
    SchemaAndValue,
    SchemaBuilder,
    Struct,
    Timestamp,
    Type,
)
from venvoy_api.converters import JsonConverter


def converter(**settings: str) -> JsonConverter:
    made = JsonConverter()
    made.configure({key.replace("_", "."): value for key, value in settings.items()}, is_key=False)
    return made


def plain() -> JsonConverter:
    return converter(schemas_enable="false")


def write(made: JsonConverter, schema: Schema | None, value: object) -> str:
    data = made.from_connect_data("t", None, schema, value)
    assert data is not None
    return data.decode()


def read(made: JsonConverter, text: str) -> SchemaAndValue:
    return made.to_connect_data("t", None, text.encode())


@given(JSON_VALUES)
def test_values_without_schema_come_back_equal(value: object) -> None:
    made = plain()
    data = made.from_connect_data("t", None, None, value)
    assert made.to_connect_data("t", None, data) == (None, value)


@given(JSON_VALUES)
def test_values_without_schema_come_back_equal_from_an_envelope(value: object) -> None:
    made = converter()
    data = made.from_connect_data("t", None, None, value)
    assert made.to_connect_data("t", None, data) == (None, value)


@pytest.mark.parametrize("decimal_format", ["BASE64", "numeric"])
@given(pair=SCHEMAS_AND_VALUES)
def test_values_with_schema_come_back_equal_again_and_again(
    decimal_format: str, pair: SchemaAndValue
) -> None:
    made = converter(decimal_format=decimal_format)
    data = made.from_connect_data("t", None, pair.schema, pair.value)
    for _ in range(3):  # the first reading, and what is remembered of it
        assert made.to_connect_data("t", None, data) == pair


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        (STRING_SCHEMA, "é", '{"schema":{"type":"string","optional":false},"payload":"é"}'),
        (
            Schema(Type.FLOAT32, optional=True),
            None,
            '{"schema":{"type":"float","optional":true},"payload":null}',
        ),
        (
            FLOAT64_SCHEMA,
            float("nan"),
            '{"schema":{"type":"double","optional":false},"payload":"NaN"}',
        ),
        (
            Schema(Type.BYTES, name="n", version=2, doc="d", default=b"\x00"),
            b"\xff",
            (
                '{"schema":{"type":"bytes","optional":false,"name":"n","version":2,"doc":"d",'
                '"default":"AA=="},"payload":"/w=="}'
            ),
        ),
        (
            SchemaBuilder.map(INT32_SCHEMA, STRING_SCHEMA).build(),
            {1: "a"},
            (
                '{"schema":{"type":"map","keys":{"type":"int32","optional":false},'
                '"values":{"type":"string","optional":false},"optional":false},"payload":[[1,"a"]]}'
            ),
        ),
        (
            SchemaBuilder.struct().field("d", Decimal.schema(2)).build(),
            None,
            None,
        ),
        (
            Decimal.schema(2),
            Number("1.56"),
            (
                '{"schema":{"type":"bytes","optional":false,'
                '"name":"org.apache.kafka.connect.data.Decimal","version":1,'
                '"parameters":{"scale":"2"}},"payload":"AJw="}'
            ),
        ),
        (None, {"a": [1, 2.5, None]}, '{"schema":null,"payload":{"a":[1,2.5,null]}}'),
    ],
)
def test_envelopes_are_written_as_kafka_does(
    schema: Schema | None, value: object, text: str | None
) -> None:
    if text is None:
        with pytest.raises(DataError, match="null value for field that is required"):
            write(converter(), schema, value)
    else:
        assert write(converter(), schema, value) == text


def test_a_null_without_schema_is_a_tombstone_both_ways() -> None:
    for made in (plain(), converter()):
        assert made.from_connect_data("t", None, None, None) is None
        assert made.to_connect_data("t", None, None) == (None, None)


def test_without_schemas_a_struct_is_written_as_an_object() -> None:
    schema = SchemaBuilder.struct().field("at", Timestamp.SCHEMA).field("id", INT64_SCHEMA).build()
    value = Struct(schema, {"at": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), "id": 2})
    assert write(plain(), schema, value) == '{"at":1000,"id":2}'


def test_a_null_gives_way_to_the_default_unless_that_is_switched_off() -> None:
    inner = SchemaBuilder.string().optional().default("x").build()
    schema = SchemaBuilder.struct().field("a", inner).build()
    kept = converter(schemas_enable="false", replace_null_with_default="false")
    assert write(plain(), schema, Struct(schema)) == '{"a":"x"}'
    assert write(kept, schema, Struct(schema)) == '{"a":null}'


def test_decimals_can_be_numbers_and_both_forms_are_read_exactly() -> None:
    schema = Decimal.schema(20)
    value = Number("12345678901234567890.12345678901234567890")
    numeric = converter(decimal_format="numeric")
    text = write(numeric, schema, value)
    assert text.endswith('"payload":12345678901234567890.12345678901234567890}')
    for _ in range(2):
        assert read(converter(), text) == (schema, value)
    assert read(converter(), write(converter(), schema, value)) == (schema, value)


def test_a_number_is_given_the_places_of_its_schema() -> None:
    schema = json.loads(write(converter(), Decimal.schema(2), Number("1.00")))["schema"]
    got = read(converter(), json.dumps({"schema": schema, "payload": 1.5}))
    assert str(got.value) == "1.50"


def test_messages_with_spaces_and_in_another_order_are_read() -> None:
    text = ' { "payload" : {"b": 1}, "schema": {"type":"struct","fields":[{"field":"b",\
"type":"int32"}]}} '
    got = read(converter(), text)
    assert got.value.to_dict() == {"b": 1}


def test_schemas_that_alternate_are_not_mixed_up() -> None:
    made = converter()
    texts = [
        (write(made, schema, value), schema, value)
        for schema, value in ((STRING_SCHEMA, "1"), (INT32_SCHEMA, 1), (INT64_SCHEMA, 1))
    ]
    for text, schema, value in texts * 3:
        assert read(made, text) == (schema, value)


def test_a_message_that_only_begins_like_a_known_one_is_refused() -> None:
    made = converter()
    text = write(made, INT32_SCHEMA, 1)
    read(made, text)
    for wrong in (text[:-1], text + "}", text[:-1] + ',"x":1}', text[:-1] + " 2}"):
        with pytest.raises(DataError):
            read(made, wrong)
    assert read(made, text[:-1] + " }").value == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "1",
        "{}",
        '{"schema":null}',
        '{"schema":null,"payload":1,"x":2}',
        '{"schema":{"type":"int32"},"payload":"1"}',
        '{"schema":{"type":"int32"},"payload":1.5}',
        '{"schema":{"type":"int32"},"payload":null}',
        '{"schema":{"type":"int8"},"payload":128}',
        '{"schema":{"type":"boolean"},"payload":1}',
        '{"schema":{"type":"bytes"},"payload":"*"}',
        '{"schema":{"type":"bytes"},"payload":1}',
        '{"schema":{"type":"double"},"payload":"1"}',
        '{"schema":{"type":"array","items":{"type":"string"}},"payload":{}}',
        '{"schema":{"type":"array"},"payload":[]}',
        '{"schema":{"type":"map","keys":{"type":"string"}},"payload":{}}',
        '{"schema":{"type":"map","keys":{"type":"int8"},"values":{"type":"int8"}},"payload":{}}',
        '{"schema":{"type":"map","keys":{"type":"int8"},"values":{"type":"int8"}},"payload":[[1]]}',
        '{"schema":{"type":"struct","fields":[{"type":"int8"}]},"payload":{}}',
        '{"schema":{"type":"struct"},"payload":{}}',
        '{"schema":{"type":"struct","fields":[{"field":"a","type":"int8"}]},"payload":{}}',
        '{"schema":{"type":"struct","fields":[]},"payload":[]}',
        '{"schema":{"type":"int8","parameters":{"a":1}},"payload":1}',
        '{"schema":{"type":"int128"},"payload":1}',
        '{"schema":"int8","payload":1}',
        '{"schema":null,"payload":NaN}',
        "[" * 100_000,
    ],
)
def test_bytes_that_are_no_envelope_are_refused(text: str) -> None:
    with pytest.raises(DataError):
        read(converter(), text)


@pytest.mark.parametrize("data", [b"\xff", b"{", b"nul", b"NaN"])
def test_bytes_that_are_no_json_are_refused(data: bytes) -> None:
    with pytest.raises(DataError):
        plain().to_connect_data("t", None, data)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (INT32_SCHEMA, "1"),
        (INT32_SCHEMA, 2**31),
        (STRING_SCHEMA, None),
        (STRING_SCHEMA, "\ud800"),
        (SchemaBuilder.array(INT32_SCHEMA).build(), "x"),
        (SchemaBuilder.array(INT32_SCHEMA).build(), [None]),
        (SchemaBuilder.map(OPTIONAL_STRING_SCHEMA, INT32_SCHEMA).build(), {None: 1}),
        (SchemaBuilder.struct().field("a", INT32_SCHEMA).build(), {"a": 1}),
        (Decimal.schema(2), Number("1.5")),
        (Date.SCHEMA, 1),
        (None, datetime(2024, 1, 1, tzinfo=UTC)),
        (None, Number(1)),
        (None, object()),
        (None, {(1, 2): 3}),
    ],
)
def test_values_that_json_cannot_hold_are_refused(schema: Schema | None, value: object) -> None:
    with pytest.raises(DataError):
        converter().from_connect_data("t", None, schema, value)


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(DataError):
        plain().from_connect_data("t", None, None, endless)


def test_bytes_structs_and_nan_without_schema_are_written_as_kafka_would() -> None:
    struct = Struct(SchemaBuilder.struct().field("a", OPTIONAL_INT32_SCHEMA).build(), {"a": 1})
    value = {"b": b"\xff", "s": struct, "n": [float("nan"), float("-inf")]}
    assert write(plain(), None, value) == '{"b":"/w==","s":{"a":1},"n":["NaN","-Infinity"]}'


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError) as caught:
        converter(schemas_enable="perhaps", decimal_format="hex")
    assert len(caught.value.errors) == 2


def test_it_is_a_header_converter_too() -> None:
    made = JsonConverter()
    data = made.from_connect_header("t", "k", INT32_SCHEMA, 1)
    assert made.to_connect_header("t", "k", data) == (INT32_SCHEMA, 1)
