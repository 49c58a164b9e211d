"""Writes records into tables of a SQL database.

`SqlSinkConnector` checks the configuration, `SqlSinkTask` writes.
"""

from acme_sql.connector import SqlSinkConnector
from acme_sql.task import SqlSinkTask

__all__ = ["SqlSinkConnector", "SqlSinkTask"]
