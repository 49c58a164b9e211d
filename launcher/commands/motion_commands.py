"""Versions in motion over REST: plans, moves, generations, rescans of a running worker."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from launcher import render
from launcher.commands.generation_rows import GENERATION_COLUMNS, generation_rows
from launcher.commands.listing import SHORT_DIGEST
from launcher.commands.worker_client import WorkerAddress, WorkerClient
from launcher.configs.connector_file import read_connector_file
from launcher.configs.version_keys import is_version_key, unused_versions
from manager.errors import ProblemsError, UsageError, VenvoyError

__all__ = [
    "MoveReturnedError",
    "UnbuiltLocationsError",
    "generations_command",
    "locations_command",
    "move_command",
    "plan_command",
    "rescan_command",
    "rollback_command",
    "stage_versions",
]

_WAIT_S = 0.1
_ENDED = ("DONE", "RETURNED")
_VERSION_KEYS = ("connector.version", "connector.plugin.version")
_STAGE_COLUMNS = ("stage", "class", "before", "after", "location", "environment")
_PACKAGE_COLUMNS = ("package", "before", "after")
_KEY_COLUMNS = ("key", "change", "before", "after", "set")

Shown = Mapping[str, object]
Rows = Sequence[Shown]


class MoveReturnedError(VenvoyError):
    """A move was not healthy in time, and the connector runs as before."""

    code = "move-returned"

    def __init__(self, *, connector: str, wanted: str, runs: str, reason: str) -> None:
        super().__init__(connector)
        self.connector = connector
        self.wanted = wanted
        self.runs = runs
        self.reason = reason

    @property
    def message(self) -> str:
        """Where it went, where it is, and why."""
        if self.wanted == self.runs:
            return (
                f"`{self.connector}` did not start anew at {self.wanted}, "
                f"and has its earlier config again: {self.reason}"
            )
        return f"`{self.connector}` did not stay at {self.wanted}, it is {self.runs}: {self.reason}"

    @property
    def hint(self) -> str:
        """What tells more."""
        return f"`venvoy connectors generations {self.connector}` shows what it has run with"


class RefusedPlanError(VenvoyError):
    """A move would be refused, for one of perhaps several reasons."""

    code = "plan-refused"

    def __init__(self, *, connector: str, reason: str) -> None:
        super().__init__(connector, reason)
        self.connector = connector
        self.reason = reason

    @property
    def message(self) -> str:
        """The connector and the reason."""
        return f"`{self.connector}` would be refused: {self.reason}"

    @property
    def hint(self) -> str:
        """What helps with any of them."""
        return "correct the config, or choose another version; `venvoy plugins list` shows them"


class UnbuiltLocationsError(VenvoyError):
    """Environments that could not be made; what runs is not disturbed."""

    code = "unbuilt-locations"

    def __init__(self, *, names: Sequence[str]) -> None:
        super().__init__(tuple(names))
        self.names = tuple(names)

    @property
    def message(self) -> str:
        """The locations."""
        return f"no environment could be made for {', '.join(f'`{one}`' for one in self.names)}"

    @property
    def hint(self) -> str:
        """Where the reasons are."""
        return "`venvoy plugins locations` shows why; put it right and rescan"


def stage_versions(version: str | None, stages: Sequence[str]) -> dict[str, str]:
    """Return versions by their keys: the connector's, and those said as KEY=SPEC; UsageError."""
    found = {} if version is None else {_VERSION_KEYS[0]: version}
    for pair in stages:
        key, equals, spec = pair.partition("=")
        if not equals or not is_version_key(key.strip()):
            raise UsageError(
                what=f"`{pair}` is no version of a stage",
                remedy="write `--stage transforms.mask.plugin.version=2.0`",
            )
        found[key.strip()] = spec.strip()
    return found


def plan_command(
    address: WorkerAddress,
    *,
    name: str,
    file: Path | None,
    versions: Mapping[str, str],
    as_json: bool,
) -> int:
    """Print what other versions, or the config in a file, would change; 1 when it is refused."""
    if file is not None and versions:
        raise UsageError(what="a file has its own versions", remedy="give a file, or versions")
    body: object = {"versions": dict(versions)}
    if file is not None:
        body = dict(read_connector_file(file).config)
    with render.progress(quiet=as_json) as progress, WorkerClient(address) as worker:
        progress(f"{name}: asking both versions")
        plan = cast("Shown", worker.post("connectors", name, "plan", body=body))
    problems = cast("list[str]", plan["problems"])
    errors = [RefusedPlanError(connector=name, reason=one) for one in problems]
    code = 1 if errors else 0
    if as_json:
        render.json_envelope("connectors plan", plan, errors=errors, exit_code=code)
        return code
    _show_plan(plan)
    for error in errors:
        render.failure(error)
    return code


