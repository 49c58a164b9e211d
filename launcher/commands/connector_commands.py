"""`venvoy connectors …`: the connectors of a running worker, over its REST API."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

from launcher import render
from launcher.commands.worker_client import WorkerAddress, WorkerClient, WorkerRefusedError
from launcher.configs.connector_file import ConnectorFile, read_connector_file
from launcher.configs.properties import UnreadableConfigError
from manager.errors import UsageError, VenvoyError

__all__ = [
    "change_state_command",
    "config_command",
    "connector_names",
    "create_command",
    "delete_command",
    "list_command",
    "offsets_command",
    "restart_command",
    "status_command",
]

_COMPLETION_TIMEOUT_S = 1.0
_WAIT_S = 0.1
_SETTLED = frozenset(("RUNNING", "FAILED", "PAUSED", "STOPPED"))
_LOOKS_WITHOUT_TASKS = 30
_NOT_FOUND = 404
_REACHED = {"pause": "PAUSED", "resume": "RUNNING", "stop": "STOPPED"}

Shown = Mapping[str, object]


class FailedConnectorsError(VenvoyError):
    """Connectors that were asked about have failed."""

    code = "connectors-failed"

    def __init__(self, *, names: Sequence[str]) -> None:
        super().__init__(tuple(names))
        self.names = tuple(names)

    @property
    def message(self) -> str:
        """Their names."""
        named = ", ".join(f"`{name}`" for name in self.names)
        return f"{named} failed, or a task of it did"

    @property
    def hint(self) -> str:
        """See why, mend it, restart."""
        return (
            f"`venvoy connectors status {self.names[0]}` shows why; "
            f"then `venvoy connectors restart {self.names[0]} --only-failed --tasks`"
        )


def connector_names(address: WorkerAddress) -> tuple[str, ...]:
    """Return the names that a worker knows, none when it does not answer soon: for completion."""
    try:
        with WorkerClient(address, timeout_s=_COMPLETION_TIMEOUT_S) as worker:
            return tuple(cast("list[str]", worker.get("connectors")))
    except VenvoyError:
        return ()


def list_command(address: WorkerAddress, *, as_json: bool) -> int:
    """Print every connector with its version and state; 0 whatever the states are."""
    with WorkerClient(address) as worker:
        found = cast("dict[str, dict[str, Shown]]", worker.get("connectors", expand="status"))
    statuses = [found[name]["status"] for name in sorted(found)]
    if as_json:
        render.json_envelope("connectors list", statuses)
        return 0
    if not statuses:
        render.note("no connectors; make one with `venvoy connectors create FILE`")
    columns = ("connector", "type", "version", "state", "tasks")
    render.table(columns, [_row(status) for status in statuses])
    return 0


def status_command(address: WorkerAddress, *, names: Sequence[str], as_json: bool) -> int:
    """Print how connectors and their tasks are, traces included; 1 when one has failed.

    One that does not exist is told, and hinders no other.
    """
    statuses: list[Shown] = []
    errors: list[VenvoyError] = []
    with WorkerClient(address) as worker:
        for name in names or cast("list[str]", worker.get("connectors")):
            try:
                statuses.append(cast("Shown", worker.get("connectors", name, "status")))
            except WorkerRefusedError as error:
                errors.append(error)
    failed = [str(status["name"]) for status in statuses if "FAILED" in _states(status)]
    if failed:
        errors.append(FailedConnectorsError(names=failed))
    code = 1 if errors else 0
    if as_json:
        render.json_envelope("connectors status", statuses, errors=errors, exit_code=code)
        return code
    for place, status in enumerate(statuses):
        if place:
            render.line()
        _show_status(status)
    for fault in errors:
        render.failure(fault)
    return code


def config_command(address: WorkerAddress, *, name: str, as_json: bool) -> int:
    """Print a connector's config as it was written; secrets are hidden."""
    with WorkerClient(address) as worker:
        config = cast("Mapping[str, str]", worker.get("connectors", name, "config"))
    if as_json:
        render.json_envelope("connectors config", config)
        return 0
    for key, value in config.items():
        render.line(f"{key}={value}")
    return 0


