"""What follows when a stage fails on one record: another try, a record less, or the task's end.

Kafka Connect's error handling (KIP-298). A RetriableError is tried again until
`errors.retry.timeout` is over; what fails for good is passed over under `errors.tolerance=all`
and ends the task otherwise. Other than in Kafka, a retriable failure that lasts ends the task
under `none`, too: there the record is lost without a word.

A stage gets the records of a batch one after the other, in one plain loop. When it fails on one,
that record alone is tried again or passed over, and the loop goes on behind it: a stage with a
memory of its own sees each record once, however many others fail, and a RetriableError is the only
reason to see one again.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import venvoy_api
from venvoy_host.control import class_name, message_of, stacktrace
from venvoy_host.logs import framework_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from venvoy_host.session import Session

    Loop = Callable[[Iterator[Any], list[Any]], None]

__all__ = [
    "FAILED",
    "Origin",
    "Outcome",
    "Step",
    "StopError",
    "Tolerance",
    "looping",
    "retry_delay_ms",
]

FAILED: Any = object()
"""Stands in the place of what a stage would have made of a record that is passed over."""

_log = framework_logger("venvoy.errors")
_DELAY_MIN_MS = 300
_DOUBLINGS_MAX = 40
_TELL_S = 1.0
_MAX_CHARACTERS = 8 * 1024
_COUNTS = (
    "total-record-failures",
    "total-record-errors",
    "total-records-skipped",
    "total-retries",
    "total-errors-logged",
)


def retry_delay_ms(attempt: int, longest_ms: int) -> int:
    """Return how long to wait after an attempt, from 1: 300 ms and double it, as in Kafka.

    Beyond the longest it is a random time below it, so that many tasks do not come back at once.
    """
    delay_ms = _DELAY_MIN_MS << min(attempt - 1, _DOUBLINGS_MAX)
    if delay_ms <= longest_ms:
        return delay_ms
    return random.randrange(longest_ms) if longest_ms else 0  # noqa: S311


def looping(work: Callable[[Any], Any]) -> Loop:
    """Return the loop of a stage that does `work` to each item."""

    def loop(items: Iterator[Any], done: list[Any]) -> None:
        for item in items:
            done.append(work(item))  # noqa: PERF401  # keeps what came before an exception

    return loop


class StopError(Exception):
    """A stop came while a record waited for its next try: the batch is left where it is."""


class Origin(NamedTuple):
    """Where a sink's record was read."""

    topic: str
    partition: int
    offset: int
    timestamp: int | None
    timestamp_type: str

    def __str__(self) -> str:
        """Return Kafka's words for it in its log."""
        text = f"consumed record is {{topic='{self.topic}', partition={self.partition}"
        text += f", offset={self.offset}"
        if self.timestamp is not None:
            text += f", timestamp={self.timestamp}, timestampType={self.timestamp_type}"
        return text + "}"


class Step(NamedTuple):
    """One stage with one batch: `loop` takes `items` and appends a result for each of them.

    `record` tells which record a row is: an Origin for a sink, the SourceRecord for a source.
    `stage` is Kafka's name, `plugin` the object whose class is to be named.
    """

    stage: str
    plugin: object
    loop: Loop
    items: Sequence[Any]
    record: Callable[[int], Any]


class Outcome(NamedTuple):
    """What a stage made of a batch: one result for each row, FAILED for those passed over.

    With `fatal`, which ends the task, there are results only for the rows before it.
    """

    results: list[Any]
    failures: int
    fatal: Exception | None


