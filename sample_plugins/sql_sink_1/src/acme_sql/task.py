"""The task: writes what it is given, in one transaction each time."""

import logging
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Optional

from sqlalchemy import create_engine
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from acme_sql.rows import Row, row_of
from acme_sql.settings import Settings
from acme_sql.tables import Tables
from acme_sql.writer import write_rows
from venvoy_api import ConnectError, RetriableError, SinkRecord, SinkTask

__all__ = ["SqlSinkTask"]

log = logging.getLogger(__name__)


class SqlSinkTask(SinkTask):
    """Writes records into the tables of their topics."""

    _engine: Optional[Engine] = None

    def start(self, props: Mapping[str, str]) -> None:
        """Prepare; the database is asked when there is something to write."""
        self._settings = Settings.of(props)
        self._tables = Tables(self._settings)
        self._retries_left = self._settings.max_retries
        self._engine = create_engine(self._settings.url, pool_pre_ping=True)

    def put(self, records: Sequence[SinkRecord]) -> None:
        """Write all records or none: raises RetriableError when a repetition may succeed."""
        if not records or self._engine is None:
            return
        rows = [(record.topic, row_of(record, self._settings)) for record in records]
        try:
            with self._engine.begin() as connection:
                self._write(connection, rows)
        except DBAPIError as error:
            self._tables.forget()
            raise self._passing_or_final(error) from error
        except ConnectError:
            self._tables.forget()
            raise
        self._retries_left = self._settings.max_retries

    def _write(self, connection: Connection, rows: Sequence[tuple[str, Row]]) -> None:
        for (topic, _), run in groupby(rows, key=lambda each: (each[0], tuple(each[1].values))):
            alike = [row for _, row in run]
            write_rows(
                connection,
                self._tables.table(connection, topic, alike[0]),
                alike,
                upsert=self._settings.insert_mode == "upsert",
                batch_size=self._settings.batch_size,
            )

    def _passing_or_final(self, error: DBAPIError) -> ConnectError:
        reason = str(error.orig).strip()
        passing = isinstance(error, (OperationalError, InterfaceError))
        if not passing or self._retries_left == 0:
            return ConnectError(f"The database refused to write: {reason}.")
        self._retries_left -= 1
        log.warning("Trying again (%d times left): %s.", self._retries_left, reason)
        self.context.timeout(self._settings.retry_backoff_ms)
        return RetriableError(f"The database could not write now: {reason}.")

    def stop(self) -> None:
        """Close the connections."""
        if self._engine is not None:
            self._engine.dispose()
