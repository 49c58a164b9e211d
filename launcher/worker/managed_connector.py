"""One connector of a standing worker: what was asked for, what is there, and the way between."""

import asyncio
import traceback
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from launcher.configs.secrets import Masker
from launcher.storage.worker_store import StoredConnector, WorkerStore
from launcher.tasks.connector_host import ConnectorHost, TaskClass
from launcher.tasks.sink_tasks import SinkTask
from launcher.tasks.source_tasks import SourceTask
from launcher.tasks.task import Phase, Task, TaskListener, TaskSpec
from launcher.worker.preparing import Prepared, Preparer
from launcher.worker.references import with_references
from launcher.worker.threads import in_thread
from launcher.worker.traces import trace_of
from launcher.worker.views import (
    ConnectorState,
    ConnectorStatus,
    ConnectorType,
    State,
    TargetState,
    TaskCounters,
    TaskState,
)
from manager.errors import InternalError, VenvoyError

__all__ = ["ManagedConnector", "Surroundings"]

TASK_CLASS = "task.class"
"""The key of a task's config that names its class, as in Kafka Connect: `module:qualname`."""

_T = TypeVar("_T")


class _SupersededError(Exception):
    """Something else was asked for meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all connectors of a worker share.

    `keep` runs something to its end beside everything else, in the order of the calls.
    `tracks_topics` is whether the topics that a connector uses are remembered (KIP-558).
    """

    preparer: Preparer
    store: WorkerStore
    worker_id: Callable[[], str]
    keep: Callable[[Coroutine[object, object, None]], None]
    tell: Callable[[str, str, str], None]
    tracks_topics: bool = True


class _Slot:
    """One task that was started, and how it is; it stays when the task has failed."""

    def __init__(self, task: Task, prepared: Prepared) -> None:
        self.task = task
        self.prepared = prepared
        self.is_stopping = False
        self.running: asyncio.Task[None]


