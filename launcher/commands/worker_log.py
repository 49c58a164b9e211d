"""What a standing worker says while it runs: lines with time and level on stderr, as Kafka's.

::

    [2026-11-21 06:40:01,123] INFO [airports-0] read 120 rows (acme_csv.reader)

A thread of its own writes them: a terminal that is held, or a pipe that nobody reads, does not hold
the worker. What such a reader is too slow for is dropped, and counted.
"""

import logging
import threading
import time
from collections.abc import Callable

from launcher import render
from launcher.hosts.host_output import OutputStream
from launcher.tasks.runtime import Event
from launcher.worker.logger_levels import WORKER_LOGGER, LoggerLevels
from manager.errors import VenvoyError

__all__ = ["WorkerLog"]

_MAX_CHARACTERS = 8 * 1024 * 1024
_LINE_COST = 100  # what a short line takes besides its characters
_CLOSE_S = 2.0
_TALKATIVE = ("filelock", "python_discovery", "virtualenv", "watchfiles")
_KAFKAS = {"WARNING": "WARN", "CRITICAL": "FATAL"}


class WorkerLog:
    """Takes the worker's callbacks, and Python's `logging`; prints what the levels let through.

    `mask` hides what must not be told.
    """

    def __init__(
        self, levels: LoggerLevels, *, mask: Callable[[str], str] = lambda text: text
    ) -> None:
        self._levels = levels
        self._mask = mask
        self._waiting = _Waiting()
        self._handler = _Handler(self)
        root = logging.getLogger()
        root.addHandler(self._handler)
        root.setLevel(logging.INFO)
        for library in _TALKATIVE:  # they tell each step that they take
            logging.getLogger(library).setLevel(logging.WARNING)
        logging.captureWarnings(capture=True)
        self._thread = threading.Thread(target=self._write, name="venvoy-words", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what is left, but do not wait for a reader that does not read."""
        logging.getLogger().removeHandler(self._handler)
        self._waiting.close()
        self._thread.join(_CLOSE_S)

    def line(self, task: str, stream: OutputStream, text: str) -> None:
        """A line that plugin code wrote to stdout or stderr."""
        self._levels.saw(stream)
        if self._levels.is_told(stream, "INFO"):
            self._tell("INFO", task, text, stream)

    def event(self, event: Event) -> None:
        """A log record of a plugin, or a change of state."""
        if event.kind == "log":
            self._levels.saw(event.logger)
        logger = event.logger or WORKER_LOGGER
        if self._levels.is_told(logger, event.level):
            self._tell(event.level, event.subject, event.text, logger)

    def say(self, text: str, *, level: str = "INFO", subject: str = "") -> None:
        """Something that the worker itself has to tell."""
        if self._levels.is_told(WORKER_LOGGER, level):
            self._tell(level, subject, text, WORKER_LOGGER)

    def fault(self, error: VenvoyError, *, level: str = "ERROR", subject: str = "") -> None:
        """Something that went wrong, with what to do about it."""
        hint = f"\n    hint: {error.hint}" if error.hint else ""
        self.say(f"{error.message}{hint}", level=level, subject=subject)

    def record(self, record: logging.LogRecord, text: str) -> None:
        """A record of this process's own `logging`: a library of the worker's."""
        self._tell(record.levelname, "", text, record.name)

    def _tell(self, level: str, subject: str, text: str, logger: str) -> None:
        now = time.time()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        name = f"[{subject}] " if subject else ""
        millis = int(now * 1000) % 1000
        head = f"[{stamp},{millis:03}] {_KAFKAS.get(level, level)} {name}"
        first, *others = self._mask(text).split("\n")
        # Each further line with the head of its record: what collects logs takes them line by line.
        lines = [f"{head}{first} ({logger})", *(f"{head}{line}" for line in others)]
        self._waiting.put("\n".join(lines))

    def _write(self) -> None:
        """Print lines, many at once where many wait, until the end is asked for."""
        while lines := self._waiting.take():
            render.log_lines(lines)


class _Waiting:
    """Lines on their way to the thread that writes them; what there is no room for is counted."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._lines: list[str] = []
        self._characters = 0
        self._dropped = 0
        self._is_closed = False

    def put(self, line: str) -> None:
        """Add a line, if there is room."""
        with self._changed:
            if self._characters + len(line) > _MAX_CHARACTERS:
                self._dropped += 1
                return
            self._lines.append(line)
            self._characters += len(line) + _LINE_COST
            self._changed.notify()

    def take(self) -> list[str]:
        """Wait for lines and return all; none once it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._is_closed)
            lines, self._lines, self._characters = self._lines, [], 0
            if self._dropped:
                lines.append(f"… {self._dropped} lines were dropped: nobody read them in time")
                self._dropped = 0
            return lines

    def close(self) -> None:
        """Let `take` return what is left, and then nothing."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()


class _Handler(logging.Handler):
    """Passes this process's records on."""

    def __init__(self, log: WorkerLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._log.record(record, self.format(record))
        except Exception:  # noqa: BLE001  # a library's bad format string must not end the worker
            self.handleError(record)
