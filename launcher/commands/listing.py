"""What `plugins list` and `plugins sync` tell: rows for people, the same facts for machines."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher.planning.failed_entry_points import failed_entry_points
from launcher.planning.shipped_framework import shipped_framework
from launcher.planning.workplace import Workplace
from manager.errors import VenvoyError
from manager.plugins.catalog import Plugin
from manager.plugins.locations import Problem, Shape
from manager.sync import SyncedLocation, known_location

__all__ = ["BUILT_IN", "SHORT_DIGEST", "Listing", "PluginRow", "list_plugins", "list_synced"]

SHORT_DIGEST = 12
BUILT_IN = "built in"
UNISOLATED = "unisolated"


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRow:
    """One plugin: what it is, where it is, and whether it could start now.

    `state` is `ready`, `not synced`, `built in`, `unisolated` (of the worker's own environment),
    `shadowed`, or `broken`, and `detail` says more: why it is shadowed, or what failed when its
    entry point was tried and the remedy.
    """

    type: str
    class_name: str
    aliases: tuple[str, ...]
    version: str
    location: str
    shape: str
    environment: str | None
    plugin_digest: str | None
    python: str | None
    state: str
    detail: str

    def as_json(self) -> dict[str, object]:
        """Return the row as the JSON envelope holds it; Kafka's names where it has them."""
        return {
            "class": self.class_name,
            "type": self.type,
            "version": self.version,
            "aliases": list(self.aliases),
            "location": self.location,
            "shape": self.shape,
            "environment": self.environment,
            "plugin_digest": self.plugin_digest,
            "python": self.python,
            "state": self.state,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Everything on a plugin path; `broken` has locations and single entry points."""

    plugins: tuple[PluginRow, ...]
    broken: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    def as_json(self) -> dict[str, object]:
        """Return the listing as the JSON envelope holds it."""
        return {
            "plugins": [row.as_json() for row in self.plugins],
            "broken": [_problem_as_json(problem) for problem in self.broken],
            "warnings": [_problem_as_json(problem) for problem in self.warnings],
        }

    def only(self, paths: Collection[Path]) -> "Listing":
        """Return what is told of those locations alone."""
        return Listing(
            plugins=tuple(row for row in self.plugins if Path(row.location) in paths),
            broken=tuple(one for one in self.broken if _within(one.path, paths)),
            warnings=tuple(one for one in self.warnings if _within(one.path, paths)),
        )

    @property
    def errors(self) -> tuple[VenvoyError, ...]:
        """Every fault."""
        return tuple(problem.error for problem in self.broken)


def list_plugins(workplace: Workplace) -> Listing:
    """Return the whole catalog in rows, as the last syncs left it."""
    known = (known_location(workplace.context, one) for one in workplace.catalog.locations)
    found = [one for one in known if one is not None]
    return _listing(workplace, found, workplace.catalog.plugins)


def list_synced(workplace: Workplace, outcomes: Sequence[SyncedLocation | Problem]) -> Listing:
    """Return the plugins of the locations that a sync was asked for, in rows."""
    paths = {_path(outcome) for outcome in outcomes}
    plugins = [one for one in workplace.catalog.plugins if one.location.path in paths]
    return _listing(workplace, outcomes, plugins)


def _within(path: Path, paths: Collection[Path]) -> bool:
    return any(path.is_relative_to(one) for one in paths)


def _path(outcome: SyncedLocation | Problem) -> Path:
    return outcome.location.path if isinstance(outcome, SyncedLocation) else outcome.path


def _listing(
    workplace: Workplace, outcomes: Sequence[SyncedLocation | Problem], plugins: Sequence[Plugin]
) -> Listing:
    synced: dict[Path, SyncedLocation] = {}
    failed: dict[Path, Problem] = {}
    for outcome in outcomes:
        if isinstance(outcome, SyncedLocation):
            synced[outcome.location.path] = outcome
        else:
            failed[outcome.path] = outcome
    shadowed = {id(one.plugin): one.reason for one in workplace.catalog.shadowed}
    rows = tuple(_row(plugin, synced, failed, shadowed.get(id(plugin))) for plugin in plugins)
    return Listing(
        plugins=rows,
        broken=(*workplace.catalog.broken, *failed.values(), *_failing(synced.values())),
        warnings=(*workplace.catalog.warnings, *_shipping(synced.values())),
    )


def _row(
    plugin: Plugin,
    synced: Mapping[Path, SyncedLocation],
    failed: Mapping[Path, Problem],
    shadowed: str | None,
) -> PluginRow:
    location = plugin.location
    ready = synced.get(location.path)
    state, detail = "not synced", ""
    if location.builtin:
        state = BUILT_IN
    elif location.shape is Shape.WORKER:
        state = UNISOLATED
    elif shadowed is not None:
        state, detail = "shadowed", shadowed
    elif location.path in failed:
        state, detail = "broken", failed[location.path].error.message
    elif ready is not None:
        state, detail = _tried(plugin, ready)
    return PluginRow(
        type=plugin.type.value,
        class_name=plugin.class_name,
        aliases=plugin.aliases,
        version=str(plugin.version),
        location=BUILT_IN if location.builtin else str(location.path),
        shape=location.shape.value,
        environment=ready.environment.digest if ready is not None else None,
        plugin_digest=ready.plugin_digest if ready is not None else None,
        python=ready.interpreter.version if ready is not None else None,
        state=state,
        detail=detail,
    )


def _failing(synced: Iterable[SyncedLocation]) -> Iterator[Problem]:
    for one in synced:
        for fault in failed_entry_points(one):
            yield Problem(path=one.location.path, error=fault, severity="error")


def _shipping(synced: Iterable[SyncedLocation]) -> Iterator[Problem]:
    for one in synced:
        yield from shipped_framework(one.location.path, one.environment)


def _tried(plugin: Plugin, synced: SyncedLocation) -> tuple[str, str]:
    """How the plugin's entry point fared when its environment was verified."""
    for result in synced.verification.results:
        if (result.type, result.class_name) == (plugin.type.value, plugin.class_name):
            if result.ok:
                return "ready", ""
            return "broken", result.message
    return "ready", ""


def _problem_as_json(problem: Problem) -> dict[str, object]:
    return {
        "path": str(problem.path),
        "severity": problem.severity,
        "code": problem.error.code,
        "message": problem.error.message,
        "hint": problem.error.hint,
    }
