"""`venvoy standalone`: a worker that runs until it is stopped, and the connectors of its files."""

import asyncio
import signal
from collections.abc import Coroutine, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from launcher.commands.connector_files import put_files
from launcher.commands.interruption import outlive_readers, run_loop, signals_for
from launcher.commands.open_files import allow_open_files
from launcher.commands.worker_log import WorkerLog
from launcher.configs.config_keys import ConfigValueError
from launcher.configs.listeners import Listener
from launcher.configs.secrets import Masker
from launcher.configs.worker_file import read_worker_file
from launcher.hosts.guardian import Guardian
from launcher.page import pages
from launcher.planning.preparation import worker_converters
from launcher.planning.workplace import Workplace, open_workplace
from launcher.rest.authentication import read_users
from launcher.rest.listeners import BoundListener, bind_listeners
from launcher.rest.server import serve
from launcher.settings import WorkerConfig, inherited_environment
from launcher.storage.sqlite_log import SqliteLog
from launcher.storage.worker_store import SqliteWorkerStore, WorkerStore
from launcher.tasks.runtime import RunSettings
from launcher.worker.logger_levels import LoggerLevels
from launcher.worker.standing import StandingWorker
from manager.errors import ProblemsError, VenvoyError
from manager.plugins.entry_points import PluginType
from manager.plugins.selection import UnknownPluginError, select

__all__ = ["standalone_command"]


