"""Offsets of one connector, read, altered and forgotten, in Kafka Connect's shapes (KIP-875)."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

from launcher.hosts.control import PluginFailedError
from launcher.interface.faults import RequestError
from launcher.interface.views import Json, TargetState
from launcher.storage.topic_log import TopicLog, TopicPartition, canonical_json
from launcher.tasks.connector_host import ConnectorHost
from launcher.worker.managed_connector import ManagedConnector
from manager.errors import VenvoyError

__all__ = ["OffsetChanges", "parse_sink_offsets", "parse_source_offsets"]

_TOPIC, _PARTITION, _OFFSET = "kafka_topic", "kafka_partition", "kafka_offset"
_HOST_TIMEOUT_S = 90.0  # Kafka's limit of a REST request

SourceChange: TypeAlias = tuple[str, str | None]
"""A partition and its new offset as canonical JSON; None forgets it."""


class OffsetChanges:
    """What can be done to one connector's offsets; changes need it STOPPED."""

    def __init__(self, *, connector: ManagedConnector, log: TopicLog) -> None:
        self._connector = connector
        self._log = log

    async def read(self) -> tuple[Json, ...]:
        """Return the committed offsets; of a connector whose plugin is gone, whatever there is."""
        name = self._connector.name
        found: list[Json] = [
            {"partition": json.loads(partition), "offset": json.loads(offset)}
            for partition, offset in await self._log.source_offsets(name)
        ]
        sinks = await self._log.sink_offsets(name)
        for (topic, partition), offset in sorted(sinks.items()):
            place = {_TOPIC: topic, _PARTITION: partition}
            found.append({"partition": place, "offset": {_OFFSET: offset}})
        return tuple(found)

    async def alter(self, offsets: Sequence[Json]) -> str:
        """Change some offsets; return Kafka's message.

        Raises:
            RequestError: the connector is not STOPPED, refuses them, or they are malformed.
        """
        if not offsets:
            raise RequestError(
                "Partitions / offsets need to be provided for an alter offsets request"
            )
        async with _stopped(self._connector):
            kind = self._kind()
            if kind == "source":
                known = await self._alter_source(parse_source_offsets(offsets))
            else:
                known = await self._alter_sink(parse_sink_offsets(offsets))
        return _message("altered", known=known)

    async def reset(self) -> str:
        """Forget all offsets; return Kafka's message.

        Raises:
            RequestError: the connector is not STOPPED, or refuses.
        """
        name = self._connector.name
        async with _stopped(self._connector):
            if self._kind() == "source":
                pairs = await self._log.source_offsets(name)
                known = await self._ask([[json.loads(partition), None] for partition, _ in pairs])
                await self._log.delete_source_offsets(name)
            else:
                places = sorted(await self._log.sink_offsets(name))
                known = await self._ask([[*place, None] for place in places])
                await self._log.delete_sink_offsets(name)
        return _message("reset", known=known)

    async def _alter_source(self, changes: Sequence[SourceChange]) -> bool:
        known = await self._ask(
            [
                [json.loads(partition), None if offset is None else json.loads(offset)]
                for partition, offset in changes
            ]
        )
        await self._log.set_source_offsets(self._connector.name, changes)
        return known

    async def _alter_sink(self, changes: Mapping[TopicPartition, int | None]) -> bool:
        known = await self._ask([[*place, offset] for place, offset in changes.items()])
        await self._log.set_sink_offsets(self._connector.name, changes)
        return known

    def _kind(self) -> str:
        kind = self._connector.kind
        if kind == "unknown":
            raise RequestError(
                f"The offsets of connector {self._connector.name} cannot be modified: its plugin "
                "is not there to be asked"
            )
        return kind

    async def _ask(self, offsets: Sequence[object]) -> bool:
        """Have the connector take or refuse them, in a host for this alone."""
        try:
            async with asyncio.timeout(_HOST_TIMEOUT_S):
                return await self._ask_host(offsets)
        except PluginFailedError as error:
            raise RequestError(self._connector.masked(error.error.text)) from error
        except TimeoutError as error:
            raise RequestError(
                f"The connector did not answer within {_HOST_TIMEOUT_S:.0f} seconds"
            ) from error
        except VenvoyError as error:
            raise RequestError(self._connector.masked(error.message)) from error

    async def _ask_host(self, offsets: Sequence[object]) -> bool:
        connector = self._connector
        prepared = await connector.ready()
        plan = prepared.plan
        segment = next(one for one in plan.segments if plan.connector in one.stages)
        host = await ConnectorHost.start(plan, segment, prepared.runtime)
        try:
            return await host.alter_offsets(offsets)
        finally:
            await host.stop()


