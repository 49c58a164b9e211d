"""How each database writes INSERT ... ON CONFLICT; SQLAlchemy has no common form for it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Union

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["UPSERTS"]

MakeUpsert = Callable[[Table, tuple[str, ...], tuple[str, ...]], Insert]


def _sqlite(table: Table, key: tuple[str, ...], columns: tuple[str, ...]) -> Insert:
    return _on_conflict(sqlite.insert(table), key, columns)


def _postgresql(table: Table, key: tuple[str, ...], columns: tuple[str, ...]) -> Insert:
    return _on_conflict(postgresql.insert(table), key, columns)


def _on_conflict(
    statement: Union[sqlite.Insert, postgresql.Insert],
    key: tuple[str, ...],
    columns: tuple[str, ...],
) -> Insert:
    others = {name: statement.excluded[name] for name in columns if name not in key}
    if not others:
        return statement.on_conflict_do_nothing(index_elements=key)
    return statement.on_conflict_do_update(index_elements=key, set_=others)


UPSERTS: Mapping[str, MakeUpsert] = MappingProxyType({"sqlite": _sqlite, "postgresql": _postgresql})
"""By SQLAlchemy's name of the dialect: makes the statement of a table, its key and all columns."""
