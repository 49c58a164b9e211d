"""Connectors of a standing worker: made, paused, stopped, restarted, deleted."""

import asyncio

import pytest

from launcher.interface.faults import ConnectorExistsError, NotFoundError, RequestError
from launcher.interface.views import State, TargetState
from launcher.worker.standing import StandingWorker
from tests.launcher.pipelines import lines_of, values
from tests.worker.standing import Stand, counter, steered, until, until_state, writer

RUNNING, PAUSED, STOPPED, FAILED = State.RUNNING, State.PAUSED, State.STOPPED, State.FAILED
RESTARTING = State.RESTARTING


def numbers(stand: Stand) -> list[int]:
    """What stands in the topic, in order."""
    return [one["n"] for one in values(stand.log_file)]  # type: ignore[index]


def counted(worker: StandingWorker, name: str) -> tuple[int, int]:
    """The records that went into and out of a connector's only task."""
    (one,) = [one for one in worker.counters() if one.connector == name]
    return one.records_in, one.records_out


def test_a_connector_is_made_runs_moves_records_and_stops(stand: Stand) -> None:
    stand.plugin()
    out = stand.directory / "out.jsonl"

    async def body(worker: StandingWorker) -> None:
        made = await worker.create("numbers", counter())
        assert made.as_json() == {
            "name": "numbers",
            "config": {**counter(), "name": "numbers"},
            "tasks": [],
            "type": "source",
        }
        await worker.create("written", writer(out))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await until_state(worker, "written", RUNNING, RUNNING)
        await until(lambda: len(lines_of(out)) == 50)
        assert worker.info("numbers").tasks == (0,)
        await worker.stop("numbers")
        await worker.stop("numbers")
        await until_state(worker, "numbers", STOPPED)
        assert worker.tasks("numbers") == ()
        await until_state(worker, "written", RUNNING, RUNNING)
        await until(lambda: counted(worker, "written") == (50, 50))  # an ack comes after its put

    stand.run(body)
    assert numbers(stand) == list(range(50))


def test_a_pause_keeps_the_tasks_and_moves_nothing_until_the_resume(stand: Stand) -> None:
    stand.plugin()
    out = stand.directory / "out.jsonl"

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", steered(pid_file=str(stand.directory / "pid")))
        await worker.create("written", writer(out))
        await until(lambda: lines_of(out))
        for name in ("numbers", "written"):
            await worker.pause(name)
            await worker.pause(name)
            await until_state(worker, name, PAUSED, PAUSED)
        pid = (stand.directory / "pid").read_text()
        end = await stand.end()
        count = len(lines_of(out))
        await asyncio.sleep(0.5)  # nothing can be awaited: nothing is to happen
        assert (await stand.end(), len(lines_of(out))) == (end, count)
        for name in ("written", "numbers"):
            await worker.resume(name)
            await worker.resume(name)
            await until_state(worker, name, RUNNING, RUNNING)
        await until(lambda: len(lines_of(out)) > count + 20)
        assert (stand.directory / "pid").read_text() == pid
        await worker.stop("numbers")
        await until_state(worker, "numbers", STOPPED)

    stand.run(body)
    assert numbers(stand) == list(range(len(numbers(stand))))


@pytest.mark.parametrize(
    ("asked", "state"), [(TargetState.PAUSED, PAUSED), (TargetState.STOPPED, STOPPED)]
)
def test_a_connector_can_be_made_paused_or_stopped_and_has_no_tasks_then(
    stand: Stand, asked: TargetState, state: State
) -> None:
    stand.plugin()

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", counter(), initial_state=asked)
        await until_state(worker, "numbers", state)
        assert worker.info("numbers").tasks == ()
        await worker.resume("numbers")
        await until_state(worker, "numbers", RUNNING, RUNNING)

    stand.run(body)


def test_a_plain_restart_is_the_connector_s_own_and_leaves_its_tasks(stand: Stand) -> None:
    stand.plugin()

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", steered())
        await until_state(worker, "numbers", RUNNING, RUNNING)
        status = await worker.restart("numbers")
        assert [status.connector.state, status.tasks[0].state] == [RESTARTING, RUNNING]
        await until(lambda: stand.heard.starts("numbers") == 2)
        assert stand.heard.starts("numbers-0") == 1
        status = await worker.restart("numbers", include_tasks=True)
        assert [status.connector.state, status.tasks[0].state] == [RESTARTING, RESTARTING]
        await until(lambda: stand.heard.starts("numbers-0") == 2)
        await until_state(worker, "numbers", RUNNING, RUNNING)
        status = await worker.restart("numbers", include_tasks=True, only_failed=True)
        assert [status.connector.state, status.tasks[0].state] == [RUNNING, RUNNING]
        assert stand.heard.starts("numbers") == 3

    stand.run(body)


