"""The tables of the database: looked up once, created where the configuration allows it."""

import sqlalchemy
from sqlalchemy import MetaData, Table
from sqlalchemy.engine import Connection

from acme_sql.rows import Row
from acme_sql.settings import Settings
from venvoy_api import ConnectError

__all__ = ["Tables"]


class Tables:
    """Tables by name. What is remembered is forgotten by `forget`, after a failed transaction."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metadata = MetaData()

    def table(self, connection: Connection, topic: str, row: Row) -> Table:
        """Return the topic's table, made from `row` if it is missing; raises ConnectError."""
        name = self._settings.table_name_format.replace("${topic}", topic)
        table = self._metadata.tables.get(name)
        if table is None:
            if connection.dialect.has_table(connection, name):
                table = Table(name, self._metadata, autoload_with=connection)
            elif self._settings.auto_create:
                table = self._create(connection, name, row)
            else:
                raise ConnectError(f"There is no table {name}; create it, or set auto.create=true.")
        unknown = [column.name for column in row.columns if column.name not in table.columns]
        if unknown:
            raise ConnectError(f"The table {name} has no column {', '.join(unknown)}.")
        return table

    def _create(self, connection: Connection, name: str, row: Row) -> Table:
        columns = (
            sqlalchemy.Column(
                column.name,
                column.type,
                primary_key=column.name in row.key,
                nullable=column.nullable and column.name not in row.key,
                autoincrement=False,
            )
            for column in row.columns
        )
        table = Table(name, self._metadata, *columns)
        table.create(connection)
        return table

    def forget(self) -> None:
        """Look every table up again: one that was created may have been rolled back."""
        self._metadata.clear()
