"""Writes rows in batches, within a transaction that the caller holds."""

from collections.abc import Iterable, Iterator
from itertools import islice

from sqlalchemy import Table, and_, bindparam
from sqlalchemy.engine import Connection

from acme_sql.rows import Row

__all__ = ["write_rows"]


def write_rows(
    connection: Connection, table: Table, rows: Iterable[Row], *, upsert: bool, batch_size: int
) -> None:
    """Insert rows of the same columns; with `upsert` they replace those with the same key."""
    for batch in _batches(iter(rows), batch_size):
        if upsert:
            batch = _last_of_each_key(batch)  # noqa: PLW2901  # the same without repetitions
            _delete(connection, table, batch)
        connection.execute(table.insert(), [dict(row.values) for row in batch])


def _batches(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    return iter(lambda: list(islice(rows, size)), [])


def _last_of_each_key(rows: list[Row]) -> list[Row]:
    return list({tuple(row.values[name] for name in row.key): row for row in rows}.values())


def _delete(connection: Connection, table: Table, rows: list[Row]) -> None:
    key = rows[0].key
    same_key = and_(*(table.c[name] == bindparam(f"key_{at}") for at, name in enumerate(key)))
    connection.execute(
        table.delete().where(same_key),
        [{f"key_{at}": row.values[name] for at, name in enumerate(key)} for row in rows],
    )
