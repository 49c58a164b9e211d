"""The types that a column can have: how its text looks, what it becomes, in which schema."""

import re
from datetime import date, datetime, timezone
from enum import Enum
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from venvoy_api import Date, SchemaBuilder, Timestamp

__all__ = ["ColumnType"]


class ColumnType(str, Enum):
    """The type of a column, as it is written in the configuration.

    Types stand in the order in which inference tries them; everything is a string.
    """

    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    DATE = "date"
    TIMESTAMP = "timestamp"
    STRING = "string"

    def __str__(self) -> str:
        """Return the name as it is configured."""
        return self.value

    def looks_like(self, text: str) -> bool:
        """Whether inference may take a filled field for this type.

        Stricter than parsing: `007` is a string, as a number it would lose its zeros, and `1` is
        a number, not a truth value.
        """
        return PATTERNS[self].fullmatch(text) is not None

    @property
    def annotation(self) -> object:
        """What pydantic makes of a filled field."""
        return ANNOTATIONS[self]

    def schema(self) -> SchemaBuilder:
        """Return the start of the schema of such values."""
        return SCHEMAS[self]()


PATTERNS = MappingProxyType(
    {
        ColumnType.INT: re.compile(r"-?(0|[1-9][0-9]{0,17})"),
        ColumnType.FLOAT: re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?"),
        ColumnType.BOOL: re.compile(r"true|false|yes|no", re.IGNORECASE),
        ColumnType.DATE: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
        ColumnType.TIMESTAMP: re.compile(
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?"
            r"(Z|[+-][0-9]{2}:?[0-9]{2})?"
        ),
        ColumnType.STRING: re.compile(r".*", re.DOTALL),
    }
)


def _not_a_number(value: str) -> str:
    """Refuse numbers, which pydantic would take for seconds since 1970."""
    if "-" not in value[1:]:
        raise ValueError("should be written as 2024-12-31")
    return value


def _in_utc(value: datetime) -> datetime:
    """Take a time without a time zone for UTC."""
    return value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)


ANNOTATIONS = MappingProxyType(
    {
        ColumnType.INT: Annotated[int, Field(ge=-(2**63), lt=2**63)],
        ColumnType.FLOAT: Annotated[float, Field(allow_inf_nan=False)],
        ColumnType.BOOL: bool,
        ColumnType.DATE: Annotated[date, BeforeValidator(_not_a_number)],
        ColumnType.TIMESTAMP: Annotated[
            datetime, BeforeValidator(_not_a_number), AfterValidator(_in_utc)
        ],
        ColumnType.STRING: str,
    }
)

SCHEMAS = MappingProxyType(
    {
        ColumnType.INT: SchemaBuilder.int64,
        ColumnType.FLOAT: SchemaBuilder.float64,
        ColumnType.BOOL: SchemaBuilder.boolean,
        ColumnType.DATE: Date.builder,
        ColumnType.TIMESTAMP: Timestamp.builder,
        ColumnType.STRING: SchemaBuilder.string,
    }
)
