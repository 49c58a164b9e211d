"""The keys of a connector's config that say which versions run, and how one config pins them."""

import re
from collections.abc import Mapping

from launcher.configs.config_keys import MOVE_TIMEOUT
from manager.plugins.versions import LOCKED

__all__ = ["differ_in_versions_only", "is_version_key", "kept_locks", "named", "pinned"]

_CONNECTOR_KEYS = ("connector.version", "connector.plugin.version")
_STAGE_KEY = re.compile(
    r"((?:key|value|header)\.converter|(?:transforms|predicates)\..+)\.plugin\.version"
)


def is_version_key(key: str) -> bool:
    """Whether the key of a connector's config names the version of a plugin."""
    return key in _CONNECTOR_KEYS or _STAGE_KEY.fullmatch(key) is not None


def differ_in_versions_only(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether versions differ and nothing else does, but how long a move may take."""
    differing = {
        key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
    } - {MOVE_TIMEOUT}
    return bool(differing) and all(map(is_version_key, differing))


def named(key: str) -> str:
    """Return whose version the key names: an alias, or a converter's key."""
    match = _STAGE_KEY.fullmatch(key)
    return (
        "connector"
        if match is None
        else match[1].removeprefix("transforms.").removeprefix("predicates.")
    )


def kept_locks(
    locked: Mapping[str, str], *, before: Mapping[str, str], after: Mapping[str, str]
) -> dict[str, str]:
    """Return what of `locked` holds for another config: its key says `locked`, of one class.

    `locked` has versions by the keys of the config `before`; a synonym of the key may say it now.
    """
    return {
        asking: version
        for key, version in locked.items()
        for asking in (_CONNECTOR_KEYS if key in _CONNECTOR_KEYS else (key,))
        if after.get(asking, "").strip() == LOCKED
        and before.get(_class_key(key)) == after.get(_class_key(key))
    }


def pinned(config: Mapping[str, str], exact: Mapping[str, str]) -> dict[str, str]:
    """Return a config in which each version key of `exact` says just that version."""
    found = {**config, **exact}
    for key in _CONNECTOR_KEYS:  # synonyms, which must not differ
        if key in config and exact.keys() & _CONNECTOR_KEYS:
            found[key] = next(exact[one] for one in _CONNECTOR_KEYS if one in exact)
    return found


def _class_key(key: str) -> str:
    match = _STAGE_KEY.fullmatch(key)
    if match is None:
        return "connector.class"
    return match[1] if match[1].endswith(".converter") else f"{match[1]}.type"
