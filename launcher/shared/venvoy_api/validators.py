"""Checks of single configuration values, handed to `ConfigDef.define` as `validator`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from venvoy_api.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "CaseInsensitiveValidString",
    "CompositeValidator",
    "LambdaValidator",
    "ListSize",
    "NonEmptyString",
    "NonEmptyStringWithoutControlChars",
    "NonNullValidator",
    "Range",
    "ValidList",
    "ValidString",
    "Validator",
]


class Validator(ABC):
    """Checks one parsed value; `str` of it is shown in documentation."""

    @abstractmethod
    def ensure_valid(self, name: str, value: object) -> None:
        """Raise ConfigError unless `value` is good for the key `name`; None is "not given"."""


class Range(Validator):
    """A number within bounds, both included; None for no bound. None is refused."""

    def __init__(self, minimum: float | None = None, maximum: float | None = None) -> None:
        self.minimum = minimum
        self.maximum = maximum

    @classmethod
    def between(cls, minimum: float, maximum: float) -> Range:
        """Return a check for a number from `minimum` to `maximum`."""
        return cls(minimum, maximum)

    @classmethod
    def at_least(cls, minimum: float) -> Range:
        """Return a check for a number that is `minimum` or more."""
        return cls(minimum)

    def ensure_valid(self, name: str, value: object) -> None:
        """Refuse what is no number or out of bounds."""
        if not isinstance(value, (int, float)):
            raise ConfigError(name, value, "Value must be non-null")
        if self.minimum is not None and value < self.minimum:
            raise ConfigError(name, value, f"Value must be at least {self.minimum}")
        if self.maximum is not None and value > self.maximum:
            raise ConfigError(name, value, f"Value must be no more than {self.maximum}")

    def __str__(self) -> str:
        """Return `[min,...,max]`."""
        shown = [str(bound) for bound in (self.minimum, self.maximum) if bound is not None]
        if self.maximum is None:
            shown.append("...")
        elif self.minimum is None:
            shown.insert(0, "...")
        else:
            shown.insert(1, "...")
        return f"[{','.join(shown)}]"


class ValidString(Validator):
    """One of some strings."""

    def __init__(self, *valid: str) -> None:
        self.valid = valid

    def ensure_valid(self, name: str, value: object) -> None:
        """Refuse every other string."""
        if value not in self.valid:
            raise ConfigError(name, value, f"String must be one of: {', '.join(self.valid)}")

    def __str__(self) -> str:
        """Return the strings, as a list."""
        return f"[{', '.join(self.valid)}]"


class CaseInsensitiveValidString(ValidString):
    """One of some strings, in upper or lower case."""

    def ensure_valid(self, name: str, value: object) -> None:
        """Refuse every other string."""
        if not isinstance(value, str) or value.upper() not in {item.upper() for item in self.valid}:
            raise ConfigError(
                name, value, f"String must be one of (case insensitive): {', '.join(self.valid)}"
            )

    def __str__(self) -> str:
        """Return the strings, and that case does not count."""
        return f"(case insensitive) {super().__str__()}"


class ValidList(Validator):
    """A list of which every item is one of some strings."""

    def __init__(self, *valid: str) -> None:
        self.valid = valid

    def ensure_valid(self, name: str, value: object) -> None:
        """Refuse a list that holds another string."""
        for item in value if isinstance(value, (list, tuple)) else ():
            ValidString(*self.valid).ensure_valid(name, item)

    def __str__(self) -> str:
        """Return the strings, as a list."""
        return f"[{', '.join(self.valid)}]"


class NonNullValidator(Validator):
    """Any value but None."""

    def ensure_valid(self, name: str, value: object) -> None:
        """Refuse None."""
        if value is None:
            raise ConfigError(name, value, f"{name}: entry must be non null")

    def __str__(self) -> str:
        """Return `non-null string`."""
        return "non-null string"


class NonEmptyString(Validator):
    """Any string but the empty one; None is accepted."""

    def ensure_valid(self, name: str, value: object) -> None:
        """Refuse the empty string."""
        if value == "":
            raise ConfigError(name, value, "String must be non-empty")

    def __str__(self) -> str:
        """Return `non-empty string`."""
        return "non-empty string"


class NonEmptyStringWithoutControlChars(NonEmptyString):
    """Any string but the empty one and those with control characters; None is accepted."""

    def ensure_valid(self, name: str, value: object) -> None:
        """Refuse the empty string and control characters, naming those found."""
        super().ensure_valid(name, value)
        if not isinstance(value, str):
            return
        found = [ord(char) for char in value if ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0]  # noqa: PLR2004  # the C0 and C1 ranges
        if found:
            shown = ", ".join(str(code) for code in found)
            raise ConfigError(
                name,
                value,
                "String may not contain control sequences but had the following ASCII chars: "
                + shown,
            )

    def __str__(self) -> str:
        """Return `non-empty string without ISO control characters`."""
        return "non-empty string without ISO control characters"


class ListSize(Validator):
    """A list of at most so many items."""

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum

    def ensure_valid(self, name: str, value: object) -> None:
        """Refuse a longer list."""
        if isinstance(value, (list, tuple)) and len(value) > self.maximum:
            raise ConfigError(name, value, f"exceeds maximum list size of [{self.maximum}].")

    def __str__(self) -> str:
        """Return the most items."""
        return f"List containing maximum of {self.maximum} elements"


class LambdaValidator(Validator):
    """A check given as a function that raises ConfigError, and a description."""

    def __init__(self, check: Callable[[str, object], None], description: str = "") -> None:
        self.check = check
        self.description = description

    def ensure_valid(self, name: str, value: object) -> None:
        """Call the function."""
        self.check(name, value)

    def __str__(self) -> str:
        """Return the description."""
        return self.description or "lambda"


class CompositeValidator(Validator):
    """Several checks, all of which must pass."""

    def __init__(self, *validators: Validator) -> None:
        self.validators: Sequence[Validator] = validators

    def ensure_valid(self, name: str, value: object) -> None:
        """Call each in order."""
        for validator in self.validators:
            validator.ensure_valid(name, value)

    def __str__(self) -> str:
        """Return the descriptions, joined."""
        return ",".join(str(validator) for validator in self.validators)
