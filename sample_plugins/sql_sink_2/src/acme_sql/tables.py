"""The tables of the database: looked up once, created and widened where that is allowed."""

from collections.abc import Sequence
from typing import Optional

import sqlalchemy
from sqlalchemy import Connection, MetaData, Table, inspect
from sqlalchemy.schema import CreateColumn

from acme_sql.rows import Column, Row
from acme_sql.settings import Settings
from venvoy_api import ConnectError

__all__ = ["Tables"]


class Tables:
    """Tables by name. What is remembered is forgotten by `forget`, after a failed transaction."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metadata = MetaData()

    def find(self, connection: Connection, topic: str) -> Optional[Table]:
        """Return the topic's table as it is, or None."""
        name = self._name(topic)
        table = self._metadata.tables.get(name)
        if table is None and inspect(connection).has_table(name):
            table = Table(name, self._metadata, autoload_with=connection)
        return table

    def table_for(self, connection: Connection, topic: str, row: Row) -> Table:
        """Return the topic's table, made or widened for `row` if need be; raises ConnectError."""
        table = self.find(connection, topic)
        if table is None:
            return self._create(connection, self._name(topic), row)
        unknown = [column for column in row.columns if column.name not in table.columns]
        return self._evolve(connection, table, unknown) if unknown else table

    def _name(self, topic: str) -> str:
        return self._settings.table_name_format.replace("${topic}", topic)

    def _evolve(self, connection: Connection, table: Table, unknown: Sequence[Column]) -> Table:
        names = ", ".join(column.name for column in unknown)
        if not self._settings.auto_evolve:
            raise ConnectError(
                f"The table {table.name} has no column {names}; add it, or set auto.evolve=true."
            )
        required = [column.name for column in unknown if not column.nullable]
        if required:
            raise ConnectError(
                f"The table {table.name} cannot get the column {', '.join(required)}: the rows "
                "that it holds would have no value there, and the field is not optional."
            )
        quoted = connection.dialect.identifier_preparer.format_table(table)
        for column in unknown:
            added = sqlalchemy.Column(column.name, column.type)
            definition = CreateColumn(added).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {quoted} ADD COLUMN {definition}")
        self._metadata.remove(table)
        return Table(table.name, self._metadata, autoload_with=connection)

    def _create(self, connection: Connection, name: str, row: Row) -> Table:
        if not self._settings.auto_create:
            raise ConnectError(f"There is no table {name}; create it, or set auto.create=true.")
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
