"""`venvoy which` and `venvoy outdated`: over a plugin path, and over a running worker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from launcher import render
from launcher.commands.fleet import (
    Holder,
    User,
    holders,
    parse_requirement,
    stray_holders,
    unknown_environments,
    users,
)
from launcher.commands.listing import SHORT_DIGEST
from launcher.commands.pins import Pin, planned_pins, running_pins
from launcher.commands.plugin_commands import tell_errors
from launcher.commands.plugin_places import PluginPlaces, open_places
from launcher.commands.worker_client import WorkerAddress, WorkerClient
from launcher.planning.preparation import plan_all
from launcher.planning.workplace import Workplace, open_context
from manager.errors import VenvoyError
from manager.locks.newer import NewerRelease, newer_releases
from manager.plugins.location_faults import location_fault

__all__ = ["outdated_command", "which_command"]

_HOLDER_COLUMNS = ("location", "package", "version", "environment", "plugins")
_USER_COLUMNS = ("connector", "tasks", "stages", "environment")
_PIN_COLUMNS = ("connector", "stage", "asked", "runs", "newest match", "newest installed")
_LOCK_COLUMNS = ("location", "package", "locked", "newest")

Shown = Mapping[str, object]


def which_command(
    places: PluginPlaces, address: WorkerAddress | None, *, requirement: str, as_json: bool
) -> int:
    """Print who holds a package: locations, environments, a worker's connectors and tasks.

    1 when it is not known of something. Without a plugin path, all environments of the store are
    looked at.
    """
    wanted = parse_requirement(requirement)
    found: tuple[Holder, ...] = ()
    errors: tuple[VenvoyError, ...] = ()
    with render.progress(quiet=as_json) as progress:
        if places.are_said or address is None:
            workplace = open_places(places, progress=progress, offline=True, frozen=True)
            found, errors = holders(workplace, wanted)
            store = workplace.context.store
        else:
            store = open_context(progress=progress, offline=True, frozen=True)[0].store
        found += stray_holders(store, wanted, but=[one.environment for one in found])
    running: tuple[User, ...] = ()
    if address is not None:
        statuses = _statuses(address)
        environments = [one.environment for one in found]
        running = users(statuses, environments)
        errors += unknown_environments(store, statuses, looked_at=environments)
    code = 1 if errors else 0
    if as_json:
        data = {
            "requirement": str(wanted),
            "holders": [one.as_json() for one in found],
            "users": [one.as_json() for one in running],
        }
        render.json_envelope("which", data, errors=errors, exit_code=code)
        return code
    render.table(_HOLDER_COLUMNS, [_holder_row(one) for one in found])
    if found and running:
        render.line()
    render.table(_USER_COLUMNS, [_user_row(one) for one in running])
    if not found:
        render.note(f"nothing holds `{wanted}`")
    tell_errors(errors)
    return code


def outdated_command(
    places: PluginPlaces,
    address: WorkerAddress | None,
    *,
    files: Sequence[Path],
    offline: bool,
    as_json: bool,
) -> int:
    """Print pins with newer versions installed, and locks with newer releases.

    The pins are those of connectors' files and of a worker's connectors. 1 when it is not known of
    something; that something is outdated is no failure.
    """
    found = _Outdated()
    if files or places.are_said or address is None:
        with render.progress(quiet=as_json) as progress:
            workplace = open_places(places, progress=progress, offline=offline, frozen=True)
            found.errors += (problem.error for problem in workplace.catalog.broken)
            found.add_files(workplace, places, files)
            if not offline:
                found.add_locks(workplace)
    if address is not None:
        found.pins += _pins_of_worker(address)
    code = 1 if found.errors else 0
    if as_json:
        data = {
            "pins": [one.as_json() for one in found.pins],
            "locks": [_lock_as_json(*row) for row in found.locks],
        }
        render.json_envelope("outdated", data, errors=found.errors, exit_code=code)
        return code
    render.table(_PIN_COLUMNS, [_pin_row(one) for one in found.pins])
    if found.pins and found.locks:
        render.line()
    told = [(path.name, one.name, str(one.locked), str(one.newest)) for path, one in found.locks]
    render.table(_LOCK_COLUMNS, told)
    if not (found.pins or found.locks or found.errors):
        render.note("nothing is outdated")
    tell_errors(found.errors)
    return code


@dataclass(slots=True, kw_only=True)
class _Outdated:
    """What has something newer, and what that is not known of."""

    pins: list[Pin] = field(default_factory=list)
    locks: list[tuple[Path, NewerRelease]] = field(default_factory=list)
    errors: list[VenvoyError] = field(default_factory=list)

    def add_files(self, workplace: Workplace, places: PluginPlaces, files: Sequence[Path]) -> None:
        """Plan the connectors of files, with the converters of the first worker's file."""
        planned = plan_all(workplace, places.converters(), places.providers(), files)
        self.pins += planned_pins(planned.plans)
        self.errors += planned.problems

    def add_locks(self, workplace: Workplace) -> None:
        """Resolve every location anew; one that cannot be is told, and hinders no other."""
        for content in workplace.catalog.locations:
            try:
                newer = newer_releases(workplace.context, content)
            except Exception as error:  # noqa: BLE001  # no location may stop another
                self.errors.append(location_fault(content.location.path, error))
                continue
            self.locks += ((content.location.path, one) for one in newer)


def _statuses(address: WorkerAddress) -> list[Shown]:
    with WorkerClient(address) as worker:
        expanded = cast("Mapping[str, Shown]", worker.get("connectors", expand="status"))
    return [cast("Shown", expanded[name]["status"]) for name in sorted(expanded)]


def _pins_of_worker(address: WorkerAddress) -> tuple[Pin, ...]:
    pins: list[Pin] = []
    with WorkerClient(address) as worker:
        plugins = cast("list[Shown]", worker.get("connector-plugins", connectorsOnly="false"))
        for name in cast("list[str]", worker.get("connectors")):
            config = cast("Mapping[str, str]", worker.get("connectors", name, "config"))
            generations = cast("list[Shown]", worker.get("connectors", name, "generations"))
            versions = next((one["versions"] for one in generations if one["current"]), ())
            pins += running_pins(name, config, cast("list[Shown]", versions), plugins)
    return tuple(pins)


def _holder_row(one: Holder) -> tuple[str, ...]:
    return (
        "(no location)" if one.location is None else str(one.location),
        one.package,
        one.version,
        (one.environment or "not made")[:SHORT_DIGEST],
        ", ".join(one.plugins),
    )


def _user_row(one: User) -> tuple[str, ...]:
    tasks = ", ".join(map(str, one.tasks))
    return one.connector, tasks, ", ".join(one.stages), one.environment[:SHORT_DIGEST]


def _pin_row(one: Pin) -> tuple[str, ...]:
    return one.connector, one.stage, one.asked, one.runs, one.match or "", one.newest


def _lock_as_json(location: Path, one: NewerRelease) -> dict[str, object]:
    return {
        "location": str(location),
        "package": one.name,
        "locked": str(one.locked),
        "newest": str(one.newest),
    }
