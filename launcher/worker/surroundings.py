"""What all connectors of one standing worker share."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from launcher.storage.worker_store import WorkerStore
from launcher.worker.preparing import Preparer

__all__ = ["Surroundings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The worker as its connectors see it.

    `keep` runs something to its end beside everything else, in the order of the calls. `tell`
    takes a subject, a text and a level. `tracks_topics` is whether the topics that a connector
    uses are remembered (KIP-558). `move_timeout_s` is for connectors that say nothing of it.
    """

    preparer: Preparer
    store: WorkerStore
    worker_id: Callable[[], str]
    keep: Callable[[Coroutine[object, object, None]], None]
    tell: Callable[[str, str, str], None]
    tracks_topics: bool = True
    move_timeout_s: float = 60.0