class ManagedConnector:
    """Follows what is asked of one connector; one thing after the other.

    A request changes `stored` or leaves a wish, and `_follow` brings what is there to it. What
    waits for a plugin is given up as soon as another config, a stop or a restart is asked for.
    """

    def __init__(self, stored: StoredConnector, around: Surroundings) -> None:
        self.stored = stored
        self.topics: set[str] = set()
        self.lock = asyncio.Lock()
        """Held while anything is done to what is there."""
        self._around = around
        self._changing = asyncio.Lock()
        self._prepared: Prepared | None = None
        self._prepared_for: Mapping[str, str] | None = None
        self._masker = Masker(())
        self._host: ConnectorHost | None = None
        self._begun_with: Mapping[str, str] = {}
        self._task_class: TaskClass | None = None
        self._slots: dict[int, _Slot] = {}
        self._state = ConnectorState(state=State.UNASSIGNED, worker_id=around.worker_id())
        self._task_states: dict[int, TaskState] = {}
        self._start_wanted = True
        self._configs_wanted = False
        self._tasks_wanted: set[int] = set()
        self._is_closing = False
        self._is_gone = False
        self._changed = asyncio.Event()
        self._superseded = asyncio.Event()
        self._idle = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

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
        self.topics = set(await store.topics(self.name))
        known = await store.statuses(self.name)
        if known is not None and known.connector is not None:
            self._state = replace(self._state, version=known.connector.version)
        versions = {one.id: one.version for one in known.tasks} if known is not None else {}
        for index in range(len(self.stored.task_configs)):
            self._task_states[index] = self._task_state(
                index, State.UNASSIGNED, version=versions.get(index)
            )
        self._following = asyncio.create_task(self._follow(after), name=f"follow {self.name}")
        self.wake()

    def reconfigured(self) -> None:
        """Another config was stored."""
        self._start_wanted = True
        self._supersede()

    def retarget(self) -> None:
        """Another target was stored."""
        if self.stored.target is TargetState.STOPPED:
            self._supersede()
            return
        for slot in self._slots.values():
            slot.task.set_paused(self.stored.target is TargetState.PAUSED)
        self.wake()

    def restart(self, *, connector: bool, tasks: Collection[int]) -> None:
        """Restart the connector's own object, or some tasks, or both; shown as RESTARTING."""
        for index in tasks:
            self._tasks_wanted.add(index)
            self._set_task(index, State.RESTARTING)
        if connector:
            self._start_wanted = True
            self._set_state(State.RESTARTING)
            self._supersede()
        else:
            self.wake()

    def forget(self) -> None:
        """Store nothing any more: the connector was deleted."""
        self._is_gone = True

    async def close(self) -> None:
        """End everything that runs, in order, and follow no more; what is stored stays."""
        self._is_closing = True
        self._supersede()
        if self._following is not None:
            await asyncio.wait((self._following,))

    async def settled(self) -> None:
        """Wait until nothing that was asked for is left to be done."""
        await self._idle.wait()

    def wake(self) -> None:
        """Look again what there is to do."""
        self._idle.clear()
        self._changed.set()

    # -- what can be seen ---------------------------------------------------------------------

    @property
    def kind(self) -> ConnectorType:
        """Whether it is a source or a sink; `unknown` when its plugin is not there."""
        return self._around.preparer.kind(self.stored.config)

    @property
    def state(self) -> ConnectorState:
        """How the connector itself is."""
        return self._state

    @property
    def task_states(self) -> Mapping[int, TaskState]:
        """How its tasks are, by number."""
        return self._task_states

    def status(self) -> ConnectorStatus:
        """Return everything that is known of it now."""
        prepared = self._prepared
        return ConnectorStatus(
            name=self.name,
            connector=self._state,
            tasks=tuple(self._task_states[index] for index in sorted(self._task_states)),
            type=self.kind,
            stages=prepared.stages if prepared is not None else (),
            class_name=prepared.class_name if prepared is not None else None,
        )

    def counters(self) -> tuple[TaskCounters, ...]:
        """Return what each task has done since it started."""
        return tuple(
            TaskCounters(
                connector=self.name,
                task=index,
                state=self._task_states[index].state,
                records_in=slot.task.records_in,
                records_out=slot.task.records_out,
                errors=slot.task.errors,
            )
            for index, slot in sorted(self._slots.items())
            if index in self._task_states
        )

    def hide(self, masker: Masker) -> None:
        """Take what hides the secrets of its config."""
        self._masker = masker

    def masked(self, text: str) -> str:
        """Return a text without the secrets of its config."""
        return self._masker.mask(text)

    # -- the way there ------------------------------------------------------------------------

    def _supersede(self) -> None:
        self._superseded.set()
        self.wake()

    async def _follow(self, after: "ManagedConnector | None") -> None:
        if after is not None:
            await after.close()
        while True:
            if not self._changed.is_set():
                self._idle.set()
            await self._changed.wait()
            self._changed.clear()
            self._superseded.clear()
            is_last = self._is_closing  # what is asked meanwhile takes another turn
            try:
                async with self.lock:
                    await self._reconcile()
            except _SupersededError:
                continue
            except Exception:  # noqa: BLE001  # our bug ends this connector and no other
                self._fail(InternalError(what=traceback.format_exc()))
            if is_last:
                self._idle.set()
                return

    async def _reconcile(self) -> None:
        """Bring what is there to what is asked for; raises _SupersededError when that changes."""
        if self._is_closing or self.stored.target is TargetState.STOPPED:
            await self._stop_all()
            return
        if self.stored.target is TargetState.PAUSED:
            await self._suspend()
        elif self._start_wanted or (self._host is None and not self._has_failed):
            await self._start_connector()
        elif self._configs_wanted:
            await self._guarded(self._take_task_configs())
        await self._start_tasks()

    @property
    def _has_failed(self) -> bool:
        return self._state.state is State.FAILED

    async def _unless_superseded(self, work: Coroutine[object, object, _T]) -> _T:
        """Do what waits for a plugin; give it up when something else is asked for."""
        working = asyncio.create_task(work)
        watching = asyncio.create_task(self._superseded.wait())
        try:
            await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise _SupersededError
        finally:
            watching.cancel()
            working.cancel()
            await asyncio.wait((working, watching))
            if not working.cancelled():
                working.exception()  # it is heard, also when nobody waits for it any more

    async def _guarded(self, work: Coroutine[object, object, None]) -> bool:
        """Do it; a failure is the connector's. Return whether it went well."""
        try:
            await self._unless_superseded(work)
        except VenvoyError as error:
            self._fail(error)
            return False
        return True

    async def _suspend(self) -> None:
        """Let the connector go while its tasks wait, as Kafka does on a pause."""
        await self._stop_host()
        if self._start_wanted or not self._has_failed:
            self._start_wanted = False
            self._set_state(State.PAUSED)

    async def _start_connector(self) -> None:
        """Start the connector, anew if it runs; everything is made ready before it gives way."""
        self._start_wanted = False
        try:
            is_well = await self._guarded(self._prepare())
            await self._stop_host()
            if is_well and self._state.state is not State.RESTARTING:
                self._set_state(State.UNASSIGNED)
            if not is_well or not await self._guarded(self._begin()):
                await self._stop_host()
                return
            self._set_state(State.RUNNING)
            await self._guarded(self._take_task_configs())
        except _SupersededError:
            self._start_wanted = True
            raise

    async def _begin(self) -> None:
        prepared, config = self._prepared, self._prepared_for
        if prepared is None or config is None:
            return
        self._begun_with = config
        plan = prepared.plan
        segment = next(one for one in plan.segments if plan.connector in one.stages)
        host = await ConnectorHost.start(plan, segment, prepared.runtime)
        self._host = host
        host.on_failure = lambda error: self._fail(error) if self._host is host else None
        host.on_reconfigure = self._want_configs
        is_source = plan.kind == "source"
        offsets = await prepared.runtime.log.source_offsets(self.name) if is_source else ()
        self._task_class = await host.begin(offsets)

    async def _prepare(self) -> None:
        config, self._prepared_for = self.stored.config, None
        self._prepared = await self._around.preparer.prepare(self.stored, on_secrets=self.hide)
        self._prepared_for = config

    async def _take_task_configs(self) -> None:
        """Ask for task configs; when they or the config behind them changed, no task is left."""
        self._configs_wanted = False
        host, prepared, task_class = self._host, self._prepared, self._task_class
        if host is None or prepared is None or task_class is None:
            return
        config = self._begun_with
        made = await host.task_configs()
        configs = await in_thread(
            lambda: tuple(
                {
                    TASK_CLASS: f"{task_class.module}:{task_class.qualname}",
                    **with_references(one, written=config, resolve=prepared.resolve),
                }
                for one in made
            )
        )
        if configs == self.stored.task_configs and config == self.stored.applied:
            for index, slot in list(self._slots.items()):
                if slot.prepared.identity != prepared.identity:  # a version has come or gone
                    self._tasks_wanted.add(index)
            return
        await self.change(
            lambda now: (
                now
                if now.target is TargetState.STOPPED
                else replace(now, task_configs=configs, applied=config)
            )
        )
        self._tasks_wanted.update(self._slots)

    async def _start_tasks(self) -> None:
        """Start every task that should be there and is not, or is to be restarted."""
        wanted, self._tasks_wanted = self._tasks_wanted, set()
        configs = self.stored.task_configs
        count = len(configs)
        surplus = {index for index in self._slots if index >= count}
        await self._stop_slots(surplus | (wanted & self._slots.keys()))
        if [index for index in self._task_states if index >= count]:
            self._forget_tasks(count)
        missing = [index for index in range(count) if index not in self._slots]
        try:
            if missing and self._prepared_for != self.stored.config:
                await self._unless_superseded(self._prepare())
            for index in missing:
                await self._start_task(index, configs)
        except VenvoyError as error:
            trace = self._masker.mask(trace_of(error))
            for index in missing:
                if index not in self._slots:
                    self._set_task(index, State.FAILED, trace=trace)

    async def _start_task(self, index: int, configs: Sequence[Mapping[str, str]]) -> None:
        prepared = self._prepared
        if prepared is None:
            return
        stored = configs[index]
        config = await in_thread(lambda: prepared.resolve(stored))
        module, _, qualname = stored.get(TASK_CLASS, "").partition(":")
        spec = TaskSpec(
            plan=prepared.plan,
            index=index,
            of=len(configs),
            task_class=TaskClass(module=module, qualname=qualname),
            config=config,
        )
        listener = TaskListener(
            phase=lambda phase: self._take_phase(index, slot, phase), topic=self._use_topic
        )
        make = SourceTask if prepared.plan.kind == "source" else SinkTask
        paused = self.stored.target is TargetState.PAUSED
        task = make(spec, prepared.runtime, listener=listener, paused=paused)
        slot = _Slot(task, prepared)
        self._slots[index] = slot
        known = self._task_states.get(index)
        if known is None or known.state is not State.RESTARTING:
            self._set_task(index, State.UNASSIGNED)
        slot.running = asyncio.create_task(self._run(index, slot), name=spec.name)

    async def _run(self, index: int, slot: _Slot) -> None:
        report = await slot.task.run()
        if slot.is_stopping:
            return
        failure = report.failure or InternalError(what=f"`{report.name}` ended by itself")
        trace = slot.prepared.masker.mask(trace_of(failure))
        self._set_task(index, State.FAILED, trace=trace)

    def _take_phase(self, index: int, slot: _Slot, phase: Phase) -> None:
        if self._slots.get(index) is slot and not slot.is_stopping:
            self._set_task(index, State(phase))

    async def _stop_slots(self, indices: Collection[int]) -> None:
        """Stop tasks, all at once, and forget them."""
        stopping = [self._slots[index] for index in indices]
        for slot in stopping:
            slot.is_stopping = True
            slot.task.stop()
        if stopping:
            await asyncio.wait([slot.running for slot in stopping])
        for index in indices:
            del self._slots[index]

    async def _stop_host(self) -> None:
        host, self._host = self._host, None
        if host is not None:
            await host.stop()

    async def _stop_all(self) -> None:
        """Leave nothing running; a stopped connector has no tasks, a closed one keeps them."""
        await asyncio.gather(self._stop_slots(list(self._slots)), self._stop_host())
        self._tasks_wanted.clear()
        self._start_wanted = self._configs_wanted = False
        if self._is_closing:
            self._set_state(State.UNASSIGNED)
            for index in self._task_states:
                self._set_task(index, State.UNASSIGNED)
            return
        await self.change(lambda now: replace(now, task_configs=()) if now.task_configs else now)
        self._forget_tasks(0)
        self._set_state(State.STOPPED)

    def _want_configs(self) -> None:
        self._configs_wanted = True
        self.wake()

    # -- states -------------------------------------------------------------------------------

    def _forget_tasks(self, from_task: int) -> None:
        for index in [index for index in self._task_states if index >= from_task]:
            del self._task_states[index]
        self._keep(self._around.store.delete_task_statuses(self.name, from_task))

    def _keep(self, work: Coroutine[object, object, None]) -> None:
        """Store what is seen, unless the name may be another connector's by now."""
        if self._is_gone:
            work.close()
        else:
            self._around.keep(work)

    def _fail(self, error: VenvoyError) -> None:
        mask = self._masker.mask
        self._around.tell(self.name, f"FAILED: {mask(error.message)}", "ERROR")
        self._set_state(State.FAILED, trace=mask(trace_of(error)))

    def _set_state(self, state: State, *, trace: str | None = None) -> None:
        prepared = self._prepared
        new = ConnectorState(
            state=state,
            worker_id=self._around.worker_id(),
            version=prepared.version if prepared is not None else self._state.version,
            trace=trace,
            environment=(prepared.environment if prepared is not None else self._state.environment),
        )
        if new != self._state:
            if new.state is not self._state.state and state is not State.FAILED:
                self._around.tell(self.name, state, "INFO")
            self._state = new
            self._keep(self._around.store.put_connector_status(self.name, new))

    def _set_task(self, index: int, state: State, *, trace: str | None = None) -> None:
        known = self._task_states.get(index)
        version = known.version if known is not None else None
        if index in self._slots:
            version = self._slots[index].prepared.version
        new = self._task_state(index, state, version=version, trace=trace)
        if new != known:
            self._task_states[index] = new
            self._keep(self._around.store.put_task_status(self.name, new))

    def _task_state(
        self, index: int, state: State, *, version: str | None, trace: str | None = None
    ) -> TaskState:
        return TaskState(
            id=index,
            state=state,
            worker_id=self._around.worker_id(),
            version=version,
            trace=trace,
        )

    def _use_topic(self, topic: str) -> None:
        if self._around.tracks_topics and topic not in self.topics:
            self.topics.add(topic)
            self._keep(self._around.store.add_topic(self.name, topic))
