"""Drops records: those that its predicate lets through to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venvoy_api.builtin import BuiltIn
from venvoy_api.transformation import Transformation

if TYPE_CHECKING:
    from venvoy_api.record import R

__all__ = ["Filter"]


class Filter(BuiltIn, Transformation):
    """Drops every record it is given; configure it with a `predicate` (and `negate`)."""

    def apply(self, record: R) -> R | None:  # noqa: ARG002  # the interface's
        """Return None: the record is dropped."""
        return None