def create_command(
    address: WorkerAddress,
    *,
    files: Sequence[Path],
    initial_state: str | None,
    replace: bool,
    wait: bool,
    as_json: bool,
) -> int:
    """Make connectors from files, or with `replace` change those that exist; 1 when one failed.

    A file is of any form that `venvoy standalone` takes; `initial_state` goes before the file's
    own. One that cannot be read or is refused is told, and hinders no other.
    """
    errors: list[VenvoyError] = []
    made: list[Shown] = []
    with (
        render.progress(quiet=as_json or not wait) as progress,
        WorkerClient(address) as worker,
    ):
        for file in files:
            try:
                asked = read_connector_file(file)
                state = asked.initial_state
                at_first = initial_state or (state.value if state is not None else None)
                made.append(_create(worker, asked, at_first, replace=replace))
            except (WorkerRefusedError, UnreadableConfigError) as error:
                errors.append(error)
        for info in made if wait else ():
            progress(f"{info['name']}: waiting until it runs")
            if "FAILED" in _states(_settled(worker, str(info["name"]))):
                errors.append(FailedConnectorsError(names=[str(info["name"])]))
    told = [f"`{info['name']}` is stored" for info in made]
    return _tell("connectors create", made, told, errors, as_json=as_json)


def change_state_command(
    address: WorkerAddress, *, verb: str, names: Sequence[str], wait: bool, as_json: bool
) -> int:
    """Pause, resume or stop connectors; 1 when one does not exist, or failed while waited for."""

    def change(worker: WorkerClient, name: str) -> None:
        worker.put("connectors", name, verb)
        if wait:
            states = _states(_settled(worker, name, wanted=_REACHED[verb]))
            if "FAILED" in states:
                raise FailedConnectorsError(names=[name])

    done = f"is {_REACHED[verb].lower()}" if wait else f"is to {verb}"
    return _each(address, f"connectors {verb}", names, change, done=done, as_json=as_json)


def delete_command(address: WorkerAddress, *, names: Sequence[str], as_json: bool) -> int:
    """Stop and forget connectors; their offsets stay. 1 when one does not exist."""
    return _each(
        address,
        "connectors delete",
        names,
        lambda worker, name: worker.delete("connectors", name),
        done="is gone",
        as_json=as_json,
    )


def restart_command(
    address: WorkerAddress,
    *,
    names: Sequence[str],
    with_tasks: bool,
    only_failed: bool,
    task: int | None,
    as_json: bool,
) -> int:
    """Restart connectors, with their tasks when asked; or one task of one connector."""
    if task is not None and (with_tasks or only_failed):
        raise UsageError(
            what="--task is about one task, and --tasks and --only-failed are about all",
            remedy="give one or the other",
        )
    if task is not None and len(names) > 1:
        raise UsageError(
            what="--task goes with one connector, and several are named",
            remedy="name the one whose task is meant",
        )

    def restart(worker: WorkerClient, name: str) -> object:
        if task is not None:
            return worker.post("connectors", name, "tasks", str(task), "restart")
        flags = {"includeTasks": with_tasks, "onlyFailed": only_failed}
        query = {flag: "true" for flag, wanted in flags.items() if wanted}
        return worker.post("connectors", name, "restart", **query)

    return _each(
        address, "connectors restart", names, restart, done="is to restart", as_json=as_json
    )


def offsets_command(
    address: WorkerAddress, *, name: str, file: str | None, reset: bool, as_json: bool
) -> int:
    """Print a connector's offsets as JSON, or change them from a file (`-`: stdin), or forget them.

    What it prints is what `file` takes.
    """
    with WorkerClient(address) as worker:
        if reset:
            told = cast("Shown", worker.delete("connectors", name, "offsets"))
        elif file is not None:
            body = _read_json(file)
            told = cast("Shown", worker.patch("connectors", name, "offsets", body=body))
        else:
            told = cast("Shown", worker.get("connectors", name, "offsets"))
    if as_json:
        render.json_envelope("connectors offsets", told)
    elif "message" in told:
        render.note(str(told["message"]))
    else:
        render.raw(json.dumps(told, indent=2, ensure_ascii=False))
    return 0


def _create(
    worker: WorkerClient, asked: ConnectorFile, initial_state: str | None, *, replace: bool
) -> Shown:
    config = dict(asked.config)
    if replace and (initial_state is None or _exists(worker, asked.name)):
        return cast("Shown", worker.put("connectors", asked.name, "config", body=config))
    body: dict[str, object] = {"name": asked.name, "config": config}
    if initial_state is not None:
        body["initial_state"] = initial_state.upper()
    return cast("Shown", worker.post("connectors", body=body))


def _exists(worker: WorkerClient, name: str) -> bool:
    return name in cast("list[str]", worker.get("connectors"))


