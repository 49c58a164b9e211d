"""The names that only venvoy serves: no wheel brings them into an environment (design 7)."""

import contextlib
from typing import Final

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

__all__ = ["MODULES", "is_framework"]

MODULES: Final = frozenset({"venvoy_api", "venvoy_host"})
"""The API, and the host that runs plugins."""

_DISTRIBUTION = "venvoy-api"
_DIST_INFO = ".dist-info"


def is_framework(top: str) -> bool:
    """Say whether a name right below site-packages would stand in for the framework.

    True for the modules in any form (package, source, extension, bytecode) and for the metadata
    of the distribution `venvoy-api`.
    """
    if top.endswith(_DIST_INFO):
        with contextlib.suppress(InvalidWheelFilename):
            name, *_ = parse_wheel_filename(f"{top.removesuffix(_DIST_INFO)}-py3-none-any.whl")
            return name == _DISTRIBUTION
    return top.partition(".")[0].casefold() in MODULES
