"""`venvoy run`: connectors from their configs to the end of their sources."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from launcher import render
from launcher.commands.interruption import (
    InterruptedByUserError,
    OutputClosedError,
    run_loop,
    signals_for,
)
from launcher.commands.open_files import allow_open_files
from launcher.commands.run_output import RunOutput
from launcher.configs.secrets import Masker
from launcher.configs.worker_file import read_worker_file
from launcher.planning.preparation import (
    Plans,
    Preparation,
    plan_all,
    prepare,
    worker_converters,
)
from launcher.planning.shipped_framework import shipped_framework
from launcher.planning.workplace import Workplace, open_workplace
from launcher.settings import WorkerConfig, inherited_environment
from launcher.storage.sqlite_log import SqliteLog
from launcher.tasks.report import RunReport
from launcher.tasks.runtime import RunSettings
from launcher.worker.run import run

__all__ = ["run_command", "run_prepared"]


def run_command(
    worker_file: Path,
    connector_files: Sequence[Path],
    *,
    offline: bool,
    frozen: bool,
    as_json: bool,
) -> int:
    """Run connectors; 1 when one failed, and the table says which and why; 130 after Ctrl-C."""
    allow_open_files()
    read = read_worker_file(
        worker_file,
        standing=False,
        check=lambda pairs: worker_converters(pairs, where=str(worker_file)),
    )
    worker = read.config
    _tell_unread_keys(worker)
    with render.progress(quiet=as_json) as progress:
        workplace = open_workplace(
            worker.plugin_path, progress=progress, offline=offline, frozen=frozen
        )
        for problem in (*workplace.catalog.broken, *workplace.catalog.warnings):
            render.warning(problem.error)
        converters = worker_converters(worker.properties, where=str(worker_file))
        planned = plan_all(workplace, converters, read.providers, connector_files)
    render.hide(Masker(read.secrets | planned.secrets).mask)
    return _run_planned(worker, workplace, planned, as_json=as_json)


def _run_planned(
    worker: WorkerConfig, workplace: Workplace, planned: Plans, *, as_json: bool
) -> int:
    if not planned.complete:  # then no host is started, not even to check the others
        raise planned.as_error()
    preparation = prepare(workplace, planned.plans, config_problems=planned.problems)
    for path, environment in preparation.environments.items():
        for problem in shipped_framework(path, environment):
            render.warning(problem.error)
    report = run_prepared(
        worker, workplace, preparation, output=RunOutput(), working_dir=Path.cwd()
    )
    ends = list(report.failures)
    if report.interrupted:
        hint = "run it again: it goes on from the offsets that were committed"
        ends.append(InterruptedByUserError(hint=hint))
    if as_json:
        data, code = report_as_json(report), report.exit_code
        render.json_envelope("run", data, errors=ends, exit_code=code)
        return code
    render.run_report(report)
    for end in ends:
        render.failure(end)
    return report.exit_code


def _tell_unread_keys(worker: WorkerConfig) -> None:
    for key in worker.strangers:
        render.note(f"{worker.file}: nobody reads `{key}`")
    for reader, keys in (
        ("Kafka Connect's worker", worker.unused),
        ("`venvoy standalone`", worker.standing_only),
    ):
        if keys:
            named = ", ".join(f"`{key}`" for key in keys)
            render.note(f"{worker.file}: passed over, as {reader} alone reads it: {named}")


def run_prepared(
    worker: WorkerConfig,
    workplace: Workplace,
    preparation: Preparation,
    *,
    output: RunOutput,
    working_dir: Path,
) -> RunReport:
    """Run what was prepared, to its end or until SIGINT or SIGTERM.

    Hosts run in `working_dir`, so that relative paths in configs mean what they say.
    """
    settings = RunSettings(
        working_dir=working_dir,
        parent_environment=inherited_environment(),
        flush_interval_s=worker.flush_interval_s,
        shutdown_timeout_s=worker.shutdown_timeout_s,
        zygote_idle_s=worker.zygote_idle_s,
    )

    async def serve(open_log: Callable[[], SqliteLog]) -> RunReport:
        stop = asyncio.Event()
        with signals_for(stop, told=output.signal, reader=True) as came:
            report = await run(
                preparation.plans,
                environments=preparation.environments,
                api=workplace.context.api,
                open_log=open_log,
                settings=settings,
                on_output=output.line,
                on_event=output.event,
                stop=stop,
                problems=preparation.problems,
            )
        if signal.SIGPIPE in came:  # there is nobody to give a report to
            raise OutputClosedError
        return replace(report, interrupted=signal.SIGINT in came)

    with ExitStack() as opened:

        def open_log() -> SqliteLog:
            return opened.enter_context(closing(SqliteLog(worker.storage_file)))

        return run_loop(serve(open_log))


def report_as_json(report: RunReport) -> list[dict[str, object]]:
    """Return what a run came to as the JSON envelope holds it."""
    return [
        {
            "connector": one.name,
            "kind": one.kind,
            "class": one.class_name,
            "version": one.version,
            "environments": list(one.environments),
            "state": one.state.value,
            "records_in": one.records_in,
            "records_out": one.records_out,
            "seconds": round(one.seconds, 3),
            "tasks": [
                {
                    "name": task.name,
                    "state": task.state.value,
                    "records_in": task.records_in,
                    "records_out": task.records_out,
                    "seconds": round(task.seconds, 3),
                    "failure": task.failure.message if task.failure is not None else None,
                }
                for task in one.tasks
            ],
        }
        for one in report.connectors
    ]
