"""`venvoy plugins list | lock | sync | explain`."""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from launcher import render
from launcher.commands.explain import explain
from launcher.commands.listing import BUILT_IN, SHORT_DIGEST, Listing, list_plugins, list_synced
from launcher.commands.plugin_places import (
    PluginPlaces,
    named_locations,
    named_paths,
    open_places,
)
from launcher.planning.preparation import plan_connectors
from launcher.planning.workplace import Workplace
from manager.errors import VenvoyError
from manager.interpreters.interpreter import Interpreter
from manager.locks.foreign_targets import ForeignTarget, parse_target
from manager.locks.locking import lock_location
from manager.locks.sync_context import installed
from manager.plugins.location_faults import attempt
from manager.plugins.locations import Problem
from manager.plugins.own_plugins import own_location
from manager.sync import SyncedLocation, known_location, sync_all
from manager.sync_forecast import BUILD_FIRST, Forecast, UnbuiltProjectError, forecast_all

__all__ = [
    "explain_command",
    "forecast_command",
    "list_command",
    "lock_command",
    "sync_command",
    "tell_errors",
]


def list_command(
    places: PluginPlaces, *, names: Sequence[str], with_builtin: bool, as_json: bool
) -> int:
    """List what is there; 1 when a location is broken. JSON has the built-in plugins always.

    With names only those locations are told about, and nothing that is built in.
    """
    with render.progress(quiet=as_json) as progress:
        workplace = open_places(places, names, progress=progress)
        listing = list_plugins(workplace)
        if names:
            listing = listing.only(named_paths(workplace, names))
    return _tell(listing, "plugins list", with_builtin=with_builtin, as_json=as_json)


def lock_command(
    places: PluginPlaces,
    *,
    names: Sequence[str],
    targets: Sequence[str],
    offline: bool,
    as_json: bool,
) -> int:
    """Write locks; 1 when one could not be made."""
    rows: list[tuple[str, str, str]] = []
    errors: list[VenvoyError] = []
    inexact: dict[str, None] = {}
    with render.progress(quiet=as_json) as progress:
        workplace = open_places(places, names, progress=progress, offline=offline)
        interpreters = [_target(workplace, target) for target in targets]
        for content in named_locations(workplace, names):
            locked = attempt(
                content.location.path,
                lambda one=content: lock_location(  # type: ignore[misc]
                    workplace.context, one, interpreters=interpreters
                ),
            )
            if isinstance(locked, VenvoyError):
                errors.append(locked)
                continue
            inexact |= dict.fromkeys(locked.inexact)
            count = len(locked.lock.pylock.packages)
            state = "changed" if locked.changed else "unchanged"
            rows.append((str(content.location.lock_file), str(count), state))
    errors += [problem.error for problem in workplace.catalog.broken]
    if as_json:
        data = [
            {"lock": lock, "packages": int(count), "state": state} for lock, count, state in rows
        ]
        render.json_envelope("plugins lock", data, errors=errors, exit_code=_code(errors))
        return _code(errors)
    render.table(("lock", "packages", ""), rows)
    for told in inexact:
        render.note(told)
    tell_errors(errors)
    return _code(errors)


def sync_command(
    places: PluginPlaces,
    *,
    names: Sequence[str],
    offline: bool,
    frozen: bool,
    as_json: bool,
) -> int:
    """Make environments; 1 when one could not be made or an entry point fails."""
    with render.progress(quiet=as_json) as progress:
        workplace = open_places(places, names, progress=progress, offline=offline, frozen=frozen)
        context = replace(workplace.context, retry_failed=True)  # whoever asks wants to know now
        outcomes = sync_all(context, named_locations(workplace, names))
    if not as_json:
        for outcome in outcomes:
            if isinstance(outcome, SyncedLocation) and outcome.lock_reason is not None:
                render.note(_told_lock(outcome, outcome.lock_reason))
    return _tell(list_synced(workplace, outcomes), "plugins sync", as_json=as_json)


