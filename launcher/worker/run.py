"""The worker: runs connectors until their sources are drained and their sinks have everything."""

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from launcher.configs.error_settings import ErrorSettings
from launcher.hosts.guardian import Guardian
from launcher.hosts.host import OnOutput
from launcher.planning.plan import PipelinePlan
from launcher.storage.topic_log import TopicLog
from launcher.tasks.connector_host import ConnectorHost, validate
from launcher.tasks.report import ConnectorReport, RunReport, RunState, TaskReport
from launcher.tasks.runtime import OnEvent, RunSettings, Runtime
from launcher.tasks.sink_tasks import SinkTask
from launcher.tasks.source_tasks import SourceTask
from launcher.tasks.task import Task, TaskSpec
from manager.errors import ProblemsError, VenvoyError
from manager.store.api_copies import ApiCopy
from manager.store.environments import Environment

__all__ = ["run"]

_T = TypeVar("_T")


async def run(
    plans: Sequence[PipelinePlan],
    *,
    environments: Mapping[Path, Environment],
    api: ApiCopy,
    open_log: Callable[[], TopicLog],
    settings: RunSettings,
    on_output: OnOutput,
    on_event: OnEvent,
    stop: asyncio.Event | None = None,
    problems: Sequence[VenvoyError] = (),
) -> RunReport:
    """Run connectors to their end; return what they came to, failures included.

    `environments` has one for each segment's `location.path`. `open_log` is called when every
    config was found good, so that a refused run leaves nothing behind; the caller closes the log.
    Call it from the main thread: hosts die with the thread that started them. Set `stop`, or
    cancel the call (as Ctrl-C does under `asyncio.run`), to end gracefully: tasks stop, offsets
    are committed; a cancelled call then raises CancelledError.

    Raises:
        ProblemsError: every fault that every connector finds in its config, before any task
            has started, behind the `problems` that are known already.
        VenvoyError: what `open_log` raises.
    """
    with Guardian(parent_environment=settings.parent_environment) as guardian:
        runtime = Runtime(
            environments=environments,
            api=api,
            open_log=open_log,
            guardian=guardian,
            settings=settings,
            on_output=on_output,
            on_event=on_event,
        )
        running = asyncio.create_task(_run_all(plans, runtime, problems))
        stopping = asyncio.create_task(_pass_on(stop, runtime))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            runtime.signals.ask_to_stop()
            await asyncio.gather(running, return_exceptions=True)
            raise
        finally:
            stopping.cancel()
            await runtime.end_hosts()


def _error_faults(plans: Sequence[PipelinePlan]) -> list[VenvoyError]:
    """Return what is wrong with the `errors.*` keys, which no plugin checks."""
    return [
        fault
        for plan in plans
        for fault in ErrorSettings.faults(plan.config, connector=plan.name, reads=plan.reads)
    ]


async def _validate_all(
    plans: Sequence[PipelinePlan], runtime: Runtime, problems: Sequence[VenvoyError]
) -> list[ConnectorHost | None]:
    """Start every connector's host and have its config checked; all or nothing."""
    slots = asyncio.Semaphore((os.cpu_count() or 1) + 1)

    async def one(plan: PipelinePlan) -> tuple[ConnectorHost | None, tuple[VenvoyError, ...]]:
        async with slots:
            return await validate(plan, runtime)

    async with asyncio.TaskGroup() as group:  # when it is called off, all have ended their hosts
        checks = [group.create_task(one(plan)) for plan in plans]
    results = [check.result() for check in checks]
    faults = [*problems, *_error_faults(plans), *(one for _, found in results for one in found)]
    if faults:
        await asyncio.gather(*(host.stop() for host, _ in results if host is not None))
        raise ProblemsError(subject="the connector configs", problems=faults)
    return [host for host, _ in results]


async def _run_all(
    plans: Sequence[PipelinePlan], runtime: Runtime, problems: Sequence[VenvoyError]
) -> RunReport:
    hosts = await _unless_stopped(_validate_all(plans, runtime, problems), runtime)
    if hosts is not None:
        _ = runtime.log  # one that cannot be opened ends the run before a task starts
    found = hosts if hosts is not None else [None] * len(plans)
    connectors = [_Connector(plan, host, runtime) for plan, host in zip(plans, found, strict=True)]
    runs = [asyncio.create_task(one.run(), name=one.plan.name) for one in connectors]
    sources = [done for plan, done in zip(plans, runs, strict=True) if plan.kind == "source"]
    if sources:
        await asyncio.wait(sources)
    runtime.signals.sources_done.set()
    runtime.signals.changed()
    return RunReport(connectors=tuple(await asyncio.gather(*runs)))


async def _unless_stopped(work: Coroutine[object, object, _T], runtime: Runtime) -> _T | None:
    """Do the work, which may wait for a plugin for ever; None when the run is stopped before."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(runtime.signals.stop.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.wait((working, stopping))


async def _pass_on(stop: asyncio.Event | None, runtime: Runtime) -> None:
    if stop is not None:
        await stop.wait()
        runtime.signals.ask_to_stop()


class _Connector:
    """One connector's run: its own object, then its tasks."""

    def __init__(self, plan: PipelinePlan, host: ConnectorHost | None, runtime: Runtime) -> None:
        self.plan = plan
        self.host = host
        self.runtime = runtime
        self.began = time.monotonic()
        self.failure: VenvoyError | None = None

    async def run(self) -> ConnectorReport:
        """Return its report; raises nothing that a plugin can cause."""
        reports: Sequence[TaskReport] = ()
        try:
            tasks = await _unless_stopped(self._make_tasks(), self.runtime) or []
            reports = await asyncio.gather(*(task.run() for task in tasks))
        except VenvoyError as error:
            self.failure = error
            self.runtime.tell(self.plan.name, error.message, level="ERROR")
        finally:
            if self.host is not None:
                await self.host.stop()
        return self._report(reports)

    async def _make_tasks(self) -> list[Task]:
        if self.host is None:
            return []
        name = self.plan.name
        is_source = self.plan.kind == "source"
        offsets = await self.runtime.log.source_offsets(name) if is_source else ()
        task_class = await self.host.begin(offsets)
        configs = await self.host.task_configs()
        make = SourceTask if is_source else SinkTask
        return [
            make(
                TaskSpec(
                    plan=self.plan,
                    index=index,
                    of=len(configs),
                    task_class=task_class,
                    config=config,
                ),
                self.runtime,
            )
            for index, config in enumerate(configs)
        ]

    def _report(self, tasks: Sequence[TaskReport]) -> ConnectorReport:
        if self.failure is None and self.host is not None:
            self.failure = self.host.failure
        states = {task.state for task in tasks}
        state = RunState.COMPLETED
        if self.failure is not None or RunState.FAILED in states:
            state = RunState.FAILED
        elif RunState.STOPPED in states or (not tasks and self.runtime.signals.stop.is_set()):
            state = RunState.STOPPED
        plugin = self.plan.connector.plugin
        return ConnectorReport(
            name=self.plan.name,
            kind=self.plan.kind,
            class_name=plugin.class_name,
            version=str(plugin.version),
            environments=tuple(
                self.runtime.environment(segment).digest for segment in self.plan.segments
            ),
            state=state,
            failure=self.failure,
            tasks=tuple(tasks),
            seconds=time.monotonic() - self.began,
        )
