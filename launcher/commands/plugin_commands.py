"""`venvoy plugins list | lock | sync | explain`."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from launcher import render
from launcher.commands.explain import explain
from launcher.commands.listing import BUILT_IN, SHORT_DIGEST, Listing, list_plugins, list_synced
from launcher.planning.preparation import plan_connectors, worker_converters
from launcher.planning.workplace import Workplace, open_workplace
from launcher.settings import read_worker_config
from manager.errors import UsageError, VenvoyError
from manager.interpreters.interpreter import Interpreter
from manager.locks.foreign_targets import ForeignTarget, parse_target
from manager.locks.locking import lock_location
from manager.locks.sync_context import installed
from manager.plugins.location_content import LocationContent
from manager.plugins.names import near_names
from manager.plugins.own_plugins import UnisolatedError, own_location
from manager.sync import SyncedLocation, known_location, sync_all

__all__ = [
    "chosen_plugin_path",
    "explain_command",
    "list_command",
    "lock_command",
    "named_locations",
    "sync_command",
    "tell_errors",
]


class UnknownLocationError(VenvoyError):
    """No usable location has the name that was given."""

    code = "unknown-location"

    def __init__(self, *, name: str, known: Sequence[str]) -> None:
        super().__init__(name)
        self.name = name
        self.known = tuple(known)

    @property
    def message(self) -> str:
        """The name."""
        return f"the plugin path has no usable location `{self.name}`"

    @property
    def hint(self) -> str:
        """What resembles it, or what there is."""
        near = near_names(self.name, self.known)
        if near:
            return f"did you mean {' or '.join(f'`{one}`' for one in near)}?"
        return f"there are {', '.join(self.known)}; `venvoy plugins list` tells what is broken"


def list_command(
    plugin_path: str | None, worker_config: Path | None, *, with_builtin: bool, as_json: bool
) -> int:
    """List what is there; 1 when a location is broken. JSON has the built-in plugins always."""
    with render.progress(quiet=as_json) as progress:
        workplace = open_workplace(
            chosen_plugin_path(plugin_path, worker_config), progress=progress
        )
        listing = list_plugins(workplace)
    return _tell(listing, "plugins list", with_builtin=with_builtin, as_json=as_json)


def lock_command(
    plugin_path: str | None,
    worker_config: Path | None,
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
        path = chosen_plugin_path(plugin_path, worker_config)
        workplace = open_workplace(path, progress=progress, offline=offline)
        interpreters = [_target(workplace, target) for target in targets]
        for content in named_locations(workplace, names):
            try:
                locked = lock_location(workplace.context, content, interpreters=interpreters)
            except VenvoyError as error:
                errors.append(error)
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
    plugin_path: str | None,
    worker_config: Path | None,
    *,
    names: Sequence[str],
    offline: bool,
    frozen: bool,
    as_json: bool,
) -> int:
    """Make environments; 1 when one could not be made or an entry point fails."""
    with render.progress(quiet=as_json) as progress:
        path = chosen_plugin_path(plugin_path, worker_config)
        workplace = open_workplace(path, progress=progress, offline=offline, frozen=frozen)
        outcomes = sync_all(workplace.context, named_locations(workplace, names))
    if not as_json:
        for outcome in outcomes:
            if isinstance(outcome, SyncedLocation) and outcome.lock_reason is not None:
                render.note(_told_lock(outcome, outcome.lock_reason))
    return _tell(list_synced(workplace, outcomes), "plugins sync", as_json=as_json)


def explain_command(
    plugin_path: str | None, worker_config: Path | None, *, files: Sequence[Path], as_json: bool
) -> int:
    """Explain what each stage of connectors gets."""
    with render.progress(quiet=as_json) as progress:
        workplace = open_workplace(
            chosen_plugin_path(plugin_path, worker_config), progress=progress
        )
    properties = read_worker_config(worker_config).properties if worker_config else {}
    converters = worker_converters(properties, where=str(worker_config or "the defaults"))
    environments = {
        content.location.path: f"{known.environment.digest[:SHORT_DIGEST]}, "
        f"Python {known.interpreter.version}"
        for content in workplace.catalog.locations
        if (known := known_location(workplace.context, content)) is not None
    }
    if not workplace.is_isolated:
        environments[own_location().path] = "the worker's own"
    explained = [
        explain(plan, environments) for plan in plan_connectors(workplace, converters, files)
    ]
    if as_json:
        render.json_envelope("plugins explain", [asdict(one) for one in explained])
        return 0
    for one in explained:
        render.explanation(one)
    return 0


def _told_lock(synced: SyncedLocation, reason: str) -> str:
    name = synced.location.lock_file.name
    if synced.lock_state == "made":
        return f"{synced.location.name}: made its lock, `{name}`"
    return f"{synced.location.name}: made its lock anew, `{name}`: {reason}"


def chosen_plugin_path(plugin_path: str | None, worker_config: Path | None) -> str:
    """Return the plugin path that the two options say; raises `UsageError`."""
    if plugin_path is not None and worker_config is not None:
        raise UsageError(
            what="both `--plugin-path` and `--worker-config` say where plugins are",
            remedy="give one of the two",
        )
    if worker_config is not None:
        return read_worker_config(worker_config).plugin_path
    if plugin_path is None:
        raise UsageError(
            what="nothing says where plugins are",
            remedy="add `--plugin-path /opt/plugins` or `--worker-config worker.properties`",
        )
    return plugin_path


def named_locations(workplace: Workplace, names: Iterable[str]) -> tuple[LocationContent, ...]:
    """Return the locations of those names or paths, all of them without one.

    Raises `UnknownLocationError`, and `UnisolatedError` when the plugin path is empty.
    """
    if not workplace.is_isolated:
        raise UnisolatedError(environment=own_location().path)
    by_name = {one.location.name: one for one in reversed(workplace.catalog.locations)}
    by_path = {one.location.path: one for one in workplace.catalog.locations}
    chosen: dict[Path, LocationContent] = {}
    for name in names:
        content = by_name.get(name) or by_path.get(Path(name).absolute())
        if content is None:
            raise UnknownLocationError(name=name, known=sorted(by_name))
        chosen[content.location.path] = content
    return tuple(chosen.values()) or workplace.catalog.locations


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
