"""What a validation tells, in exactly the shapes of Kafka Connect's REST API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from launcher.interface.views import Json

__all__ = ["ConfigInfo", "ConfigInfos", "ConfigKeyInfo", "ConfigValueInfo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigKeyInfo:
    """One key's definition; `order` is its place in its group, -1 for none."""

    name: str
    type: str
    required: bool = False
    default_value: str | None = None
    importance: str = "LOW"
    documentation: str = ""
    group: str | None = None
    width: str = "NONE"
    display_name: str
    dependents: tuple[str, ...] = ()
    order: int = -1

    @classmethod
    def from_json(cls, told: Mapping[str, object]) -> "ConfigKeyInfo":
        """Take a definition as a host tells it; an order that is no number is none."""
        dependents, order = told.get("dependents"), told.get("order")
        default, group = told.get("default_value"), told.get("group")
        return cls(
            name=str(told["name"]),
            type=str(told["type"]),
            required=bool(told["required"]),
            default_value=None if default is None else str(default),
            importance=str(told["importance"]),
            documentation=str(told["documentation"] or ""),
            group=None if group is None else str(group),
            width=str(told["width"]),
            display_name=str(told["display_name"]),
            dependents=tuple(map(str, dependents)) if isinstance(dependents, list) else (),
            order=order if isinstance(order, int) else -1,
        )

    def as_json(self) -> Json:
        """Return Kafka's ConfigKeyInfo."""
        return {
            "name": self.name,
            "type": self.type,
            "required": self.required,
            "default_value": self.default_value,
            "importance": self.importance,
            "documentation": self.documentation,
            "group": self.group,
            "width": self.width,
            "display_name": self.display_name,
            "dependents": list(self.dependents),
            "order": self.order,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigValueInfo:
    """One key's value as text, None when there is none or it cannot be read."""

    name: str
    value: str | None
    recommended_values: tuple[str | None, ...] = ()
    errors: tuple[str, ...] = ()
    visible: bool = True

    @classmethod
    def from_json(cls, told: Mapping[str, object]) -> "ConfigValueInfo":
        """Take a value as a host tells it."""
        value = told.get("value")
        recommended = cast("Sequence[object]", told.get("recommended_values") or ())
        errors = cast("Sequence[object]", told.get("errors") or ())
        return cls(
            name=str(told["name"]),
            value=None if value is None else str(value),
            recommended_values=tuple(None if one is None else str(one) for one in recommended),
            errors=tuple(map(str, errors)),
            visible=bool(told.get("visible", True)),
        )

    def as_json(self) -> Json:
        """Return Kafka's ConfigValueInfo."""
        return {
            "name": self.name,
            "value": self.value,
            "recommended_values": list(self.recommended_values),
            "errors": list(self.errors),
            "visible": self.visible,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigInfo:
    """A key's definition and value. Never without the former: some clients need it (kcctl)."""

    definition: ConfigKeyInfo
    value: ConfigValueInfo

    def as_json(self) -> Json:
        """Return Kafka's ConfigInfo."""
        return {
            "definition": self.definition.as_json(),
            "value": self.value.as_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigInfos:
    """Everything that was found about one connector's config.

    `name` is its `connector.class` as written. `warnings` are for the log only: keys that look
    like slips of others, variables of providers that the worker does not have.
    """

    name: str
    groups: tuple[str, ...]
    configs: tuple[ConfigInfo, ...]
    warnings: tuple[str, ...] = field(default=())

    @property
    def error_count(self) -> int:
        """The number of faults of all keys."""
        return len(self.errors())

    @property
    def password_keys(self) -> frozenset[str]:
        """The keys whose values are never to be shown."""
        return frozenset(
            info.definition.name for info in self.configs if info.definition.type == "PASSWORD"
        )

    def errors(self) -> tuple[str, ...]:
        """Return every fault, in the order of the keys."""
        return tuple(error for info in self.configs for error in info.value.errors)

    def as_json(self) -> Json:
        """Return Kafka's ConfigInfos."""
        return {
            "name": self.name,
            "error_count": self.error_count,
            "groups": list(self.groups),
            "configs": [info.as_json() for info in self.configs],
        }
