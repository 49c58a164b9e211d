"""What tests of moves share: plugins that break in a version, and ways to wait for a move."""

import asyncio

from launcher.interface.motion import Move, MoveState
from launcher.interface.views import State
from launcher.worker.standing import StandingWorker
from tests.launcher.pipelines import PLUGINS, values
from tests.worker.standing import Stand, counter, until, until_state

__all__ = ["broken_start", "counted", "moving", "until_moved", "until_proved"]

_ENDLESS = {"count": "1000000000", "pause_s": "0.02"}


def moving(version: str | None, **keys: str) -> dict[str, str]:
    """A source that counts on and on, at a version."""
    at = {} if version is None else {"connector__version": version}
    return counter(**{**_ENDLESS, **at, **keys})


async def until_moved(worker: StandingWorker, name: str, *states: MoveState) -> Move:
    """Wait until the last move has come to one of these states; return it."""

    def come() -> Move | None:
        move = worker.last_move(name)
        return move if move is not None and move.state in states else None

    await until(come)
    found = come()
    assert found is not None
    return found


async def until_proved(worker: StandingWorker, number: int) -> None:
    """Wait until the generation is there, and all that it started has proved healthy."""
    while not [
        one
        for one in await worker.generations("numbers")
        if one.number == number and one.outcome is MoveState.DONE
    ]:
        await until_state(worker, "numbers", State.RUNNING, State.RUNNING)
        await asyncio.sleep(0.02)


def broken_start(text: str) -> str:
    """The plugins with a task that does that first in `start`."""
    return PLUGINS.replace(
        "class CounterTask(SourceTask):\n    def start(self, props):\n",
        f"class CounterTask(SourceTask):\n    def start(self, props):\n        {text}\n",
    )


def counted(stand: Stand, topic: str = "numbers") -> list[int]:
    """The numbers in the log, in order, which a lone source counts up from 0."""
    return [one["n"] for one in values(stand.log_file, topic)]  # type: ignore[index]
