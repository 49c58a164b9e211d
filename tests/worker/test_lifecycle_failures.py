"""What fails, fails alone, with its trace, and comes back when it is told to."""

import asyncio
import os
import signal

import pytest

from launcher.interface.faults import InvalidConnectorConfigError
from launcher.interface.views import State
from launcher.worker.standing import StandingWorker
from tests.launcher.pipelines import lines_of, values
from tests.worker.standing import STEERED, Stand, counter, steered, until, until_state, writer

RUNNING, PAUSED, STOPPED, FAILED = State.RUNNING, State.PAUSED, State.STOPPED, State.FAILED


def test_a_task_that_fails_stays_failed_with_its_traceback_and_others_go_on(stand: Stand) -> None:
    stand.plugin()
    fault, out = stand.directory / "fault", stand.directory / "out.jsonl"

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", steered(fault_file=str(fault)))
        await worker.create("others", steered(topic="others"))
        await worker.create("written", writer(out))
        await until(lambda: lines_of(out))
        fault.touch()
        await until_state(worker, "numbers", RUNNING, FAILED)
        task = worker.task_status("numbers", 0)
        assert task.trace is not None
        assert "Traceback (most recent call last):" in task.trace
        assert "ValueError: the task broke with nothing" in task.trace
        assert task.version == "1.0"
        end = await stand.end("others")
        await until_state(worker, "others", RUNNING, RUNNING)
        while await stand.end("others") <= end:
            await asyncio.sleep(0.02)
        assert worker.task_status("numbers", 0).state is FAILED
        fault.unlink()
        await worker.restart_task("numbers", 0)
        await until_state(worker, "numbers", RUNNING, RUNNING)
        assert worker.task_status("numbers", 0).trace is None
        await worker.stop("numbers")
        await until_state(worker, "numbers", STOPPED)

    stand.run(body)
    found = [one["n"] for one in values(stand.log_file)]  # type: ignore[index]
    assert found == list(range(len(found)))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_host_is_a_failed_task_and_a_restart_loses_and_doubles_nothing(
    stand: Stand, number: signal.Signals
) -> None:
    stand.plugin()
    pid = stand.directory / "pid"

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", steered(pid_file=str(pid), count="400"))
        for killed in (1, 2):
            await until_state(worker, "numbers", RUNNING, RUNNING)
            while await stand.end() < 100 * killed:
                await asyncio.sleep(0.02)
            os.kill(int(pid.read_text()), number)
            await until_state(worker, "numbers", RUNNING, FAILED)
            trace = worker.task_status("numbers", 0).trace
            assert trace is not None
            assert f"the host of `numbers-0` died with {number.name}" in trace
            await worker.restart_task("numbers", 0)
        while await stand.end() < 400:
            await asyncio.sleep(0.02)

    stand.run(body)
    found = [one["n"] for one in values(stand.log_file)]  # type: ignore[index]
    assert found == list(range(400))


def test_a_connector_that_does_not_start_is_failed_and_others_are_not(stand: Stand) -> None:
    stand.plugin()
    broken = stand.directory / "broken"
    broken.touch()

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", steered(unstartable_file=str(broken)))
        await worker.create("others", counter(topic="others"))
        await until_state(worker, "numbers", FAILED)
        await until_state(worker, "others", RUNNING, RUNNING)
        trace = worker.status("numbers").connector.trace
        assert trace is not None
        assert "it does not start" in trace
        assert "Traceback" in trace
        (said,) = [text for text in stand.heard.texts() if text.startswith("FAILED: ")]
        assert said.count("failed") == 0
        assert "it does not start" in said
        await worker.resume("numbers")
        broken.unlink()
        assert worker.status("numbers").connector.state is FAILED
        await worker.restart("numbers")
        await until_state(worker, "numbers", RUNNING, RUNNING)

    stand.run(body)


