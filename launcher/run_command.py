"""`venvoy run`: connectors from their configs to the end of their sources."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from launcher import render
from launcher.preparation import Preparation, plan_all, prepare, worker_converters
from launcher.report import RunReport
from launcher.run_output import RunOutput
from launcher.runtime import RunSettings
from launcher.settings import WorkerConfig, inherited_environment, read_worker_config
from launcher.sqlite_log import SqliteLog
from launcher.worker import run
from launcher.workplace import Workplace, open_workplace

__all__ = ["run_command", "run_prepared"]


def run_command(
    worker_file: Path,
    connector_files: Sequence[Path],
    *,
    offline: bool,
    frozen: bool,
    as_json: bool,
) -> int:
    """Run connectors; 1 when one failed, and the table says which and why."""
    worker = read_worker_config(worker_file)
    for key in worker.strangers:
        render.note(f"{worker_file}: nobody reads `{key}`")
    with render.progress(quiet=as_json) as progress:
        workplace = open_workplace(
            worker.plugin_path, progress=progress, offline=offline, frozen=frozen
        )
        for problem in (*workplace.catalog.broken, *workplace.catalog.warnings):
            render.warning(problem.error)
        converters = worker_converters(worker.properties, where=str(worker_file))
        planned = plan_all(workplace, converters, connector_files)
        if not planned.complete:  # then no host is started, not even to check the others
            raise planned.as_error()
        preparation = prepare(workplace, planned.plans, config_problems=planned.problems)
    report = run_prepared(
        worker, workplace, preparation, output=RunOutput(), working_dir=Path.cwd()
    )
    if as_json:
        code = 1 if report.failures else 0
        render.json_envelope("run", report_as_json(report), errors=report.failures, exit_code=code)
        return code
    render.run_report(report)
    for failure in report.failures:
        render.failure(failure)
    return 1 if report.failures else 0


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
    )

    async def serve() -> RunReport:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        return await run(
            preparation.plans,
            environments=preparation.environments,
            api=workplace.context.api,
            log=log,
            settings=settings,
            on_output=output.line,
            on_event=output.event,
            stop=stop,
            problems=preparation.problems,
        )

    with closing(SqliteLog(worker.storage_file)) as log:
        return asyncio.run(serve())


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
