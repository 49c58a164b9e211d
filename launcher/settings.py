"""The worker's settings: its configuration file and the only reader of the environment."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from launcher.configs.listeners import Listener
from launcher.configs.worker_config import WorkerConfig
from manager.errors import UsageError

__all__ = [
    "SHARED_DIR",
    "VARIABLES",
    "Listener",
    "WorkerConfig",
    "inherited_environment",
    "sample_plugins_dir",
    "store_dir",
    "trial_timeout_s",
    "worker_python",
]

SHARED_DIR = Path(__file__).parent / "shared"
"""The folder that holds exactly what a plugin sees of us (design 2)."""

DEFAULT_CONVERTER = "JsonConverter"
DEFAULT_HEADER_CONVERTER = "SimpleHeaderConverter"


VARIABLES = {
    "VENVOY_STORE": "where the store is; by default `venvoy/store` in the user's data directory",
    "VENVOY_TRIAL_TIMEOUT_S": "seconds that an entry point may take to be tried; by default 120",
    "VENVOY_URL": "`venvoy connectors` and others: where the worker listens",
    "VENVOY_USER": "`venvoy connectors` and others: who asks, `NAME:PASSWORD`",
    "VENVOY_CA_FILE": "`venvoy connectors` and others: who signs the worker's certificate",
}
"""What venvoy reads of its own in the environment; docs/configuration.md has the same table."""


def store_dir() -> Path:
    """Return where the store is: `VENVOY_STORE`, else the user's data directory."""
    named = os.environ.get("VENVOY_STORE")
    return Path(named) if named else Path(platformdirs.user_data_dir("venvoy")) / "store"


def trial_timeout_s() -> float:
    """Return how long an entry point may take to import and construct: `VENVOY_TRIAL_TIMEOUT_S`.

    Raises:
        UsageError: it is no number of seconds.
    """
    text = os.environ.get("VENVOY_TRIAL_TIMEOUT_S", "120").strip()
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", text):
        return float(text)
    raise UsageError(
        what=f"VENVOY_TRIAL_TIMEOUT_S is `{text}` in the environment, not a number of seconds",
        remedy="set it to a number such as 120, or unset it",
    )


def inherited_environment() -> Mapping[str, str]:
    """Return this process's environment, from which those of children are built."""
    return dict(os.environ)


def worker_python() -> Path:
    """Return the interpreter that plugins get when they ask for none: the one below our venv."""
    base: str | None = getattr(sys, "_base_executable", None)
    return Path(base or sys.executable)


def sample_plugins_dir() -> Path:
    """Return the sample plugins that `venvoy demo` runs: shipped beside the launcher."""
    return Path(__file__).parent.parent / "sample_plugins"
