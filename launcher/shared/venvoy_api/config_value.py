"""What validation found: each key's value, proposals and faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from venvoy_api.config_type import ConfigType, value_to_text
from venvoy_api.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from venvoy_api.config_def import ConfigDef
    from venvoy_api.config_key import ConfigKey

__all__ = ["Config", "ConfigValue"]


class ConfigValue:
    """One key's value after validation; `error_messages` is empty when it is good.

    `value` is parsed (None when it could not be), `recommended_values` are proposals, `visible`
    tells whether the key matters with the other values.
    """

    __slots__ = ("error_messages", "name", "recommended_values", "value", "visible")

    def __init__(
        self,
        name: str,
        value: object = None,
        recommended_values: Iterable[object] = (),
        error_messages: Iterable[str] = (),
        *,
        visible: bool = True,
    ) -> None:
        self.name = name
        self.value = value
        self.recommended_values = list(recommended_values)
        self.error_messages = list(error_messages)
        self.visible = visible

    def add_error_message(self, message: str) -> None:
        """Add a fault: one sentence that names the value."""
        self.error_messages.append(message)

    def to_json(self, key: ConfigKey | None = None) -> dict[str, Any]:
        """Return Kafka's ConfigValueInfo as its REST API shows it; values are text there.

        `key` is the key's definition, so that passwords are hidden.
        """
        kind = None if key is None else key.type
        item = ConfigType.STRING if kind is ConfigType.LIST else kind
        return {
            "name": self.name,
            "value": value_to_text(self.value, kind),
            "recommended_values": [value_to_text(each, item) for each in self.recommended_values],
            "errors": list(self.error_messages),
            "visible": self.visible,
        }

    def __repr__(self) -> str:
        """Show everything."""
        return (
            f"ConfigValue({self.name!r}, {self.value!r}, {self.recommended_values!r}, "
            f"{self.error_messages!r}, visible={self.visible})"
        )


class Config:
    """The values of a whole configuration, in the order of their definition."""

    __slots__ = ("config_values",)

    def __init__(self, config_values: Iterable[ConfigValue]) -> None:
        self.config_values = list(config_values)

    def value(self, name: str) -> ConfigValue:
        """Return the value of that key; raises NotFoundError."""
        for value in self.config_values:
            if value.name == name:
                return value
        raise NotFoundError(f"no configuration {name}")

    @property
    def error_count(self) -> int:
        """The number of faults in all values."""
        return sum(len(value.error_messages) for value in self.config_values)

    def to_json(self, definition: ConfigDef) -> list[dict[str, Any]]:
        """Return Kafka's ConfigInfos: each value with its definition (None for unknown keys)."""
        keys = definition.config_keys
        infos: list[dict[str, Any]] = []
        for value in self.config_values:
            key = keys.get(value.name)
            infos.append(
                {
                    "definition": None if key is None else key.to_json(),
                    "value": value.to_json(key),
                }
            )
        return infos