def move_command(
    address: WorkerAddress,
    *,
    name: str,
    versions: Mapping[str, str],
    wait: bool,
    as_json: bool,
) -> int:
    """Move a connector to other versions; with `wait`, 1 when it went back by itself."""
    if not versions:
        raise UsageError(
            what="nothing says where to move to", remedy="name a version with `--version`"
        )
    with WorkerClient(address) as worker:
        config = cast("Mapping[str, str]", worker.get("connectors", name, "config"))
        patch = dict(versions)
        synonym = _VERSION_KEYS[1]
        if _VERSION_KEYS[0] in patch and synonym in config:
            patch[synonym] = patch[_VERSION_KEYS[0]]
        unused = [one for one in unused_versions({**config, **patch}) if one.key in patch]
        if unused:
            raise ProblemsError(subject=f"the move of `{name}`", problems=unused)
        before = _last_move(worker, name)
        worker.patch("connectors", name, "config", body=patch)
        return _follow(worker, name, before, "connectors move", wait=wait, as_json=as_json)


def rollback_command(
    address: WorkerAddress, *, name: str, to: int | None, wait: bool, as_json: bool
) -> int:
    """Move a connector to an earlier generation; with `wait`, 1 when it did not stay there."""
    with WorkerClient(address) as worker:
        before = _last_move(worker, name)
        worker.post("connectors", name, "rollback", body={} if to is None else {"to": to})
        return _follow(worker, name, before, "connectors rollback", wait=wait, as_json=as_json)


def generations_command(address: WorkerAddress, *, name: str, as_json: bool) -> int:
    """Print what a connector has run with, the newest first."""
    with WorkerClient(address) as worker:
        found = cast("Rows", worker.get("connectors", name, "generations"))
    if as_json:
        render.json_envelope("connectors generations", found)
        return 0
    render.table(GENERATION_COLUMNS, generation_rows(found))
    return 0


def rescan_command(address: WorkerAddress, *, wait: bool, as_json: bool) -> int:
    """Have the plugin path read anew; with `wait`, 1 when an environment cannot be made."""
    with (
        render.progress(quiet=as_json or not wait) as progress,
        WorkerClient(address) as worker,
    ):
        report = cast("Shown", worker.post("connector-plugins", "rescan"))
        failed: list[str] = []
        while wait:
            locations = cast("Rows", worker.get("connector-plugins", "locations"))
            making = [str(one["name"]) for one in locations if one["build"] in _UNBUILT]
            failed = [str(one["name"]) for one in locations if one["build"] == "FAILED"]
            if not making:
                break
            progress(f"making the environments of {', '.join(making)}")
            time.sleep(_WAIT_S)
    errors = [UnbuiltLocationsError(names=failed)] if failed else []
    code = 1 if errors else 0
    if as_json:
        render.json_envelope("plugins rescan", report, errors=errors, exit_code=code)
        return code
    rows = [(what, one) for what in _REPORTED for one in cast("list[str]", report[what])]
    render.table(("", "plugin or location"), rows)
    if not rows:
        render.note(f"nothing new since it was read last; {report['locations']} locations")
    for error in errors:
        render.failure(error)
    return code


def locations_command(address: WorkerAddress, *, as_json: bool) -> int:
    """Print every location that the worker knows; 0 whatever their states are."""
    with WorkerClient(address) as worker:
        found = cast("Rows", worker.get("connector-plugins", "locations"))
    if as_json:
        render.json_envelope("plugins locations", found)
        return 0
    columns = ("location", "plugins", "environment", "state", "used by")
    render.table(columns, [_location_row(one) for one in found])
    for one in found:
        if one["problem"]:
            path, problem = str(one["path"]), str(one["problem"])
            render.note(problem if path in problem else f"{path}: {problem}")
            render.note(f"  hint: {one['hint']}")
        for shadowed in cast("list[str]", one["shadowed"]):
            render.note(f"{one['path']}: {shadowed} is shadowed")
    return 0


_UNBUILT = ("WAITING", "MAKING")
_REPORTED = ("added", "removed", "changed", "broken", "mended")