def test_tasks_come_back_after_a_restart_also_when_their_connector_does_not(
    stand: Stand,
) -> None:
    stand.plugin()
    broken = stand.directory / "broken"

    async def make(worker: StandingWorker) -> None:
        await worker.create("numbers", steered(unstartable_file=str(broken)))
        await until_state(worker, "numbers", RUNNING, RUNNING)

    async def look(worker: StandingWorker) -> None:
        await until_state(worker, "numbers", FAILED, RUNNING)
        end = await stand.end()
        while await stand.end() <= end:
            await asyncio.sleep(0.02)

    stand.run(make)
    broken.touch()
    stand.run(look)


def test_a_connector_may_say_that_it_failed_and_its_tasks_go_on(stand: Stand) -> None:
    stand.plugin()
    error = stand.directory / "error"

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", steered(error_file=str(error)))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        error.touch()
        await until_state(worker, "numbers", FAILED, RUNNING)
        trace = worker.status("numbers").connector.trace
        assert trace is not None
        assert "ValueError: told by the connector" in trace
        end = await stand.end()
        while await stand.end() <= end:
            await asyncio.sleep(0.02)
        error.unlink()
        await worker.restart("numbers")
        await until_state(worker, "numbers", RUNNING, RUNNING)

    stand.run(body)


def test_sy02_a_slow_build_holds_nobody_else_up(stand: Stand) -> None:
    """SY02: while one environment is made, others are made, run and are asked about."""
    stand.plugin()
    gate = stand.directory / "gate"
    wait = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.02)\n"
    stand.plugin("3.0", **{"acme_steered.py": wait + STEERED})

    async def body(worker: StandingWorker) -> None:
        config = counter(topic="slow", connector__version="3.0")
        making = asyncio.create_task(worker.create("slow", config))
        await asyncio.sleep(0)
        for name in ("numbers", "others"):
            await worker.create(name, counter(topic=name, connector__version="1.0"))
            await until_state(worker, name, RUNNING, RUNNING)
        assert not making.done()
        assert worker.connectors() == ("numbers", "others")
        gate.touch()
        assert (await making).name == "slow"
        await until_state(worker, "slow", RUNNING, RUNNING)

    stand.run(body)


def test_a_worker_that_ends_ends_what_it_is_making(stand: Stand) -> None:
    stand.plugin()
    entered = stand.directory / "entered"
    wait = (
        "import os, pathlib, time\n"
        f"pathlib.Path({str(entered)!r}).write_text(str(os.getpid()))\n"
        "time.sleep(3600)\n"
    )
    stand.plugin("3.0", **{"acme_steered.py": wait})

    async def body(worker: StandingWorker) -> None:
        making = asyncio.create_task(worker.create("slow", counter(connector__version="3.0")))
        await until(lambda: entered.exists() and entered.read_text())
        making.cancel()
        await asyncio.wait((making,))

    stand.run(body)
    with pytest.raises(ProcessLookupError):
        os.kill(int(entered.read_text()), 0)


@pytest.mark.parametrize("where", ["connector", "task"])
def test_what_hangs_while_it_starts_can_be_stopped_and_deleted(stand: Stand, where: str) -> None:
    stand.plugin()
    hanging = stand.directory / "hanging"

    async def body(worker: StandingWorker) -> None:
        key = "hang_file" if where == "connector" else "hang_task_file"
        await worker.create("numbers", steered(**{key: str(hanging)}))
        await until(hanging.exists)
        await worker.stop("numbers")
        await until_state(worker, "numbers", STOPPED)
        hanging.unlink()
        await worker.resume("numbers")
        await until(hanging.exists)
        await worker.delete("numbers")
        await worker.create("numbers", counter())
        await until_state(worker, "numbers", RUNNING, RUNNING)

    stand.run(body, shutdown_timeout_s=0.3)


def test_a_config_that_names_no_plugin_is_refused_with_every_fault(stand: Stand) -> None:
    stand.plugin()

    async def body(worker: StandingWorker) -> None:
        with pytest.raises(InvalidConnectorConfigError) as raised:
            await worker.create(
                "numbers", counter(value__converter="NoSuchConverter", tasks__max="0")
            )
        assert "2 error(s)" in raised.value.message
        assert worker.connectors() == ()

    stand.run(body)
