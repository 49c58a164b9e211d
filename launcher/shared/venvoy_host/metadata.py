"""What `importlib.metadata` says about `venvoy-api` inside a host."""

import os
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any, Optional

import venvoy_api

__all__ = ["ApiDistribution"]


class ApiDistribution(Distribution):
    """The running API as a distribution: a name, a version, and files that are not recorded."""

    def __init__(self, api_dir: str) -> None:
        self._api_dir = api_dir

    def read_text(self, filename: Any) -> Optional[str]:
        """Return METADATA; None for every other file, as for a distribution without it.

        There are no entry points: the API's own plugins are the catalog's affair.
        """
        if os.fspath(filename) == "entry_points.txt":
            return ""
        if os.fspath(filename) not in ("METADATA", "PKG-INFO"):
            return None
        return (
            "Metadata-Version: 2.1\n"
            "Name: venvoy-api\n"
            f"Version: {venvoy_api.__version__}\n"
            "Summary: The venvoy plugin API, provided by the running venvoy\n"
            "Requires-Python: >=3.9\n"
        )

    def locate_file(self, path: Any) -> Any:
        """Return where a file of the API stands."""
        return Path(self._api_dir) / path
