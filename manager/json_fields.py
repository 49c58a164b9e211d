"""What was written down as JSON, read back field by field: whatever lies on a disk is input.

A file of ours may be cut off, edited, of another version, or another file altogether; every field
is held against what it should be before it is used, and one that is not raises `BadFieldError`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from manager.digests import JsonValue

__all__ = ["BadFieldError", "Fields", "read_fields"]


class BadFieldError(ValueError):
    """A file, or a field of it, is not what was written; its text says which, and how."""


class Fields:
    """A JSON object whose fields are asked for by name and type."""

    def __init__(self, value: object) -> None:
        """Take what should be an object; raises `BadFieldError`."""
        if not isinstance(value, dict):
            raise BadFieldError("it is no JSON object")
        self._value = cast("Mapping[str, JsonValue]", value)

    def _field(self, name: str, kind: type, called: str) -> object:
        value = self._value.get(name)
        # JSON's true is no number, though Python's is.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise BadFieldError(f"its `{name}` is no {called}")
        return value

    def text(self, name: str) -> str:
        """Return a text."""
        return str(self._field(name, str, "text"))

    def text_or_none(self, name: str) -> str | None:
        """Return a text, or None where null stands; a field that is missing is neither."""
        if name in self._value and self._value[name] is None:
            return None
        return self.text(name)

    def number(self, name: str) -> int:
        """Return a whole number."""
        return cast("int", self._field(name, int, "whole number"))

    def flag(self, name: str) -> bool:
        """Return true or false."""
        return bool(self._field(name, bool, "truth value"))

    def fields(self, name: str) -> "Fields":
        """Return an object."""
        return Fields(self._field(name, dict, "object"))

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._value.get(name) is not None

    def objects(self, name: str) -> tuple["Fields", ...]:
        """Return a list of objects."""
        return tuple(map(Fields, cast("list[object]", self._field(name, list, "list"))))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        values = cast("list[object]", self._field(name, list, "list"))
        if not all(isinstance(value, str) for value in values):
            raise BadFieldError(f"its `{name}` is no list of texts")
        return tuple(map(str, values))

    def rows(self, name: str, width: int) -> tuple[tuple[str, ...], ...]:
        """Return a list of lists of that many texts."""
        values = cast("list[object]", self._field(name, list, "list"))
        for value in values:
            if (
                not isinstance(value, list)
                or len(value) != width
                or not all(isinstance(each, str) for each in value)
            ):
                raise BadFieldError(f"its `{name}` is no list of {width} texts each")
        return tuple(tuple(row) for row in cast("list[list[str]]", values))

    def mapping(self) -> Mapping[str, JsonValue]:
        """Return the object as it is."""
        return self._value


def read_fields(file: Path) -> Fields:
    """Read a file of ours; raises `BadFieldError` for whatever it is instead, and OSError."""
    try:
        return Fields(json.loads(file.read_bytes()))
    except (ValueError, RecursionError) as error:
        if isinstance(error, BadFieldError):
            raise
        raise BadFieldError("it is no JSON") from error