def forecast_command(
    places: PluginPlaces,
    *,
    names: Sequence[str],
    offline: bool,
    frozen: bool,
    as_json: bool,
) -> int:
    """Tell what a sync would do; 1 when it would refuse a location. Nothing is written."""
    with (
        render.progress(quiet=as_json) as progress,
        tempfile.TemporaryDirectory(prefix="venvoy-dry-run-") as scratch,
    ):
        workplace = open_places(
            places, names, progress=progress, offline=offline, frozen=frozen,
            scratch_dir=Path(scratch),
        )  # fmt: skip
        outcomes = forecast_all(workplace.context, named_locations(workplace, names))
    found = [one for one in outcomes if isinstance(one, Forecast)]
    errors = [one.error for one in outcomes if isinstance(one, Problem)]
    for problem in workplace.catalog.broken:
        if isinstance(problem.error, UnbuiltProjectError):
            found.append(Forecast(path=problem.path, steps=BUILD_FIRST))
        else:
            errors.append(problem.error)
    if as_json:
        data = [_forecast_as_json(one) for one in found]
        command = "plugins sync --dry-run"
        render.json_envelope(command, data, errors=errors, exit_code=_code(errors))
        return _code(errors)
    rows = [
        (_from_here(str(one.path)), "; ".join(step.text for step in one.steps) or "nothing")
        for one in found
    ]
    render.table(("location", "would"), rows)
    tell_errors(errors)
    return _code(errors)


def _forecast_as_json(forecast: Forecast) -> dict[str, object]:
    steps = [{"step": one.step.value, "text": one.text} for one in forecast.steps]
    return {"location": str(forecast.path), "steps": steps}


def explain_command(places: PluginPlaces, *, files: Sequence[Path], as_json: bool) -> int:
    """Explain what each stage of connectors gets; of several workers' files the first counts."""
    with render.progress(quiet=as_json) as progress:
        workplace = open_places(places, progress=progress)
    converters = places.converters()
    environments = {
        content.location.path: f"{known.environment.digest[:SHORT_DIGEST]}, "
        f"Python {known.interpreter.version}"
        for content in workplace.catalog.locations
        if (known := known_location(workplace.context, content)) is not None
    }
    if not workplace.is_isolated:
        environments[own_location().path] = "the worker's own"
    explained = [
        explain(plan, environments)
        for plan in plan_connectors(workplace, converters, places.providers(), files)
    ]
    if as_json:
        render.json_envelope("plugins explain", [asdict(one) for one in explained])
        return 0
    for number, one in enumerate(explained):
        if number:
            render.line()
        render.explanation(one)
    return 0


def _told_lock(synced: SyncedLocation, reason: str) -> str:
    name = synced.location.lock_file.name
    if synced.lock_state == "made":
        return f"{synced.location.name}: made its lock, `{name}`"
    return f"{synced.location.name}: made its lock anew, `{name}`: {reason}"


def _target(workplace: Workplace, text: str) -> Interpreter | ForeignTarget:
    """Return an interpreter of this machine, or the foreign target that a tag names."""
    if "-" in text and "/" not in text:
        return parse_target(text)
    return installed(workplace.context, text)


def _tell(listing: Listing, command: str, *, with_builtin: bool = False, as_json: bool) -> int:
    code = _code(listing.errors)
    if as_json:
        render.json_envelope(command, listing.as_json(), errors=listing.errors, exit_code=code)
        return code
    rows = [
        (
            row.type,
            row.class_name,
            row.version,
            _from_here(row.location),
            (row.environment or "")[:SHORT_DIGEST],
            f"shadowed: {row.detail}" if row.state == "shadowed" else row.state,
        )
        for row in listing.plugins
        if with_builtin or row.state != BUILT_IN
    ]
    render.table(("type", "class", "version", "location", "environment", "state"), rows)
    if command == "plugins list" and len(rows) < len(listing.plugins):
        hidden = len(listing.plugins) - len(rows)
        render.note(f"{hidden} built-in plugins are not shown; `--all` shows them")
    for problem in listing.warnings:
        render.warning(problem.error)
    tell_errors(listing.errors)
    return code


def _from_here(location: str) -> str:
    """Return a path as short as it can be said from the working directory."""
    path = Path(location)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else location


def tell_errors(errors: Sequence[VenvoyError]) -> None:
    """Print each fault to stderr."""
    for error in errors:
        render.failure(error)


def _code(errors: Sequence[VenvoyError]) -> int:
    return 1 if errors else 0
