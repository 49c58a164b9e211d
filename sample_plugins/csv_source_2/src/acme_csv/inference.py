"""Infers the types of a file's columns from its first rows."""

from collections.abc import Iterator
from contextlib import closing
from itertools import islice

from acme_csv.column_type import ColumnType
from acme_csv.reader import BadRowError, CsvFile
from acme_csv.settings import Settings

__all__ = ["column_types"]


def column_types(file: CsvFile, settings: Settings) -> dict[str, ColumnType]:
    """Return each column's type: as configured, else the first that all sampled fields look like.

    The sample is the head of the file, wherever reading goes on, so that a restart finds the same
    types. A column that is blank throughout the sample is a string.
    """
    candidates = {
        column: [settings.types[column]] if column in settings.types else list(ColumnType)
        for column in file.columns
    }
    filled: set[str] = set()
    for row in islice(_sample(file.file, settings), settings.types_infer_rows):
        for column, text in row.items():
            if text.strip() and column not in settings.types:
                filled.add(column)
                fitting = [kind for kind in candidates[column] if kind.looks_like(text.strip())]
                candidates[column] = fitting
    return {
        column: kinds[0] if column in filled or column in settings.types else ColumnType.STRING
        for column, kinds in candidates.items()
    }


def _sample(file: str, settings: Settings) -> Iterator[dict[str, str]]:
    """Yield the rows from the file's head, without the bad ones."""
    with closing(CsvFile(file, settings)) as head:
        while True:
            try:
                row = head.read()
            except BadRowError:
                continue
            if row is None:
                return
            yield row
