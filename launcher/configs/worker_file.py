"""A worker's file, read with its `${…}` replaced: one reading for every command that runs."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.configs.properties import read_mapping
from launcher.configs.providers import Providers
from launcher.configs.worker_config import WorkerConfig, parse_worker_config
from manager.errors import ProblemsError, VenvoyError

__all__ = ["WorkerFile", "read_worker_config", "read_worker_file"]

_NOT_RESOLVED = ("plugin.path", "config.providers")
"""Kafka's worker takes these as they are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFile:
    """A worker's settings; `secrets` are the values that its providers gave."""

    config: WorkerConfig
    providers: Providers
    secrets: frozenset[str]


def read_worker_file(
    file: Path,
    *,
    standing: bool,
    working_dir: Path | None = None,
    check: Callable[[Mapping[str, str]], object] | None = None,
) -> WorkerFile:
    """Read and check a worker's file, for a worker that stays or for a run to its end.

    `working_dir`, which relative paths are taken from, is by default the process's own. `check`
    gets the keys and values, and may raise ProblemsError: its faults are told with the others.

    Raises:
        UnreadableConfigError: the file cannot be read.
        ProblemsError: every fault of its providers, variables and values.
    """
    pairs: Mapping[str, str] = read_mapping(file)
    problems: list[VenvoyError] = []
    providers, secrets = Providers({}), frozenset[str]()
    with _collecting(problems):
        plain = {key: one for key, one in pairs.items() if not key.startswith(_NOT_RESOLVED)}
        providers = Providers.from_worker(pairs)
        resolved, faults = providers.try_resolve(plain)
        problems += faults
        pairs, secrets = {**pairs, **resolved.config}, resolved.secrets
    with _collecting(problems):
        if check is not None:
            check(pairs)
    with _collecting(problems):
        config = parse_worker_config(
            pairs, file=file, working_dir=working_dir or Path.cwd(), standing=standing
        )
        if not problems:
            return WorkerFile(config=config, providers=providers, secrets=secrets)
    raise ProblemsError(subject=f"the worker config `{file}`", problems=problems)


def read_worker_config(file: Path, *, working_dir: Path | None = None) -> WorkerConfig:
    """Return the settings alone, for a run to its end; raises what `read_worker_file` does."""
    return read_worker_file(file, standing=False, working_dir=working_dir).config


@contextlib.contextmanager
def _collecting(problems: list[VenvoyError]) -> Iterator[None]:
    """Go on after faults, which are added to the others."""
    try:
        yield
    except ProblemsError as error:
        problems += error.problems