def _last_move(worker: WorkerClient, name: str) -> Shown | None:
    status = cast("Shown", worker.get("connectors", name, "status"))
    return cast("Shown | None", status.get("last_move"))


def _follow(
    worker: WorkerClient,
    name: str,
    before: Shown | None,
    command: str,
    *,
    wait: bool,
    as_json: bool,
) -> int:
    """Tell of the move that a request has begun, with `wait` once it has ended."""
    move = _last_move(worker, name)
    began = move is not None and (before is None or move["began_at"] != before["began_at"])
    with render.progress(quiet=as_json or not wait) as progress:
        while wait and began and move is not None and move["state"] not in _ENDED:
            progress(f"{name}: {move['from_version']} -> {move['to_version']} {move['state']}")
            time.sleep(_WAIT_S)
            move = _last_move(worker, name)
    errors: list[VenvoyError] = []
    if began and move is not None and move["state"] == "RETURNED":
        errors.append(
            MoveReturnedError(
                connector=name,
                wanted=str(move["to_version"]),
                runs=str(move["from_version"]),
                reason=str(move.get("reason", "")),
            )
        )
    code = 1 if errors else 0
    if as_json:
        data = {"name": name, "last_move": move if began else None}
        render.json_envelope(command, data, errors=errors, exit_code=code)
        return code
    if errors:
        render.failure(errors[0])
    elif not began or move is None:
        render.note(f"`{name}` is stored; nothing that runs had to move")
    else:
        render.note(f"`{name}` {_moved(move)}")
    return code


def _moved(move: Shown) -> str:
    """Tell of a move that goes on or has ended well; one of a config may keep the versions."""
    before, after, is_done = move["from_version"], move["to_version"], move["state"] == "DONE"
    if before == after:
        return f"{'has started' if is_done else 'is to start'} anew, and stays at {after}"
    return f"{'has moved' if is_done else 'is to move'} from {before} to {after}"


def _show_plan(plan: Shown) -> None:
    stages = cast("Rows", plan["stages"])
    moving = [_stage_row(one) for one in stages if _moves(one)]
    packages = [
        (str(one["name"]), _text(one["before"]), _text(one["after"]))
        for one in cast("Rows", plan["packages"])
    ]
    keys = [_key_row(one) for one in cast("Rows", plan["config"])]
    tables = ((_STAGE_COLUMNS, moving), (_PACKAGE_COLUMNS, packages), (_KEY_COLUMNS, keys))
    for columns, rows in tables:
        if rows:
            render.table(columns, rows)
            render.line()
    if stages and not (moving or packages or keys):
        render.note("versions, packages and keys stay as they are")
    if stages:
        render.line(f"API: needs {plan['api_requirement'] or 'any'}, is {plan['api_version']}")
    if not plan["problems"]:
        restarts = ", ".join(cast("list[str]", plan["restarts"])) or "nothing"
        render.line(f"would restart: {restarts}")
    for note in cast("list[str]", plan["notes"]):
        render.note(f"note: {note}")


def _key_row(one: Shown) -> tuple[str, ...]:
    return (
        str(one["key"]),
        str(one["change"]),
        _text(one["before"]),
        _text(one["after"]),
        "yes" if one["set"] else "no",
    )


def _moves(stage: Shown) -> bool:
    return (stage["class_before"], stage["version_before"]) != (
        stage["class_after"],
        stage["version_after"],
    )


def _stage_row(stage: Shown) -> tuple[str, ...]:
    alias = f" {stage['alias']}" if "alias" in stage else ""
    ready = "ready" if stage["environment_ready"] else "to be made"
    if stage["environment_failed"]:
        ready = "FAILED"
    return (
        f"{stage['role']}{alias}",
        _text(stage["class_after"] or stage["class_before"]),
        _text(stage["version_before"]),
        _text(stage["version_after"]),
        _text(stage["location_after"]),
        ready if stage["location_after"] else "",
    )


def _location_row(one: Shown) -> tuple[str, ...]:
    outrun = cast("list[str]", one.get("used_as_it_was", []))  # a worker before this has none
    users = [*cast("list[str]", one["used_by"]), *(f"{name} (as it was)" for name in outrun)]
    state = str(one["build"] or ("BROKEN" if one["problem"] else ""))
    if one["gone"]:
        state = "GONE"
    return (
        str(one["name"]),
        ", ".join(cast("list[str]", one["plugins"])),
        _text(one["environment"])[:SHORT_DIGEST],
        state,
        ", ".join(users),
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)
