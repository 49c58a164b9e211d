"""A plugin that ships a framework of its own: left out of its environment, and told (KIP-146)."""

from collections.abc import Iterator
from pathlib import Path

from manager.errors import VenvoyError
from manager.plugins.locations import Problem
from manager.store.environments import Environment

__all__ = ["ShippedFrameworkError", "shipped_framework"]


class ShippedFrameworkError(VenvoyError):
    """A wheel of a location brings what only venvoy provides: a warning, it hinders nothing."""

    code = "ships-framework"

    def __init__(self, *, location: Path, reason: str) -> None:
        super().__init__(location, reason)
        self.location = location
        self.reason = reason

    @property
    def message(self) -> str:
        """The location, the wheel and what it ships."""
        return f"in `{self.location}`, {self.reason}"

    @property
    def hint(self) -> str:
        """What its author should do."""
        return "plugins get the API from venvoy: require `venvoy-api`, and package nothing of it"


def shipped_framework(location: Path, environment: Environment) -> Iterator[Problem]:
    """Yield a warning for each framework name that the environment's wheels bring."""
    for reason in environment.receipt.warnings:
        error = ShippedFrameworkError(location=location, reason=reason)
        yield Problem(path=location, error=error, severity="warning")
