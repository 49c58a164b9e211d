"""Records that cross between segments: a pickle that can make API types and a few others only.

Both ends refuse what is not listed, by name: the sender so that the error names the plugin's own
value, the receiver so that no class of one environment is ever looked for in another.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import io
import pickle
import uuid
from typing import Any

import venvoy_api
from venvoy_api.schema import restore_schema

__all__ = ["ALLOWED", "ForeignObjectError", "dumps", "loads"]


class ForeignObjectError(venvoy_api.DataError):
    """A value that may not cross between two environments."""


_API_NAMES = (
    "Field",
    "Header",
    "Headers",
    "Schema",
    "SchemaAndValue",
    "SinkRecord",
    "SourceRecord",
    "Struct",
    "TimestampType",
    "Type",
)
_STANDARD: tuple[Any, ...] = (
    collections.OrderedDict,
    datetime.date,
    datetime.datetime,
    datetime.time,
    datetime.timedelta,
    datetime.timezone,
    decimal.Decimal,
    uuid.UUID,
    uuid.SafeUUID,
    bytearray,
    complex,
    frozenset,
    range,
    set,
    slice,
)
_CLASSES = frozenset((*_STANDARD, *(getattr(venvoy_api, name) for name in _API_NAMES)))
_ENUMS = (venvoy_api.TimestampType, venvoy_api.Type)
ALLOWED = {(one.__module__, one.__qualname__): one for one in (*_CLASSES, restore_schema)}
"""What a pickle may call, by module and qualified name."""


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind in _ENUMS:  # by value: how Python itself does it differs between its versions
            return kind, (obj.value,)
        if kind in _CLASSES or obj is restore_schema:
            return NotImplemented
        if isinstance(obj, type) and obj in _CLASSES:
            return NotImplemented
        raise ForeignObjectError(
            f"a value of type {kind.__module__}.{kind.__qualname__} cannot pass to a stage in "
            "another environment; convert it to a plain value or one of the API's types first"
        )


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise ForeignObjectError(
                f"{module}.{name} came from another environment and is not allowed to"
            ) from None


def dumps(value: object) -> bytes:
    """Pickle; raises ForeignObjectError for a value of any other type."""
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=5).dump(value)
    return buffer.getvalue()


def loads(data: bytes) -> Any:
    """Unpickle; raises ForeignObjectError for a name that is not allowed."""
    return _Unpickler(io.BytesIO(data)).load()
