"""Requests one after the other, faster than they can be followed: in the end all is as asked."""

import asyncio
import random
from functools import partial

import pytest

from launcher.interface.views import State, TargetState
from launcher.worker.standing import StandingWorker
from tests.launcher.pipelines import lines_of, values
from tests.worker.standing import Stand, steered, until, until_state, writer

RUNNING, PAUSED, STOPPED = State.RUNNING, State.PAUSED, State.STOPPED
COUNT = 3000


async def ask(
    worker: StandingWorker, name: str, dice: random.Random, config: dict[str, str]
) -> None:
    """Ask for one thing."""
    match dice.randrange(8):
        case 0:
            await worker.pause(name)
        case 1:
            await worker.resume(name)
        case 2:
            await worker.stop(name)
        case 3:
            await worker.restart(name, include_tasks=dice.random() < 0.5)
        case 4:
            await worker.put_config(name, {**config, "turn": str(dice.randrange(3))})
        case 5:
            await worker.delete(name)
            await worker.create(name, config)
        case 6:
            for task in worker.tasks(name):
                await worker.restart_task(name, task.task)
        case _:
            await asyncio.sleep(dice.random() / 5)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_asked_the_last_word_holds_and_no_record_is_lost(
    stand: Stand, seed: int
) -> None:
    stand.plugin()
    out = stand.directory / "out.jsonl"
    configs = {
        "numbers": steered(count=str(COUNT), batch="5", tasks__max="2"),
        "written": writer(out, tasks__max="2"),
    }
    dice = random.Random(seed)

    async def body(worker: StandingWorker) -> None:
        for name, config in configs.items():
            await worker.create(name, config)
        for _ in range(60):
            name = dice.choice([*configs])
            await ask(worker, name, dice, configs[name])
        for name, state in (("numbers", PAUSED), ("written", STOPPED)):
            await (worker.pause(name) if state is PAUSED else worker.stop(name))
            await until(partial(_is_at_rest, worker, name, state))
        for name, config in configs.items():
            await worker.put_config(name, config)
            await worker.resume(name)
            await until_state(worker, name, RUNNING, RUNNING)
        while await stand.end() < COUNT or (await sink_end(worker)) < COUNT:
            await asyncio.sleep(0.05)

    stand.run(body)
    assert [one["n"] for one in values(stand.log_file)] == list(range(COUNT))  # type: ignore[index]
    written = [line[3]["n"] for line in lines_of(out)]  # type: ignore[index]
    assert sorted(set(written)) == list(range(COUNT))
    stand.run(_all_run)


def _is_at_rest(worker: StandingWorker, name: str, state: State) -> bool:
    """A pause may find tasks or not: their start may have been on its way."""
    status = worker.status(name)
    states = [one.state for one in status.tasks]
    return status.connector.state is state and states == [PAUSED] * len(worker.tasks(name))


async def sink_end(worker: StandingWorker) -> int:
    """The offset that the sink has committed."""
    rows = await worker.offsets("written")
    offsets = [row["offset"] for row in rows]
    return max((int(one["kafka_offset"]) for one in offsets if isinstance(one, dict)), default=0)


async def _all_run(worker: StandingWorker) -> None:
    for name in ("numbers", "written"):
        await until_state(worker, name, RUNNING, RUNNING)
        assert worker.info(name).config["name"] == name


def test_requests_at_once_for_one_connector_are_taken_one_after_the_other(stand: Stand) -> None:
    stand.plugin()

    async def body(worker: StandingWorker) -> None:
        made = await asyncio.gather(
            *(worker.create("numbers", steered(turn=str(turn))) for turn in range(5)),
            return_exceptions=True,
        )
        assert [type(one).__name__ for one in made].count("ConnectorInfo") == 1
        assert [type(one).__name__ for one in made].count("ConnectorExistsError") == 4
        await asyncio.gather(
            *(worker.put_config("numbers", steered(turn=str(turn))) for turn in range(5)),
            worker.pause("numbers"),
            worker.restart("numbers", include_tasks=True),
            worker.stop("numbers"),
            worker.resume("numbers"),
        )
        await until_state(worker, "numbers", RUNNING, RUNNING)
        last = worker.config("numbers")
        assert worker.tasks("numbers")[0].config["turn"] == last["turn"]

    stand.run(body)


def test_a_request_that_is_broken_off_is_done_or_not_done_at_all(stand: Stand) -> None:
    stand.plugin()

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", steered(), initial_state=TargetState.PAUSED)
        deleting = asyncio.create_task(worker.delete("numbers"))
        await asyncio.sleep(0)
        deleting.cancel()
        await asyncio.wait((deleting,))
        assert worker.connectors() == ()
        await worker.create("numbers", steered())
        stopping = asyncio.create_task(worker.stop("numbers"))
        await asyncio.sleep(0)
        stopping.cancel()
        await until_state(worker, "numbers", STOPPED)

    stand.run(body)
