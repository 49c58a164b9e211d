"""What a restart of a connector would move, told before it does."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from launcher.interface.views import StageVersion
from launcher.storage.worker_store import StoredConnector
from launcher.worker.preparing import Prepared, Preparer

if TYPE_CHECKING:
    from launcher.planning.workplace import Workplace

__all__ = ["Forecast"]


class Forecast:
    """Of one connector; worked out once for each reading of the plugin path. `tell` logs it."""

    def __init__(self, preparer: Preparer, *, tell: Callable[[str, str], None]) -> None:
        self._preparer = preparer
        self._tell = tell
        self._known: (
            tuple[Workplace, Prepared, StoredConnector, tuple[StageVersion, ...]] | None
        ) = None
        self._told: tuple[StageVersion, ...] = ()

    def versions(
        self, stored: StoredConnector, prepared: Prepared | None
    ) -> tuple[StageVersion, ...]:
        """Return what would run after a restart, where it differs from what runs."""
        if prepared is None or stored.fallback is not None:
            return ()
        workplace, known = self._preparer.workplace, self._known
        if (
            known is None
            or known[0] is not workplace
            or known[1] is not prepared
            or known[2] is not stored
        ):
            versions = self._preparer.next_versions(prepared, stored)
            known = self._known = workplace, prepared, stored, versions
        return known[3]

    def tell(self, stored: StoredConnector, prepared: Prepared | None) -> None:
        """Say in the log what a restart would move, when that has changed."""
        versions = self.versions(stored, prepared)
        if versions == self._told:
            return
        self._told = versions
        for one in versions:
            what = "" if one.role == "connector" else f" with its {one.alias or one.role}"
            self._tell(f"will move{what} to {one.version} at next start", "INFO")
