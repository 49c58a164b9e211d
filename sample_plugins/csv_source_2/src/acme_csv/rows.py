"""Turns rows of text into structs of typed values, through a pydantic model made for the file."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Optional

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from acme_csv.column_type import ColumnType
from venvoy_api import DataError, NotFoundError, Schema, SchemaBuilder, Struct

__all__ = ["RowModel"]


def _blank_is_none(text: str) -> Optional[str]:
    return text if text.strip() else None


class RowModel:
    """The model of one file's rows, and the schema of the structs that it makes."""

    def __init__(self, types: Mapping[str, ColumnType], required: Collection[str]) -> None:
        self._columns = tuple(types)
        self._types = dict(types)
        fields: dict[str, Any] = {}
        builder = SchemaBuilder.struct()
        for at, (column, kind) in enumerate(types.items()):
            schema = kind.schema()
            annotation: Any = kind.annotation
            if column not in required:
                schema.optional()
                annotation = Optional[annotation]
            builder.field(column, schema.build())
            # A column may be called anything, an attribute may not: so columns are aliases.
            blank = Annotated[annotation, BeforeValidator(_blank_is_none)]
            fields[f"c{at}"] = (blank, Field(alias=column))
        self.schema: Schema = builder.build()
        config = ConfigDict(frozen=True, str_strip_whitespace=False)
        self._model: type[BaseModel] = create_model("Row", __config__=config, **fields)

    def schema_of(self, column: str) -> Schema:
        """Return the schema of one column's values; raises NotFoundError."""
        field = self.schema.field(column)
        if field is None:
            raise NotFoundError(f"no column {column}")
        return field.schema

    def struct(self, row: Mapping[str, str]) -> Struct:
        """Return the typed values; raises DataError that tells every field that does not fit."""
        try:
            typed = self._model.model_validate(row)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False)
            raise DataError("; ".join(map(self._sentence, faults))) from error
        values = (getattr(typed, f"c{at}") for at in range(len(self._columns)))
        return Struct(self.schema, dict(zip(self._columns, values)))

    def _sentence(self, fault: ErrorDetails) -> str:
        column = str(fault["loc"][0])
        if fault["input"] is None:
            return f"{column} is blank"
        kind = self._types[column]
        return f"{column} is not of type {kind}: {fault['input']!r} (types={column}:string?)"
