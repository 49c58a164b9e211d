"""Connectors of a standing worker: made, paused, stopped, restarted, changed, deleted."""

from pathlib import Path

from launcher.worker.standing import StandingWorker
from launcher.worker.views import State
from tests.launcher.pipelines import lines_of, values
from tests.worker.standing import Stand, counter, until, until_state, writer

RUNNING, PAUSED, STOPPED, FAILED = State.RUNNING, State.PAUSED, State.STOPPED, State.FAILED


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
        await until_state(worker, "numbers", STOPPED)
        assert worker.tasks("numbers") == ()
        await until_state(worker, "written", RUNNING, RUNNING)

    stand.run(body)
    assert [one["n"] for one in values(stand.log_file)] == list(range(50))  # type: ignore[index]
