"""One connector of a standing worker: what was asked for, what is there, and the way between."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from launcher.interface.move import MoveState
from launcher.interface.views import (
    ConnectorState,
    ConnectorStatus,
    ConnectorType,
    StageVersion,
    State,
    TargetState,
)
from launcher.storage.worker_store import Fallback, StoredConnector
from launcher.worker.basis import Basis
from launcher.worker.connector_tasks import ConnectorTasks
from launcher.worker.following import Following, SupersededError
from launcher.worker.forecast import Forecast
from launcher.worker.generations import Generations
from launcher.worker.health import Health
from launcher.worker.move_requests import by_itself
from launcher.worker.moves import Moves, MoveTimedOutError, reason_of
from launcher.worker.own_host import OwnHost
from launcher.worker.preparing import exact_versions
from launcher.worker.surroundings import Surroundings
from launcher.worker.traces import trace_of
from manager.errors import VenvoyError

if TYPE_CHECKING:
    from launcher.worker.preparing import Prepared

__all__ = ["ManagedConnector"]


class ManagedConnector:
    """Follows what is asked of one connector; one thing after the other.

    A request changes `stored` or leaves a wish, and `_reconcile` brings what is there to it. What
    waits for a plugin is given up as soon as another config, a stop or a restart is asked for.
    """

    def __init__(self, stored: StoredConnector, around: Surroundings) -> None:
        self.stored = stored
        self.generations = Generations(stored.name, around.store)
        self._health = Health(self._settle_generation)
        self.tasks = ConnectorTasks(stored.name, around, keep=self._keep, health=self._health)
        self._moves = Moves(self, timeout_s=around.move_timeout_s)
        self._around = around
        self._changing = asyncio.Lock()
        self._following = Following(self._reconcile, on_failure=self.fail)
        self._basis = Basis(around.preparer, tell=self.tell)
        self._own = OwnHost(on_failure=self.fail, on_reconfigure=self._want_configs)
        self._state = ConnectorState(state=State.UNASSIGNED, worker_id=around.worker_id())
        self._forecast = Forecast(around.preparer, tell=self.tell)
        self._start_wanted = True
        self._configs_wanted = False
        self._tasks_wanted: set[int] = set()
        self._is_gone = False

    @property
    def name(self) -> str:
        """The connector's name."""
        return self.stored.name

    # -- what can be asked --------------------------------------------------------------------

    async def change(self, make: Callable[[StoredConnector], StoredConnector]) -> None:
        """Store another `stored`, made of what it is then; what is there does not follow yet.

        Whoever is cancelled while waiting leaves it to be done.
        """
        await asyncio.shield(asyncio.ensure_future(self._change(make)))

    async def _change(self, make: Callable[[StoredConnector], StoredConnector]) -> None:
        async with self._changing:
            changed = make(self.stored)
            if self._is_gone or changed is self.stored:
                return
            await self._around.store.put_connector(changed)
            self.stored = changed

    async def begin(self, *, after: "ManagedConnector | None" = None) -> None:
        """Take up what was stored, and follow; not before the `after` of the same name is gone."""
        store = self._around.store
        await self.generations.load()
        self.tasks.topics.update(await store.topics(self.name))
        known = await store.statuses(self.name)
        if known is not None and known.connector is not None:
            self._state = replace(self._state, version=known.connector.version)
        self.tasks.expect(len(self.stored.task_configs), known)
        self._following.begin(self.name, after=after.close if after is not None else None)

    def reconfigured(self) -> None:
        """Another config was stored."""
        self._start_wanted = True
        self._following.supersede()

    def retarget(self) -> None:
        """Another target was stored."""
        if self.stored.target is TargetState.STOPPED:
            self._following.supersede()
            return
        self.tasks.set_paused(self._is_paused())
        self._following.wake()

    def restart(self, *, connector: bool, tasks: Collection[int]) -> None:
        """Restart the connector's own object, or some tasks, or both; shown as RESTARTING."""
        for index in tasks:
            self._tasks_wanted.add(index)
            self.tasks.mark(index, State.RESTARTING)
        if connector:
            self._start_wanted = True
            self._set_state(State.RESTARTING)
            self._following.supersede()
        else:
            self._following.wake()

    def forget(self) -> None:
        """Store nothing any more: the connector is being deleted."""
        self._is_gone = True

    def remember(self) -> None:
        """Store again what is seen: the connector could not be deleted."""
        self._is_gone = False

    async def close(self) -> None:
        """End everything that runs, in order, and follow no more; what is stored stays."""
        await self._following.close()

    @asynccontextmanager
    async def at_rest(self) -> AsyncIterator[None]:
        """Wait until all that was asked for is done, and let nothing be done meanwhile."""
        await self._following.settled()
        async with self._following.lock:
            yield

    # -- what can be seen ---------------------------------------------------------------------

    @property
    def kind(self) -> ConnectorType:
        """Whether it is a source or a sink; `unknown` when its plugin is not there, nor was."""
        kind = self._around.preparer.kind(self.stored.config)
        if kind == "unknown" and self._basis.prepared is not None:
            return self._basis.prepared.plan.kind
        return kind

    @property
    def state(self) -> ConnectorState:
        """How the connector itself is."""
        return self._state

    @property
    def prepared(self) -> "Prepared | None":
        """What runs, or ran last; None when nothing has since the worker's start."""
        return self._basis.prepared

    def status(self) -> ConnectorStatus:
        """Return everything that is known of it now."""
        prepared, stored = self._basis.prepared, self.stored
        return ConnectorStatus(
            name=self.name,
            connector=self._state,
            tasks=tuple(state for _, state in sorted(self.tasks.states.items())),
            type=self.kind,
            stages=prepared.stages if prepared is not None else (),
            class_name=prepared.class_name if prepared is not None else None,
            last_move=stored.last_move,
            next_versions=self.next_versions(),
            locked=stored.locked,
        )

    def next_versions(self) -> tuple[StageVersion, ...]:
        """Return what would run after a restart, where it differs from what runs."""
        return self._forecast.versions(self.stored, self._basis.prepared)

    def foretell(self) -> None:
        """Say in the log what a restart would move, when that has changed."""
        self._forecast.tell(self.stored, self._basis.prepared)

    @property
    def in_use(self) -> "tuple[Prepared, ...]":
        """What the connector and its tasks run with; after a stop, what it would fall back on."""
        own = () if self._basis.prepared is None else (self._basis.prepared,)
        return (*self.tasks.in_use, *own)

    def masked(self, text: str) -> str:
        """Return a text without the secrets of its config."""
        return self._basis.masked(text)

    # -- the way there ------------------------------------------------------------------------

    async def _reconcile(self) -> None:
        """Bring what is there to what is asked for; raises SupersededError when that changes."""
        if self._following.is_closing or self.stored.target is TargetState.STOPPED:
            await self._stop_all()
            return
        if self.stored.target is TargetState.PAUSED:
            await self._suspend()
        elif self.stored.fallback is not None:
            await self._move(self.stored.fallback)
        elif self._start_wanted or (not self._own.is_there and not self._has_failed):
            await self._move_or_start()
        elif self._configs_wanted:
            await self._guarded(self._take_task_configs())
        if self.stored.fallback is not None and not self._is_paused():
            return  # another move was asked for when one had just ended: it starts the tasks
        await self._start_tasks()
        self._settle_generation()

    @property
    def _has_failed(self) -> bool:
        return self._state.state is State.FAILED

    async def _guarded(self, work: Coroutine[object, object, None]) -> bool:
        """Do it; a failure is the connector's. Return whether it went well."""
        try:
            await self._following.unless_superseded(work)
        except VenvoyError as error:
            self.fail(error)
            return False
        return True

    async def _suspend(self) -> None:
        """Let the connector go while its tasks wait, as Kafka does on a pause."""
        await self._own.stop()
        if self._start_wanted or not self._has_failed:
            self._start_wanted = False
            self._set_state(State.PAUSED)

    async def _start_connector(self) -> None:
        """Start the connector, anew if it runs; everything is made ready before it gives way."""
        self._start_wanted = False
        self._health.forget((None,))
        try:
            is_well = await self._guarded(self._prepare())
            await self._own.stop()
            if is_well and self._state.state is not State.RESTARTING:
                self._set_state(State.UNASSIGNED)
            if not is_well or not await self._guarded(self._begin()):
                await self._own.stop()
                return
            self._set_state(State.RUNNING)
            await self._guarded(self._take_task_configs())
        except SupersededError:
            self._start_wanted = True
            raise

    # -- moves --------------------------------------------------------------------------------

    async def _move_or_start(self) -> None:
        """Start it; where that comes to newer versions by itself, as a move, with a way back."""
        planned = await self._following.unless_superseded(
            self._around.preparer.planned(self.stored)
        )
        if planned is not None:
            exact = exact_versions(planned)
            await self.change(lambda now: by_itself(now, exact, self.generations))
        if self.stored.fallback is not None:
            await self._move(self.stored.fallback)
        else:
            await self._start_connector()

    async def _move(self, fallback: Fallback) -> None:
        """Go to the config that is stored, or back to the fallback."""
        self._start_wanted = self._configs_wanted = False
        try:
            await self._moves.move(fallback)
        except SupersededError:
            self._start_wanted = True
            raise
        finally:
            self._basis.mask_as_prepared()

    def prepared_for(self, fallback: Fallback) -> "Prepared | None":
        """Return what runs, or ran last, if it was prepared for that config; see `Movable`."""
        return self._basis.prepared_for(fallback.config)

    async def make_ready(self, stored: StoredConnector) -> "Prepared":
        """Make and verify its environments; see `Movable`."""
        return await self._following.unless_superseded(self._basis.make(stored))

    async def make_way(self) -> None:
        """Stop what runs, offsets committed; see `Movable`."""
        await self._stop_running()

    async def launch(self, prepared: "Prepared", *, timeout_s: float, until: float) -> None:
        """Stop what runs and start this, until all of it is healthy; see `Movable`."""
        await self._stop_running()
        self._tasks_wanted.clear()  # all of them are started
        self._basis.take(prepared, self.stored.config)
        self._basis.mask_as_prepared()
        self._health.forget_all()
        self._set_state(State.UNASSIGNED)
        stages = [lambda: "the connector's `start` had not returned"]
        try:
            async with asyncio.timeout_at(until):
                await self._following.unless_superseded(self._come_up(stages))
        except TimeoutError as error:
            raise MoveTimedOutError(timeout_s=timeout_s, waited_for=stages[-1]()) from error
        except VenvoyError as error:
            self._health.fail(error)
        if self._health.failure is not None:
            raise self._health.failure

    async def _come_up(self, stages: list[Callable[[], str]]) -> None:
        """Start the connector and its tasks; return when they are healthy, or one has failed.

        The last of `stages` says what it waits for.
        """
        await self._begin()
        self._set_state(State.RUNNING)
        stages.append(lambda: "the connector had not returned its task configs")
        await self._take_task_configs()
        await self._start_tasks()
        stages.append(lambda: self.tasks.waited_for(len(self.stored.task_configs)))
        await self._health.settled(lambda: len(self.stored.task_configs))

    def _settle_generation(self) -> None:
        """Keep that the generation that runs has proved healthy, or why it has not."""
        if self.stored.fallback is not None:
            return
        number, failure = self.stored.generation, self._health.failure
        if failure is not None:
            reason = self.masked(reason_of(failure))
            self._keep(self.generations.settle(number, MoveState.STARTING, reason))
        elif self._is_running and self._health.is_well(len(self.stored.task_configs)):
            self._keep(self.generations.settle(number, MoveState.DONE))

    @property
    def _is_running(self) -> bool:
        return self._state.state is State.RUNNING and self._basis.config == self.stored.config

    # -- parts --------------------------------------------------------------------------------

    async def _begin(self) -> None:
        prepared, config = self._basis.prepared, self._basis.config
        if prepared is not None and config is not None:
            await self._own.begin(prepared, config)

    async def _prepare(self) -> None:
        asked = self.stored
        prepared = await self.ready()
        self._basis.take(prepared, asked.config)
        number = await self.generations.record(asked, prepared)

        def recorded(now: StoredConnector) -> StoredConnector:
            known = now.generation == number and now.locked == prepared.locked
            if known or now.config != asked.config:
                return now
            return replace(now, generation=number, locked=prepared.locked)

        await self.change(recorded)

    async def ready(self) -> "Prepared":
        """Return what its config runs with; raises VenvoyError."""
        return await self._basis.ready(self.stored)

    async def _take_task_configs(self) -> None:
        """Ask for task configs; when they or the config behind them changed, no task is left."""
        self._configs_wanted = False
        prepared, config = self._basis.prepared, self._own.begun_with
        configs = await self._own.task_configs(prepared) if prepared is not None else None
        if prepared is None or configs is None:
            return
        if configs == self.stored.task_configs and config == self.stored.applied:
            self._tasks_wanted |= self.tasks.of_others(prepared)
            return
        await self.change(
            lambda now: (
                now
                if now.target is TargetState.STOPPED
                else replace(now, task_configs=configs, applied=config)
            )
        )
        self._tasks_wanted |= self.tasks.started

    async def _start_tasks(self) -> None:
        """Start every task that should be there and is not, or is to be restarted."""
        wanted, self._tasks_wanted = self._tasks_wanted, set()
        configs = self.stored.task_configs
        count = len(configs)
        started = self.tasks.started
        surplus = {index for index in started if index >= count}
        await self.tasks.stop(surplus | (wanted & started))
        self.tasks.forget(count)
        missing = [index for index in range(count) if index not in started]
        try:
            if missing and self._basis.config != self.stored.config:
                await self._following.unless_superseded(self._prepare())
            for index in missing:
                if self._basis.prepared is not None:
                    await self.tasks.start(
                        index, configs, self._basis.prepared, is_paused=self._is_paused
                    )
        except VenvoyError as error:
            trace = self.masked(trace_of(error))
            for index in missing:
                if index not in self.tasks.started:
                    self.tasks.mark(index, State.FAILED, trace=trace)
                    self._health.fail(error, task=index)

    def _is_paused(self) -> bool:
        return self.stored.target is TargetState.PAUSED

    async def _stop_running(self) -> None:
        """Stop connector and tasks, offsets committed."""
        await asyncio.gather(self.tasks.stop(list(self.tasks.started)), self._own.stop())

    async def _stop_all(self) -> None:
        """Leave nothing running; a stopped connector has no tasks, a closed one keeps them."""
        await self._stop_running()
        self._tasks_wanted.clear()
        self._start_wanted = self._configs_wanted = False
        if self._following.is_closing:
            self._set_state(State.UNASSIGNED)
            for index in self.tasks.states:
                self.tasks.mark(index, State.UNASSIGNED)
            return
        await self.change(lambda now: replace(now, task_configs=()) if now.task_configs else now)
        self.tasks.forget(0)
        self._set_state(State.STOPPED)

    def _want_configs(self) -> None:
        self._configs_wanted = True
        self._following.wake()

    # -- states -------------------------------------------------------------------------------

    def _keep(self, work: Coroutine[object, object, None]) -> None:
        """Store what is seen, unless the name may be another connector's by now."""
        if self._is_gone:
            work.close()
        else:
            self._around.keep(work)

    def fail(self, error: VenvoyError) -> None:
        """Show it FAILED, and say why."""
        mask = self.masked
        said = error.message.removeprefix(f"`{self.name}` failed: ")
        self.tell(f"FAILED: {mask(said)}", "ERROR")
        self._set_state(State.FAILED, trace=mask(trace_of(error)))
        self._health.fail(error)

    def tell(self, text: str, level: str) -> None:
        """Say something of it in the worker's log."""
        self._around.tell(self.name, text, level)

    def _set_state(self, state: State, *, trace: str | None = None) -> None:
        prepared = self._basis.prepared
        new = ConnectorState(
            state=state,
            worker_id=self._around.worker_id(),
            version=prepared.version if prepared is not None else self._state.version,
            trace=trace,
            environment=(prepared.environment if prepared is not None else self._state.environment),
        )
        if new != self._state:
            if new.state is not self._state.state and state is not State.FAILED:
                self.tell(state, "INFO")
            self._state = new
            self._keep(self._around.store.put_connector_status(self.name, new))