class Tolerance:
    """The error handling of one host. `settings` is the start message's `errors`.

    Without settings every failure ends the task as it is, and no session is needed. `letters` are
    dead letters that wait to be sent, `fatal` is the first failure that was too much.
    """

    def __init__(self, session: Session | None, settings: dict[str, Any] | None) -> None:
        self._session = session
        self._settings = settings
        self._told = time.monotonic()
        self._has_news = False
        self.letters: list[dict[str, Any]] = []
        self.fatal: Exception | None = None
        self.counts = dict.fromkeys(_COUNTS, 0)

    @property
    def keeps_letters(self) -> bool:
        """Whether there is a dead letter topic."""
        return bool(self._settings and self._settings["dead_letters"])

    @property
    def is_reported(self) -> bool:
        """Whether a failure leaves a trace anywhere: in the log or among dead letters."""
        return bool(self.keeps_letters or (self._settings and self._settings["log_enable"]))

    def run(self, step: Step) -> Outcome:
        """Have a stage take a batch."""
        done: list[Any] = []
        failures = 0
        left = iter(step.items)
        while True:
            try:
                step.loop(left, done)
            except Exception as error:  # noqa: BLE001, PERF203  # once for each failure
                result, fatal = self._recover(error, len(done), step)
                if fatal is not None:
                    return Outcome(done, failures, fatal)
                failures += result is FAILED
                done.append(result)
            else:
                return Outcome(done, failures, None)

    def refuse(self, outcome: Outcome, row: int, error: Exception, step: Step) -> Outcome:
        """Take back the result of a row, which is not what it must be; return the new outcome."""
        self._count("total-record-failures")
        fatal = self._pass_over(error, row, step)
        if fatal is not None:
            return Outcome(outcome.results[:row], outcome.failures, fatal)
        outcome.results[row] = FAILED
        return outcome._replace(failures=outcome.failures + 1)

    def report(
        self, stage: str, plugin: type, error: BaseException, record: Origin
    ) -> dict[str, Any] | None:
        """Take a record that the task itself gives up; raises ConnectError if none may be.

        Returns the dead letter to be sent, None without a topic for it. From any thread.
        """
        self._count("total-record-failures")
        self._tell_of(stage, plugin, error, record)
        if not self._tolerates:
            self._count("total-record-errors")
            exceeded = _exceeded(error)
            self.fatal = self.fatal or exceeded
            raise exceeded
        return _letter(stage, plugin, error, record) if self.keeps_letters else None

    def tell(self, *, at_once: bool = False) -> float | None:
        """Tell the worker the counts if they changed, at most once a second.

        Returns in how many seconds there is something to tell, or None.
        """
        if not self._has_news:
            return None
        left = self._told + _TELL_S - time.monotonic()
        if left > 0 and not at_once:
            return left
        self._has_news = False
        self._told = time.monotonic()
        if self._session is not None:
            self._session.control.send({"type": "errors", **self.counts})
        return None

    @property
    def _tolerates(self) -> bool:
        return bool(self._settings and self._settings["tolerance"] == "all")

    def _recover(self, error: Exception, row: int, step: Step) -> tuple[Any, Exception | None]:
        """Return the result of later tries or FAILED, and what ends the task."""
        if self._settings is None:
            return FAILED, error
        timeout_ms = self._settings["retry_timeout_ms"]
        deadline = None if timeout_ms < 0 else time.monotonic() + timeout_ms / 1000
        attempt = 1
        while True:
            self._count("total-record-failures")
            if not isinstance(error, venvoy_api.RetriableError):
                break
            if deadline is not None and time.monotonic() >= deadline:
                break
            if self._session is not None:
                self._session.tell_retrying(error)
            self._back_off(attempt, deadline)
            attempt += 1
            self._count("total-retries")
            again: list[Any] = []
            try:
                step.loop(iter(step.items[row : row + 1]), again)
                return again[0], None
            except Exception as raised:  # noqa: BLE001  # as in `run`
                error = raised
        return FAILED, self._pass_over(error, row, step)

    def _back_off(self, attempt: int, deadline: float | None) -> None:
        longest_ms = self._settings["retry_delay_max_ms"] if self._settings else 0
        delay_s = retry_delay_ms(attempt, longest_ms) / 1000
        if deadline is not None:
            delay_s = max(0.0, min(delay_s, deadline - time.monotonic()))
        self.tell()
        if self._session is not None and not self._session.rest(delay_s):
            raise StopError

    def _pass_over(self, error: Exception, row: int, step: Step) -> Exception | None:
        """Give a record up; return what ends the task if that may not be."""
        if self._settings is None:
            return error
        self._count("total-record-errors")
        plugin, record = type(step.plugin), step.record(row)
        self._tell_of(step.stage, plugin, error, record)
        if not self._tolerates:
            self.fatal = _exceeded(error)
            return self.fatal
        self._count("total-records-skipped")
        if self.keeps_letters and isinstance(record, Origin):
            self.letters.append(_letter(step.stage, plugin, error, record))
        return None

    def _tell_of(self, stage: str, plugin: type, error: BaseException, record: object) -> None:
        settings = self._settings
        if settings is None or not settings["log_enable"]:
            return
        self._count("total-errors-logged")
        where = ""
        if settings["log_include_messages"]:
            text = str(record) if isinstance(record, Origin) else _source_text(record)
            where = f", where {text}"
        _log.error(
            "Error encountered in task %s-%s. Executing stage '%s' with class '%s'%s.",
            settings["connector"],
            settings["task"],
            stage,
            class_name(plugin),
            where,
            exc_info=error,
        )

    def _count(self, name: str) -> None:
        self.counts[name] += 1
        self.counts["last-error-timestamp"] = int(time.time() * 1000)
        self._has_news = True


def _letter(stage: str, plugin: type, error: BaseException, record: Origin) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "stage": stage,
        "class": class_name(plugin),
        "exception": class_name(type(error)),
        "message": message_of(error),
        "stacktrace": stacktrace(error),
    }


def _exceeded(error: BaseException) -> Exception:
    exceeded = venvoy_api.ConnectError("Tolerance exceeded in error handler")
    exceeded.__cause__ = error
    return exceeded


def _source_text(record: object) -> str:
    """Return a source's record as KIP-298 wants it: all of it, but not more than a log can take."""
    partition = getattr(record, "source_partition", None)
    offset = getattr(record, "source_offset", None)
    try:
        text = f"{record!r} headers={list(getattr(record, 'headers', ()))!r}"
    except Exception as error:  # noqa: BLE001  # a plugin's __repr__
        text = f"a {type(record).__name__} that cannot be shown ({type(error).__name__})"
    return f"source record is = {text[:_MAX_CHARACTERS]} from {partition!r} at {offset!r}"
