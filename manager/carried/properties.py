"""Configuration files as Kafka users have them: Java's `.properties`, or JSON.

Properties are read as `java.util.Properties.load` reads them, but in UTF-8, without halves of
characters, and a lone backslash in the last line is nothing (to Java it is a key without a name).
"""

from __future__ import annotations

import re

from .json_configs import read_config_json

__all__ = ["BadConfigFileError", "read_config_text", "read_properties"]

_BLANKS = " \t\f"
_ENDS = re.compile(r"\r\n|\r|\n")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_KEY = re.compile(r"((?:\\.|[^\\ \t\f=:])*)[ \t\f]*[=:]?[ \t\f]*(.*)", re.DOTALL)
_JSON = 'write one object of strings, or {"name": "…", "config": {…}}'
_PROPERTIES = "write one `key=value` a line; a backslash starts an escape, so double it"
_FILE = "check the path; a configuration is a UTF-8 `.properties` or `.json` file"


class BadConfigFileError(ValueError):
    """Why a configuration cannot be read, as a clause, and what it should be."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


def read_config_text(data: bytes, name: str) -> tuple[dict[str, str], dict[str, object] | None]:
    """Return the keys and values of a configuration file, in its order.

    JSON is known by the file's name or by its first brace, as in Kafka Connect; a create request
    in it comes behind, else None. Values are stripped at the end, where properties hide blanks.
    Raises BadConfigFileError.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadConfigFileError("it is not UTF-8", _FILE) from error
    is_json = name.endswith(".json") or text.lstrip().startswith("{")
    try:
        if is_json:
            return read_config_json(text)
        return {key: value.rstrip() for key, value in read_properties(text).items()}, None
    except ValueError as error:
        raise BadConfigFileError(str(error), _JSON if is_json else _PROPERTIES) from error


def read_properties(text: str) -> dict[str, str]:
    """Return the keys and values of Java properties; of a key that comes twice, the last value.

    Raises ValueError.
    """
    found: dict[str, str] = {}
    for line in _logical_lines(text):
        match = _KEY.fullmatch(line)
        if match is not None:  # the pattern takes anything that ends in no lone backslash
            found[_unescaped(match[1])] = _unescaped(match[2])
    return found


def _logical_lines(text: str) -> list[str]:
    """Return the lines without comments and blank ones, continued ones joined."""
    found: list[str] = []
    pending, is_continued = "", False
    for natural in _ENDS.split(text):
        line = natural.lstrip(_BLANKS)
        if not pending and (not line or line[0] in "#!"):  # also behind a lone backslash, as Java
            continue
        pending += line
        is_continued = (len(line) - len(line.rstrip("\\"))) % 2 == 1
        if is_continued:
            pending = pending[:-1]
        elif pending:
            found.append(pending)
            pending = ""
    return [*found, pending] if pending else found


def _unescaped(text: str) -> str:
    found = _ESCAPE.sub(_escape, text)
    try:  # halves of one character, each escaped, are that character
        return found.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise ValueError(f"`{text}` has half of a surrogate pair, which is no character") from None


def _escape(match: re.Match[str]) -> str:
    escape = match[1]
    if escape[0] != "u":
        return _ESCAPES.get(escape, escape)
    if len(escape) == 1:
        raise ValueError("`\\u` stands before something other than four hexadecimal digits")
    return chr(int(escape[1:], 16))
