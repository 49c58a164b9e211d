r"""Regular expressions as Java writes them, for configurations that come from Kafka Connect.

Two things differ from Python's: named groups are `(?<name>...)`, and replacements name groups as
`$1` and `${name}`, with `\$` for a dollar sign.
"""

from __future__ import annotations

import re

from venvoy_api.errors import ConfigError
from venvoy_api.validators import Validator

__all__ = ["RegexValidator", "compile_regex", "template_of"]

_NAMED_GROUP = re.compile(r"(\\.)|\(\?<(?![=!])")
_NAMED_REFERENCE = re.compile(r"\\k<(\w+)>")
_IN_REPLACEMENT = re.compile(r"\\(.)|\$\{(\w+)\}|\$([0-9]+)|\$", re.DOTALL)


def compile_regex(name: str, pattern: object) -> re.Pattern[str]:
    """Return the compiled pattern of the key `name`; raises ConfigError."""
    translated = _NAMED_GROUP.sub(lambda match: match.group(1) or "(?P<", str(pattern))
    try:
        return re.compile(_NAMED_REFERENCE.sub(r"(?P=\1)", translated))
    except re.error as error:
        raise ConfigError(name, pattern, f"Invalid regex: {error}") from error


def template_of(name: str, pattern: re.Pattern[str], replacement: str) -> str:
    """Return the replacement for `Match.expand`; raises ConfigError for unknown groups."""

    def translate(match: re.Match[str]) -> str:
        escaped, named, numbered = match.groups()
        if escaped is not None:
            return "\\\\" if escaped == "\\" else str(escaped)
        if named is not None:
            if named not in pattern.groupindex:
                raise ConfigError(name, replacement, f"No group with name {{{named}}}")
            return f"\\g<{named}>"
        if numbered is None:
            raise ConfigError(name, replacement, "Illegal group reference")
        digits = len(numbered)
        while digits > 1 and int(numbered[:digits]) > pattern.groups:
            digits -= 1
        if int(numbered[:digits]) > pattern.groups:
            raise ConfigError(name, replacement, f"No group {numbered[:digits]}")
        return f"\\g<{numbered[:digits]}>{numbered[digits:]}"

    return _IN_REPLACEMENT.sub(translate, replacement)


class RegexValidator(Validator):
    """A regular expression."""

    def ensure_valid(self, name: str, value: object) -> None:
        """Refuse what does not compile."""
        compile_regex(name, value)

    def __str__(self) -> str:
        """Return `valid regex`."""
        return "valid regex"
