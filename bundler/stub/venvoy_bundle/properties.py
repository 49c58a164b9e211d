"""A connector's file: Java `.properties` or JSON, read with the standard library."""

from __future__ import annotations

import json
import re

__all__ = ["read_mapping"]

_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_PAIR = re.compile(r"((?:\\.|[^\\\s:=])*)\s*[:=]?\s*(.*)", re.DOTALL)


def read_mapping(file: str) -> dict[str, str]:
    """Return the keys and values of a file; raises OSError, also for what cannot be read."""
    try:
        with open(file, encoding="utf-8") as stream:
            text = stream.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OSError(f"`{file}` cannot be read: {reason}") from error
    try:
        if file.endswith(".json"):
            return _from_json(json.loads(text))
        return {key: value.rstrip() for key, value in map(_pair, _lines(text))}
    except (ValueError, TypeError) as error:
        raise OSError(f"`{file}` cannot be read: {error}") from error


def _from_json(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError("it holds no JSON object")
    config = value.get("config")
    name = {"name": value["name"]} if "name" in value else {}
    pairs = {**name, **config} if isinstance(config, dict) else value
    texts: dict[str, str] = {}
    for key, item in pairs.items():
        if not isinstance(item, (str, int, float, bool)):
            raise TypeError(f"`{key}` is {type(item).__name__}, not a string")
        texts[key] = item if isinstance(item, str) else json.dumps(item)
    return texts


def _lines(text: str) -> list[str]:
    """Return the logical lines: comments and blanks left out, continued lines joined."""
    found: list[str] = []
    pending = ""
    for line in text.splitlines():
        stripped = line.lstrip()
        if not pending and (not stripped or stripped[0] in "#!"):
            continue
        pending += stripped
        if (len(pending) - len(pending.rstrip("\\"))) % 2:
            pending = pending[:-1]
            continue
        found.append(pending)
        pending = ""
    return [*found, pending] if pending else found


def _pair(line: str) -> tuple[str, str]:
    match = _PAIR.match(line)
    if match is None:  # the pattern takes anything
        return line, ""
    return _unescaped(match[1]), _unescaped(match[2])


def _unescaped(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        if match[1] is not None:
            return chr(int(match[1], 16))
        return _ESCAPES.get(match[2], match[2])

    return re.sub(r"\\(?:u([0-9a-fA-F]{4})|(.))", one, text)
