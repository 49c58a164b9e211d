"""The configuration of the source: its keys, and the checked values that the code works with."""

import codecs
from collections.abc import Iterator, Mapping
from typing import Optional

from pydantic import BaseModel, ValidationError, root_validator, validator

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

    files: tuple[str, ...]
    topic: str
    key_field: Optional[str]
    required: tuple[str, ...]
    columns: tuple[str, ...]
    delimiter: str
    quote: str
    encoding: str
    on_error: str
    batch_size: int

    class Config:
        """Keys have dots where the attributes have underscores."""

        allow_mutation = False

        @staticmethod
        def alias_generator(name: str) -> str:
            """Return the key of an attribute."""
            return name.replace("_", ".")

    @validator("files", "topic")
    @classmethod
    def _not_empty(cls, value: object) -> object:
        if not value:
            raise ValueError("must not be empty")
        return value

    @validator("delimiter")
    @classmethod
    def _one_delimiter(cls, value: str) -> str:
        value = DELIMITER_NAMES.get(value, value)
        if len(value) != 1:
            raise ValueError(f"must be one character, or {', '.join(DELIMITER_NAMES)}")
        return value

    @validator("quote")
    @classmethod
    def _one_quote(cls, value: str) -> str:
        if len(value) != 1:
            raise ValueError("must be one character")
        return value

    @validator("encoding")
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

    @validator("columns")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("names a column twice")
        return value

    @root_validator(skip_on_failure=True)
    @classmethod
    def _quote_is_no_delimiter(cls, values: dict[str, object]) -> dict[str, object]:
        if values["quote"] == values["delimiter"]:
            raise ValueError("quote and delimiter must differ")
        return values

    @classmethod
    def of(cls, props: Mapping[str, str]) -> "Settings":
        """Return the settings in a connector's or task's configuration; raises ConfigError."""
        values = CONFIG.parse(props)
        for name, message in faults(values):
            raise ConfigError(name, values[name], message)
        return cls.parse_obj(values)


def faults(values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield each fault of parsed values as (key, message); missing keys are no faults here."""
    try:
        Settings.parse_obj(values)
    except ValidationError as error:
        for fault in error.errors():
            if fault["type"] != "value_error.missing":
                key = str(fault["loc"][0])
                yield ("quote" if key == "__root__" else key), fault["msg"]
