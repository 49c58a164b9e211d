"""Names a field, also one inside of others: `field.syntax.version` (KIP-821)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from venvoy_api.config_type import ConfigType, Importance
from venvoy_api.errors import ConfigError
from venvoy_api.transforms.operand import require_map, require_struct
from venvoy_api.validators import CaseInsensitiveValidString

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.config_def import ConfigDef
    from venvoy_api.schema import Field, Schema
    from venvoy_api.struct import Struct

__all__ = ["FieldPath", "with_field_syntax"]

_SYNTAX = "field.syntax.version"
_PURPOSE = "nested field access"


def with_field_syntax(definition: ConfigDef) -> ConfigDef:
    """Add the key `field.syntax.version` and return the definition."""
    return definition.define(
        _SYNTAX,
        ConfigType.STRING,
        "V1",
        CaseInsensitiveValidString("V1", "V2"),
        Importance.HIGH,
        "Defines the version of the syntax to access fields. With V1 a field is one of the root "
        "level of the struct or map. With V2 dots lead to nested fields; a name that has dots "
        "itself stands between backticks: `foo.bar`.baz.",
    )


class FieldPath:
    """The way to one field: the names to go through, the last of them the field's own."""

    def __init__(self, steps: tuple[str, ...]) -> None:
        self.steps = steps
        self._way = steps[:-1]
        self._last = steps[-1]

    @classmethod
    def from_settings(cls, name: str, settings: Mapping[str, Any]) -> FieldPath:
        """Read the value of the key `name` in its syntax; raises ConfigError."""
        path: str = settings[name]
        if settings[_SYNTAX].upper() == "V1":
            return cls((path,))
        return cls(_split(name, path))

    def field(self, schema: Schema) -> Field | None:
        """Return the field of a struct schema, or None; raises DataError where there are none."""
        for step in self._way:
            field = schema.field(step)
            if field is None:
                return None
            schema = field.schema
        return schema.field(self._last)

    def of_struct(self, struct: Struct, *, replace_null: bool) -> Any:
        """Return the value in a struct whose schema has the field, None where one on the way is.

        With `replace_null` defaults stand in for None.
        """
        for step in self._way:
            inner = struct.get(step) if replace_null else struct.get_without_default(step)
            if inner is None:
                return None
            struct = require_struct(inner, _PURPOSE)
        return struct.get(self._last) if replace_null else struct.get_without_default(self._last)

    def of_map(self, value: Mapping[str, Any]) -> Any:
        """Return the value in a map, None where it is missing.

        Raises DataError where a field on the way is no map.
        """
        for step in self._way:
            inner = value.get(step)
            if inner is None:
                return None
            value = require_map(inner, _PURPOSE)
        return value.get(self._last)


def _split(name: str, path: str) -> tuple[str, ...]:
    """Return the steps of a path in syntax V2."""
    if not path:
        raise ConfigError(name, path, "String must be non-empty")
    steps: list[str] = []
    at = 0
    while at < len(path):
        if path[at] == "`":
            step, at = _quoted(name, path, at)
        else:
            step = path[at:].partition(".")[0]
            at += len(step) + 1
        steps.append(step)
    if path.endswith("."):
        steps.append("")
    return tuple(steps)


def _quoted(name: str, path: str, start: int) -> tuple[str, int]:
    r"""Return the step whose backtick is at `start`, and where the next step begins.

    A backtick ends the step only at the end or before a dot; before a dot it may be escaped.
    """
    step = ""
    begun = at = start + 1
    while True:
        at = path.find("`", at)
        escaped = path[at - 1] == "\\"
        if at < 0 or (at == len(path) - 1 and escaped):
            raise ConfigError(
                name,
                None,
                f"Incomplete backtick pair in path: [{path}], consider adding a backslash before "
                f"backtick at position {start} to escape it",
            )
        if at == len(path) - 1 or (path[at + 1] == "." and not escaped):
            return step + path[begun:at], at + 2
        if path[at + 1] == ".":
            step += path[begun : at - 1] + "`"
            begun = at + 1
        at += 1
