"""Moves: a connector goes to other versions, proves healthy there, or goes back by itself.

A move is asked for by `move_requests`, which keep what the connector was as its `fallback` in the
store. Until the move has ended the store holds both, so that a worker that is killed takes the move
up again at its next start, and finishes it or goes back.
"""

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from launcher.configs.config_keys import MOVE_TIMEOUT
from launcher.configs.version_keys import (
    pinned,
)
from launcher.hosts.host import HostDiedError
from launcher.interface.move import MoveState
from launcher.interface.views import StageVersion
from launcher.storage.worker_store import Fallback, StoredConnector
from launcher.worker.generations import Generations
from launcher.worker.preparing import Prepared
from manager.errors import ProblemsError, VenvoyError

__all__ = ["MoveTimedOutError", "Moves", "reason_of"]

_ATTEMPTS = 3
_FROM_OUTSIDE = frozenset(
    -number for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
)


class MoveTimedOutError(VenvoyError):
    """What a move has started did not prove healthy in time."""

    code = "move-timed-out"

    def __init__(self, *, timeout_s: float, waited_for: str) -> None:
        super().__init__(waited_for)
        self.timeout_s = timeout_s
        self.waited_for = waited_for

    @property
    def message(self) -> str:
        """The time, and what did not happen in it."""
        return f"it was not healthy within {self.timeout_s:g} s: {self.waited_for}"

    @property
    def hint(self) -> str:
        """What to change if it is only slow."""
        return f"give it more time with `{MOVE_TIMEOUT}`, or mend the plugin"


class Movable(Protocol):
    """The connector, as a move sees it. What waits ends when something else is asked for."""

    generations: Generations

    @property
    def stored(self) -> StoredConnector:
        """What is stored of it."""
        ...

    async def change(self, make: Callable[[StoredConnector], StoredConnector]) -> None:
        """Store another, made of what it is then."""
        ...

    def prepared_for(self, fallback: Fallback) -> Prepared | None:
        """Return what runs, or ran last, if it was prepared for that config."""
        ...

    async def make_ready(self, stored: StoredConnector) -> Prepared:
        """Make and verify its environments, and touch nothing; raises VenvoyError."""
        ...

    async def make_way(self) -> None:
        """Stop what runs, offsets committed."""
        ...

    async def launch(self, prepared: Prepared, *, timeout_s: float, until: float) -> None:
        """Stop what still runs, and start this; return when all is healthy.

        `until` is on the loop's clock; raises VenvoyError, and leaves what it has started.
        """
        ...

    def fail(self, error: VenvoyError) -> None:
        """Show it FAILED."""
        ...

    def tell(self, text: str, level: str) -> None:
        """Say something of it in the log."""
        ...

    def masked(self, text: str) -> str:
        """Return a text without the secrets of its config."""
        ...


