"""What every plugin has: a version, and a description of its configuration."""

from __future__ import annotations

from functools import cache

from venvoy_api.config_def import ConfigDef

__all__ = ["UNDEFINED_VERSION", "Configurable", "Versioned"]

UNDEFINED_VERSION = "undefined"
"""The version of a class that no installed distribution declares as a plugin."""


class Versioned:
    """Something with a version: the version of the distribution that declares it."""

    def version(self) -> str:
        """Return the version of this plugin's distribution.

        The default looks for the installed distribution whose `venvoy.*` entry points name this
        class, so there is rarely a reason to override it: plugins are always selected by the
        version of their distribution. `undefined` when there is none.
        """
        cls = type(self)
        return _declared_version(cls.__module__, cls.__qualname__)


class Configurable:
    """Something that describes its configuration."""

    def config(self) -> ConfigDef:
        """Return what may be configured; the default is nothing."""
        return ConfigDef()


@cache
def _declared_version(module: str, qualname: str) -> str:
    from importlib.metadata import distributions  # noqa: PLC0415  # 20 ms that few hosts need

    package = module.partition(".")[0]
    for distribution in distributions():
        for entry_point in distribution.entry_points:
            if not entry_point.group.startswith("venvoy."):
                continue
            declared, _, attribute = entry_point.value.partition(":")
            if attribute.strip() == qualname and declared.partition(".")[0] == package:
                return distribution.version
    return UNDEFINED_VERSION
