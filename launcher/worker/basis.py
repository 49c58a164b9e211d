"""What one connector runs with: prepared for its config, and kept when that fails later."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from launcher.configs.secrets import Masker
from launcher.storage.worker_store import StoredConnector
from launcher.worker.preparing import Preparer
from manager.errors import VenvoyError

if TYPE_CHECKING:
    from launcher.worker.preparing import Prepared

__all__ = ["Basis"]


class Basis:
    """What runs, or ran last, and the config that it was prepared for; `tell` logs."""

    def __init__(self, preparer: Preparer, *, tell: Callable[[str, str], None]) -> None:
        self._preparer = preparer
        self._tell = tell
        self._prepared: Prepared | None = None
        self._config: Mapping[str, str] | None = None
        self._masker = Masker(())

    @property
    def prepared(self) -> "Prepared | None":
        """What runs, or ran last; None when nothing has since the worker's start."""
        return self._prepared

    @property
    def config(self) -> Mapping[str, str] | None:
        """The config that it was prepared for, as it was written; None when that is in doubt."""
        return self._config

    def prepared_for(self, config: Mapping[str, str]) -> "Prepared | None":
        """Return what runs, or ran last, if it was prepared for that config."""
        return self._prepared if self._config == config else None

    def take(self, prepared: "Prepared", config: Mapping[str, str]) -> None:
        """Run with this from now on."""
        self._prepared, self._config = prepared, config

    def mask_as_prepared(self) -> None:
        """Hide the secrets of what runs, whatever else was looked at meanwhile."""
        if self._prepared is not None:
            self._masker = self._prepared.masker

    def masked(self, text: str) -> str:
        """Return a text without the secrets of the config that was looked at last."""
        return self._masker.mask(text)

    async def make(self, asked: StoredConnector) -> "Prepared":
        """Make and verify its environments; raises VenvoyError."""
        return await self._preparer.prepare(asked, on_secrets=self._hide)

    async def ready(self, asked: StoredConnector) -> "Prepared":
        """Return what its config runs with: as it is prepared now, else what it ran with before.

        Raises VenvoyError: neither can be had.
        """
        try:
            return await self.make(asked)
        except VenvoyError as error:
            return await self._kept_for(asked, error)

    async def _kept_for(self, asked: StoredConnector, error: VenvoyError) -> "Prepared":
        """Return what it ran with, if that was for this config and its location is gone.

        The environments are in the store, whatever the plugin path holds. Raises the error
        otherwise.
        """
        known = self.prepared_for(asked.config)
        missing = () if known is None else await self._preparer.missing(known)
        if known is None or not missing:
            self._config = None
            raise error
        paths = ", ".join(f"`{path}`" for path in missing)
        text = f"it starts on what it ran with, though {paths} cannot be used any more: "
        self._tell(self.masked(f"{text}{error.message}"), "WARNING")
        return known

    def _hide(self, masker: Masker) -> None:
        self._masker = masker
