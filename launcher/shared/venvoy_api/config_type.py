"""The types of configuration values: how text becomes a value, and a value text again."""

from __future__ import annotations

import re
from enum import Enum
from importlib import import_module
from typing import Callable

from venvoy_api.errors import ConfigError

__all__ = ["ConfigType", "Importance", "Password", "Width", "parse_value", "value_to_text"]

_COMMA = re.compile(r"\s*,\s*")
_BITS = {"SHORT": 16, "INT": 32, "LONG": 64}


class ConfigType(Enum):
    """The type of a configuration value; in brackets what Python code gets.

    BOOLEAN (bool), STRING (str), INT, SHORT, LONG (int of 32, 16, 64 bits), DOUBLE (float),
    LIST (list of str, split at commas), CLASS (the class, imported), PASSWORD (Password).
    """

    BOOLEAN = "BOOLEAN"
    STRING = "STRING"
    INT = "INT"
    SHORT = "SHORT"
    LONG = "LONG"
    DOUBLE = "DOUBLE"
    LIST = "LIST"
    CLASS = "CLASS"
    PASSWORD = "PASSWORD"  # noqa: S105  # a type, not a secret


class Importance(Enum):
    """How much a user must think about a key."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class Width(Enum):
    """How wide an input field for the value should be."""

    NONE = "NONE"
    SHORT = "SHORT"
    MEDIUM = "MEDIUM"
    LONG = "LONG"


class Password:
    """A value that is never shown: `str` and `repr` hide it, `value` tells it."""

    HIDDEN = "[hidden]"
    __slots__ = ("value",)

    value: str

    def __init__(self, value: str) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        """Equal secret."""
        return isinstance(other, Password) and self.value == other.value

    def __hash__(self) -> int:
        """Hash of the secret."""
        return hash(self.value)

    def __str__(self) -> str:
        """Return `[hidden]`."""
        return self.HIDDEN

    def __repr__(self) -> str:
        """Return `[hidden]`."""
        return self.HIDDEN


def parse_value(name: str, value: object, kind: ConfigType) -> object:
    """Return the value that text (or a value of the type already) stands for; None stays None.

    Text is stripped first, as in Kafka. Raises ConfigError.
    """
    if value is None:
        return None
    if isinstance(value, str) and kind is not ConfigType.PASSWORD:
        value = value.strip()
    return _PARSERS[kind](name, value, kind)


def value_to_text(value: object, kind: ConfigType | None = None) -> str | None:
    """Return the text that `parse_value` would take back; passwords are hidden, None stays None."""
    if value is None:
        return None
    if kind is ConfigType.PASSWORD:
        return Password.HIDDEN
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(str(value_to_text(item)) for item in value)
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    return str(value)


def _wrong(name: str, value: object, expected: str) -> ConfigError:
    return ConfigError(name, value, expected)


def _parse_boolean(name: str, value: object, _kind: ConfigType) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _wrong(name, value, "Expected value to be either true or false")


def _parse_password(name: str, value: object, _kind: ConfigType) -> Password:
    if isinstance(value, Password):
        return value
    if isinstance(value, str):
        return Password(value.strip())
    raise ConfigError(name, None, f"{name}: expected value to be a string")


def _parse_string(name: str, value: object, _kind: ConfigType) -> str:
    if isinstance(value, str):
        return value
    raise _wrong(name, value, f"Expected value to be a string, but it was {type(value).__name__}")


def _parse_integer(name: str, value: object, kind: ConfigType) -> int:
    number: object = value
    if isinstance(value, str):
        try:
            number = int(value) if value.isascii() and "_" not in value else None
        except ValueError:
            number = None
    if isinstance(number, bool) or not isinstance(number, int):
        raise _wrong(name, value, f"Not a number of type {kind.name}")
    limit = 1 << (_BITS[kind.name] - 1)
    if not -limit <= number < limit:
        raise _wrong(name, value, f"Not a number of type {kind.name}")
    return number


def _parse_double(name: str, value: object, kind: ConfigType) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and "_" not in value:
        try:
            return float(value)
        except ValueError:
            pass
    raise _wrong(name, value, f"Not a number of type {kind.name}")


def _parse_list(name: str, value: object, _kind: ConfigType) -> list[str]:
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, str):
        return _COMMA.split(value) if value else []
    raise _wrong(name, value, "Expected a comma separated list.")


def _parse_class(name: str, value: object, _kind: ConfigType) -> type:
    """Import `package.module.Class` or `package.module:Outer.Inner`."""
    if isinstance(value, type):
        return value
    if not isinstance(value, str):
        raise _wrong(name, value, "Expected a Class instance or class name.")
    module, _, qualname = value.partition(":")
    if not qualname:
        module, _, qualname = value.rpartition(".")
    try:
        found: object = import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise _wrong(name, value, f"Class {value} could not be found.") from error
    if not isinstance(found, type):
        raise _wrong(name, value, f"{value} is not a class.")
    return found


_PARSERS: dict[ConfigType, Callable[[str, object, ConfigType], object]] = {
    ConfigType.BOOLEAN: _parse_boolean,
    ConfigType.STRING: _parse_string,
    ConfigType.INT: _parse_integer,
    ConfigType.SHORT: _parse_integer,
    ConfigType.LONG: _parse_integer,
    ConfigType.DOUBLE: _parse_double,
    ConfigType.LIST: _parse_list,
    ConfigType.CLASS: _parse_class,
    ConfigType.PASSWORD: _parse_password,
}
