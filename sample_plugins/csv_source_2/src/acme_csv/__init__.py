"""Reads CSV files into topics; values are typed.

`CsvSourceConnector` divides the files among tasks, `CsvSourceTask` reads them.
"""

from acme_csv.connector import CsvSourceConnector
from acme_csv.task import CsvSourceTask

__all__ = ["CsvSourceConnector", "CsvSourceTask"]
