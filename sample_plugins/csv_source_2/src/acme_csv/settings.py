"""The configuration of the source: its keys, and the checked values that the code works with."""

import codecs
from collections.abc import Iterator, Mapping
from typing import Optional

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from acme_csv.column_type import ColumnType
from venvoy_api import ConfigDef, ConfigError, ConfigType, Importance, Range, ValidString

__all__ = ["CONFIG", "Settings", "faults"]

DELIMITER_NAMES = {"tab": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|"}

CONFIG = (
    ConfigDef()
    .define(
        "files",
        ConfigType.LIST,
        importance=Importance.HIGH,
        documentation="Paths or patterns (*, ?, **) of the files to read, separated by commas.",
    )
    .define(
        "topic",
        ConfigType.STRING,
        importance=Importance.HIGH,
        documentation="The topic; ${file} stands for the file's name without its suffix.",
    )
    .define(
        "key.field",
        ConfigType.STRING,
        None,
        importance=Importance.HIGH,
        documentation="The column that becomes the record's key; without it records have no key.",
    )
    .define(
        "required",
        ConfigType.LIST,
        "",
        documentation="Columns that must not be blank.",
    )
    .define(
        "types",
        ConfigType.LIST,
        "",
        importance=Importance.HIGH,
        documentation=(
            "Types of columns as column:type, separated by commas; the types are "
            f"{', '.join(ColumnType)}. Other columns are inferred."
        ),
    )
    .define(
        "types.infer.rows",
        ConfigType.INT,
        1000,
        Range.between(0, 1_000_000),
        documentation="How many rows of each file to infer types from; 0: all are strings.",
    )
    .define(
        "columns",
        ConfigType.LIST,
        "",
        documentation="Names of the columns when the files have no header row.",
    )
    .define(
        "delimiter",
        ConfigType.STRING,
        ",",
        documentation=f"What separates fields: one character, or {', '.join(DELIMITER_NAMES)}.",
    )
    .define(
        "quote",
        ConfigType.STRING,
        '"',
        importance=Importance.LOW,
        documentation="What encloses fields that hold delimiters, quotes or line ends.",
    )
    .define(
        "encoding",
        ConfigType.STRING,
        "utf-8",
        documentation="The encoding of the files.",
    )
    .define(
        "on.error",
        ConfigType.STRING,
        "fail",
        ValidString("fail", "skip"),
        documentation="What a bad row does: fail the task, or skip the row with a warning.",
    )
    .define(
        "batch.size",
        ConfigType.INT,
        1000,
        Range.between(1, 100_000),
        importance=Importance.LOW,
        documentation="How many rows to hand over at once, at most.",
    )
)


class Settings(BaseModel):
    """The checked values of `CONFIG`; `key_field` stands for the key `key.field`, and so on."""

    model_config = ConfigDict(
        frozen=True, alias_generator=lambda name: name.replace("_", "."), validate_default=True
    )

    files: tuple[str, ...]
    topic: str
    key_field: Optional[str]
    required: tuple[str, ...]
    types: dict[str, ColumnType]
    types_infer_rows: int
    columns: tuple[str, ...]
    delimiter: str
    quote: str
    encoding: str
    on_error: str
    batch_size: int

    @field_validator("types", mode="before")
    @classmethod
    def _column_and_type(cls, value: list[str]) -> dict[str, ColumnType]:
        types: dict[str, ColumnType] = {}
        for item in value:
            column, _, name = item.rpartition(":")
            if not column or name not in tuple(ColumnType):
                raise ValueError(f"{item} is not column:type with one of {', '.join(ColumnType)}")
            if column in types:
                raise ValueError(f"gives {column} two types")
            types[column] = ColumnType(name)
        return types

    @field_validator("files", "topic")
    @classmethod
    def _not_empty(cls, value: object) -> object:
        if not value:
            raise ValueError("must not be empty")
        return value

    @field_validator("delimiter")
    @classmethod
    def _one_delimiter(cls, value: str) -> str:
        value = DELIMITER_NAMES.get(value, value)
        if len(value) != 1:
            raise ValueError(f"must be one character, or {', '.join(DELIMITER_NAMES)}")
        return value

    @field_validator("quote")
    @classmethod
    def _one_quote(cls, value: str) -> str:
        if len(value) != 1:
            raise ValueError("must be one character")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            codecs.lookup(value)
            ends_lines = b"\n".decode(value) == "\n"
        except LookupError:
            raise ValueError("is not an encoding that Python knows") from None
        except UnicodeError:
            ends_lines = False
        if not ends_lines:
            raise ValueError("must end a line with the byte 0A, as utf-8 and latin-1 do")
        return value

    @field_validator("columns")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("names a column twice")
        return value

    @model_validator(mode="after")
    def _quote_is_no_delimiter(self) -> "Settings":
        if self.quote == self.delimiter:
            raise ValueError("quote and delimiter must differ")
        return self

    @classmethod
    def of(cls, props: Mapping[str, str]) -> "Settings":
        """Return the settings in a connector's or task's configuration; raises ConfigError."""
        values = CONFIG.parse(props)
        for name, message in faults(values):
            raise ConfigError(name, values[name], message)
        return cls.model_validate(values)


def faults(values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield each fault of parsed values as (key, message); missing keys are no faults here."""
    try:
        Settings.model_validate(values)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            if fault["type"] != "missing":
                key = str(fault["loc"][0]) if fault["loc"] else "quote"
                yield key, fault["msg"].removeprefix("Value error, ")
