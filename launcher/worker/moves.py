"""Moves: a connector goes to other versions, proves healthy there, or goes back by itself.

A move is asked for by `with_config`, which keeps what the connector was as its `fallback` in the
store. Until the move has ended the store holds both, so that a worker that is killed takes the move
up again at its next start, and finishes it or goes back.
"""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from launcher.configs.config_keys import MOVE_TIMEOUT
from launcher.configs.version_keys import differ_in_versions_only, kept_locks, pinned
from launcher.hosts.host import HostDiedError
from launcher.storage.worker_store import Fallback, StoredConnector
from launcher.worker.faults import NotFoundError
from launcher.worker.generations import Generations
from launcher.worker.move import Move, MoveState
from launcher.worker.preparing import Prepared
from launcher.worker.views import TargetState
from manager.errors import ProblemsError, VenvoyError

__all__ = [
    "MoveTimedOutError",
    "Moves",
    "reason_of",
    "refused",
    "rolled_back",
    "with_config",
]

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

    async def launch(self, prepared: Prepared, *, timeout_s: float, until: float) -> None:
        """Stop what runs, offsets committed, and start this; return when all is healthy.

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


def with_config(
    now: StoredConnector,
    to: StoredConnector,
    generations: Generations,
    *,
    is_rollback: bool = False,
) -> StoredConnector:
    """Return `now` with the config of `to`; as a move, when it is one.

    It is when the connector is STARTED and has run, and the change is a rollback, or touches only
    versions, or comes while another move goes on: that one's fallback stays.
    """
    changed = replace(
        now,
        config=to.config,
        password_keys=to.password_keys,
        asked_by=to.asked_by,
        locked=kept_locks(now.locked, before=now.config, after=to.config),
    )
    asked = is_rollback or differ_in_versions_only(now.config, to.config)
    is_started = now.target is TargetState.STARTED and now.generation > 0
    if not (is_started and (asked or now.fallback is not None)):
        return replace(changed, fallback=None, last_move=_given_up(now))
    fallback = now.fallback or Fallback(
        config=now.config,
        password_keys=now.password_keys,
        asked_by=now.asked_by,
        generation=now.generation,
        locked=now.locked,
    )
    move = Move(
        from_generation=fallback.generation,
        to_generation=generations.next_number,
        state=MoveState.PREPARING,
        from_version=_version(generations, fallback.generation),
        to_version=_asked_version(to),
        began_at=int(time.time() * 1000),
    )
    return replace(changed, fallback=fallback, last_move=move)


def refused(
    now: StoredConnector, to: StoredConnector, generations: Generations, *, reason: str
) -> StoredConnector:
    """Return `now` with a move to the config of `to` that never began."""
    if now.fallback is not None or not differ_in_versions_only(now.config, to.config):
        return now
    move = Move(
        from_generation=now.generation,
        to_generation=now.generation,
        state=MoveState.RETURNED,
        from_version=_version(generations, now.generation),
        to_version=_asked_version(to),
        began_at=int(time.time() * 1000),
        reason=reason,
    )
    return replace(now, last_move=move)


def rolled_back(
    now: StoredConnector, generations: Generations, *, to: int | None, by: str | None
) -> StoredConnector:
    """Return `now` with the config of an earlier generation, each version what it was then.

    By default the last one before this that proved healthy.

    Raises:
        NotFoundError: there is none.
    """
    if to is not None:
        chosen = generations.get(to)
        missing = f"Connector {now.name} has no generation {to}"
    else:
        is_ahead = now.fallback is not None and now.generation == now.fallback.generation
        chosen = generations.last_good(before=now.generation + is_ahead)
        missing = f"Connector {now.name} has no generation before this that proved healthy"
    if chosen is None:
        raise NotFoundError(missing, remedy="list them: GET /connectors/{name}/generations")
    return replace(
        now,
        config=pinned(chosen.config, chosen.exact),
        password_keys=chosen.password_keys,
        asked_by=f"rollback by {by}" if by else "rollback",
        locked={},
    )


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
        number = await connector.generations.record(connector.stored, fresh)
        await connector.generations.settle_between(fallback.generation, number)

        def started(now: StoredConnector) -> StoredConnector:
            if now.config != asked.config or now.last_move is None:
                return now
            move = replace(
                now.last_move,
                state=MoveState.STARTING,
                to_generation=number,
                to_version=fresh.version,
            )
            return replace(now, generation=number, locked=fresh.locked, last_move=move)

        await connector.change(started)
        before = _version(connector.generations, fallback.generation)
        connector.tell(f"moves from {before} to {fresh.version}", "INFO")

    async def _launch(self, prepared: Prepared) -> None:
        """Launch it, again when something outside has killed a host of it; raises VenvoyError."""
        timeout_s = self._timeout(prepared)
        until = asyncio.get_running_loop().time() + timeout_s
        for attempt in range(1, _ATTEMPTS + 1):
            self._has_launched = True
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
        connector.tell(f"moved to {fresh.version}", "INFO")

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
        version = _version(connector.generations, fallback.generation)
        connector.tell(f"goes back to {version}: {reason}", "ERROR")
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


def _given_up(now: StoredConnector) -> Move | None:
    """Return the last move, ended if it was under way."""
    if now.fallback is None or now.last_move is None:
        return now.last_move
    reason = "another config was asked for meanwhile"
    return replace(now.last_move, state=MoveState.RETURNED, reason=reason)


def _version(generations: Generations, number: int) -> str:
    """Return the connector's version of a generation; empty when that is forgotten."""
    known = generations.get(number)
    return known.versions[0].version if known is not None else ""


def _asked_version(to: StoredConnector) -> str:
    keys = ("connector.version", "connector.plugin.version")
    return next((to.config[key] for key in keys if key in to.config), "latest")
