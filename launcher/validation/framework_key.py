"""One key of the framework: its definition, and the check of its value."""

from dataclasses import dataclass

from launcher.validation.framework_values import Check
from launcher.validation.infos import ConfigKeyInfo

__all__ = ["COMMON", "ERRORS", "FrameworkKey", "optional_key", "required_key"]

COMMON = "Common"
ERRORS = "Error Handling"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkKey:
    """A key of the framework: its definition, and the check of its value."""

    info: ConfigKeyInfo
    check: Check | None = None
    recommended: tuple[str, ...] = ()


def optional_key(
    name: str,
    kind: str,
    default: str | None,
    documentation: str,
    *,
    group: str,
    order: int,
    importance: str = "LOW",
    width: str = "NONE",
    display: str | None = None,
    check: Check | None = None,
    recommended: tuple[str, ...] = (),
    required: bool = False,
) -> FrameworkKey:
    """Return a key of the framework; `required` ones have no default."""
    return FrameworkKey(
        info=ConfigKeyInfo(
            name=name,
            type=kind,
            required=required,
            default_value=default,
            importance=importance,
            documentation=documentation,
            group=group,
            width=width,
            display_name=name if display is None else display,
            order=order,
        ),
        check=check,
        recommended=recommended,
    )


def required_key(
    name: str,
    documentation: str,
    *,
    group: str,
    order: int,
    importance: str,
    width: str,
    display: str,
    kind: str = "STRING",
    check: Check | None = None,
    recommended: tuple[str, ...] = (),
) -> FrameworkKey:
    """Return a key that every config must have."""
    return optional_key(
        name,
        kind,
        None,
        documentation,
        group=group,
        order=order,
        importance=importance,
        width=width,
        display=display,
        check=check,
        recommended=recommended,
        required=True,
    )
