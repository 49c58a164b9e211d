"""The connector files of a starting worker: each created, changed or left alone."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from launcher.commands.worker_log import WorkerLog
from launcher.configs.connector_file import ConnectorFile, read_connector_file
from launcher.interface.connectors import WorkerInterface
from launcher.interface.faults import InvalidConnectorConfigError
from manager.errors import VenvoyError

__all__ = ["RepeatedNameError", "put_files"]

_AT_ONCE = (os.cpu_count() or 1) + 1


class RepeatedNameError(VenvoyError):
    """Two of the files are of connectors of one name."""

    code = "same-name"

    def __init__(self, *, name: str, file: Path, first: Path) -> None:
        super().__init__(name)
        self.name = name
        self.file = file
        self.first = first

    @property
    def message(self) -> str:
        """The name and the files."""
        return f"`{self.file}` is passed over: `{self.first}` has the name `{self.name}`, too"

    @property
    def hint(self) -> str:
        """What a name is."""
        return "give each connector a name of its own: its offsets are kept under it"


async def put_files(
    files: Sequence[Path],
    *,
    worker: WorkerInterface,
    words: WorkerLog,
    stored: Mapping[str, Mapping[str, str]],
) -> None:
    """Create or change connectors as files say, a few at once; a bad file hinders no other.

    `stored` are the configs that the worker took up: what stands like that already is left alone.
    """
    slots = asyncio.Semaphore(_AT_ONCE)

    async def put(one: ConnectorFile) -> None:
        async with slots:
            await _put(one, worker, words)

    new = (one for one in _read(files, words) if stored.get(one.name) != one.config)
    await asyncio.gather(*(put(one) for one in new))


def _read(files: Sequence[Path], words: WorkerLog) -> Sequence[ConnectorFile]:
    found: dict[str, ConnectorFile] = {}
    for file in files:
        try:
            one = read_connector_file(file)
        except VenvoyError as error:
            words.fault(error)
            continue
        first = found.setdefault(one.name, one)
        if first is not one:
            fault = RepeatedNameError(name=one.name, file=file, first=first.file)
            words.fault(fault, subject=one.name)
    return tuple(found.values())


async def _put(one: ConnectorFile, worker: WorkerInterface, words: WorkerLog) -> None:
    try:
        if one.name in worker.connectors():
            await worker.put_config(one.name, one.config, by="file")
            words.say(f"changed as `{one.file}` says", subject=one.name)
        else:
            await worker.create(one.name, one.config, initial_state=one.initial_state, by="file")
            words.say(f"created from `{one.file}`", subject=one.name)
    except InvalidConnectorConfigError as error:
        faults = "".join(f"\n    - {fault}" for fault in error.errors)
        words.say(f"`{one.file}` is not taken:{faults}", level="ERROR", subject=one.name)
    except VenvoyError as error:
        words.fault(error, subject=one.name)
