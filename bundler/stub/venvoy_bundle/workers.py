"""Work shared among processes, so that a first start uses the cores there are.

Processes rather than threads: writing many small files is Python's work, and threads would take
turns at it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["share"]

_MOST_PROCESSES = 4


def share(sizes: Sequence[int], work: Callable[[int], None]) -> None:
    """Call `work` with each index of `sizes`, spread over processes by size; one is this one.

    Raises what `work` raised, wherever it was, once all processes have ended.
    """
    loads = _spread(sizes, max(1, min(_MOST_PROCESSES, _cores(), len(sizes))))
    children = [_start(load, work) for load in loads[:-1]]
    errors: list[BaseException] = []
    try:
        for index in loads[-1]:
            work(index)
    except BaseException as error:  # noqa: BLE001  # raised again below
        errors.append(error)
    for child, pipe in children:
        errors.extend(_errors_of(child, pipe))
    if errors:
        raise errors[0]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _spread(sizes: Sequence[int], count: int) -> list[list[int]]:
    """Return the indexes of each of `count` loads, the lightest load last."""
    loads: list[tuple[int, list[int]]] = [(0, []) for _ in range(count)]
    for index in sorted(range(len(sizes)), key=lambda one: -sizes[one]):
        weight, load = loads.pop()
        loads.append((weight + sizes[index], [*load, index]))
        loads.sort(key=lambda one: -one[0])
    return [load for _, load in loads]


def _start(load: list[int], work: Callable[[int], None]) -> tuple[int, int]:
    """Start a child on its load; return its id and a pipe that tells its error, if any."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    try:
        for index in load:
            work(index)
        os._exit(0)
    except BaseException as error:  # noqa: BLE001  # told to the parent, which raises it
        _tell(writing, error)
    finally:
        os._exit(1)


def _tell(pipe: int, error: BaseException) -> None:
    import pickle

    with os.fdopen(pipe, "wb") as stream:
        stream.write(pickle.dumps(error))


def _errors_of(child: int, pipe: int) -> list[BaseException]:
    """Wait for a child; return what went wrong in it, if anything did."""
    with os.fdopen(pipe, "rb") as stream:
        told = stream.read()
    _, status = os.waitpid(child, 0)
    if status == 0:
        return []
    if not told:
        return [OSError(f"a process that unpacks wheels ended with status {status}")]
    import pickle

    return [pickle.loads(told)]  # noqa: S301  # our own child wrote it
