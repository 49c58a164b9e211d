"""A plugin that was tried when its environment was made, and does not stand up."""

from collections.abc import Iterator
from pathlib import Path

from manager.errors import VenvoyError
from manager.store.verification import EntryPointResult
from manager.sync import SyncedLocation

__all__ = ["FailedEntryPointError", "failed_entry_points"]


class FailedEntryPointError(VenvoyError):
    """A plugin does not import, is no plugin, or cannot be constructed."""

    code = "failed-entry-point"

    def __init__(self, *, location: Path, result: EntryPointResult) -> None:
        super().__init__(location, result.name)
        self.location = location
        self.result = result

    @property
    def message(self) -> str:
        """Where the plugin is, and what went wrong when it was tried."""
        return f"a plugin in `{self.location}` cannot be used: {self.result.message}"

    @property
    def hint(self) -> str:
        """The remedy that its trial found."""
        return self.result.remedy or "correct its module, or take another version of the plugin"


def failed_entry_points(synced: SyncedLocation) -> Iterator[FailedEntryPointError]:
    """Yield the fault of each entry point of a location that failed its trial."""
    for result in synced.verification.results:
        if not result.ok:
            yield FailedEntryPointError(location=synced.location.path, result=result)
