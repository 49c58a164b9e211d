"""The task: reads its files one after the other, from where it stopped before."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Optional

from acme_csv.inference import column_types
from acme_csv.reader import BadRowError, CsvFile, Position
from acme_csv.rows import RowModel
from acme_csv.settings import Settings
from venvoy_api import ConnectError, DataError, SourceRecord, SourceTask, Struct

__all__ = ["TASK_FILES", "CsvSourceTask"]

TASK_FILES = "task.files"
"""The key that the connector adds to a task's configuration: a JSON list of paths."""

IDLE_WAIT_S = 0.5

log = logging.getLogger(__name__)


class CsvSourceTask(SourceTask):
    """Reads rows as structs of typed values."""

    def start(self, props: Mapping[str, str]) -> None:
        """Take the files; they are opened when their turn comes."""
        self._settings = Settings.of(props)
        self._files: list[str] = json.loads(props[TASK_FILES])
        self._stopping = Event()
        self._failure: Optional[ConnectError] = None
        self._drained = False
        self._records = self._read_files()

    def poll(self) -> Optional[Sequence[SourceRecord]]:
        """Return the next rows; after the end wait a little and return None.

        A bad row that fails the task does so after the rows before it have been handed over.
        """
        if self._failure is not None:
            raise self._failure
        if self._drained:
            self._stopping.wait(IDLE_WAIT_S)
            return None
        batch: list[SourceRecord] = []
        try:
            for record in self._records:
                batch.append(record)
                if len(batch) == self._settings.batch_size:
                    return batch
            self._drained = True
        except ConnectError as error:
            self._failure = error
            if not batch:
                raise
        return batch or None

    def drained(self) -> bool:
        """Whether every file has been read to its end."""
        return self._drained

    def stop(self) -> None:
        """Wake a waiting poll; the files close with the reading."""
        if hasattr(self, "_stopping"):
            self._stopping.set()

    def _read_files(self) -> Iterator[SourceRecord]:
        for file in self._files:
            opened = CsvFile(file, self._settings)
            try:
                self._resume(opened)
                yield from self._read_file(opened)
            finally:
                opened.close()

    def _resume(self, file: CsvFile) -> None:
        offset = self.context.offset_storage_reader().offset({"file": file.file})
        if offset is not None:
            file.seek(Position(int(offset["line"]), int(offset["byte"])))

    def _read_file(self, file: CsvFile) -> Iterator[SourceRecord]:
        settings = self._settings
        key_field = settings.key_field
        model = RowModel(column_types(file, settings), self._required(file))
        key_schema = model.schema_of(key_field) if key_field is not None else None
        topic = settings.topic.replace("${file}", Path(file.file).stem)
        for row in self._good_rows(file, model):
            yield SourceRecord(
                {"file": file.file},
                file.position._asdict(),
                topic,
                key_schema=key_schema,
                key=row.get(key_field) if key_field is not None else None,
                value_schema=model.schema,
                value=row,
            )

    def _required(self, file: CsvFile) -> frozenset[str]:
        """Return the columns that must not be blank; the key is one of them."""
        settings = self._settings
        named = {"required": settings.required, "types": tuple(settings.types)}
        if settings.key_field is not None:
            named["key.field"] = (settings.key_field,)
        for key, columns in named.items():
            for column in columns:
                if column not in file.columns:
                    raise ConnectError(
                        f"{file.file} has no column {column} ({key}); it has: "
                        f"{', '.join(file.columns)}."
                    )
        return frozenset((*settings.required, *named.get("key.field", ())))

    def _good_rows(self, file: CsvFile, model: RowModel) -> Iterator[Struct]:
        while True:
            try:
                row = _read_row(file, model)
            except BadRowError as error:
                if self._settings.on_error == "fail":
                    hint = "correct the row, or set on.error=skip to leave such rows out"
                    raise ConnectError(f"{error}; {hint}.") from error
                log.warning("Left out: %s.", error)
                continue
            if row is None:
                return
            yield row


def _read_row(file: CsvFile, model: RowModel) -> Optional[Struct]:
    first_line = file.position.line + 1
    row = file.read()
    if row is None:
        return None
    try:
        return model.struct(row)
    except DataError as error:
        raise BadRowError(
            file=file.file,
            first_line=first_line,
            last_line=file.position.line,
            reason=str(error),
        ) from error
