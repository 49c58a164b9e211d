"""Whatever a record holds: a transformation gives a record that is sound, or a DataError."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.strategies import JSON_VALUES, SCHEMAS_AND_VALUES
from tests.api.transforming import set_up, sink
from venvoy_api import ConnectError, SchemaAndValue, Transformation, Type
from venvoy_api.transforms import (
    Cast,
    ExtractField,
    Flatten,
    HeaderFrom,
    HoistField,
    InsertField,
    MaskField,
    ReplaceField,
    TimestampConverter,
    ValueToKey,
)

VALUES = SCHEMAS_AND_VALUES | JSON_VALUES.map(lambda value: SchemaAndValue(None, value))
FIELD = "x"
MADE = {
    "cast": (Cast.Value(), {"spec": f"{FIELD}:string"}),
    "cast all": (Cast.Value(), {"spec": "float64"}),
    "extract": (ExtractField.Value(), {"field": FIELD}),
    "extract inner": (
        ExtractField.Value(),
        {"field": f"{FIELD}.{FIELD}", "field.syntax.version": "V2"},
    ),
    "flatten": (Flatten.Value(), {"delimiter": "\n"}),
    "header": (HeaderFrom.Value(), {"fields": FIELD, "headers": "h", "operation": "move"}),
    "hoist": (HoistField.Value(), {"field": FIELD}),
    "insert": (InsertField.Value(), {"static.field": "static\n", "static.value": "s"}),
    "mask": (MaskField.Value(), {"fields": FIELD}),
    "mask by": (MaskField.Value(), {"fields": FIELD, "replacement": "12"}),
    "replace": (ReplaceField.Value(), {"exclude": FIELD}),
    "key": (ValueToKey(), {"fields": FIELD}),
    **{
        f"to {target}": (TimestampConverter.Value(), {"target.type": target, "format": "yyyy"})
        for target in ("string", "unix", "Date", "Time", "Timestamp")
    },
}


@pytest.mark.parametrize(("transformation", "settings"), MADE.values(), ids=MADE)
@given(pair=VALUES, wrapped=st.integers(0, 2))
def test_any_value_passes_soundly_or_is_refused(
    transformation: Transformation, settings: dict[str, str], pair: SchemaAndValue, wrapped: int
) -> None:
    set_up(transformation, settings)
    record = sink(*pair)
    for _ in range(wrapped):
        record = set_up(HoistField.Value(), {"field": FIELD}).apply(record) or record
    try:
        changed = transformation.apply(record)
    except ConnectError:
        return
    assert changed is not None
    for schema, value in (
        (changed.value_schema, changed.value),
        (changed.key_schema, changed.key),
        *((header.schema, header.value) for header in changed.headers),
    ):
        if schema is None:
            continue
        if value is None and not schema.optional:  # a null passes, or a struct around it is null
            assert pair.value is None or schema.type is not Type.STRUCT
            continue
        schema.validate(value)
