"""The generations of one connector: each config that it ran with, what that came to, its fate."""

import time
from dataclasses import replace

from launcher.configs.secrets import hide
from launcher.interface.motion import Generation
from launcher.interface.move import MoveState
from launcher.storage.generations import KEPT, StoredGeneration
from launcher.storage.worker_store import WORKER, StoredConnector, WorkerStore
from launcher.worker.preparing import Prepared

__all__ = ["Generations"]


class Generations:
    """Records generations in the store, and has them at hand; `load` them first."""

    def __init__(self, name: str, store: WorkerStore) -> None:
        self._name = name
        self._store = store
        self._known: dict[int, StoredGeneration] = {}

    async def load(self) -> None:
        """Read what the store has."""
        self._known = {one.number: one for one in await self._store.generations(self._name)}

    @property
    def next_number(self) -> int:
        """The number of the next one."""
        return max(self._known, default=0) + 1

    def get(self, number: int) -> StoredGeneration | None:
        """Return a generation, None when there is none, or none any more."""
        return self._known.get(number)

    def last_good(self, *, before: int) -> StoredGeneration | None:
        """Return the last one before that number that has proved healthy."""
        good = [
            one
            for number, one in self._known.items()
            if number < before and one.outcome is MoveState.DONE
        ]
        return max(good, key=lambda one: one.number, default=None)

    async def record(self, stored: StoredConnector, prepared: Prepared) -> int:
        """Keep what a connector is about to run with, unless it is what it has now.

        Returns the number.
        """
        now = self._known.get(stored.generation)
        if (
            now is not None
            and now.outcome is not MoveState.RETURNED
            and now.config == stored.config
            and now.versions == prepared.versions
            and now.plugin_digests == prepared.plugin_digests
        ):
            return now.number
        made = StoredGeneration(
            number=self.next_number,
            config=stored.config,
            password_keys=stored.password_keys,
            versions=prepared.versions,
            exact=prepared.exact,
            plugin_digests=prepared.plugin_digests,
            environment_digests=prepared.environment_digests,
            at=int(time.time() * 1000),
            asked_by=WORKER if now and now.config == stored.config else stored.asked_by,
            outcome=MoveState.STARTING,
        )
        await self._put(made)
        for number in [one for one in self._known if one <= made.number - KEPT]:
            if number != stored.generation:
                del self._known[number]
        return made.number

    async def settle(self, number: int, outcome: MoveState, reason: str | None = None) -> None:
        """Keep how a generation fared, if it is still to be told."""
        known = self._known.get(number)
        if known is not None and known.outcome is not MoveState.DONE:
            changed = replace(known, outcome=outcome, reason=reason)
            if changed != known:
                await self._put(changed)

    async def settle_between(self, after: int, before: int) -> None:
        """Those that another config has come before never ran to the end of their trial."""
        for number in range(after + 1, before):
            known = self._known.get(number)
            if known is not None and known.outcome is MoveState.STARTING:
                reason = known.reason or "another config was asked for meanwhile"
                await self.settle(number, MoveState.RETURNED, reason)

    def seen(self, *, current: int) -> tuple[Generation, ...]:
        """Return all as they may be shown, the newest first."""
        return tuple(
            Generation(
                number=number,
                config=hide(one.config, one.password_keys),
                versions=one.versions,
                plugin_digests=one.plugin_digests,
                environment_digests=one.environment_digests,
                at=one.at,
                by=one.asked_by,
                is_current=number == current,
                outcome=one.outcome,
                reason=one.reason,
            )
            for number, one in sorted(self._known.items(), reverse=True)
        )

    async def _put(self, generation: StoredGeneration) -> None:
        self._known[generation.number] = generation
        await self._store.put_generation(self._name, generation)
