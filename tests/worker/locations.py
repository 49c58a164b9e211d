"""What a standing worker tells of the locations of its plugin path, awaited."""

from collections.abc import Callable
from pathlib import Path

from launcher.interface.motion import BuildState, LocationState
from launcher.interface.views import State
from launcher.worker.standing import StandingWorker
from tests.launcher.pipelines import values
from tests.worker.standing import Stand, steered, until, until_state


def state_of(worker: StandingWorker, location: Path) -> LocationState | None:
    """What is told of a location, None when it is not known."""
    found = (one for one in worker.locations() if one.path == str(location))
    return next(found, None)


def is_built(worker: StandingWorker, location: Path) -> bool:
    """Whether a location's environment is ready, with nothing to complain of."""
    state = state_of(worker, location)
    return state is not None and state.build is BuildState.READY and state.problem is None


async def until_told(
    worker: StandingWorker, location: Path, what: Callable[[LocationState], object]
) -> LocationState:
    """Wait until that holds of a location; return what is told of it then."""
    found: list[LocationState] = []

    def look() -> bool:
        state = state_of(worker, location)
        if state is not None and what(state):
            found.append(state)
        return bool(found)

    await until(look)
    return found[0]


def versions(worker: StandingWorker, class_name: str = "acme_steered.Steered") -> list[str]:
    """The versions of a plugin that are listed."""
    return [row.version for row in worker.plugins() if row.class_name == class_name]


async def start_pair(stand: Stand, worker: StandingWorker) -> Path:
    """Run two connectors at 1.0, one of which nobody touches; return the file with its pid."""
    pid = stand.directory / "pinned.pid"
    pinned = steered(connector__version="1.0", topic="pinned", pid_file=str(pid))
    await worker.create("pinned", pinned)
    await worker.create("walker", steered(connector__version="1.0", topic="walked"))
    for name in ("pinned", "walker"):
        await until_state(worker, name, State.RUNNING, State.RUNNING)
    await until(pid.exists)
    return pid


def assert_whole(stand: Stand, *topics: str) -> None:
    """Assert that each topic has every number once, in order, and some."""
    for topic in topics:
        found = [one["n"] for one in values(stand.log_file, topic)]  # type: ignore[index]
        assert found == list(range(len(found)))
        assert found
