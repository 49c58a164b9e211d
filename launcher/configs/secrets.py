"""Keeps secrets out of what a worker shows: passwords in configs, provided values in texts."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from launcher.configs.providers import VARIABLE

__all__ = ["HIDDEN", "Masker", "hide", "likely_password_keys", "restore"]

HIDDEN = "[hidden]"
"""What Kafka Connect shows for a password."""

_SHORT = 6
_LIKELY = re.compile(
    r"(^|[._-])(pass(word|wd|phrase)?|pwd|secret|token|credentials?|api[._-]?key|"
    r"(private|access|secret)[._-]?key|jaas([._-]config)?)([._-]|$)",
    re.IGNORECASE,
)


def hide(config: Mapping[str, str], password_keys: Collection[str]) -> Mapping[str, str]:
    """Return a config to show: passwords hidden, but not the variables that stand for one."""
    return {
        key: HIDDEN if key in password_keys and not _is_variable(value) else value
        for key, value in config.items()
    }


def restore(
    new: Mapping[str, str], old: Mapping[str, str], password_keys: Collection[str]
) -> Mapping[str, str]:
    """Return a config to store: a hidden password that comes back unchanged keeps its value.

    So a client may read a config, change another key and write it back.
    """
    return {
        key: old[key] if value == HIDDEN and key in password_keys and key in old else value
        for key, value in new.items()
    }


def likely_password_keys(keys: Iterable[str]) -> frozenset[str]:
    """Return the keys that look like passwords: for a config whose plugin cannot be asked."""
    return frozenset(key for key in keys if _LIKELY.search(key))


class Masker:
    """Replaces secrets in texts: traces, log lines, messages of plugins.

    A secret is found as it is and as `repr` and JSON write it, and a secret of several lines also
    by its lines. A short one only where it stands alone, or texts would be unreadable.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        patterns = [_pattern(form) for form in longest_first]
        self._pattern = re.compile("|".join(patterns)) if patterns else None

    def mask(self, text: str) -> str:
        """Return the text with `[hidden]` in place of every secret."""
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)


def _forms(secret: str) -> Iterator[str]:
    whole = secret.strip()
    lines = [line.strip() for line in whole.splitlines()]
    parts = [whole, *(line for line in lines if len(lines) > 1 and len(line) >= _SHORT)]
    for part in parts:
        if part:
            yield part
            yield repr(part)[1:-1]
            yield json.dumps(part)[1:-1]


def _pattern(form: str) -> str:
    escaped = re.escape(form)
    return escaped if len(form) >= _SHORT else rf"(?<!\w){escaped}(?!\w)"


def _is_variable(value: str) -> bool:
    return VARIABLE.fullmatch(value.strip()) is not None
