"""The worker's settings: its configuration file and the only reader of the environment."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from launcher.configs.config_keys import (
    WORKER_KEYS,
    WORKER_KEYS_OF_KAFKA,
    ConfigValueError,
    unknown_keys,
)
from launcher.configs.properties import read_mapping
from manager.errors import ProblemsError, UsageError, VenvoyError

__all__ = [
    "SHARED_DIR",
    "WorkerConfig",
    "inherited_environment",
    "read_worker_config",
    "sample_plugins_dir",
    "store_dir",
    "trial_timeout_s",
    "worker_python",
]

SHARED_DIR = Path(__file__).parent / "shared"
"""The folder that holds exactly what a plugin sees of us (design 2)."""

DEFAULT_CONVERTER = "JsonConverter"
DEFAULT_HEADER_CONVERTER = "SimpleHeaderConverter"
_WORKER_PREFIXES = (
    "key.converter.",
    "value.converter.",
    "header.converter.",
    "producer.",
    "consumer.",
    "admin.",
    "config.providers.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """What a worker's file says, checked.

    `properties` is the whole file, for the converters' own keys; times are in seconds.
    `strangers` are keys that nobody reads, `unused` those that only Kafka's worker reads.
    """

    file: Path
    plugin_path: str
    storage_file: Path
    flush_interval_s: float
    shutdown_timeout_s: float
    properties: Mapping[str, str]
    strangers: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def read_worker_config(file: Path, *, working_dir: Path | None = None) -> WorkerConfig:
    """Read and check a worker's configuration.

    `storage.file` (topics and offsets, one SQLite file) defaults to the worker file's name with
    `.sqlite`, beside it; a relative one is taken from `working_dir`, by default the process's own.

    Raises:
        UnreadableConfigError: the file cannot be read.
        ProblemsError: all of its faults.
    """
    pairs = read_mapping(file)
    where = str(file)
    mistaken, rest = unknown_keys(
        pairs, where=where, known=WORKER_KEYS | WORKER_KEYS_OF_KAFKA, prefixes=_WORKER_PREFIXES
    )
    problems: list[VenvoyError] = list(mistaken)
    flush = _milliseconds(pairs, "offset.flush.interval.ms", 10_000, where, problems)
    graceful = _milliseconds(pairs, "task.shutdown.graceful.timeout.ms", 5_000, where, problems)
    if problems:
        raise ProblemsError(subject=f"the worker config `{file}`", problems=problems)
    storage = pairs.get("storage.file", "").strip()
    return WorkerConfig(
        file=file,
        plugin_path=pairs.get("plugin.path", ""),
        storage_file=(
            (working_dir or Path.cwd()) / storage if storage else file.with_suffix(".sqlite")
        ),
        flush_interval_s=flush,
        shutdown_timeout_s=graceful,
        properties=pairs,
        strangers=rest,
        unused=tuple(key for key in pairs if key in WORKER_KEYS_OF_KAFKA),
    )


def _milliseconds(
    pairs: Mapping[str, str], key: str, default: int, where: str, problems: list[VenvoyError]
) -> float:
    text = pairs.get(key, str(default)).strip()
    if text.isascii() and text.isdigit():
        return int(text) / 1000
    problems.append(
        ConfigValueError(
            where=where,
            key=key,
            reason=f"is `{text}`, not a number of milliseconds",
            remedy=f"write a whole number of milliseconds, such as `{key}={default}`",
        )
    )
    return default / 1000


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
