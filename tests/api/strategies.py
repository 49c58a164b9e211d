"""Hypothesis strategies: schemas of every kind, and values that are of them."""

import math
from datetime import UTC

from hypothesis import strategies as st

from venvoy_api import Date, Decimal, Field, Schema, SchemaAndValue, Struct, Time, Timestamp, Type

_BITS = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
MOMENTS = st.datetimes(timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
TIMES = st.times().map(lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000))
PRIMITIVES = [kind for kind in Type if kind.is_primitive()]
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def _plain_schemas() -> st.SearchStrategy[Schema]:
    primitive = st.builds(
        Schema,
        st.sampled_from(PRIMITIVES),
        optional=st.booleans(),
        name=st.none() | st.sampled_from(["a", "b.c"]),
        version=st.none() | st.integers(1, 9),
        doc=st.none() | TEXT,
        parameters=st.dictionaries(TEXT, TEXT, max_size=2),
    )
    logical = st.one_of(
        st.integers(-3, 5).map(Decimal.schema),
        st.sampled_from([Date.SCHEMA, Time.SCHEMA, Timestamp.SCHEMA]),
        st.just(Timestamp.builder().optional().build()),
    )
    return primitive | logical


def _nested(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    hashable = st.sampled_from([Schema(Type.STRING), Schema(Type.INT32), Schema(Type.BOOLEAN)])
    structs = st.lists(st.tuples(TEXT, inner), max_size=4, unique_by=lambda pair: pair[0]).flatmap(
        lambda pairs: st.builds(
            Schema,
            st.just(Type.STRUCT),
            optional=st.booleans(),
            name=st.none() | TEXT,
            fields=st.just([Field(name, at, schema) for at, (name, schema) in enumerate(pairs)]),
        )
    )
    arrays = st.builds(Schema, st.just(Type.ARRAY), optional=st.booleans(), value_schema=inner)
    maps = st.builds(Schema, st.just(Type.MAP), key_schema=hashable, value_schema=inner)
    return structs | arrays | maps


SCHEMAS = st.recursive(_plain_schemas(), _nested, max_leaves=6)


def values_of(schema: Schema) -> st.SearchStrategy[object]:
    """Values of that schema, None too where it is optional."""
    values = _present(schema)
    return st.none() | values if schema.optional else values


def _present(schema: Schema) -> st.SearchStrategy[object]:
    logical = _logical(schema)
    if logical is not None:
        return logical
    kind = schema.type
    if kind in _BITS:
        limit = 1 << (_BITS[kind] - 1)
        return st.integers(-limit, limit - 1)
    if kind is Type.STRUCT:
        fields = st.tuples(*(values_of(field.schema) for field in schema.fields))
        return fields.map(lambda values: Struct.from_values(schema, values))
    if kind is Type.ARRAY:
        assert schema.value_schema is not None
        return st.lists(values_of(schema.value_schema), max_size=3)
    if kind is Type.MAP:
        assert schema.key_schema is not None
        assert schema.value_schema is not None
        return st.dictionaries(
            values_of(schema.key_schema), values_of(schema.value_schema), max_size=3
        )
    return {
        Type.FLOAT32: st.floats(width=32, allow_nan=False),
        Type.FLOAT64: st.floats(allow_nan=False),
        Type.BOOLEAN: st.booleans(),
        Type.STRING: TEXT,
        Type.BYTES: st.binary(max_size=8),
    }[kind]


def _logical(schema: Schema) -> st.SearchStrategy[object] | None:
    if schema.name == Decimal.LOGICAL_NAME:
        return st.integers(-(10**40), 10**40).map(
            lambda unscaled: Decimal.to_logical(
                schema, unscaled.to_bytes(_length(unscaled), "big", signed=True)
            )
        )
    return {
        Date.LOGICAL_NAME: st.dates(),
        Time.LOGICAL_NAME: TIMES,
        Timestamp.LOGICAL_NAME: MOMENTS,
    }.get(schema.name or "")


def _length(number: int) -> int:
    return math.ceil((number.bit_length() + 1) / 8)


SCHEMAS_AND_VALUES = SCHEMAS.flatmap(
    lambda schema: values_of(schema).map(lambda value: SchemaAndValue(schema, value))
)
