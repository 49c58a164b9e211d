"""Values of the framework's own keys: read, checked and shown as Kafka's ConfigDef does.

Hosts do the same for the keys of plugins, with `venvoy_api.ConfigDef`; the worker never imports
that.
"""

import re
from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from manager.plugins.versions import InvalidVersionSpecError, VersionSpec

__all__ = [
    "Check",
    "ValueFaultError",
    "at_least",
    "is_group_factor",
    "is_list_of_regexes",
    "is_not_empty",
    "is_plain_name",
    "is_regex",
    "is_unique",
    "is_version",
    "one_of",
    "read_value",
    "shown",
]

Value: TypeAlias = str | int | bool | tuple[str, ...] | None
Check: TypeAlias = Callable[[str, Value], None]
"""Checks the value of a key (its name comes first); raises ValueFaultError."""

_BITS = {"SHORT": 16, "INT": 32, "LONG": 64}
_COMMA = re.compile(r"\s*,\s*")


class ValueFaultError(Exception):
    """A value is not acceptable; the text is Kafka's ConfigException's."""

    def __init__(self, name: str, value: Value, reason: str) -> None:
        super().__init__(f"Invalid value {_java(value)} for configuration {name}: {reason}")


def read_value(name: str, text: str, kind: str) -> Value:
    """Return what the text of a key stands for; raises ValueFaultError."""
    plain = text.strip()
    match kind:
        case "BOOLEAN":
            if plain.lower() in ("true", "false"):
                return plain.lower() == "true"
            raise ValueFaultError(name, plain, "Expected value to be either true or false")
        case "INT" | "SHORT" | "LONG":
            return _whole_number(name, plain, kind)
        case "LIST":
            return tuple(_COMMA.split(plain)) if plain else ()
        case _:
            return plain


def shown(value: Value) -> str | None:
    """Return the text of a value as REST shows it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)


def at_least(minimum: int) -> Check:
    """Return a check for a number that is `minimum` or more; None passes."""

    def check(name: str, value: Value) -> None:
        if isinstance(value, int) and value < minimum:
            raise ValueFaultError(name, value, f"Value must be at least {minimum}")

    return check


def one_of(valid: Sequence[str], *, any_case: bool = False) -> Check:
    """Return a check for one of some words."""
    known: Collection[str] = [word.upper() for word in valid] if any_case else valid
    case = " (case insensitive)" if any_case else ""

    def check(name: str, value: Value) -> None:
        text = str(value).upper() if any_case else value
        if text not in known:
            raise ValueFaultError(name, value, f"String must be one of{case}: {', '.join(valid)}")

    return check


def is_plain_name(name: str, value: Value) -> None:
    """Refuse the empty name, and one with control characters."""
    is_not_empty(name, value)
    found = [ord(char) for char in str(value) if ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0]  # noqa: PLR2004  # the C0 and C1 ranges
    if found:
        raise ValueFaultError(
            name,
            value,
            "String may not contain control sequences but had the following ASCII chars: "
            + ", ".join(map(str, found)),
        )


def is_not_empty(name: str, value: Value) -> None:
    """Refuse the empty text; None passes."""
    if value == "":
        raise ValueFaultError(name, value, "String must be non-empty")


def is_unique(name: str, value: Value) -> None:
    """Refuse a list that has an item twice."""
    if isinstance(value, tuple) and len(set(value)) < len(value):
        raise ValueFaultError(name, value, "Duplicate alias provided.")


def is_version(name: str, value: Value) -> None:
    """Refuse a version that cannot be read; whether it is installed is another question."""
    try:
        VersionSpec.parse(str(value))
    except InvalidVersionSpecError as error:
        raise ValueFaultError(name, value, f"{error.reason}; {error.hint}") from error


def is_regex(name: str, value: Value) -> None:
    """Refuse what is no regular expression."""
    try:
        re.compile(str(value))
    except re.error as error:
        raise ValueFaultError(name, value, f"Invalid regex: {error}") from error


def is_list_of_regexes(name: str, value: Value) -> None:
    """Refuse a list with an item that is no regular expression."""
    for item in value if isinstance(value, tuple) else ():
        is_regex(name, item)


def is_group_factor(name: str, value: Value) -> None:
    """Refuse counts of a topic creation group that are neither -1 (the broker's) nor positive."""
    if isinstance(value, int) and value < 1 and value != -1:
        raise ValueFaultError(name, value, "Value must be -1 or, if larger, at least 1")


def _whole_number(name: str, text: str, kind: str) -> int:
    limit = 1 << (_BITS[kind] - 1)
    if re.fullmatch(r"[+-]?[0-9]{1,20}", text) and -limit <= int(text) < limit:
        return int(text)
    raise ValueFaultError(name, text, f"Not a number of type {kind}")


def _java(value: Value) -> str:
    """Return a value as Java's string conversion writes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return str(shown(value))
