"""The plugins of the worker's own environment, used when the plugin path is empty (KIP-146).

Then nothing is isolated: what is installed beside venvoy is what plugins get, and hosts run in the
interpreter that the worker runs in. The API is served framework first all the same.
"""

import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from manager.errors import VenvoyError
from manager.plugins.distributions import Distribution, read_installed
from manager.plugins.location_faults import location_fault
from manager.plugins.locations import Location, Problem, Shape

__all__ = ["UnisolatedError", "own_distributions", "own_location"]

# What we install ourselves and never offer as a plugin.
OURS = frozenset({"venvoy", "venvoy-api"})


class UnisolatedError(VenvoyError):
    """The plugin path is empty: a warning, and an error for what needs locations of their own."""

    code = "unisolated"

    def __init__(self, *, environment: Path) -> None:
        super().__init__(environment)
        self.environment = environment

    @property
    def message(self) -> str:
        """Where plugins come from instead."""
        return (
            "the plugin path is empty: plugins come from the worker's own environment, "
            f"`{self.environment}`, and share what is installed there"
        )

    @property
    def hint(self) -> str:
        """How to have them apart."""
        return "set `plugin.path` to keep plugins apart; without it nothing is locked or synced"


def own_location() -> Location:
    """Return the location that stands for the worker's own environment."""
    prefix = Path(sys.prefix)
    return Location(path=prefix, shape=Shape.WORKER, place=prefix.parent, place_index=0)


def own_distributions(problems: list[Problem]) -> Iterator[Distribution]:
    """Yield the installed distributions that carry plugins, by name; a broken one is a problem."""
    found: dict[str, Distribution] = {}
    for installed in distributions():
        entry_points = installed.read_text("entry_points.txt") or ""
        # An editable install of an older setuptools has an `.egg-info`, with PKG-INFO instead.
        metadata = installed.read_text("METADATA") or installed.read_text("PKG-INFO") or ""
        if "[venvoy." not in entry_points:
            continue
        source = Path(str(installed.locate_file("")))
        try:
            distribution = read_installed(source, metadata, entry_points)
        except Exception as error:  # noqa: BLE001  # no distribution may stop another
            fault = location_fault(source, error)
            problems.append(Problem(path=source, error=fault, severity="error"))
        else:
            if distribution.name not in OURS:  # the first on sys.path is the one that imports
                found.setdefault(distribution.name, distribution)
    yield from (found[name] for name in sorted(found))
