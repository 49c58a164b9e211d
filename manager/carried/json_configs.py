"""JSON whose numbers keep their text, and the configs in it: `1.10` is no other version than 1.10.

So Kafka Connect has it: a number or a boolean in a config is the text that stands there.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["NumberText", "parse_json", "read_config_json", "scalar_text"]

_NAMES = {dict: "an object", list: "an array", bool: "a boolean", type(None): "null"}


class NumberText(str):
    """A JSON number as it was written."""

    __slots__ = ()


def parse_json(text: str) -> object:
    """Return the value of a JSON document; its numbers are NumberTexts.

    Raises ValueError when it is no JSON, nested too deep, or has a text that is not Unicode.
    """
    try:
        value: object = json.loads(
            text, parse_int=NumberText, parse_float=NumberText, parse_constant=_no_constant
        )
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except UnicodeEncodeError:
        raise ValueError("it has half of a surrogate pair, which is no character") from None
    return value


def scalar_text(value: object) -> str | None:
    """Return what a string, a number or a boolean is in a config; None for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str.__str__(value) if isinstance(value, str) else None


def read_config_json(text: str) -> tuple[dict[str, str], dict[str, object] | None]:
    """Return a config that is one flat object or Kafka Connect's `{"name": …, "config": {…}}`.

    Behind it, the request in the second form, else None. Raises ValueError with a clause that
    says what is wrong.
    """
    value = parse_json(text)
    if not isinstance(value, dict):
        raise ValueError("it holds no JSON object")  # noqa: TRY004  # a fault of the text
    config, request = value.get("config"), None
    pairs = value
    if isinstance(config, dict):
        request = value
        pairs = {**({"name": value["name"]} if "name" in value else {}), **config}
    return {key: _text(key, item) for key, item in pairs.items()}, request


def _text(key: str, value: object) -> str:
    text = scalar_text(value)
    if text is not None:
        return text
    if value is None:
        raise ValueError(
            f"`{key}` is null; a null value can not be supplied as a configuration value"
        )
    raise ValueError(f"`{key}` is {_NAMES[type(value)]}, not a string")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