def standalone_command(
    worker_file: Path, connector_files: Sequence[Path], *, offline: bool, frozen: bool
) -> int:
    """Run a worker until SIGINT or SIGTERM; 0 when it ended in order, 130 after a second signal.

    Whoever reads its log may go: it has connectors to run, and a log's reader is restarted.

    Raises:
        VenvoyError: the worker cannot start; nothing of it is left running.
    """
    allow_open_files()
    outlive_readers()
    read = read_worker_file(
        worker_file,
        standing=True,
        check=lambda pairs: worker_converters(pairs, where=str(worker_file)),
    )
    config, masker = read.config, Masker(read.secrets)
    levels = LoggerLevels()
    with ExitStack() as opened:
        words = opened.enter_context(closing(WorkerLog(levels, mask=masker.mask)))
        _tell_unread_keys(config, words)
        _check_users(config)
        listeners = bind_listeners(config)
        for listener in listeners:
            opened.callback(listener.socket.close)
        log = opened.enter_context(closing(SqliteLog(config.storage_file)))
        workplace = _opened_workplace(config, words, offline=offline, frozen=frozen)
        _check_converters(config, workplace, words)
        parts = _Parts(
            config=replace(config, listeners=tuple(map(_as_listener, listeners))),
            listeners=listeners,
            workplace=workplace,
            log=log,
            levels=levels,
            words=words,
        )
        return run_loop(_run(parts, connector_files))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What was opened for the worker, before there is an event loop."""

    config: WorkerConfig
    listeners: tuple[BoundListener, ...]
    workplace: Workplace
    log: SqliteLog
    levels: LoggerLevels
    words: WorkerLog


def _tell_unread_keys(config: WorkerConfig, words: WorkerLog) -> None:
    for fault in config.mistaken:
        words.say(fault.message, level="WARNING")
    for key in config.strangers:
        words.say(f"{config.file}: nobody reads `{key}`", level="WARNING")
    if config.unused:
        named = ", ".join(f"`{key}`" for key in config.unused)
        words.say(f"{config.file}: passed over, as Kafka Connect's worker alone reads it: {named}")


def _check_users(config: WorkerConfig) -> None:
    """Read the file of users for its faults alone, which are told before anything starts."""
    if config.rest_auth_file is not None:
        read_users(config.rest_auth_file)


def _opened_workplace(
    config: WorkerConfig, words: WorkerLog, *, offline: bool, frozen: bool
) -> Workplace:
    """Read the plugin path; what is broken there is told and hinders nobody."""
    workplace = open_workplace(
        config.plugin_path,
        progress=lambda text: words.say(text) if text else None,
        offline=offline,
        frozen=frozen,
    )
    catalog = workplace.catalog
    for problem in (*catalog.broken, *catalog.warnings):
        words.fault(problem.error, level="WARNING")
    found = sum(not plugin.location.builtin for plugin in catalog.plugins)
    words.say(f"plugins found: {found}, and {len(catalog.plugins) - found} that are built in")
    return workplace


def _check_converters(config: WorkerConfig, workplace: Workplace, words: WorkerLog) -> None:
    """See that connectors can get the converters of the worker's file.

    What may come without the file being changed is a warning: another version, or a location that
    is broken now.

    Raises:
        ProblemsError: no plugin is called like that; Kafka's worker does not start then, either.
    """
    converters = worker_converters(config.properties, where=str(config.file))
    unknown: list[VenvoyError] = []
    for type_, request in (
        (PluginType.CONVERTER, converters.key),
        (PluginType.CONVERTER, converters.value),
        (PluginType.HEADER_CONVERTER, converters.header),
    ):
        try:
            select(workplace.catalog, type=type_, name=request.name, spec=request.spec, own=None)
        except VenvoyError as error:
            if isinstance(error, UnknownPluginError) and not error.broken:
                reason = f"names nothing that is there: {error.message}"
                unknown.append(
                    ConfigValueError(
                        where=str(config.file),
                        key=request.name_key,
                        reason=reason,
                        remedy=error.hint,
                    )
                )
                continue
            text = f"{config.file}: `{request.name_key}`: {error.message}\n    hint: {error.hint}"
            words.say(text, level="WARNING")
    if unknown:
        raise ProblemsError(subject=f"the worker config `{config.file}`", problems=unknown)


def _as_listener(bound: BoundListener) -> Listener:
    """Return what was asked for with the port that it got."""
    is_tls = bound.scheme == "https"
    return Listener(scheme="https" if is_tls else "http", host=bound.host, port=bound.port)


async def _run(parts: _Parts, files: Sequence[Path]) -> int:
    """Run until a signal, and on to the end in order that it asks for."""
    stop = asyncio.Event()
    settings = RunSettings(
        working_dir=Path.cwd(),
        parent_environment=inherited_environment(),
        flush_interval_s=parts.config.flush_interval_s,
        shutdown_timeout_s=parts.config.shutdown_timeout_s,
        zygote_idle_s=parts.config.zygote_idle_s,
        until_drained=False,
    )
    store = SqliteWorkerStore(parts.log)
    with Guardian(parent_environment=settings.parent_environment) as guardian:
        worker = StandingWorker(
            worker_config=parts.config,
            workplace=parts.workplace,
            store=store,
            log=parts.log,
            guardian=guardian,
            settings=settings,
            on_output=parts.words.line,
            on_event=parts.words.event,
            loggers=parts.levels,
        )
        with signals_for(stop, told=lambda number: _tell_signal(number, stop, parts.words)):
            await _stand(parts, worker, store, files, stop)
    parts.words.say("stopped")
    return 0


def _tell_signal(number: signal.Signals, stop: asyncio.Event, words: WorkerLog) -> None:
    if not stop.is_set():
        words.say(f"{number.name}: stopping; a second signal ends it at once")
        return
    words.say(f"{number.name} again: ended at once", level="WARNING")
    words.close()


async def _stand(
    parts: _Parts,
    worker: StandingWorker,
    store: WorkerStore,
    files: Sequence[Path],
    stop: asyncio.Event,
) -> None:
    """Serve and run until `stop`; then end connectors in order. Raises what ends the server."""
    words = parts.words
    serving = asyncio.create_task(
        serve(worker, parts.config, stop, listeners=parts.listeners, pages=pages())
    )
    try:
        known = await store.connectors()
        await worker.start()
        for listener in parts.listeners:
            words.say(f"the REST API is at {listener.url}")
        if known:
            words.say(f"taken up from {parts.config.storage_file}: {', '.join(known)}")
        configs = {name: stored.config for name, stored in known.items()}
        await _unless_stopped(put_files(files, worker=worker, words=words, stored=configs), stop)
        await _unless_stopped(_ended(serving), stop)
    finally:
        stop.set()
        await worker.close()
        await serving


async def _ended(serving: "asyncio.Task[None]") -> None:
    await asyncio.wait((serving,))


async def _unless_stopped(work: Coroutine[object, object, None], stop: asyncio.Event) -> None:
    """Do the work; leave it when the worker is to stop."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.wait((working, stopping))
    if not working.cancelled():
        working.result()