def _settled(worker: WorkerClient, name: str, *, wanted: str | None = None) -> Shown:
    """Wait until the connector and all of its tasks are what they were asked to be, or failed.

    `wanted` is the state to wait for, None for whichever they come to. One that runs without a
    task is looked at for a while: it may make some yet.
    """
    looks = _LOOKS_WITHOUT_TASKS
    while True:
        try:
            status = cast("Shown", worker.get("connectors", name, "status"))
        except WorkerRefusedError as error:  # none is written yet
            if error.status != _NOT_FOUND:
                raise
            status = {}
        states = _states(status)
        settled = _SETTLED if wanted is None else frozenset((wanted, "FAILED"))
        if states and settled.issuperset(states):
            if states != ["RUNNING"] or not looks:
                return status
            looks -= 1
        time.sleep(_WAIT_S)


def _each(
    address: WorkerAddress,
    command: str,
    names: Sequence[str],
    act: Callable[[WorkerClient, str], object],
    *,
    done: str,
    as_json: bool,
) -> int:
    """Do it to each connector; those that the worker refuses are told, the others are done."""
    errors: list[VenvoyError] = []
    changed: list[str] = []
    with WorkerClient(address) as worker:
        for name in names:
            try:
                act(worker, name)
            except (WorkerRefusedError, FailedConnectorsError) as error:
                errors.append(error)
            else:
                changed.append(name)
    told = [f"`{name}` {done}" for name in changed]
    return _tell(command, changed, told, errors, as_json=as_json)


def _tell(
    command: str,
    data: object,
    told: Sequence[str],
    errors: Sequence[VenvoyError],
    *,
    as_json: bool,
) -> int:
    code = 1 if errors else 0
    if as_json:
        render.json_envelope(command, data, errors=errors, exit_code=code)
        return code
    for text in told:
        render.note(text)
    for error in errors:
        render.failure(error)
    return code


def _read_json(file: str) -> object:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        told: object = json.loads(text)
    except (OSError, ValueError) as error:
        raise UsageError(
            what=f"the offsets in `{file}` cannot be read: {error}",
            remedy="give what `venvoy connectors offsets NAME` prints, changed",
        ) from error
    return told


def _states(status: Shown) -> list[str]:
    """Return the connector's state and those of its tasks."""
    if not status:
        return []
    connector = cast("Shown", status["connector"])
    tasks = cast("list[Shown]", status["tasks"])
    return [str(one["state"]) for one in (connector, *tasks)]


def _row(status: Shown) -> tuple[str, str, str, str, str]:
    connector = cast("Shown", status["connector"])
    _, *tasks = _states(status)
    counts = ", ".join(f"{tasks.count(state)} {state}" for state in dict.fromkeys(tasks))
    return (
        str(status["name"]),
        str(status["type"]),
        str(connector.get("version", "")),
        str(connector["state"]),
        counts,
    )


def _show_status(status: Shown) -> None:
    connector = cast("Shown", status["connector"])
    version = connector.get("version", "of unknown version")
    render.line(f"{status['name']} ({status['type']}) {version}: {connector['state']}")
    if "trace" in connector:
        _show_trace(connector)
    for stage in cast("list[Shown]", status.get("stages", [])):
        alias = f" {stage['alias']}" if "alias" in stage else ""
        render.line(f"  {stage['role']}{alias}: {stage['class']} {stage['version']}")
    _show_moves(status)
    for task in cast("list[Shown]", status["tasks"]):
        other = task.get("version", version) != version
        of_version = f" {task['version']}" if other else ""
        render.line(f"  task {task['id']}:{of_version} {task['state']} on {task['worker_id']}")
        if "trace" in task:
            _show_trace(task)


def _show_moves(status: Shown) -> None:
    """Tell how the last move went, what the next start would move, and what is gone."""
    move = cast("Shown", status.get("last_move", {}))
    if move:
        reason = str(move.get("reason", "")).partition("\n")[0]
        why = f": {reason}" if reason else ""
        before, after = move["from_version"], move["to_version"]
        told = f"started anew at {after}," if before == after else f"{before} -> {after}"
        render.line(f"  last move: {told} {move['state']}{why}")
    for one in cast("list[Shown]", status.get("next_versions", [])):
        what = "" if one["role"] == "connector" else f" with its {one.get('alias', one['role'])}"
        render.line(f"  will move{what} to {one['version']} at next start")
    for key, version in cast("Mapping[str, str]", status.get("locked", {})).items():
        render.line(f"  locked: {key} stays on {version}")
    for path in cast("list[str]", status.get("location_gone", [])):
        render.line(f"  gone: `{path}` is no longer on the plugin path; what runs from it goes on")
    for path in cast("list[str]", status.get("location_changed", [])):
        render.line(f"  changed: the files of `{path}`; a restart takes the new ones")


def _show_trace(one: Shown) -> None:
    for text in str(one["trace"]).rstrip().splitlines():
        render.line(f"    {text}")
