"""Dead letters: records that a sink's task passed over, kept in a topic of their own (KIP-298)."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from launcher.hosts.control import Message
from launcher.storage.topic_log import TopicLog
from manager.errors import VenvoyError

__all__ = ["DeadLetters"]

_PREFIX = "__connect.errors."
_PARTITION = 0
_AT_ONCE = 16
_REQUESTS = "deadletterqueue-produce-requests"
_FAILURES = "deadletterqueue-produce-failures"


class DeadLetters:
    """The dead letters of one task, appended in the order in which its host sends them.

    Each is the record as the log has it, before any converter saw it; with `context_headers` its
    own headers are followed by those that tell what went wrong, in which `mask` hides secrets. They
    go into partition 0 of `topic`. `on_answer` is called with the host's number of each once it is
    on disk, or with the number and why it cannot be: then nothing may be committed any more.
    """

    def __init__(
        self,
        topic: str,
        *,
        context_headers: bool,
        connector: str,
        task: int,
        log: TopicLog,
        mask: Callable[[str], str],
        on_answer: Callable[[int, VenvoyError | None], None],
    ) -> None:
        self._topic = topic
        self._context_headers = context_headers
        self._connector = connector
        self._task = task
        self._log = log
        self._mask = mask
        self._on_answer = on_answer
        self._storing: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(_AT_ONCE)  # a whole frame is read for each
        self._failure: VenvoyError | None = None
        self._counts = {_REQUESTS: 0, _FAILURES: 0}

    @property
    def counts(self) -> Mapping[str, int]:
        """How many were to be stored and how many could not, by Kafka's names."""
        return dict(self._counts)

    def take(self, message: Message) -> None:
        """Begin to store the record of a `dead_letter` message."""
        self._counts[_REQUESTS] += 1
        storing = asyncio.get_running_loop().create_task(self._store(message))
        self._storing.add(storing)
        storing.add_done_callback(self._storing.discard)

    async def settled(self) -> None:
        """Wait until everything taken so far is on disk: what no commit may run ahead of.

        Raises:
            VenvoyError: something of it could not be stored, now or at any time before.
        """
        if self._storing:
            await asyncio.wait(tuple(self._storing))
        if self._failure is not None:
            raise self._failure

    async def _store(self, message: Message) -> None:
        number, offset = int(str(message["number"])), int(str(message["offset"]))
        topic, partition = str(message["topic"]), int(str(message["partition"]))
        try:
            async with self._room:
                record = await self._log.record_at(topic, partition, offset)
                if self._context_headers:
                    record = replace(record, headers=(*record.headers, *self._headers(message)))
                await self._log.append_record(self._topic, _PARTITION, record)
        except VenvoyError as error:
            self._counts[_FAILURES] += 1
            self._failure = self._failure or error
            self._on_answer(number, error)
        else:
            self._on_answer(number, None)

    def _headers(self, message: Message) -> tuple[tuple[str, bytes], ...]:
        """Return Kafka's headers of a dead letter, in Kafka's order; numbers as text."""
        values = {
            "topic": message["topic"],
            "partition": message["partition"],
            "offset": message["offset"],
            "connector.name": self._connector,
            "task.id": self._task,
            "stage": message["stage"],
            "class.name": message["class"],
            "exception.class.name": message["exception"],
            "exception.message": self._mask(str(message["message"])),
            "exception.stacktrace": self._mask(str(message["stacktrace"])),
        }
        # A plugin's words may hold half of a surrogate pair, which UTF-8 cannot.
        return tuple(
            (_PREFIX + name, str(value).encode("utf-8", "backslashreplace"))
            for name, value in values.items()
        )
