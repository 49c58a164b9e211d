"""What every command works in: the store, the API's copy in it, a plugin path's catalog."""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
from manager.plugins.plugin_path import Scan, locations_at, parse_plugin_path, scan
from manager.store.store import Store
from manager.sync import wheel_of
from manager.sync_forecast import built_wheel_of

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
    *,
    progress: Callable[[str], None],
    offline: bool = False,
    frozen: bool = False,
    scratch_dir: Path | None = None,
) -> tuple[SyncContext, Interpreter]:
    """Make the store ready; return what a lock or a sync needs, and the default interpreter.

    With a `scratch_dir` the store is only looked at, and all that has to be written goes there.
    """
    if scratch_dir is None:
        store = Store(store_dir())
        store.prepare()  # before anything is put there: it must be private from the first file on
    else:
        store = _watched_store(scratch_dir)
        store.refuse_unsafe()
    interpreter = probe(worker_python(), cache_dir=store.interpreters_dir)
    context = SyncContext(
        store=store,
        api=_api_store(store, scratch_dir).put_api(SHARED_DIR, [interpreter]),
        inherited=inherited_environment(),
        default_python=worker_python(),
        offline=offline,
        frozen=frozen,
        progress=progress,
        trial_timeout_s=trial_timeout_s(),
    )
    return context, interpreter


def open_workplace(
    plugin_path: str | Sequence[Path],
    *,
    progress: Callable[[str], None],
    offline: bool = False,
    frozen: bool = False,
    scratch_dir: Path | None = None,
    builds: bool = True,
) -> Workplace:
    """Read a plugin path, or locations by their paths, and make the store ready for them.

    An empty plugin path means the worker's own environment, unisolated (KIP-146). With a
    `scratch_dir` nothing is written elsewhere. Then, and without `builds`, a project whose metadata
    only a build tells, and that was not built before, is broken by `UnbuiltProjectError`.
    """
    context, interpreter = open_context(
        progress=progress, offline=offline, frozen=frozen, scratch_dir=scratch_dir
    )
    store = _api_store(context.store, scratch_dir)
    found, is_isolated = _scan(plugin_path)
    wheel = wheel_of if scratch_dir is None and builds else built_wheel_of
    catalog = make_catalog(
        found,
        api=context.api.version,
        builtin=builtin_location(),
        build=lambda location: wheel(context, location),
    )
    others = {each.bytecode_tag: each for each in _interpreters(context, catalog)}
    if others.keys() - {interpreter.bytecode_tag}:
        every: Mapping[str, Interpreter] = {**others, interpreter.bytecode_tag: interpreter}
        api = store.put_api(SHARED_DIR, [every[tag] for tag in sorted(every)])
        context = replace(context, api=api)
    return Workplace(
        catalog=catalog, context=context, interpreter=interpreter, is_isolated=is_isolated
    )


def _scan(plugin_path: str | Sequence[Path]) -> tuple[Scan, bool]:
    """Return what is there, and whether it is isolated."""
    if not isinstance(plugin_path, str):
        return locations_at(plugin_path), True
    places = parse_plugin_path(plugin_path)
    return (scan(places), True) if places else (_unisolated(), False)


def _watched_store(scratch_dir: Path) -> Store:
    """Return the store, to look at; interpreters are known as they are there, others in scratch."""
    known = scratch_dir / "interpreters"
    known.mkdir()
    for file in Store(store_dir()).interpreters_dir.glob("*.json"):
        (known / file.name).write_bytes(file.read_bytes())
    return Store(store_dir(), interpreters_dir=known)


def _api_store(store: Store, scratch_dir: Path | None) -> Store:
    return store if scratch_dir is None else Store(scratch_dir / "store")


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
