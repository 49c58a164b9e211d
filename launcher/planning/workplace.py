"""What every command works in: the store, the API's copy in it, a plugin path's catalog."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from launcher.settings import (
    SHARED_DIR,
    inherited_environment,
    store_dir,
    trial_timeout_s,
    worker_python,
)
from manager.errors import VenvoyError
from manager.interpreters.interpreter import Interpreter, probe
from manager.locks.sync_context import SyncContext, interpreter_for
from manager.plugins.catalog import Catalog, make_catalog
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Location, Problem, Shape
from manager.plugins.own_plugins import UnisolatedError, own_location
from manager.plugins.plugin_path import Scan, parse_plugin_path, scan
from manager.store.store import Store
from manager.sync import wheel_of

__all__ = ["Workplace", "builtin_location", "open_context", "open_workplace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """A plugin path read, with all that it takes to lock, sync and run what is on it.

    It is not isolated when the path is empty, and plugins come from the worker's environment.
    """

    catalog: Catalog
    context: SyncContext
    interpreter: Interpreter
    is_isolated: bool

    def content(self, path: Path) -> LocationContent | None:
        """Return the location at that path, None when it holds nothing usable."""
        return next((one for one in self.catalog.locations if one.location.path == path), None)


def builtin_location() -> Location:
    """Return the location of the API's own plugins, whose metadata is read like any other's."""
    return Location(
        path=SHARED_DIR,
        shape=Shape.PROJECT,
        place=SHARED_DIR.parent,
        place_index=0,
        builtin=True,
    )


def open_context(
    *, progress: Callable[[str], None], offline: bool = False, frozen: bool = False
) -> tuple[SyncContext, Interpreter]:
    """Make the store ready; return what a lock or a sync needs, and the default interpreter."""
    store = Store(store_dir())
    interpreter = probe(worker_python(), cache_dir=store.interpreters_dir)
    context = SyncContext(
        store=store,
        api=store.put_api(SHARED_DIR, [interpreter]),
        inherited=inherited_environment(),
        default_python=worker_python(),
        offline=offline,
        frozen=frozen,
        progress=progress,
        trial_timeout_s=trial_timeout_s(),
    )
    return context, interpreter


def open_workplace(
    plugin_path: str,
    *,
    progress: Callable[[str], None],
    offline: bool = False,
    frozen: bool = False,
) -> Workplace:
    """Read a plugin path and make the store ready for it.

    An empty plugin path means the worker's own environment, unisolated (KIP-146).
    """
    context, interpreter = open_context(progress=progress, offline=offline, frozen=frozen)
    store = context.store
    places = parse_plugin_path(plugin_path)
    found = scan(places) if places else _unisolated()
    catalog = make_catalog(
        found,
        api=context.api.version,
        builtin=builtin_location(),
        build=lambda location: wheel_of(context, location),
    )
    others = {each.bytecode_tag: each for each in _interpreters(context, catalog)}
    if others.keys() - {interpreter.bytecode_tag}:
        every: Mapping[str, Interpreter] = {**others, interpreter.bytecode_tag: interpreter}
        api = store.put_api(SHARED_DIR, [every[tag] for tag in sorted(every)])
        context = replace(context, api=api)
    return Workplace(
        catalog=catalog, context=context, interpreter=interpreter, is_isolated=bool(places)
    )


def _unisolated() -> Scan:
    own = own_location()
    warning = Problem(
        path=own.path, error=UnisolatedError(environment=own.path), severity="warning"
    )
    return Scan(locations=(own,), problems=(warning,))


def _interpreters(context: SyncContext, catalog: Catalog) -> Iterator[Interpreter]:
    """Yield the interpreters that hosts will use; a missing one is told by whoever needs it."""
    for content in catalog.locations:
        try:
            yield interpreter_for(context, content)
        except VenvoyError:
            continue
