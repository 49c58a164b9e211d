"""Which class of a bundle a config means, in which version: by venvoy's own rules."""

from __future__ import annotations

from typing import Any

from venvoy_bundle.configs import ConfigError
from venvoy_bundle.names import (
    called,
    dotted_names,
    is_kafkas_own,
    near_names,
    short_names,
)
from venvoy_bundle.version_specs import BadSpecError, VersionRule

__all__ = ["Choosing"]


class _Plugin:
    """A class of the bundle or of the API in it, with the names that mean it."""

    def __init__(self, entry: dict[str, Any], version: str, names: list[str]) -> None:
        self.entry, self.version, self.kind = entry, version, entry["type"]
        self.dotted_names = dotted_names(entry["module"], entry["qualname"])
        self.aliases = short_names(self.kind, entry["qualname"], names)


class Choosing:
    """The classes of a bundle and of the API in it, for one config."""

    def __init__(self, manifest: dict[str, Any], config: dict[str, str]) -> None:
        self.plugins, self.config = _plugins(manifest), config

    def find(self, kinds: tuple[str, ...], name: str, key: str) -> dict[str, Any]:
        """Return the entry point that a name means, in a version that its key admits."""
        found = called(self.plugins, name)
        fitting = [one for one in found if one.kind in kinds]
        words = " or ".join(kinds)
        if not fitting:
            raise self._unknown(
                words, name, found, [one for one in self.plugins if one.kind in kinds]
            )
        classes = sorted({one.dotted_names[0] for one in fitting})
        if len(classes) > 1:
            raise ConfigError(f"`{name}` may be {' or '.join(classes)}", "write the whole name")
        spec = self._spec(key)
        chosen = spec.choose([one.version for one in fitting])
        if chosen is None:
            there = ", ".join(one.version for one in fitting)
            message = f"the bundle has `{name}` in version {there}, and `{spec.text}` is asked for"
            raise ConfigError(message, f"change `{key}`, or take the bundle that has it")
        return next(one.entry for one in fitting if one.version == chosen)

    def _spec(self, key: str) -> VersionRule:
        try:
            return VersionRule(self.config.get(key))
        except BadSpecError as error:
            raise ConfigError(f"`{key}` is invalid: {error.message}", error.hint) from error

    def _unknown(
        self, words: str, name: str, found: list[_Plugin], right: list[_Plugin]
    ) -> ConfigError:
        if found:
            other = found[-1]
            message = f"`{name}` is {other.dotted_names[0]}, a {other.kind} and no {words}"
        else:
            message = f"the bundle has no {words} `{name}`"
        known = sorted({one.dotted_names[0] for one in right})
        every = {each for one in right for each in (*one.dotted_names, *one.aliases)}
        near = near_names(name, every)
        if is_kafkas_own(name) and not near:
            return ConfigError(message, "it comes with Kafka, and venvoy has nothing like it")
        if near and not found:
            return ConfigError(message, f"did you mean {' or '.join(f'`{one}`' for one in near)}?")
        return ConfigError(message, f"it has {', '.join(known) or 'none'}")


def _plugins(manifest: dict[str, Any]) -> list[_Plugin]:
    """Return every class once; it goes by the names of all of its entry points."""
    framework = manifest["framework"]
    entries = [(one, one["version"]) for one in manifest["entry_points"]]
    entries += [(one, framework["version"]) for one in framework["entry_points"]]
    classes: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for one, version in entries:
        key = (one["type"], one["module"], one["qualname"], version)
        classes.setdefault(key, []).append(one)
    return [
        _Plugin(same[0], key[-1], [one["name"] for one in same]) for key, same in classes.items()
    ]