class Moves:
    """Carries out the moves of one connector, one after the other."""

    def __init__(self, connector: Movable, *, timeout_s: float) -> None:
        """`timeout_s` is for connectors that set no `move.timeout.ms`."""
        self._connector = connector
        self._timeout_s = timeout_s
        self._ran: tuple[Fallback, Prepared] | None = None
        self._has_launched = False

    async def move(self, fallback: Fallback) -> None:
        """Try the config that is stored; go back to the fallback when it is not healthy in time.

        When something else is asked for meanwhile, call it again, if there is still a fallback.
        """
        connector = self._connector
        asked = connector.stored
        self._remember(fallback)
        try:
            fresh = await connector.make_ready(asked)
        except VenvoyError as error:
            await self._go_back(fallback, asked, error)
            return
        await self._say_started(fallback, asked, fresh)
        try:
            await self._launch(fresh)
        except VenvoyError as error:
            await self._go_back(fallback, asked, error)
            return
        await self._finish(asked, fresh)

    def _remember(self, fallback: Fallback) -> None:
        """Keep what ran before the move: its environments are there whatever the path holds."""
        if self._ran is not None and self._ran[0] == fallback:
            return
        running = self._connector.prepared_for(fallback)
        self._ran = None if running is None else (fallback, running)
        self._has_launched = False

    def _forget(self) -> None:
        self._ran = None
        self._has_launched = False

    async def _say_started(
        self, fallback: Fallback, asked: StoredConnector, fresh: Prepared
    ) -> None:
        """Store that the old versions give way now."""
        connector = self._connector
        generations = connector.generations
        number = await generations.record(connector.stored, fresh)
        known = generations.get(fallback.generation)
        before, after = _moving(known.versions if known else (), fresh.versions)
        await connector.generations.settle_between(fallback.generation, number)

        def started(now: StoredConnector) -> StoredConnector:
            if now.config != asked.config or now.last_move is None:
                return now
            move = replace(
                now.last_move,
                state=MoveState.STARTING,
                to_generation=number,
                from_version=before,
                to_version=after,
            )
            return replace(now, generation=number, locked=fresh.locked, last_move=move)

        await connector.change(started)
        is_same = before == after
        connector.tell(
            f"starts anew at {after}" if is_same else f"moves from {before} to {after}", "INFO"
        )

    async def _launch(self, prepared: Prepared) -> None:
        """Launch it, again when something outside has killed a host of it; raises VenvoyError.

        Its time begins when what ran before has stopped: how long that takes is not its fault.
        """
        self._has_launched = True
        await self._connector.make_way()
        timeout_s = self._timeout(prepared)
        until = asyncio.get_running_loop().time() + timeout_s
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._connector.launch(prepared, timeout_s=timeout_s, until=until)
            except HostDiedError as error:
                if error.returncode not in _FROM_OUTSIDE or attempt == _ATTEMPTS:
                    raise
                self._connector.tell(f"{error.message}; it is started again", "WARNING")
            else:
                return

    async def _finish(self, asked: StoredConnector, fresh: Prepared) -> None:
        connector = self._connector
        number = connector.stored.generation
        await connector.generations.settle(number, MoveState.DONE)

        def done(now: StoredConnector) -> StoredConnector:
            if now.config != asked.config or now.last_move is None:
                return now  # another move is asked for, which has the same fallback
            return replace(
                now, fallback=None, last_move=replace(now.last_move, state=MoveState.DONE)
            )

        await connector.change(done)
        if connector.stored.fallback is None:
            self._forget()
        move = connector.stored.last_move
        is_same = move is not None and move.from_version == move.to_version
        version = move.to_version if move else fresh.version
        connector.tell(f"{'started anew at' if is_same else 'moved to'} {version}", "INFO")

    async def _go_back(
        self, fallback: Fallback, asked: StoredConnector, error: VenvoyError
    ) -> None:
        """Store that the fallback is asked for again, then start it if it does not run."""
        connector = self._connector
        reason = connector.masked(reason_of(error))
        number = connector.stored.generation
        if number != fallback.generation:
            await connector.generations.settle(number, MoveState.RETURNED, reason)

        def returned(now: StoredConnector) -> StoredConnector:
            return now if now.config != asked.config else _returned(now, fallback, reason)

        await connector.change(returned)
        if connector.stored.fallback is not None:
            return  # another config is asked for
        move = connector.stored.last_move
        connector.tell(f"goes back to {move.from_version if move else ''}: {reason}", "ERROR")
        ran, is_running = self._ran, self._ran is not None and not self._has_launched
        self._forget()
        if not is_running:
            await self._start_again(fallback, ran[1] if ran is not None else None)

    async def _start_again(self, fallback: Fallback, ran: Prepared | None) -> None:
        """Start what ran before; after a worker's end it is prepared as the versions were then."""
        connector = self._connector
        try:
            if ran is None:
                known = connector.generations.get(fallback.generation)
                exact = known.exact if known is not None else {}
                stored = connector.stored
                ran = await connector.make_ready(
                    replace(stored, config=pinned(stored.config, exact))
                )
            await self._launch(ran)
        except MoveTimedOutError as error:
            connector.tell(error.message, "WARNING")
        except VenvoyError as error:
            connector.fail(error)
        finally:
            self._forget()

    def _timeout(self, prepared: Prepared) -> float:
        text = prepared.plan.config.get(MOVE_TIMEOUT)
        return self._timeout_s if text is None else int(text) / 1000


def reason_of(error: VenvoyError) -> str:
    """Return what happened and what to do about it, of all problems there are."""
    if isinstance(error, ProblemsError):
        return "; ".join(map(reason_of, error.problems))
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _returned(now: StoredConnector, fallback: Fallback, reason: str) -> StoredConnector:
    move = now.last_move
    return replace(
        now,
        config=fallback.config,
        password_keys=fallback.password_keys,
        asked_by=fallback.asked_by,
        generation=fallback.generation,
        locked=fallback.locked,
        fallback=None,
        last_move=move and replace(move, state=MoveState.RETURNED, reason=reason),
    )


def _moving(before: Sequence[StageVersion], after: Sequence[StageVersion]) -> tuple[str, str]:
    """Return the connector's versions before and after; of other plugins when it stays."""
    old, new = ({(one.role, one.alias): one.version for one in all_} for all_ in (before, after))
    own = ("connector", None)
    places = [place for place in new if place != own and old.get(place, new[place]) != new[place]]
    if old.get(own) != new[own] or not places:
        return old.get(own, ""), new[own]
    texts = (
        ", ".join(f"{place[1] or place[0]} {versions[place]}" for place in places)
        for versions in (old, new)
    )
    return next(texts), next(texts)
