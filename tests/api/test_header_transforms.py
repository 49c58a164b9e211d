"""Transformations of headers, and of what a schema is called."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from tests.api.transforming import applied, configured, set_up, sink, with_key
from venvoy_api import (
    INT8_SCHEMA,
    INT32_SCHEMA,
    STRING_SCHEMA,
    ConfigError,
    DataError,
    Date,
    Header,
    Headers,
    Schema,
    SchemaBuilder,
    SinkRecord,
    SourceRecord,
    Struct,
    Transformation,
    Type,
)
from venvoy_api.transforms import DropHeaders, HeaderFrom, InsertHeader, SetSchemaMetadata

Fields = list[tuple[str, Schema, object]]
FOO = SchemaBuilder.struct().field("foo", STRING_SCHEMA).build()
FIELD1 = ("field1", STRING_SCHEMA, "field1-value")
FIELD2 = ("field2", STRING_SCHEMA, "field2-value")
STRUCT1 = ("field1", FOO, Struct(FOO, {"foo": "foo-value"}))
HEADER1 = Header("header1", STRING_SCHEMA, "existing-value")
PRESENT = Header("inserted1", STRING_SCHEMA, "existing-value")


def header(name: str, field: tuple[str, Schema, object]) -> Header:
    return Header(name, field[1], field[2])


CASES: Mapping[str, tuple[Fields, Header, str, str, str, Fields, list[Header]]] = {
    "basic copy": (
        [FIELD1, FIELD2], HEADER1, "field1", "inserted1", "copy",
        [FIELD1, FIELD2], [HEADER1, header("inserted1", FIELD1)],
    ),
    "basic move": (
        [FIELD1, FIELD2], HEADER1, "field1", "inserted1", "move",
        [FIELD2], [HEADER1, header("inserted1", FIELD1)],
    ),
    "copy with preexisting header": (
        [FIELD1, FIELD2], PRESENT, "field1", "inserted1", "copy",
        [FIELD1, FIELD2], [PRESENT, header("inserted1", FIELD1)],
    ),
    "move with preexisting header": (
        [FIELD1, FIELD2], PRESENT, "field1", "inserted1", "move",
        [FIELD2], [PRESENT, header("inserted1", FIELD1)],
    ),
    "copy with struct value": (
        [STRUCT1, FIELD2], HEADER1, "field1", "inserted1", "copy",
        [STRUCT1, FIELD2], [HEADER1, header("inserted1", STRUCT1)],
    ),
    "move with struct value": (
        [STRUCT1, FIELD2], HEADER1, "field1", "inserted1", "move",
        [FIELD2], [HEADER1, header("inserted1", STRUCT1)],
    ),
    "two headers from same field": (
        [FIELD1, FIELD2], HEADER1, "field1,field1", "inserted1,inserted2", "move",
        [FIELD2], [HEADER1, header("inserted1", FIELD1), header("inserted2", FIELD1)],
    ),
    "two fields to same header": (
        [FIELD1, FIELD2], HEADER1, "field1,field2", "inserted1,inserted1", "move",
        [], [HEADER1, header("inserted1", FIELD1), header("inserted1", FIELD2)],
    ),
}  # fmt: skip


def struct_of(fields: Fields) -> Struct:
    schema = SchemaBuilder.struct()
    for name, of, _ in fields:
        schema.field(name, of)
    return Struct(schema.build(), {name: value for name, _, value in fields})


def record_of(
    fields: Fields, headers: list[Header], *, key: bool, with_schema: bool
) -> SourceRecord:
    if with_schema:
        value: Any = struct_of(fields)
        schema = value.schema
    else:
        value, schema = {name: item for name, _, item in fields}, None
        headers = [Header(one.key, None, one.value) for one in headers]
    record = SourceRecord(
        {"foo": "bar"}, {"baz": "quxx"}, "topic", 0, timestamp=0, headers=Headers(headers)
    )
    if key:
        return record.new_record(key_schema=schema, key=value, value="value")
    return record.new_record(value_schema=schema, value=value, key="key")


@pytest.mark.parametrize("with_schema", [False, True], ids=["plain", "schema"])
@pytest.mark.parametrize("key", [True, False], ids=["key", "value"])
@pytest.mark.parametrize("case", CASES)
def test_fields_become_headers(case: str, key: bool, with_schema: bool) -> None:
    before, present, fields, headers, operation, after, wanted = CASES[case]
    transformation: Transformation = HeaderFrom.Key() if key else HeaderFrom.Value()
    configured(transformation, fields=fields, headers=headers, operation=operation)
    record = record_of(before, [present], key=key, with_schema=with_schema)
    result = applied(transformation, record)
    assert result == record_of(after, wanted, key=key, with_schema=with_schema)
    assert list(record.headers) == list(
        record_of(before, [present], key=key, with_schema=with_schema).headers
    )


def test_what_a_map_does_not_have_is_a_header_without_value() -> None:
    transformation = configured(HeaderFrom.Value(), fields="x", headers="h", operation="move")
    record = applied(transformation, SourceRecord(None, None, "t", value={"a": 1}))
    assert (record.value, list(record.headers)) == ({"a": 1}, [Header("h", None, None)])


@pytest.mark.parametrize(("told", "value"), [("true", "abc"), ("false", None)])
def test_a_default_becomes_a_header_unless_told_otherwise(told: str, value: str | None) -> None:
    optional = SchemaBuilder.string().optional().default("abc").build()
    schema = SchemaBuilder.struct().field("a", optional).build()
    transformation = configured(
        HeaderFrom.Value(),
        fields="a",
        headers="h2",
        operation="move",
        replace_null_with_default=told,
    )
    record = applied(transformation, sink(schema, Struct(schema)))
    assert record.headers.last("h2") == Header("h2", optional, value)


@pytest.mark.parametrize(
    ("schema", "value", "reason"),
    [
        (None, None, r"Only Map objects .* for \[header copy\], found: null"),
        (FOO, None, r"Only Struct objects .* for \[header copy\], found: null"),
        (FOO, Struct(FOO, {"foo": "x"}), "Field does not exist: x"),
    ],
)
def test_header_from_refuses_values_without_the_fields(
    schema: Schema | None, value: object, reason: str
) -> None:
    transformation = configured(HeaderFrom.Value(), fields="x", headers="h", operation="copy")
    with pytest.raises(DataError, match=reason):
        transformation.apply(sink(schema, value))


@pytest.mark.parametrize(
    ("transformation", "settings", "reason"),
    [
        (
            HeaderFrom.Value(),
            {"fields": "foo", "headers": "foo,bar", "operation": "copy"},
            "'fields' config must have the same number of elements as 'headers' config",
        ),
        (
            HeaderFrom.Key(),
            {"fields": "foo,bar", "headers": "foo", "operation": "move"},
            "'fields' config must have the same number of elements as 'headers' config",
        ),
        (HeaderFrom.Key(), {"fields": "", "headers": "", "operation": "copy"}, "Empty list"),
        (HeaderFrom.Key(), {"fields": "a", "headers": "a", "operation": "x"}, "operation"),
        (HeaderFrom.Key(), {"fields": "a", "headers": "a"}, "operation"),
        (InsertHeader(), {"value.literal": "x"}, "header"),
        (InsertHeader(), {"header": "x"}, "value.literal"),
        (DropHeaders(), {}, "headers"),
        (DropHeaders(), {"headers": ""}, "Empty list"),
        (SetSchemaMetadata.Value(), {}, "Neither schema name nor version configured"),
        (SetSchemaMetadata.Value(), {"schema.version": "x"}, "schema.version"),
    ],
)
def test_settings_that_mean_nothing_are_refused(
    transformation: Transformation, settings: Mapping[str, str], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        transformation.configure(settings)


@pytest.mark.parametrize(
    ("literal", "schema", "value"),
    [
        ("test-value", STRING_SCHEMA, "test-value"),
        ("1", INT8_SCHEMA, 1),
        ("2024-02-29", Date.SCHEMA, date(2024, 2, 29)),
        ("null", None, None),
        ("{}", None, {}),
    ],
)
def test_insert_header_adds_what_the_literal_looks_like(
    literal: str, schema: Schema | None, value: object
) -> None:
    transformation = configured(InsertHeader(), header="h", value_literal=literal)
    record = applied(transformation, sink(None, 1))
    assert list(record.headers) == [Header("h", None, 1), Header("h", schema, value)]
    bare = SinkRecord("t", 0, None, None, None, None, 0)
    assert list(applied(transformation, bare).headers) == [Header("h", schema, value)]


def test_drop_headers_removes_every_header_of_a_name() -> None:
    record = SinkRecord("t", 0, None, None, None, None, 0)
    record.headers.add("a", 1).add("b", 2).add("a", 3).add("c", 4)
    dropped = applied(configured(DropHeaders(), headers="a,c,x"), record)
    assert list(dropped.headers) == [Header("b", None, 2)]
    assert len(record.headers) == 4
    untouched = configured(DropHeaders(), headers="x")
    assert untouched.apply(record) is record


NAMED = {"schema.name": "foo", "schema.version": "42"}


@pytest.mark.parametrize(
    ("settings", "name", "version"),
    [
        ({"schema.name": "foo"}, "foo", 7),
        ({"schema.version": "42"}, "orig", 42),
        (NAMED, "foo", 42),
    ],
)
def test_set_schema_metadata_names_and_numbers_a_schema(
    settings: Mapping[str, str], name: str, version: int
) -> None:
    schema = SchemaBuilder.struct().name("orig").version(7).doc("d").parameter("p", "1").build()
    record = applied(set_up(SetSchemaMetadata.Value(), settings), sink(schema, None))
    wanted = SchemaBuilder.struct().name(name).version(version).doc("d").parameter("p", "1")
    assert (record.value_schema, record.value) == (wanted.build(), None)


def test_set_schema_metadata_puts_a_struct_under_its_new_schema() -> None:
    schema = (
        SchemaBuilder.struct()
        .name("orig")
        .field("f1", STRING_SCHEMA)
        .field("f2", INT32_SCHEMA)
        .build()
    )
    transformation = set_up(SetSchemaMetadata.Key(), NAMED)
    record = applied(transformation, with_key(schema, Struct(schema, {"f1": "value1", "f2": 1})))
    assert record.key_schema is not None
    assert (record.key_schema.name, record.key_schema.version) == ("foo", 42)
    assert record.key.schema is record.key_schema
    assert record.key.to_dict() == {"f1": "value1", "f2": 1}
    again = applied(transformation, with_key(schema, Struct(schema, {"f1": "x", "f2": 2})))
    assert again.key_schema is record.key_schema


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (INT32_SCHEMA, 1),
        (SchemaBuilder.array(INT32_SCHEMA).build(), [1]),
        (SchemaBuilder.map(STRING_SCHEMA, INT32_SCHEMA).optional().build(), {"a": 1}),
    ],
)
def test_set_schema_metadata_keeps_everything_else(schema: Schema, value: object) -> None:
    record = applied(set_up(SetSchemaMetadata.Value(), NAMED), sink(schema, value))
    assert record.value_schema is not None
    back = set_up(SetSchemaMetadata.Value(), {"schema.name": "x"})
    assert applied(back, record).value == value
    wanted = Schema(
        schema.type,
        optional=schema.optional,
        name="foo",
        version=42,
        key_schema=schema.key_schema,
        value_schema=schema.value_schema,
    )
    assert (record.value_schema, record.value) == (wanted, value)


def test_set_schema_metadata_takes_defaults_along() -> None:
    bare = SchemaBuilder.struct().field("a", INT32_SCHEMA)
    schema = bare.default(Struct(bare.build(), {"a": 1})).build()
    record = applied(set_up(SetSchemaMetadata.Value(), NAMED), sink(schema, None))
    assert record.value_schema is not None
    assert record.value_schema.default["a"] == 1
    assert record.value_schema.default.schema.name == "foo"
    assert record.value_schema.type is Type.STRUCT


def test_set_schema_metadata_wants_a_schema_but_for_tombstones() -> None:
    transformation = set_up(SetSchemaMetadata.Value(), NAMED)
    tombstone = sink(None, None)
    assert transformation.apply(tombstone) is tombstone
    with pytest.raises(DataError, match=r"Schema required for \[updating schema metadata\]"):
        transformation.apply(sink(None, {"a": 1}))
