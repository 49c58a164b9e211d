"""What the API's own converters, transformations and predicates have in common: their version."""

from __future__ import annotations

from venvoy_api.component import Versioned

__all__ = ["API_VERSION", "BuiltIn"]

API_VERSION = "1.0.0"
"""The version of this API: the one in pyproject.toml, and `venvoy_api.__version__`."""


class BuiltIn(Versioned):
    """A plugin that comes with the API."""

    def version(self) -> str:
        """Return the version of the API."""
        return API_VERSION
