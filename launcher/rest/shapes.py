"""Request bodies: JSON read into checked values, or a BodyError that says what was expected.

Kafka Connect answers most of these faults with 500; here they are 400.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from launcher.interface.views import Json, TargetState
from launcher.rest.faults import BodyError
from manager.carried.json_configs import NumberText, scalar_text
from manager.carried.json_configs import parse_json as read_json

__all__ = [
    "CreateRequest",
    "PlanRequest",
    "parse_json",
    "read_config",
    "read_create_request",
    "read_level",
    "read_offsets",
    "read_plan_request",
    "read_rollback",
]

_KINDS = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
_MAX_DEPTH = 64
_INITIAL_STATES = {
    "RUNNING": TargetState.STARTED,
    "PAUSED": TargetState.PAUSED,
    "STOPPED": TargetState.STOPPED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """Kafka's CreateConnectorRequest; `name` has no blanks around it and may be empty."""

    name: str
    config: Mapping[str, str | None]
    initial_state: TargetState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What a connector might be changed to: a whole config, or versions beside the one it has.

    One of the two is None; None in `versions` takes a key away.
    """

    config: Mapping[str, str] | None
    versions: Mapping[str, str | None] | None


def parse_json(data: bytes) -> object:
    """Return the value of a JSON document; its numbers are NumberTexts.

    Raises:
        BodyError: it is empty, no JSON, nested too deep, or says a text that is not Unicode.
    """
    if not data.strip():
        raise BodyError("The request has no body; expected JSON")
    try:
        return read_json(data.decode(json.detect_encoding(data)))
    except ValueError as error:
        raise BodyError(f"The request body is not JSON: {error}") from None


def read_config(value: object, *, where: str = "the request body") -> dict[str, str | None]:
    """Read a connector's config: strings; a number or a boolean is taken as its text.

    None stays: it takes a key away in a patch, and is a fault of validation elsewhere.
    """
    return {
        key: _scalar_text(item, f"`{key}` in {where}")
        for key, item in _object(value, where).items()
    }


def read_create_request(value: object) -> CreateRequest:
    """Read the body of POST /connectors."""
    body = _object(value, "the request body")
    _only(body, ("name", "config", "initial_state"), "the request body")
    name = body.get("name")
    if name is not None:
        name = _text(name, "`name`")
    if "config" not in body:
        raise BodyError('The request body has no `config`; expected {"name": …, "config": {…}}')
    return CreateRequest(
        name=(name or "").strip(),
        config=read_config(body["config"], where="`config`"),
        initial_state=_initial_state(body.get("initial_state")),
    )


def read_offsets(value: object) -> tuple[Json, ...]:
    """Read the body of PATCH /connectors/{connector}/offsets."""
    body = _object(value, "the request body")
    _only(body, ("offsets",), "the request body")
    entries = body.get("offsets")
    if entries is None or entries == []:
        raise BodyError("Partitions / offsets need to be provided for an alter offsets request")
    if not isinstance(entries, list):
        raise _unexpected("`offsets`", "an array", entries)
    return tuple(_offset_entry(entry, number) for number, entry in enumerate(entries))


def read_level(value: object) -> str:
    """Read the body of PUT /admin/loggers/{logger}."""
    level = _object(value, "the request body").get("level")
    if level is None:
        raise BodyError("Desired 'level' parameter was not specified in request.")
    return _text(level, "`level`")


def read_plan_request(value: object) -> PlanRequest:
    """Read the body of POST /connectors/{connector}/plan."""
    body = _object(value, "the request body")
    versions = body.get("versions")
    if not isinstance(versions, dict):
        return PlanRequest(config=_whole_config(body), versions=None)
    _only(body, ("versions",), "the request body")
    return PlanRequest(config=None, versions=read_config(versions, where="`versions`"))


def read_rollback(value: object) -> int | None:
    """Read the body of POST /connectors/{connector}/rollback: a generation, None: the last good."""
    body = _object(value, "the request body")
    _only(body, ("to",), "the request body")
    number = body.get("to")
    if number is None:
        return None
    if not isinstance(number, NumberText):
        raise _unexpected("`to`", "the number of a generation", number)
    generation = _number(number)
    if generation != int(generation) or generation < 1:
        raise BodyError(f"Expected the number of a generation as `to`, found {number}")
    return int(generation)


def _whole_config(value: Mapping[str, object]) -> dict[str, str]:
    config: dict[str, str] = {}
    for key, item in value.items():
        where = f"`{key}` in the request body"
        text = _scalar_text(item, where)
        if text is None:
            raise _unexpected(where, "a string", None)
        config[key] = text
    return config


def _offset_entry(entry: object, number: int) -> Json:
    where = f"`offsets[{number}]`"
    pair = _object(entry, where)
    _only(pair, ("partition", "offset"), where)
    for key in ("partition", "offset"):
        if key not in pair:
            raise BodyError(f"{where} has no `{key}`")
    partition = _object(pair["partition"], f"`partition` in {where}")
    if pair["offset"] is None:
        return {"partition": _numbers(partition), "offset": None}
    offset = _object(pair["offset"], f"`offset` in {where}")
    return {"partition": _numbers(partition), "offset": _numbers(offset)}


def _initial_state(value: object) -> TargetState | None:
    if value is None:
        return None
    if isinstance(value, str) and value.upper() in _INITIAL_STATES:
        return _INITIAL_STATES[value.upper()]
    found = f"`{value}`" if isinstance(value, str) else _kind(value)
    raise BodyError(f"Expected RUNNING, PAUSED or STOPPED as `initial_state`, found {found}")


def _scalar_text(value: object, where: str) -> str | None:
    text = scalar_text(value)
    if text is None and value is not None:
        raise _unexpected(where, "a string", value)
    return text


def _text(value: object, where: str) -> str:
    if isinstance(value, str) and not isinstance(value, NumberText):
        return value
    raise _unexpected(where, "a string", value)


def _object(value: object, where: str) -> dict[str, object]:
    if isinstance(value, dict):
        return value
    raise _unexpected(where, "an object", value)


def _only(body: Mapping[str, object], known: tuple[str, ...], where: str) -> None:
    for key in body:
        if key not in known:
            raise BodyError(f"Unrecognized field `{key}` in {where}; known: {', '.join(known)}")


def _numbers(value: object, depth: int = 0) -> object:
    """Turn the numbers of an offset into Python's."""
    if depth > _MAX_DEPTH:
        raise BodyError("The request body is nested too deep")
    if isinstance(value, NumberText):
        return _number(value)
    if isinstance(value, dict):
        return {key: _numbers(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item, depth + 1) for item in value]
    return value


def _number(text: NumberText) -> int | float:
    try:
        number = int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        raise BodyError(f"A number in the request body has {len(text)} digits") from None
    if isinstance(number, float) and not math.isfinite(number):
        raise BodyError(f"The number {text} in the request body is too large")
    return number


def _unexpected(where: str, expected: str, found: object) -> BodyError:
    return BodyError(f"Expected {expected} as {where}, found {_kind(found)}")


def _kind(found: object) -> str:
    if found is None:
        return "null"
    return "a number" if isinstance(found, NumberText) else _KINDS[type(found)]
