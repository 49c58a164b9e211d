"""Transformations that take fields out, wrap, mask, flatten them or make keys of them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal as Number
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.strategies import JSON_VALUES, SCHEMAS_AND_VALUES, TEXT
from tests.api.transforming import applied, configured, set_up, sink, with_key
from venvoy_api import (
    BOOLEAN_SCHEMA,
    BYTES_SCHEMA,
    FLOAT32_SCHEMA,
    FLOAT64_SCHEMA,
    INT8_SCHEMA,
    INT16_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_INT32_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    STRING_SCHEMA,
    ConfigError,
    DataError,
    Date,
    Decimal,
    Schema,
    SchemaAndValue,
    SchemaBuilder,
    Struct,
    Time,
    Timestamp,
    Transformation,
)
from venvoy_api.transforms import ExtractField, Flatten, HoistField, MaskField, ValueToKey

MAGIC = SchemaBuilder.struct().field("magic", INT32_SCHEMA).build()
NESTED = SchemaBuilder.struct().field("magic", MAGIC).build()
WITH_DEFAULT = (
    SchemaBuilder.struct()
    .field("magic", SchemaBuilder.string().optional().default("abc").build())
    .build()
)


def test_extract_field_takes_a_field_of_a_map() -> None:
    record = applied(configured(ExtractField.Key(), field="magic"), with_key(None, {"magic": 42}))
    assert (record.key_schema, record.key, record.value) == (None, 42, "value")
    gone = applied(configured(ExtractField.Value(), field="nonexistent"), sink(None, {"magic": 42}))
    assert (gone.value_schema, gone.value) == (None, None)


def test_extract_field_takes_a_field_of_a_struct() -> None:
    transformation = configured(ExtractField.Value(), field="magic")
    record = applied(transformation, sink(MAGIC, Struct(MAGIC, {"magic": 42})))
    assert (record.value_schema, record.value) == (INT32_SCHEMA, 42)
    assert "h" in record.headers


def test_extract_field_lets_nulls_pass() -> None:
    transformation = configured(ExtractField.Key(), field="magic")
    record = applied(transformation, with_key(None, None))
    assert (record.key_schema, record.key) == (None, None)
    record = applied(transformation, with_key(MAGIC, None))
    assert (record.key_schema, record.key) == (INT32_SCHEMA, None)


@pytest.mark.parametrize("version", ["V2", "v2"])
def test_extract_field_goes_into_fields_of_fields(version: str) -> None:
    transformation = configured(
        ExtractField.Value(), field="magic.magic", field_syntax_version=version
    )
    plain = {"magic": {"magic": 42}}
    assert applied(transformation, sink(None, plain)).value == 42
    assert applied(transformation, sink(None, {"magic": None})).value is None
    struct = Struct(NESTED, {"magic": Struct(MAGIC, {"magic": 42})})
    record = applied(transformation, sink(NESTED, struct))
    assert (record.value_schema, record.value) == (INT32_SCHEMA, 42)
    optional = nested_in(
        SchemaBuilder.struct().optional().field("magic", INT32_SCHEMA).build(), "magic"
    )
    record = applied(transformation, sink(optional, Struct(optional)))
    assert (record.value_schema, record.value) == (INT32_SCHEMA, None)
    with pytest.raises(DataError, match=r"supported in absence.*\[nested field access\].*: int"):
        transformation.apply(sink(None, {"magic": 1}))
    with pytest.raises(DataError, match="Cannot look up fields on non-struct type INT32"):
        transformation.apply(sink(MAGIC, Struct(MAGIC, {"magic": 42})))


@pytest.mark.parametrize(
    ("field", "version"),
    [("nonexistent", "V1"), ("magic.magic", "V1"), ("magic.x", "V2"), ("x.magic", "V2")],
)
def test_extract_field_refuses_what_a_schema_does_not_have(field: str, version: str) -> None:
    transformation = configured(ExtractField.Value(), field=field, field_syntax_version=version)
    struct = Struct(NESTED, {"magic": Struct(MAGIC, {"magic": 42})})
    with pytest.raises(DataError, match=f"Unknown field: {field}"):
        transformation.apply(sink(NESTED, struct))


def test_a_dot_belongs_to_the_name_in_the_first_syntax() -> None:
    transformation = configured(ExtractField.Value(), field="magic.foo")
    assert applied(transformation, sink(None, {"magic.foo": 1, "magic": {"foo": 2}})).value == 1
    assert applied(transformation, sink(None, {"magic": {"foo": 2}})).value is None


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("foobarbaz", ["foobarbaz"]),
        ("foo.bar.baz", ["foo", "bar", "baz"]),
        ("..", ["", "", ""]),
        ("foo..", ["foo", "", ""]),
        (".bar.", ["", "bar", ""]),
        ("..baz", ["", "", "baz"]),
        ("foo`bar`baz", ["foo`bar`baz"]),
        ("`foo.bar.baz`", ["foo.bar.baz"]),
        ("foo.`bar.baz`", ["foo", "bar.baz"]),
        ("`foo.bar`.baz", ["foo.bar", "baz"]),
        ("foo.`bar`.baz", ["foo", "bar", "baz"]),
        ("foo.``bar.baz`", ["foo", "`bar.baz"]),
        ("foo.`bar.baz``", ["foo", "bar.baz`"]),
        ("foo.`ba`r.baz`", ["foo", "ba`r.baz"]),
        ("foo.ba`r.baz", ["foo", "ba`r", "baz"]),
        ("foo.``bar``.baz", ["foo", "`bar`", "baz"]),
        ("``foo.bar.baz``", ["`foo.bar.baz`"]),
        ("foo.`bar\\`.baz`", ["foo", "bar`.baz"]),
        ("foo.`bar.`baz`", ["foo", "bar.`baz"]),
        ("foo.`bar\\`.`baz`", ["foo", "bar`.`baz"]),
        ("foo.`bar\\\\`.\\`baz`", ["foo", "bar\\`.\\`baz"]),
    ],
)
def test_a_path_is_split_at_dots_outside_of_backticks(path: str, steps: list[str]) -> None:
    value: Any = "found"
    for step in reversed(steps):
        value = {step: value}
    transformation = configured(ExtractField.Value(), field=path, field_syntax_version="V2")
    assert applied(transformation, sink(None, value)).value == "found"


@pytest.mark.parametrize(
    ("path", "position"),
    [("`foo.bar.baz", 0), ("foo.`bar.baz", 4), ("foo.bar.`baz", 8), ("foo.bar.`baz\\`", 8)],
)
def test_a_backtick_that_is_not_closed_is_refused(path: str, position: int) -> None:
    with pytest.raises(ConfigError) as caught:
        configured(ExtractField.Value(), field=path, field_syntax_version="V2")
    assert caught.value.message == (
        f"Incomplete backtick pair in path: [{path}], consider adding a backslash before backtick "
        f"at position {position} to escape it"
    )


def test_hoist_field_wraps_what_there_is() -> None:
    transformation = configured(HoistField.Key(), field="magic")
    record = applied(transformation, with_key(None, 42))
    assert (record.key_schema, record.key) == (None, {"magic": 42})
    record = applied(transformation, with_key(INT32_SCHEMA, 42))
    assert (record.key_schema, record.key) == (MAGIC, Struct(MAGIC, {"magic": 42}))
    again = applied(transformation, with_key(INT32_SCHEMA, 43))
    assert again.key_schema is record.key_schema


def test_hoist_field_wraps_nulls_too() -> None:
    transformation = configured(HoistField.Value(), field="magic")
    assert applied(transformation, sink(None, None)).value == {"magic": None}
    record = applied(transformation, sink(OPTIONAL_INT32_SCHEMA, None))
    assert record.value.to_dict() == {"magic": None}
    with pytest.raises(DataError, match='field "magic"'):
        transformation.apply(sink(INT32_SCHEMA, None))


MASKED = (
    SchemaBuilder.struct()
    .field("magic", INT32_SCHEMA)
    .field("bool", BOOLEAN_SCHEMA)
    .field("byte", INT8_SCHEMA)
    .field("short", INT16_SCHEMA)
    .field("int", INT32_SCHEMA)
    .field("long", INT64_SCHEMA)
    .field("float", FLOAT32_SCHEMA)
    .field("double", FLOAT64_SCHEMA)
    .field("string", STRING_SCHEMA)
    .field("date", Date.SCHEMA)
    .field("time", Time.SCHEMA)
    .field("timestamp", Timestamp.SCHEMA)
    .field("decimal", Decimal.schema(2))
    .field("array", SchemaBuilder.array(INT32_SCHEMA).build())
    .field("map", SchemaBuilder.map(STRING_SCHEMA, STRING_SCHEMA).build())
    .build()
)
NOW = datetime(2024, 2, 29, 12, tzinfo=UTC)
VALUES: Mapping[str, Any] = {
    "magic": 42,
    "bool": True,
    "byte": 42,
    "short": 42,
    "int": 42,
    "long": 42,
    "float": 42.0,
    "double": 42.0,
    "string": "55.121.20.20",
    "date": NOW.date(),
    "time": NOW.time(),
    "timestamp": NOW,
    "decimal": Number("42.00"),
    "array": [1, 2, 3],
    "map": {"key": "value"},
}
NOTHING: Mapping[str, Any] = {
    "bool": False,
    **dict.fromkeys(("byte", "short", "int", "long"), 0),
    **dict.fromkeys(("float", "double"), 0.0),
    "string": "",
    "date": date(1970, 1, 1),
    "time": time(0),
    "timestamp": datetime(1970, 1, 1, tzinfo=UTC),
    "decimal": Number(0),
    "array": [],
    "map": {},
}


def test_mask_field_leaves_nothing_of_a_map() -> None:
    transformation = set_up(MaskField.Value(), {"fields": ",".join(NOTHING)})
    record = applied(transformation, sink(None, dict(VALUES)))
    assert record.value == {"magic": 42, **NOTHING}
    assert {name: type(value) for name, value in record.value.items()} == {
        name: type(value) for name, value in VALUES.items()
    }


def test_mask_field_leaves_nothing_of_a_struct() -> None:
    transformation = set_up(MaskField.Key(), {"fields": ",".join(NOTHING)})
    record = applied(transformation, with_key(MASKED, Struct(MASKED, VALUES)))
    record.key.validate()
    assert record.key_schema == MASKED
    assert record.key.to_dict() == {"magic": 42, **NOTHING}
    assert str(record.key["decimal"]) == "0.00"  # a converter stores it only with its places


def test_masks_that_are_lists_or_maps_are_new_each_time() -> None:
    transformation = configured(MaskField.Value(), fields="array,map")
    first = applied(transformation, sink(MASKED, Struct(MASKED, VALUES))).value
    first["array"].append(0)
    first["map"]["k"] = "v"
    second = applied(transformation, sink(MASKED, Struct(MASKED, VALUES))).value
    assert (second["array"], second["map"]) == ([], {})


@pytest.mark.parametrize(
    ("field", "replacement"),
    [
        ("byte", 123),
        ("short", 123),
        ("int", 123),
        ("long", 123),
        ("float", 123.0),
        ("double", 123.0),
        ("string", "123"),
        ("decimal", Number("123.00")),
    ],
)
def test_mask_field_puts_a_replacement_in(field: str, replacement: object) -> None:
    transformation = configured(MaskField.Value(), fields=field, replacement="123")
    for record in (sink(None, dict(VALUES)), sink(MASKED, Struct(MASKED, VALUES))):
        masked = applied(transformation, record).value[field]
        assert masked == replacement
        assert type(masked) is type(replacement)


@pytest.mark.parametrize("field", ["bool", "date", "time", "timestamp", "array", "map"])
def test_what_has_no_replacement_is_refused(field: str) -> None:
    transformation = configured(MaskField.Value(), fields=f"int,{field}", replacement="123")
    for record in (sink(None, dict(VALUES)), sink(MASKED, Struct(MASKED, VALUES))):
        with pytest.raises(DataError, match=r"Cannot mask value of type .* custom replacement"):
            transformation.apply(record)


@pytest.mark.parametrize("field", ["byte", "short", "int", "long", "float", "double", "decimal"])
def test_a_replacement_that_is_no_number_is_refused(field: str) -> None:
    transformation = configured(MaskField.Value(), fields=f"string,{field}", replacement="foo")
    for record in (sink(None, dict(VALUES)), sink(MASKED, Struct(MASKED, VALUES))):
        with pytest.raises(DataError, match="Unable to convert foo"):
            transformation.apply(record)


@pytest.mark.parametrize(
    ("field", "replacement"), [("byte", "128"), ("decimal", "1.005"), ("short", "-32769")]
)
def test_a_replacement_that_the_schema_cannot_hold_is_refused(field: str, replacement: str) -> None:
    transformation = configured(MaskField.Value(), fields=field, replacement=replacement)
    with pytest.raises(DataError, match=f"Unable to convert {replacement}"):
        transformation.apply(sink(MASKED, Struct(MASKED, VALUES)))


def test_mask_field_knows_neither_bytes_nor_structs() -> None:
    transformation = configured(MaskField.Value(), fields="x")
    for value in (b"secret", Struct(MAGIC, {"magic": 1})):
        with pytest.raises(DataError, match="Cannot mask value of type"):
            transformation.apply(sink(None, {"x": value}))


def test_masks_leave_nulls_as_they_are() -> None:
    transformation = configured(MaskField.Value(), fields="int,gone", replacement="1")
    assert applied(transformation, sink(None, {"int": None})).value == {"int": None, "gone": None}
    tombstone = sink(MASKED, None)
    assert transformation.apply(tombstone) is tombstone


ROW = (
    SchemaBuilder.struct()
    .field("a", INT32_SCHEMA)
    .field("b", INT32_SCHEMA)
    .field("c", INT32_SCHEMA)
    .build()
)


def test_value_to_key_makes_a_key_of_fields() -> None:
    transformation = configured(ValueToKey(), fields="b,a")
    record = applied(transformation, sink(None, {"a": 1, "b": 2, "c": 3}))
    assert (record.key_schema, record.key) == (None, {"a": 1, "b": 2})
    assert record.value == {"a": 1, "b": 2, "c": 3}
    record = applied(transformation, sink(ROW, Struct(ROW, {"a": 1, "b": 2, "c": 3})))
    schema = SchemaBuilder.struct().field("b", INT32_SCHEMA).field("a", INT32_SCHEMA).build()
    assert (record.key_schema, record.key) == (schema, Struct(schema, {"a": 1, "b": 2}))
    assert record.value_schema == ROW


def test_value_to_key_puts_null_where_a_map_has_nothing() -> None:
    record = applied(configured(ValueToKey(), fields="a,x"), sink(None, {"a": 1}))
    assert record.key == {"a": 1, "x": None}


@pytest.mark.parametrize(
    ("schema", "value", "reason"),
    [
        (ROW, Struct(ROW, {"a": 1}), "Field does not exist: x"),
        (None, None, "Only Map objects supported .* found: null"),
        (None, "text", "Only Map objects supported .* found: str"),
        (ROW, None, "Only Struct objects supported .* found: null"),
        (INT32_SCHEMA, 1, "Only Struct objects supported .* found: int"),
    ],
)
def test_value_to_key_refuses_values_without_the_fields(
    schema: Schema | None, value: object, reason: str
) -> None:
    with pytest.raises(DataError, match=reason):
        configured(ValueToKey(), fields="a,x").apply(sink(schema, value))


SUPPORTED = (
    SchemaBuilder.struct()
    .field("int8", INT8_SCHEMA)
    .field("int64", INT64_SCHEMA)
    .field("float64", FLOAT64_SCHEMA)
    .field("boolean", BOOLEAN_SCHEMA)
    .field("string", STRING_SCHEMA)
    .field("bytes", BYTES_SCHEMA)
    .field("at", Timestamp.SCHEMA)
    .field("array", SchemaBuilder.array(STRING_SCHEMA).build())
    .build()
)
FIELDS: Mapping[str, Any] = {
    "int8": 8,
    "int64": 64,
    "float64": 64.0,
    "boolean": True,
    "string": "stringy",
    "bytes": b"bytes",
    "at": NOW,
    "array": ["bar", "baz"],
}


def nested_in(schema: Schema, name: str) -> Schema:
    return SchemaBuilder.struct().field(name, schema).build()


def test_flatten_lifts_the_fields_of_structs() -> None:
    inner = nested_in(SUPPORTED, "B")
    outer = SchemaBuilder.struct().name("n").version(2).doc("d").field("A", inner).build()
    value = Struct(outer, {"A": Struct(inner, {"B": Struct(SUPPORTED, FIELDS)})})
    transformation = set_up(Flatten.Value(), {})
    record = applied(transformation, sink(outer, value))
    assert record.value.to_dict() == {f"A.B.{name}": item for name, item in FIELDS.items()}
    schema = record.value_schema
    assert schema is not None
    assert (schema.name, schema.version, schema.doc) == ("n", 2, "d")
    assert [field.schema for field in schema.fields] == [f.schema for f in SUPPORTED.fields]
    assert applied(transformation, sink(outer, value)).value_schema is schema


def test_flatten_lifts_the_fields_of_maps() -> None:
    transformation = configured(Flatten.Key(), delimiter="#")
    record = applied(transformation, with_key(None, {"A": {"B": dict(FIELDS)}, "n": None, "o": 1}))
    wanted = {f"A#B#{name}": item for name, item in FIELDS.items()}
    assert (record.key_schema, record.key) == (None, {**wanted, "n": None, "o": 1})


def test_flattened_fields_of_optional_structs_are_optional() -> None:
    inner = SchemaBuilder.struct().optional().field("i", INT32_SCHEMA).build()
    outer = nested_in(inner, "B")
    record = applied(set_up(Flatten.Value(), {}), sink(outer, Struct(outer, {"B": None})))
    assert record.value_schema == nested_in(OPTIONAL_INT32_SCHEMA, "B.i")
    assert record.value.to_dict() == {"B.i": None}


def test_flattened_fields_take_the_defaults_around_them() -> None:
    string = SchemaBuilder.string().optional().default("child_default").build()
    bare = SchemaBuilder.struct().optional().field("req", STRING_SCHEMA).field("opt", string)
    default = Struct(bare.build(), {"req": "req_default"})
    schema = bare.default(default).build()
    transformation = set_up(Flatten.Value(), {})
    flat = applied(transformation, sink(schema, Struct(schema))).value_schema
    assert flat is not None
    kinds = {field.name: (field.schema.optional, field.schema.default) for field in flat.fields}
    assert kinds == {"req": (True, "req_default"), "opt": (True, "child_default")}
    outer = nested_in(schema, "A")
    record = applied(transformation, sink(outer, Struct(outer)))
    assert record.value.to_dict() == {"A.req": "req_default", "A.opt": "child_default"}


def test_flatten_refuses_what_it_cannot_lift() -> None:
    transformation = set_up(Flatten.Value(), {})
    mapped = nested_in(SchemaBuilder.map(STRING_SCHEMA, INT32_SCHEMA).build(), "m")
    outer = nested_in(mapped, "A")
    record = sink(outer, Struct(outer, {"A": Struct(mapped, {"m": {}})}))
    with pytest.raises(DataError, match=r"does not support MAP .* \(for field A\.m\)"):
        transformation.apply(record)
    with pytest.raises(DataError, match="type object which is not supported"):
        transformation.apply(sink(None, {"foo": object()}))
    with pytest.raises(DataError, match=r"Struct .* without schemas \(for field a\.b\)"):
        transformation.apply(sink(None, {"a": {"b": Struct(MAGIC)}}))


@given(st.dictionaries(TEXT, JSON_VALUES))
def test_no_leaf_is_lost_by_flattening(value: dict[str, Any]) -> None:
    def leaves(of: object) -> list[object]:
        if not isinstance(of, dict):
            return [of]
        return [leaf for item in of.values() for leaf in leaves(item)]

    flat = applied(configured(Flatten.Value(), delimiter="\x00"), sink(None, value)).value
    assert not any(isinstance(item, dict) for item in flat.values())
    assert list(flat.values()) == leaves(value)


@given(SCHEMAS_AND_VALUES)
def test_hoisting_and_extracting_gives_back_what_was_there(pair: SchemaAndValue) -> None:
    schema, value = pair
    hoisted = applied(configured(HoistField.Value(), field="x"), sink(schema, value))
    extract = configured(ExtractField.Value(), field="x", replace_null_with_default="false")
    extracted = applied(extract, hoisted)
    assert (extracted.value_schema, extracted.value) == (schema, value)


@pytest.mark.parametrize(
    ("transformation", "settings", "value"),
    [
        (ExtractField.Value(), {"field": "magic"}, lambda record: record.value),
        (MaskField.Value(), {"fields": "x"}, lambda record: record.value["magic"]),
        (ValueToKey(), {"fields": "magic"}, lambda record: record.key["magic"]),
    ],
)
def test_defaults_stand_in_for_null_unless_told_otherwise(
    transformation: Transformation, settings: dict[str, str], value: Any
) -> None:
    record = sink(WITH_DEFAULT, Struct(WITH_DEFAULT))
    assert value(applied(set_up(transformation, settings), record)) == "abc"
    told = {**settings, "replace.null.with.default": "false"}
    result = applied(set_up(transformation, told), record)
    if isinstance(transformation, ExtractField.Value):
        assert result.value is None
    else:
        struct = result.key if isinstance(transformation, ValueToKey) else result.value
        assert struct.get_without_default("magic") is None


@pytest.mark.parametrize(
    ("transformation", "settings", "key"),
    [
        (ExtractField.Value(), {}, "field"),
        (ExtractField.Value(), {"field": "a", "field.syntax.version": "V3"}, "field.syntax"),
        (ExtractField.Value(), {"field": "", "field.syntax.version": "V2"}, "field"),
        (HoistField.Value(), {}, "field"),
        (MaskField.Value(), {}, "fields"),
        (MaskField.Value(), {"fields": ""}, "Empty list"),
        (MaskField.Value(), {"fields": "a", "replacement": ""}, "String must be non-empty"),
        (ValueToKey(), {}, "fields"),
        (ValueToKey(), {"fields": ""}, "Empty list"),
    ],
)
def test_settings_that_mean_nothing_are_refused(
    transformation: Transformation, settings: Mapping[str, str], key: str
) -> None:
    with pytest.raises(ConfigError, match=key):
        transformation.configure(settings)


@pytest.mark.parametrize(
    "transformation",
    [
        set_up(Flatten.Value(), {}),
        configured(MaskField.Value(), fields="a"),
        configured(ExtractField.Value(), field="a"),
    ],
)
def test_what_has_no_fields_is_refused(transformation: Transformation) -> None:
    with pytest.raises(DataError, match="Only Map objects supported"):
        transformation.apply(sink(None, "text"))
    with pytest.raises(DataError, match="Only Struct objects supported"):
        transformation.apply(sink(INT8_SCHEMA, 1))


def test_tombstones_pass_through_flatten() -> None:
    schema = SchemaBuilder.struct().name("n").field("magic", OPTIONAL_INT64_SCHEMA).build()
    for record in (sink(None, None), sink(schema, None)):
        assert set_up(Flatten.Value(), {}).apply(record) is record
