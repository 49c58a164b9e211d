"""What tests of transformations share: one configured, a record to apply it to, the result."""

from collections.abc import Mapping

from venvoy_api import ConnectRecord, Schema, SinkRecord, Transformation


def configured(transformation: Transformation, **settings: str) -> Transformation:
    """Configure by keyword, `_` standing for a dot."""
    return set_up(transformation, {key.replace("_", "."): value for key, value in settings.items()})


def set_up(transformation: Transformation, settings: Mapping[str, str]) -> Transformation:
    """Configure and return the transformation."""
    transformation.configure(settings)
    return transformation


def sink(schema: Schema | None, value: object) -> SinkRecord:
    """A record with that value, and a key and a header of its own."""
    record = SinkRecord("rows", 2, None, {"k": 1}, schema, value, 7, timestamp=1000)
    record.headers.add("h", 1)
    return record


def with_key(schema: Schema | None, key: object) -> SinkRecord:
    """A record with that key."""
    return SinkRecord("rows", 2, schema, key, None, "value", 7, timestamp=1000)


def applied(transformation: Transformation, record: ConnectRecord) -> ConnectRecord:
    """The record that comes out; the one that went in has not changed."""
    before = repr(record)
    result = transformation.apply(record)
    assert result is not None
    assert repr(record) == before
    return result
