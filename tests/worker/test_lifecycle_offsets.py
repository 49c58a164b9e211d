"""Offsets of connectors: read, altered and reset, only while STOPPED, in Kafka's words."""

import asyncio

import pytest

from launcher.interface.faults import RequestError
from launcher.interface.views import State
from launcher.worker.standing import StandingWorker
from tests.launcher.pipelines import lines_of, values
from tests.worker.standing import Stand, counter, steered, until, until_lines, until_state, writer

RUNNING, STOPPED = State.RUNNING, State.STOPPED
NOT_STOPPED = (
    "Connectors must be in the STOPPED state before their offsets can be modified. This can be "
    "done for the specified connector by issuing a 'PUT' request to the "
    "'/connectors/numbers/stop' endpoint"
)
FRAMEWORK_ONLY = (
    "The Connect framework-managed offsets for this connector have been {0} successfully. "
    "However, if this connector manages offsets externally, they will need to be manually {0} in "
    "the system that the connector uses."
)


def source_offset(position: int | None, task: str = "0") -> dict[str, object]:
    """One row of a source's offsets."""
    offset = None if position is None else {"next": position}
    return {"partition": {"task": task}, "offset": offset}


def sink_offset(
    position: object, topic: str = "numbers", partition: object = 0
) -> dict[str, object]:
    """One row of a sink's offsets."""
    offset = None if position is None else {"kafka_offset": position}
    return {"partition": {"kafka_topic": topic, "kafka_partition": partition}, "offset": offset}


MALFORMED: list[tuple[list[dict[str, object]], str]] = [
    ([], "Partitions / offsets need to be provided for an alter offsets request"),
    (
        [{"partition": None, "offset": None}],
        "The partition for a sink connector offset cannot be null or missing",
    ),
    (
        [{"partition": {"kafka_topic": "a"}, "offset": None}],
        (
            "The partition for a sink connector offset must contain the keys 'kafka_topic' "
            "and 'kafka_partition'"
        ),
    ),
    (
        [{"partition": {"kafka_topic": "a", "kafka_partition": 0}, "offset": {"x": 1}}],
        ("The offset for a sink connector should either be null or contain the key 'kafka_offset'"),
    ),
    (
        [sink_offset(1, partition="one")],
        (
            "Failed to parse the following Kafka partition value in the provided offsets: "
            "'one'. Partition values for sink connectors need to be integers."
        ),
    ),
    (
        [sink_offset("many")],
        (
            "Failed to parse the following Kafka offset value in the provided offsets: "
            "'many'. Offset values for sink connectors need to be integers."
        ),
    ),
    (
        [sink_offset("-5")],
        (
            "Failed to parse the following Kafka offset value in the provided offsets: "
            "'-5'. Offset values for sink connectors must not be negative."
        ),
    ),
    (
        [sink_offset(5, partition=-1)],
        (
            "Failed to parse the following Kafka partition value in the provided offsets: "
            "'-1'. Partition values for sink connectors must not be negative."
        ),
    ),
]


def test_a_source_s_offsets_are_read_altered_and_reset(stand: Stand) -> None:
    stand.plugin()

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", counter())
        await until(lambda: worker.counters() and worker.counters()[0].records_out == 50)
        assert await worker.offsets("numbers") == (source_offset(50),)
        for change in (
            worker.alter_offsets("numbers", [source_offset(1)]),
            worker.reset_offsets("numbers"),
        ):
            with pytest.raises(RequestError) as raised:
                await change
            assert raised.value.message == NOT_STOPPED
        await worker.stop("numbers")
        told = await worker.alter_offsets(
            "numbers", [source_offset(48), source_offset(7, task="1")]
        )
        assert told == FRAMEWORK_ONLY.format("altered")
        assert await worker.offsets("numbers") == (source_offset(48), source_offset(7, task="1"))
        await worker.alter_offsets("numbers", [source_offset(None, task="1")])
        assert await worker.offsets("numbers") == (source_offset(48),)
        await worker.resume("numbers")
        await until(lambda: worker.counters() and worker.counters()[0].records_out == 2)
        await worker.stop("numbers")
        assert await worker.reset_offsets("numbers") == FRAMEWORK_ONLY.format("reset")
        assert await worker.offsets("numbers") == ()
        await worker.resume("numbers")
        await until(lambda: worker.counters() and worker.counters()[0].records_out == 50)

    stand.run(body)
    found = [one["n"] for one in values(stand.log_file)]  # type: ignore[index]
    assert found == [*range(50), 48, 49, *range(50)]


