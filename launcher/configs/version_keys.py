"""The keys of a connector's config that say which versions run, and how one config pins them."""

import re
from collections.abc import Mapping

from launcher.configs.config_keys import MOVE_TIMEOUT
from manager.errors import VenvoyError
from manager.plugins.versions import LOCKED

__all__ = [
    "UnusedVersionError",
    "differ_in_versions_only",
    "is_version_key",
    "kept_locks",
    "named",
    "pinned",
    "unused_versions",
]

_CONNECTOR_KEYS = ("connector.version", "connector.plugin.version")
_STAGE_KEY = re.compile(
    r"((?:key|value|header)\.converter|(?:transforms|predicates)\..+)\.plugin\.version"
)


class UnusedVersionError(VenvoyError):
    """A config has a version of a plugin that it does not name; `missing` is what would name it."""

    code = "unused-version"

    def __init__(self, *, key: str, missing: str) -> None:
        super().__init__(key)
        self.key = key
        self.missing = missing

    @property
    def message(self) -> str:
        """The key, and why it changes nothing."""
        return f"`{self.key}` is not used: it goes with {self.missing}, which the config lacks"

    @property
    def hint(self) -> str:
        """What else to say."""
        return f"set {self.missing} as well, or leave the version out"


def is_version_key(key: str) -> bool:
    """Whether the key of a connector's config names the version of a plugin."""
    return key in _CONNECTOR_KEYS or _STAGE_KEY.fullmatch(key) is not None


def differ_in_versions_only(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether versions differ and nothing else does, but how long a move may take."""
    differing = {
        key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
    } - {MOVE_TIMEOUT}
    return bool(differing) and all(map(is_version_key, differing))


def unused_versions(config: Mapping[str, str]) -> tuple[UnusedVersionError, ...]:
    """Return the versions of plugins that the config does not name itself.

    Class and version are a pair from one level (KIP-891): such a version is ignored, also when the
    worker names the class.
    """
    found: list[UnusedVersionError] = []
    for key in config:
        match = _STAGE_KEY.fullmatch(key)
        missing = None if match is None else _missing(match[1], config)
        if missing is not None:
            found.append(UnusedVersionError(key=key, missing=missing))
    return tuple(found)


def _missing(place: str, config: Mapping[str, str]) -> str | None:
    """Return what names the plugin of a place, if the config does not have it."""
    if place.endswith(".converter") and place not in config:
        return f"`{place}`"
    family, _, alias = place.partition(".")
    if family not in ("transforms", "predicates"):
        return None
    known = [one.strip() for one in config.get(family, "").split(",")]
    if any(one and f"{alias}.".startswith(f"{one}.") for one in known):
        return None  # the alias, or a key of its plugin's own
    return f"`{alias}` in `{family}`"


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
