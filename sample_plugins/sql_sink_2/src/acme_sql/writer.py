"""Writes and deletes rows in batches, within a transaction that the caller holds.

All rows of one call have the same columns; they are taken in their order.
"""

from collections.abc import Sequence
from typing import Union

from sqlalchemy import Connection, Delete, Insert, Table, bindparam, delete, insert

from acme_sql.rows import Row
from acme_sql.upserts import UPSERTS

__all__ = ["delete_rows", "write_rows"]


def write_rows(
    connection: Connection, table: Table, rows: Sequence[Row], *, upsert: bool, batch_size: int
) -> None:
    """Insert the rows; with `upsert` those are updated whose key exists."""
    statement = insert(table)
    if upsert:
        first, rows = rows[0], _last_of_each_key(rows)
        statement = UPSERTS[connection.dialect.name](table, first.key, tuple(first.values))
    _execute(connection, statement, [dict(row.values) for row in rows], batch_size)


def delete_rows(connection: Connection, table: Table, rows: Sequence[Row], batch_size: int) -> None:
    """Delete the rows with these keys; there need not be any."""
    key = rows[0].key
    same_key = (table.c[name] == bindparam(f"key_{at}") for at, name in enumerate(key))
    keys = [{f"key_{at}": row.values[name] for at, name in enumerate(key)} for row in rows]
    _execute(connection, delete(table).where(*same_key), keys, batch_size)


def _execute(
    connection: Connection,
    statement: Union[Insert, Delete],
    parameters: Sequence[dict[str, object]],
    batch_size: int,
) -> None:
    for start in range(0, len(parameters), batch_size):
        connection.execute(statement, parameters[start : start + batch_size])


def _last_of_each_key(rows: Sequence[Row]) -> list[Row]:
    """Leave the last row of each key: PostgreSQL refuses to update a row twice in a statement."""
    return list({tuple(row.values[name] for name in row.key): row for row in rows}.values())