def test_a_sink_s_offsets_are_read_altered_and_reset(stand: Stand) -> None:
    stand.plugin()
    out = stand.directory / "out.jsonl"

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", counter())
        await worker.create("written", writer(out))
        while await worker.offsets("written") != (sink_offset(50),):
            await asyncio.sleep(0.02)
        await worker.stop("written")
        assert await worker.alter_offsets(
            "written", [sink_offset("45", partition="0"), sink_offset(3, topic="later")]
        ) == FRAMEWORK_ONLY.format("altered")
        assert await worker.offsets("written") == (
            sink_offset(3, topic="later"),
            sink_offset(45),
        )
        await worker.alter_offsets("written", [sink_offset(None, topic="later")])
        await worker.resume("written")
        await until_lines(out, 55)
        await worker.stop("written")
        assert await worker.reset_offsets("written") == FRAMEWORK_ONLY.format("reset")
        assert await worker.offsets("written") == ()
        await worker.resume("written")
        await until_lines(out, 105)

    stand.run(body)
    found = [line[3]["n"] for line in lines_of(out)]  # type: ignore[index]
    assert found == [*range(50), *range(45, 50), *range(50)]


def test_a_sink_s_offset_beyond_the_end_goes_on_at_the_first_record(stand: Stand) -> None:
    stand.plugin()
    out = stand.directory / "out.jsonl"

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", counter())
        await worker.create("written", writer(out, topics="numbers,later"))
        while await worker.offsets("written") != (sink_offset(50),):
            await asyncio.sleep(0.02)
        await worker.stop("written")
        beyond = [sink_offset(99999999), sink_offset(3, topic="later")]
        await worker.alter_offsets("written", beyond)
        await worker.resume("written")
        await until_lines(out, 100)
        while sink_offset(50) not in await worker.offsets("written"):
            await asyncio.sleep(0.02)
        await worker.stop("written")
        await worker.alter_offsets("written", [sink_offset(50), sink_offset(None, topic="later")])
        await worker.resume("written")
        await until_state(worker, "written", RUNNING, RUNNING)

    stand.run(body)
    assert [line[3]["n"] for line in lines_of(out)] == [*range(50)] * 2  # type: ignore[index]
    told = [(event.subject, event.text) for event in stand.heard.events if event.level == "WARNING"]
    goes_on = "reading goes on at its first record, offset 0"
    assert told == [
        ("written-0", f"offset 3 of `later-0` is beyond its end, 0: {goes_on}"),
        ("written-0", f"offset 99999999 of `numbers-0` is beyond its end, 50: {goes_on}"),
    ]


def test_a_connector_may_know_its_offsets_or_refuse_them(stand: Stand) -> None:
    stand.plugin()
    out = stand.directory / "out.jsonl"

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", steered(count="20"))
        careful = writer(out, connector__class="acme_steered.CarefulWriter")
        await worker.create("written", careful)
        await until_lines(out, 20)
        for name in ("numbers", "written"):
            await worker.stop(name)
        before = await worker.offsets("numbers")
        with pytest.raises(RequestError, match="an offset without next"):
            await worker.alter_offsets("numbers", [{"partition": {"task": "0"}, "offset": {}}])
        assert await worker.offsets("numbers") == before
        told = await worker.alter_offsets("numbers", [source_offset(5)])
        assert told == "The offsets for this connector have been altered successfully"
        with pytest.raises(RequestError, match="numbers has no offset 1001"):
            await worker.alter_offsets("written", [sink_offset(1001)])
        told = await worker.reset_offsets("written")
        assert told == "The offsets for this connector have been reset successfully"
        assert await worker.offsets("written") == ()

    stand.run(body)


def test_malformed_offsets_are_refused_in_kafka_s_words(stand: Stand) -> None:
    stand.plugin()

    async def body(worker: StandingWorker) -> None:
        await worker.create("written", writer(stand.directory / "out"))
        await worker.stop("written")
        for offsets, told in MALFORMED:
            with pytest.raises(RequestError) as raised:
                await worker.alter_offsets("written", offsets)
            assert raised.value.message == told
        assert await worker.offsets("written") == ()
        await until_state(worker, "written", STOPPED)

    stand.run(body)