def test_a_restart_of_what_is_paused_leaves_it_paused(stand: Stand) -> None:
    stand.plugin()
    pid, polled = stand.directory / "pid", stand.directory / "polled"

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", steered(pid_file=str(pid), polled_file=str(polled)))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await worker.pause("numbers")
        await until_state(worker, "numbers", PAUSED, PAUSED)
        before, end = pid.read_text(), int(polled.read_text()) if polled.exists() else 0
        while await stand.end() < end:  # what was polled still arrives
            await asyncio.sleep(0.02)
        status = await worker.restart("numbers", include_tasks=True)
        assert [status.connector.state, status.tasks[0].state] == [RESTARTING, RESTARTING]
        await until_state(worker, "numbers", PAUSED, PAUSED)
        await worker.restart_task("numbers", 0)
        await until_state(worker, "numbers", PAUSED, PAUSED)
        assert pid.read_text() != before
        assert await stand.end() == end
        await worker.resume("numbers")
        await until_state(worker, "numbers", RUNNING, RUNNING)
        assert stand.heard.starts("numbers") == 2  # a paused connector is not started

    stand.run(body)


def test_only_the_failed_are_restarted_when_asked_for_so(stand: Stand) -> None:
    stand.plugin()
    tasks, fault = stand.directory / "tasks", stand.directory / "fault"
    tasks.write_text("a b")

    async def body(worker: StandingWorker) -> None:
        config = steered(tasks_file=str(tasks), tasks__max="2", unstartable_task_file=str(fault))
        await worker.create("numbers", config)
        await until_state(worker, "numbers", RUNNING, RUNNING, RUNNING)
        fault.touch()
        await worker.restart_task("numbers", 1)
        await until_state(worker, "numbers", RUNNING, RUNNING, FAILED)
        fault.unlink()
        status = await worker.restart("numbers", include_tasks=True, only_failed=True)
        states = [status.connector.state, *(one.state for one in status.tasks)]
        assert states == [RUNNING, RUNNING, RESTARTING]
        await until_state(worker, "numbers", RUNNING, RUNNING, RUNNING)
        assert [stand.heard.starts(f"numbers-{task}") for task in (0, 1)] == [1, 2]

    stand.run(body)


def test_a_deleted_connector_is_gone_its_offsets_stay_and_its_name_is_free(stand: Stand) -> None:
    stand.plugin()

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", counter())
        await until(lambda: worker.counters() and worker.counters()[0].records_out == 50)
        await worker.delete("numbers")
        assert worker.connectors() == ()
        with pytest.raises(NotFoundError, match="Connector numbers not found"):
            worker.info("numbers")
        made = await worker.create("numbers", counter(count="60"))
        assert made.tasks == ()
        await until(lambda: worker.counters() and worker.counters()[0].records_out == 10)
        (row,) = await worker.offsets("numbers")
        assert row == {"partition": {"task": "0"}, "offset": {"next": 60}}

    stand.run(body)
    assert numbers(stand) == list(range(60))


def test_what_cannot_be_is_refused_in_kafka_s_words(stand: Stand) -> None:
    stand.plugin()

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", counter(), initial_state=TargetState.STOPPED)
        with pytest.raises(ConnectorExistsError, match="Connector numbers already exists"):
            await worker.create("numbers", counter())
        with pytest.raises(
            RequestError,
            match=r"Connector name configuration \(b\) doesn't match connector name in the URL "
            r"\(a\)",
        ):
            await worker.put_config("a", {**counter(), "name": "b"})
        with pytest.raises(NotFoundError, match="Unknown connector nobody"):
            await worker.pause("nobody")
        with pytest.raises(NotFoundError, match="No status found for connector nobody"):
            worker.status("nobody")
        with pytest.raises(NotFoundError, match="No status found for task numbers-0"):
            worker.task_status("numbers", 0)
        with pytest.raises(NotFoundError):
            await worker.restart_task("numbers", 0)
        assert worker.connectors() == ("numbers",)

    stand.run(body)


def test_a_stop_is_graceful_first_and_then_not(stand: Stand) -> None:
    stand.plugin()
    polling = stand.directory / "polling"

    async def body(worker: StandingWorker) -> None:
        config = counter(fault="stubborn", fault_at="1", polling_file=str(polling))
        await worker.create("numbers", config)
        await until(polling.exists)
        await worker.stop("numbers")
        await until_state(worker, "numbers", STOPPED)

    stand.run(body, shutdown_timeout_s=0.5)
