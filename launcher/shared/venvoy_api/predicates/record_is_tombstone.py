"""Finds records that have no value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venvoy_api.builtin import BuiltIn
from venvoy_api.transformation import Predicate

if TYPE_CHECKING:
    from venvoy_api.record import ConnectRecord

__all__ = ["RecordIsTombstone"]


class RecordIsTombstone(BuiltIn, Predicate):
    """True for records whose value is None: they stand for a deletion of their key."""

    def test(self, record: ConnectRecord) -> bool:
        """Whether the value is None."""
        return record.value is None
