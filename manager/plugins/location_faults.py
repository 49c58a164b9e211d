"""What stops one location, whatever was raised: its own fault, and nobody else's.

A plugin path holds what strangers wrote, read by libraries of others: some day something is raised
that nobody thought of. It must stop that location alone, and be told as what it is.
"""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from manager.errors import InternalError, VenvoyError
from manager.plugins.place_faults import UnreadableError

__all__ = ["LocationCrashError", "attempt", "location_fault"]

_T = TypeVar("_T")


class LocationCrashError(InternalError):
    """Something was raised at a location's work that should have been a fault with a name."""

    code = "location-crash"
    exit_code = 1

    def __init__(self, *, path: Path, error: Exception) -> None:
        super().__init__(what=f"{type(error).__name__}: {error}")
        self.path = path
        frames = traceback.extract_tb(error.__traceback__)
        self.where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""

    @property
    def message(self) -> str:
        """The location, and what was raised where."""
        at = f" ({self.where})" if self.where else ""
        return f"`{self.path}` cannot be worked on: internal error: {self.what}{at}"

    @property
    def hint(self) -> str:
        """Where to take it, and that the others go on."""
        return (
            "the other locations are not affected; this is a bug in venvoy: please report it with"
            " the command and this message"
        )


def location_fault(path: Path, error: Exception) -> VenvoyError:
    """Return what was raised at a location's work as its fault."""
    if isinstance(error, VenvoyError):
        return error
    if isinstance(error, OSError):
        return UnreadableError(path=path, reason=(error.strerror or str(error)).lower())
    return LocationCrashError(path=path, error=error)


def attempt(path: Path, work: Callable[[], _T]) -> _T | VenvoyError:
    """Do a location's work; return its fault when anything at all is raised."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001  # see above: no location may stop another
        return location_fault(path, error)
