"""Moves: a connector goes to another version, and back by itself when that is not healthy."""

from launcher.worker.motion import MoveState
from launcher.worker.standing import StandingWorker
from launcher.worker.views import State
from tests.launcher.pipelines import PLUGINS, values
from tests.worker.standing import Stand, counter, until, until_state, until_task_version

RUNNING = State.RUNNING
ENDLESS = {"count": "1000000000", "pause_s": "0.02"}


def moving(version: str, **keys: str) -> dict[str, str]:
    """A source that counts on and on, at a version."""
    return counter(**{**ENDLESS, "connector__version": version, **keys})


async def until_moved(worker: StandingWorker, name: str, state: MoveState) -> None:
    """Wait until the last move has come to that state."""

    def has_come() -> bool:
        move = worker.last_move(name)
        return move is not None and move.state is state

    await until(has_come)


def broken_start(text: str) -> str:
    """The plugins with a task that raises in `start`."""
    return PLUGINS.replace(
        "class CounterTask(SourceTask):\n    def start(self, props):\n",
        f"class CounterTask(SourceTask):\n    def start(self, props):\n        {text}\n",
    )


def counted(stand: Stand, topic: str = "numbers") -> list[int]:
    """The numbers in the log, in order, which the sources under test count up from 0."""
    return [one["n"] for one in values(stand.log_file, topic)]  # type: ignore[index]


def test_a_version_that_fails_in_start_gives_way_to_the_one_before(stand: Stand) -> None:
    stand.plugin("1.0")
    stand.plugin("2.0", **{"acme.py": broken_start("raise ValueError('no start today')")})

    async def body(worker: StandingWorker) -> None:
        await worker.create("numbers", moving("1.0"))
        await until_state(worker, "numbers", RUNNING, RUNNING)
        end = await stand.end()
        await worker.put_config("numbers", moving("2.0"))
        await until_moved(worker, "numbers", MoveState.RETURNED)
        status = worker.status("numbers")
        move = status.last_move
        assert move is not None
        assert (move.from_version, move.to_version) == ("1.0", "2.0")
        assert (move.from_generation, move.to_generation) == (1, 2)
        assert "no start today" in (move.reason or "")
        assert worker.config("numbers")["connector.version"] == "1.0"
        await until_task_version(worker, "numbers", "1.0")
        await until_state(worker, "numbers", RUNNING, RUNNING)
        while await stand.end() < end + 50:
            await until_state(worker, "numbers", RUNNING, RUNNING)
        shown = [
            (one.number, one.outcome, one.is_current) for one in await worker.generations("numbers")
        ]
        assert shown == [(2, MoveState.RETURNED, False), (1, MoveState.DONE, True)]

    stand.run(body)
    numbers = counted(stand)
    assert numbers == list(range(len(numbers)))
