"""A move of a connector from one generation to another, as its status tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Move", "MoveState"]


class MoveState(StrEnum):
    """How a move to another generation stands."""

    PREPARING = "PREPARING"
    """Its environments are made and verified; the old tasks run."""
    STARTING = "STARTING"
    """The old tasks have stopped with their offsets committed; the new ones must prove healthy."""
    DONE = "DONE"
    RETURNED = "RETURNED"
    """It was not healthy within its deadline: the old generation runs again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The last move of a connector: from one generation to another, and how it ended.

    One that was refused before anything stopped never left: both generations are the same, and
    `to_version` is what was asked for. `began_at` in milliseconds.
    """

    from_generation: int
    to_generation: int
    state: MoveState
    from_version: str
    to_version: str
    began_at: int
    reason: str | None = None

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Move":
        """Take what `as_json` returned."""
        return cls(**{**fields, "state": MoveState(fields["state"])})

    def as_json(self) -> Mapping[str, object]:
        """Return every field, for REST."""
        return {
            "from_generation": self.from_generation,
            "to_generation": self.to_generation,
            "state": str(self.state),
            "from_version": self.from_version,
            "to_version": self.to_version,
            "began_at": self.began_at,
            **({"reason": self.reason} if self.reason else {}),
        }