@asynccontextmanager
async def _stopped(connector: ManagedConnector) -> AsyncIterator[None]:
    """Hold a connector STOPPED; RequestError when it is not."""
    _check_stopped(connector)
    async with connector.at_rest():
        _check_stopped(connector)
        yield


def _check_stopped(connector: ManagedConnector) -> None:
    if connector.stored.target is not TargetState.STOPPED:
        raise RequestError(
            "Connectors must be in the STOPPED state before their offsets can be modified. "
            "This can be done for the specified connector by issuing a 'PUT' request to the "
            f"'/connectors/{connector.name}/stop' endpoint"
        )


def parse_source_offsets(offsets: Sequence[Json]) -> tuple[SourceChange, ...]:
    """Read what a request says of a source; RequestError when it is malformed."""
    changes: dict[str, str | None] = {}
    for row in offsets:
        partition, offset = row.get("partition"), row.get("offset")
        if not isinstance(partition, Mapping):
            raise RequestError("The partition for a source connector offset must be an object")
        if offset is not None and not isinstance(offset, Mapping):
            raise RequestError(
                "The offset for a source connector should either be null or an object"
            )
        written = None if offset is None else canonical_json(dict(offset))
        changes[canonical_json(dict(partition))] = written
    return tuple(changes.items())


def parse_sink_offsets(offsets: Sequence[Json]) -> dict[TopicPartition, int | None]:
    """Read what a request says of a sink, with Kafka's words for what is malformed (SinkUtils)."""
    return {_place(row.get("partition")): _sink_offset(row.get("offset")) for row in offsets}


def _place(partition: object) -> TopicPartition:
    if not isinstance(partition, Mapping):
        raise RequestError("The partition for a sink connector offset cannot be null or missing")
    if _TOPIC not in partition or _PARTITION not in partition:
        raise RequestError(
            f"The partition for a sink connector offset must contain the keys '{_TOPIC}' and "
            f"'{_PARTITION}'"
        )
    topic, number = partition[_TOPIC], partition[_PARTITION]
    if topic is None:
        raise RequestError("Kafka topic names must be valid strings and may not be null")
    if number is None:
        raise RequestError("Kafka partitions must be valid numbers and may not be null")
    return str(topic), _count("Partition", number)


def _sink_offset(offset: object) -> int | None:
    if offset is None:
        return None
    if not isinstance(offset, Mapping) or _OFFSET not in offset:
        raise RequestError(
            f"The offset for a sink connector should either be null or contain the key '{_OFFSET}'"
        )
    return _count("Offset", offset[_OFFSET])


def _count(what: str, value: object) -> int:
    """Return a number from 0 on; RequestError, for what is no integer in Kafka's words."""
    parsed = _integer(value)
    if parsed is not None and parsed >= 0:
        return parsed
    need = "need to be integers" if parsed is None else "must not be negative"
    raise RequestError(
        f"Failed to parse the following Kafka {what.lower()} value in the provided offsets: "
        f"'{value}'. {what} values for sink connectors {need}."
    )


def _integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    text = str(value)
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None


def _message(done: str, *, known: bool) -> str:
    if known:
        return f"The offsets for this connector have been {done} successfully"
    return (
        f"The Connect framework-managed offsets for this connector have been {done} successfully. "
        "However, if this connector manages offsets externally, they will need to be manually "
        f"{done} in the system that the connector uses."
    )
