"""One key of a configuration: everything that is known about it before a value is given."""

# the order of arguments is Kafka's

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final

from venvoy_api.config_type import ConfigType, Importance, Width, parse_value, value_to_text
from venvoy_api.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from venvoy_api.validators import Validator

__all__ = ["NO_DEFAULT", "ConfigKey", "Recommender"]


class _NoDefault:
    """The class of NO_DEFAULT."""

    def __repr__(self) -> str:
        """Return its name."""
        return "NO_DEFAULT"


NO_DEFAULT: Final = _NoDefault()
"""As default: the key must be given."""


class Recommender(ABC):
    """Says which values of a key make sense, given the other values."""

    @abstractmethod
    def valid_values(self, name: str, parsed_config: Mapping[str, object]) -> Sequence[object]:
        """Return values to propose for the key; others are not refused."""

    def visible(self, name: str, parsed_config: Mapping[str, object]) -> bool:  # noqa: ARG002  # for overriding
        """Whether the key matters at all with these other values."""
        return True


class ConfigKey:
    """One key: see `ConfigDef.define` for what the attributes mean."""

    __slots__ = (
        "default",
        "dependents",
        "display_name",
        "documentation",
        "group",
        "importance",
        "internal",
        "name",
        "order_in_group",
        "recommender",
        "type",
        "validator",
        "width",
    )

    def __init__(
        self,
        name: str,
        type: ConfigType,  # noqa: A002  # Kafka's name
        default: object = NO_DEFAULT,
        validator: Validator | None = None,
        importance: Importance = Importance.MEDIUM,
        documentation: str = "",
        group: str | None = None,
        order_in_group: int = -1,
        width: Width = Width.NONE,
        display_name: str | None = None,
        dependents: Sequence[str] = (),
        recommender: Recommender | None = None,
        *,
        internal: bool = False,
    ) -> None:
        self.name = name
        self.type = type
        self.default = default if default is NO_DEFAULT else parse_value(name, default, type)
        self.validator = validator
        self.importance = importance
        self.documentation = documentation
        self.group = group
        self.order_in_group = order_in_group
        self.width = width
        self.display_name = name if display_name is None else display_name
        self.dependents = tuple(dependents)
        self.recommender = recommender
        self.internal = internal
        if self.has_default and self.default is not None and validator is not None:
            validator.ensure_valid(name, self.default)

    @property
    def has_default(self) -> bool:
        """Whether the key may be left out."""
        return self.default is not NO_DEFAULT

    def value_in(self, props: Mapping[str, str | None]) -> object:
        """Return the key's value in `props`, or its default, checked; raises ConfigError."""
        if self.name in props:
            value = parse_value(self.name, props[self.name], self.type)
        elif self.has_default:
            value = list(self.default) if isinstance(self.default, list) else self.default
            if value is None:
                return None
        else:
            raise ConfigError(
                self.name,
                None,
                f'Missing required configuration "{self.name}" which has no default value.',
            )
        if self.validator is not None:
            self.validator.ensure_valid(self.name, value)
        return value

    def to_json(self) -> dict[str, Any]:
        """Return Kafka's ConfigKeyInfo as its REST API shows it: note `order`."""
        return {
            "name": self.name,
            "type": self.type.name,
            "required": not self.has_default,
            "default_value": value_to_text(self.default, self.type) if self.has_default else None,
            "importance": self.importance.name,
            "documentation": self.documentation,
            "group": self.group,
            "width": self.width.name,
            "display_name": self.display_name,
            "dependents": list(self.dependents),
            "order": self.order_in_group,
        }
