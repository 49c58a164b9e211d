"""The tasks of one connector of a standing worker: started, stopped, and how each of them is."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from collections.abc import Set as AbstractSet

from launcher.hosts.control import PluginError
from launcher.interface.views import State, TaskCounters, TaskState
from launcher.storage.worker_store import StoredStatus
from launcher.tasks.connector_host import TaskClass
from launcher.tasks.sink_tasks import SinkTask
from launcher.tasks.source_tasks import SourceTask
from launcher.tasks.task import Phase, Task, TaskListener, TaskSpec
from launcher.tasks.threads import in_thread
from launcher.worker.health import Health
from launcher.worker.preparing import Prepared
from launcher.worker.surroundings import Surroundings
from launcher.worker.traces import trace_of
from manager.errors import InternalError

__all__ = ["TASK_CLASS", "ConnectorTasks"]

TASK_CLASS = "task.class"
"""The key of a task's config that names its class, as in Kafka Connect: `module:qualname`."""


class _Started:
    """One task that was started; it stays when it has failed, until it is stopped."""

    def __init__(self, task: Task, prepared: Prepared) -> None:
        self.task = task
        self.prepared = prepared
        self.is_stopping = False
        self.running: asyncio.Task[None]


class ConnectorTasks:
    """Starts and stops tasks by their number, one call after the other, and tells their states.

    `keep` stores a state or a topic, `health` hears how they fare; `topics` are those used since
    the last reset.
    """

    def __init__(
        self,
        name: str,
        around: Surroundings,
        *,
        keep: Callable[[Coroutine[object, object, None]], None],
        health: Health,
    ) -> None:
        self.topics: set[str] = set()
        self._name = name
        self._around = around
        self._keep = keep
        self._health = health
        self._started: dict[int, _Started] = {}
        self._states: dict[int, TaskState] = {}

    @property
    def states(self) -> Mapping[int, TaskState]:
        """How each task is, by number: those that should be there, started or not."""
        return self._states

    @property
    def started(self) -> AbstractSet[int]:
        """The numbers of the tasks that were started and not stopped; some may have failed."""
        return self._started.keys()

    def expect(self, count: int, known: StoredStatus | None) -> None:
        """Show that many tasks, not started yet, with the versions that ran last."""
        versions = {one.id: one.version for one in known.tasks} if known is not None else {}
        for index in range(count):
            self._states[index] = TaskState(
                id=index,
                state=State.UNASSIGNED,
                worker_id=self._around.worker_id(),
                version=versions.get(index),
            )

    def mark(self, index: int, state: State, *, trace: str | None = None) -> None:
        """Show and store how a task is."""
        known = self._states.get(index)
        version = known.version if known is not None else None
        if index in self._started:
            version = self._started[index].prepared.version
        new = TaskState(
            id=index,
            state=state,
            worker_id=self._around.worker_id(),
            version=version,
            trace=trace,
        )
        if new != known:
            self._states[index] = new
            self._keep(self._around.store.put_task_status(self._name, new))

    def forget(self, from_task: int) -> None:
        """Show no tasks from that number on: there are fewer now."""
        surplus = [index for index in self._states if index >= from_task]
        for index in surplus:
            del self._states[index]
        if surplus:
            self._keep(self._around.store.delete_task_statuses(self._name, from_task))

    def set_paused(self, paused: bool) -> None:
        """Let all that were started rest, or go on."""
        for one in self._started.values():
            one.task.set_paused(paused)

    def of_others(self, prepared: Prepared) -> frozenset[int]:
        """Return the tasks that run with other versions or environments."""
        return frozenset(
            index
            for index, one in self._started.items()
            if one.prepared.identity != prepared.identity
        )

    @property
    def in_use(self) -> tuple[Prepared, ...]:
        """What the tasks were started with."""
        return tuple(one.prepared for one in self._started.values())

    def counters(self) -> tuple[TaskCounters, ...]:
        """Return what each task has done since it started."""
        return tuple(
            TaskCounters(
                connector=self._name,
                task=index,
                state=self._states[index].state,
                records_in=one.task.records_in,
                records_out=one.task.records_out,
                errors=one.task.errors,
            )
            for index, one in sorted(self._started.items())
            if index in self._states
        )

    async def start(
        self,
        index: int,
        configs: Sequence[Mapping[str, str]],
        prepared: Prepared,
        *,
        is_paused: Callable[[], bool],
    ) -> None:
        """Start one task of as many as there are configs, as they are stored."""
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
            phase=lambda phase: self._take_phase(index, one, phase),
            healthy=lambda: self._take_health(index, one),
            retrying=lambda error: self._take_retry(index, one, error),
            topic=self._use_topic,
        )
        make = SourceTask if prepared.plan.kind == "source" else SinkTask
        task = make(spec, prepared.runtime, listener=listener, paused=is_paused())
        one = _Started(task, prepared)
        self._health.forget((index,))
        self._started[index] = one
        known = self._states.get(index)
        if known is None or known.state is not State.RESTARTING:
            self.mark(index, State.UNASSIGNED)
        one.running = asyncio.create_task(self._run(index, one), name=spec.name)

    def waited_for(self, count: int) -> str:
        """Say which of that many tasks are not healthy yet, how far they are, and what they retry.

        The tasks of one text are told once.
        """
        waiting: dict[str, list[str]] = {}
        for index in self._health.waits_for(count):
            waiting.setdefault(self._at(index), []).append(str(index))
        return "; ".join(
            f"task{'s' if len(indices) > 1 else ''} {', '.join(indices)} {text}"
            for text, indices in waiting.items()
        )

    def _at(self, index: int) -> str:
        state, one = self._states.get(index), self._started.get(index)
        if state is None or one is None or state.state is not State.RUNNING:
            text = "had not returned from `start`"
        else:
            call = "poll" if one.prepared.plan.kind == "source" else "put"
            text = f"had not come through the first `{call}`"
        error = self._health.retried(index)
        tried = "" if error is None else f", tried again after {error.class_name}: {error.text}"
        return text + tried

    async def stop(self, indices: Collection[int]) -> None:
        """Stop these of the started tasks, all at once."""
        stopping = {index: self._started[index] for index in indices}
        for one in stopping.values():
            one.is_stopping = True
            one.task.stop()
        if stopping:
            await asyncio.wait([one.running for one in stopping.values()])
        for index in stopping:
            del self._started[index]
        self._health.forget(stopping)

    async def _run(self, index: int, one: _Started) -> None:
        report = await one.task.run()
        if one.is_stopping:
            return
        failure = report.failure or InternalError(what=f"`{report.name}` ended by itself")
        self.mark(index, State.FAILED, trace=one.prepared.masker.mask(trace_of(failure)))
        self._health.fail(failure, task=index)

    def _take_health(self, index: int, one: _Started) -> None:
        if self._started.get(index) is one and not one.is_stopping:
            self._health.well(index)

    def _take_retry(self, index: int, one: _Started, error: PluginError) -> None:
        if self._started.get(index) is one and not one.is_stopping:
            self._health.retries(index, error)

    def _take_phase(self, index: int, one: _Started, phase: Phase) -> None:
        if self._started.get(index) is one and not one.is_stopping:
            self.mark(index, State(phase))
            if phase is Phase.PAUSED:
                self._health.rests(index)

    def _use_topic(self, topic: str) -> None:
        if self._around.tracks_topics and topic not in self.topics:
            self.topics.add(topic)
            self._keep(self._around.store.add_topic(self._name, topic))
