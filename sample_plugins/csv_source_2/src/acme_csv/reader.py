"""Reads the rows of one CSV file and knows at which byte each of them ends."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Optional

from acme_csv.settings import Settings
from venvoy_api import ConnectError, DataError

__all__ = ["BadRowError", "CsvFile", "Position"]


class Position(NamedTuple):
    """How far a file has been read: whole lines, and bytes."""

    line: int
    byte: int


class BadRowError(DataError):
    """One row cannot be used; reading can go on after it. Lines count from 1."""

    def __init__(self, *, file: str, first_line: int, last_line: int, reason: str) -> None:
        self.file = file
        self.first_line = first_line
        self.last_line = last_line
        self.reason = reason
        many = last_line > first_line
        lines = f"lines {first_line} to {last_line}" if many else f"line {first_line}"
        super().__init__(f"{file}, {lines}: {reason}")


class _Lines(Iterator[str]):
    """Decodes a stream line by line and counts what it took."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self.stream = stream
        self.position = Position(0, 0)
        self._encoding = encoding

    def __next__(self) -> str:
        raw = self.stream.readline()
        if not raw:
            raise StopIteration
        self.position = Position(self.position.line + 1, self.position.byte + len(raw))
        return raw.decode(self._encoding)


class CsvFile:
    """An open file with its columns. The caller closes it.

    Raises ConnectError when the file cannot be opened or its header is unusable.
    """

    def __init__(self, file: str, settings: Settings) -> None:
        self.file = file
        try:
            stream = Path(file).open("rb")  # noqa: SIM115  # closed by `close`
        except OSError as error:
            raise ConnectError(f"Cannot open {file}: {error.strerror}.") from error
        self._lines = _Lines(stream, settings.encoding)
        self._rows = csv.reader(
            self._lines,
            delimiter=settings.delimiter,
            quotechar=settings.quote,
            strict=True,
        )
        try:
            self.columns = settings.columns or self._header()
        except BaseException:
            self.close()
            raise

    def _header(self) -> tuple[str, ...]:
        try:
            names = self._next() or []
        except BadRowError as error:
            raise ConnectError(f"The header row is unusable: {error}.") from error
        columns = tuple(name.lstrip("\ufeff").strip() for name in names)
        if not columns or not all(columns):
            raise ConnectError(f"{self.file} has no header row, or a blank name in it.")
        if len(set(columns)) < len(columns):
            twice = sorted({name for name in columns if columns.count(name) > 1})
            raise ConnectError(f"{self.file} names a column twice: {', '.join(twice)}.")
        return columns

    @property
    def position(self) -> Position:
        """How far reading has got: after the last row that `read` returned or refused."""
        return self._lines.position

    def seek(self, position: Position) -> None:
        """Go on reading at a position that `position` told before; raises ConnectError."""
        size_bytes = Path(self.file).stat().st_size
        if position.byte > size_bytes:
            raise ConnectError(
                f"{self.file} has {size_bytes} bytes, but was read to byte {position.byte} before: "
                "it has been replaced or cut. Give the new file another name, or reset the "
                "connector's offsets."
            )
        self._lines.stream.seek(position.byte)
        self._lines.position = position

    def read(self) -> Optional[dict[str, str]]:
        """Return the next row by column, or None at the end; raises BadRowError."""
        first_line = self.position.line + 1
        values = self._next()
        if values is None:
            return None
        if len(values) != len(self.columns):
            raise self._bad(first_line, f"{len(values)} fields, not {len(self.columns)}")
        return dict(zip(self.columns, values))

    def _next(self) -> Optional[list[str]]:
        first_line = self.position.line + 1
        try:
            return next((row for row in self._rows if row), None)
        except (csv.Error, UnicodeDecodeError) as error:
            raise self._bad(first_line, str(error)) from error

    def _bad(self, first_line: int, reason: str) -> BadRowError:
        return BadRowError(
            file=self.file,
            first_line=first_line,
            last_line=self.position.line,
            reason=reason,
        )

    def close(self) -> None:
        """Close the file."""
        self._lines.stream.close()
