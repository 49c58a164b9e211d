"""AH09, AH10: AbstractHerderTest, what a standing worker says and does about versions."""

import asyncio
import shutil
from collections.abc import Mapping

from launcher.interface.views import State, TargetState
from launcher.worker.standing import StandingWorker
from tests.launcher.pipelines import values
from tests.worker.standing import Stand, counter, steered, until, until_state, until_task_version

RUNNING, STOPPED, FAILED = State.RUNNING, State.STOPPED, State.FAILED
PINNED = {**counter(connector__version="1.0"), "name": "numbers"}


def take_version_away(stand: Stand) -> None:
    """Run a connector pinned to 1.0 once; then only 2.0 is left on the plugin path."""
    location = stand.plugin("1.0")

    async def make(worker: StandingWorker) -> None:
        await worker.create("numbers", PINNED)
        await until(lambda: worker.counters() and worker.counters()[0].records_out == 50)

    stand.run(make)
    shutil.move(location, stand.directory / "away")
    stand.plugin("2.0")


def test_AH09_a_connector_whose_version_is_gone_is_unknown_until_it_takes_another(
    stand: Stand,
) -> None:
    take_version_away(stand)

    async def body(worker: StandingWorker) -> None:
        await until_state(worker, "numbers", FAILED, FAILED)
        assert worker.status("numbers").type == "unknown"
        await worker.create("others", counter(topic="others"))
        await until_state(worker, "others", RUNNING, RUNNING)
        await worker.patch_config("numbers", {"connector.version": "2.0", "count": "60"})
        await until_state(worker, "numbers", RUNNING, RUNNING)
        assert worker.status("numbers").type == "source"
        while await stand.end() < 60:
            await asyncio.sleep(0.02)

    stand.run(body)
    found = [one["n"] for one in values(stand.log_file)]  # type: ignore[index]
    assert found == list(range(60))


def test_AH09b_a_connector_without_a_class_is_unknown(stand: Stand) -> None:
    _is_unknown(stand, {"name": "numbers"})


def test_AH09c_a_connector_with_an_empty_config_is_unknown(stand: Stand) -> None:
    _is_unknown(stand, {})


def _is_unknown(stand: Stand, config: Mapping[str, str]) -> None:
    """As only a damaged file, or another venvoy's, can have it."""
    stand.plugin()

    async def make(worker: StandingWorker) -> None:
        await worker.create("numbers", counter(), initial_state=TargetState.STOPPED)
        await until_state(worker, "numbers", STOPPED)

    stand.run(make)
    stand.rewrite("numbers", config)

    async def look(worker: StandingWorker) -> None:
        await worker.resume("numbers")
        await until_state(worker, "numbers", FAILED)
        assert worker.status("numbers").type == worker.info("numbers").type == "unknown"
        trace = worker.status("numbers").connector.trace
        assert trace is not None
        assert "connector.class" in trace

    stand.run(look)


def test_AH09d_its_status_is_served_and_says_why(stand: Stand) -> None:
    take_version_away(stand)

    async def body(worker: StandingWorker) -> None:
        await until_state(worker, "numbers", FAILED, FAILED)
        status = worker.status("numbers")
        for trace in (status.connector.trace, status.tasks[0].trace):
            assert trace is not None
            assert "no installed version of `acme.Counter` matches `1.0`" in trace
            assert "installed: 2.0" in trace
        assert status.connector.version == "1.0"  # what ran last
        assert worker.task_status("numbers", 0) == status.tasks[0]

    stand.run(body)


def test_AH09e_its_info_config_tasks_and_offsets_are_served(stand: Stand) -> None:
    take_version_away(stand)

    async def body(worker: StandingWorker) -> None:
        info = worker.info("numbers")
        assert (info.type, info.tasks, info.config) == ("unknown", (0,), PINNED)
        assert worker.config("numbers") == PINNED
        assert [one.config["count"] for one in worker.tasks("numbers")] == ["50"]
        rows = await worker.offsets("numbers")
        assert rows == ({"partition": {"task": "0"}, "offset": {"next": 50}},)

    stand.run(body)


def test_AH10_a_change_of_the_version_alone_restarts_the_tasks(stand: Stand) -> None:
    stand.plugin("1.0")
    stand.plugin("2.0")
    tasks = stand.directory / "tasks"
    tasks.write_text("a")

    async def body(worker: StandingWorker) -> None:
        config = steered(tasks_file=str(tasks), connector__version="1.0")
        await worker.put_config("numbers", config)
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await worker.put_config("numbers", {**config, "connector.version": "2.0"})
        await until_task_version(worker, "numbers", "2.0")
        await until_state(worker, "numbers", RUNNING, RUNNING)
        assert stand.heard.starts("numbers-0") == 2
        assert worker.status("numbers").connector.version == "2.0"

    stand.run(body)
