"""Versions side by side, and workers one after the other on one storage file."""

import asyncio

from launcher.interface.views import State
from launcher.worker.standing import StandingWorker
from tests.launcher.pipelines import lines_of, values
from tests.worker.standing import Stand, steered, until, until_state, writer

RUNNING, PAUSED, STOPPED = State.RUNNING, State.PAUSED, State.STOPPED


def test_a_worker_on_the_same_file_brings_all_back_to_what_was_asked(stand: Stand) -> None:
    stand.plugin()
    out = stand.directory / "out.jsonl"

    async def make(worker: StandingWorker) -> None:
        await worker.create("numbers", steered())
        await worker.create("written", writer(out))
        for name in ("paused", "stopped"):
            await worker.create(name, steered(topic=name))
            await until_state(worker, name, RUNNING, RUNNING)
        await worker.pause("paused")
        await worker.stop("stopped")
        await until_state(worker, "paused", PAUSED, PAUSED)
        await until_state(worker, "stopped", STOPPED)
        await until(lambda: lines_of(out))

    async def look(worker: StandingWorker) -> None:
        assert worker.connectors() == ("numbers", "paused", "stopped", "written")
        assert worker.topics("numbers") == ("numbers",)
        clusters.append(worker.cluster_id)
        count = len(lines_of(out))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        await until_state(worker, "written", RUNNING, RUNNING)
        await until_state(worker, "paused", PAUSED, PAUSED)
        await until_state(worker, "stopped", STOPPED)
        assert worker.status("paused").tasks[0].version == "1.0"
        await until(lambda: len(lines_of(out)) > count + 10)
        end = await stand.end("paused")
        await worker.resume("paused")
        await until_state(worker, "paused", RUNNING, RUNNING)
        while await stand.end("paused") <= end:
            await asyncio.sleep(0.02)
        await worker.pause("paused")
        await until_state(worker, "paused", PAUSED, PAUSED)

    clusters: list[str] = []
    stand.run(make)
    stand.run(look)
    stand.run(look)
    assert clusters[0] == clusters[1]
    assert len(clusters[0]) == 22
    for topic in ("numbers", "paused"):
        found = [one["n"] for one in values(stand.log_file, topic)]  # type: ignore[index]
        assert found == list(range(len(found)))
    written = [line[3]["n"] for line in lines_of(out)]  # type: ignore[index]
    assert sorted(set(written)) == list(range(max(written) + 1))
