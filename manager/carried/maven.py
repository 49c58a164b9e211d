"""Maven version ranges, as Kafka Connect takes them (KIP-891), in PEP 440 order.

::

    [1.0]  [1.0,2.0)  (,1.1]  [1.5,)  (,1.1),(2.0,2.0.2]

Brackets include their bound, parentheses leave it out, a missing bound is open. Unlike PEP 440
specifiers a range admits pre-releases, so `[1.0,2.0)` holds 2.0rc1 as it does in Maven. A bound
without a local part is compared without those of others, as in PEP 440: `[1.0]` holds 1.0+acme,
and `(1.0,)` does not.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .pep440 import InvalidVersionError, Version

__all__ = ["Interval", "MavenRange"]

PART = re.compile(r"\s*([\[(])([^\[\]()]*)([\])])\s*")


class Interval(NamedTuple):
    """One pair of brackets; a bound of None is open."""

    lower: Version | None
    upper: Version | None
    lower_included: bool
    upper_included: bool

    def contains(self, version: Version) -> bool:
        """Whether the version lies between the bounds, pre-releases too."""
        if self.lower is not None:
            order = _order(version, self.lower)
            if order < 0 or (order == 0 and not self.lower_included):
                return False
        if self.upper is None:
            return True
        order = _order(version, self.upper)
        return order < 0 or (order == 0 and self.upper_included)

    def __str__(self) -> str:
        """Return the interval as Maven writes it."""
        opening, closing = "[("[not self.lower_included], "])"[not self.upper_included]
        if self.lower is not None and self.lower == self.upper:
            return f"[{self.lower}]"
        return f"{opening}{self.lower or ''},{self.upper or ''}{closing}"


class MavenRange(NamedTuple):
    """A union of intervals, ascending and without overlap."""

    intervals: tuple[Interval, ...]

    @classmethod
    def parse(cls, text: str) -> MavenRange:
        """Read a range; ValueError says in a phrase what is wrong with it."""
        intervals: list[Interval] = []
        position = 0
        while True:
            match = PART.match(text, position)
            if match is None:
                raise ValueError(_stray(text[position:]))
            interval = _interval(*match.groups())
            if intervals and not _follows(intervals[-1], interval):
                raise ValueError(f"`{interval}` does not lie above `{intervals[-1]}`")
            intervals.append(interval)
            position = match.end()
            if position == len(text):
                return cls(intervals=tuple(intervals))
            if text[position] != ",":
                raise ValueError(f"a comma is missing before `{text[position:]}`")
            position += 1

    def contains(self, version: Version) -> bool:
        """Whether one of the intervals holds the version, pre-releases too."""
        return any(interval.contains(version) for interval in self.intervals)

    def __str__(self) -> str:
        """Return the range as Maven writes it."""
        return ",".join(map(str, self.intervals))


def _order(version: Version, bound: Version) -> int:
    """Return -1, 0 or 1 as the version lies below, at or above the bound."""
    mine, theirs = version.key, bound.key
    if not bound.local:
        mine, theirs = version.public_key, bound.public_key
    return int(mine > theirs) - int(mine < theirs)


def _stray(rest: str) -> str:
    if not rest.strip():
        return "it ends where another range should follow"
    if "[" in rest or "(" in rest:
        return f"`{rest.strip()}` is not a closed pair of brackets"
    return f"`{rest.strip()}` stands outside the brackets"


def _interval(opening: str, inside: str, closing: str) -> Interval:
    text = f"{opening}{inside}{closing}"
    lower_included, upper_included = opening == "[", closing == "]"
    bounds = [_bound(part) for part in inside.split(",")]
    if len(bounds) == 1:
        if bounds[0] is None or not (lower_included and upper_included):
            raise ValueError(f"`{text}` names one version, which takes the form `[1.0]`")
        bounds *= 2
    if len(bounds) > 2:  # noqa: PLR2004 - a lower and an upper one
        raise ValueError(f"`{text}` has more than two bounds")
    lower, upper = bounds
    if lower is not None and upper is not None:
        if lower > upper:
            raise ValueError(f"in `{text}` the lower bound is above the upper one")
        if lower == upper and not (lower_included and upper_included):
            raise ValueError(f"`{text}` holds nothing")
    return Interval(
        lower=lower, upper=upper, lower_included=lower_included, upper_included=upper_included
    )


def _bound(text: str) -> Version | None:
    if not text.strip():
        return None
    try:
        return Version(text)
    except InvalidVersionError:
        raise ValueError(f"`{text.strip()}` is not a version") from None


def _follows(below: Interval, above: Interval) -> bool:
    """Whether `above` begins after `below` ends, as Maven asks."""
    if below.upper is None or above.lower is None or above.lower < below.upper:
        return False
    return above.lower > below.upper or not (below.upper_included and above.lower_included)
