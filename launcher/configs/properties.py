"""Reads configuration files as Kafka users have them: Java `.properties`, or JSON."""

import json
from collections.abc import Mapping
from pathlib import Path

import javaproperties

from manager.errors import VenvoyError

__all__ = ["UnreadableConfigError", "read_mapping"]


class UnreadableConfigError(VenvoyError):
    """A configuration file cannot be read as what its name says it is."""

    code = "unreadable-config"

    def __init__(self, *, file: Path, reason: str, remedy: str) -> None:
        super().__init__(str(file), reason)
        self.file = file
        self.reason = reason
        self.remedy = remedy

    @property
    def message(self) -> str:
        """The file and why it cannot be read."""
        return f"the configuration file `{self.file}` cannot be read: {self.reason}"

    @property
    def hint(self) -> str:
        """What the file should be."""
        return self.remedy


def read_mapping(file: Path) -> Mapping[str, str]:
    """Return the keys and values of a `.properties` or `.json` file, in file order.

    JSON is known by its name or by its first brace, as in Kafka Connect. It is one flat object, or
    `{"name": …, "config": {…}}`; numbers and booleans become the strings that Kafka Connect makes
    of them. Values are stripped at the end, where properties files hide blanks.

    Raises:
        UnreadableConfigError: the file is missing, not UTF-8, or not of its format.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else None
        reason = said.lower() if said else "it is not UTF-8"
        raise UnreadableConfigError(
            file=file,
            reason=reason,
            remedy="check the path; a configuration is a UTF-8 `.properties` or `.json` file",
        ) from error
    if file.suffix == ".json" or text.lstrip().startswith("{"):
        return _read_json(file, text)
    try:
        pairs: dict[str, str] = javaproperties.loads(text)
    except (ValueError, javaproperties.InvalidUEscapeError) as error:
        raise UnreadableConfigError(
            file=file,
            reason=str(error),
            remedy="write one `key=value` a line; a backslash starts an escape, so double it",
        ) from error
    return {key: value.rstrip() for key, value in pairs.items()}


def _read_json(file: Path, text: str) -> Mapping[str, str]:
    remedy = 'write one object of strings, or {"name": "…", "config": {…}}'
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UnreadableConfigError(file=file, reason=f"{error}", remedy=remedy) from error
    if not isinstance(value, dict):
        raise UnreadableConfigError(file=file, reason="it holds no JSON object", remedy=remedy)
    config = value.get("config")
    pairs = value
    if isinstance(config, dict):
        pairs = {**({"name": value["name"]} if "name" in value else {}), **config}
    return {key: _as_text(file, key, item, remedy) for key, item in pairs.items()}


def _as_text(file: Path, key: str, value: object, remedy: str) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return json.dumps(value)
        case None:
            reason = f"`{key}` is null; a null value can not be supplied as a configuration value"
        case _:
            reason = f"`{key}` is {type(value).__name__}, not a string"
    raise UnreadableConfigError(file=file, reason=reason, remedy=remedy)
