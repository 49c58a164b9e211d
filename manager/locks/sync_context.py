"""What a sync works with: the store, the API, the environment, and how far it may go."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from packaging.specifiers import SpecifierSet

from manager.interpreters.interpreter import Interpreter
from manager.interpreters.search import MissingInterpreterError, find, search_directories
from manager.locks.foreign_targets import ForeignTarget
from manager.locks.pip import PipSettings
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Location
from manager.plugins.tool_settings import ToolSettings
from manager.store.store import ApiCopy, Store

__all__ = ["SyncContext", "installed", "interpreter_for", "pip_for", "python_asked"]


def _silent(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, kw_only=True)
class SyncContext:
    """The surroundings of a lock or a sync.

    `inherited` is the caller's environment variables, `default_python` the interpreter for
    plugins that ask for none. `offline` asks no index, `frozen` changes no lock. `progress` is
    told what takes time, in the thread that called. An entry point that is tried is given up after
    `trial_timeout_s`; with `retry_failed` one that failed before is tried again, as what it
    failed of (a service, a variable, a file) may be there now.
    """

    store: Store
    api: ApiCopy
    inherited: Mapping[str, str]
    default_python: Path
    offline: bool = False
    frozen: bool = False
    progress: Callable[[str], None] = _silent
    trial_timeout_s: float = 120
    retry_failed: bool = False

    @cached_property
    def search(self) -> tuple[Path, ...]:
        """Where other interpreters may be."""
        return search_directories(self.inherited)

    def progress_of(self, location: Location) -> Callable[[str], None]:
        """Return a `progress` that puts the location's name before what it is told."""
        return lambda text: self.progress(f"{location.name}: {text}")


def interpreter_for(context: SyncContext, content: LocationContent) -> Interpreter:
    """Return the interpreter of a location; raises what `find` raises."""
    specifiers = [str(one.requires_python or "") for one in content.distributions]
    try:
        return find(
            python_asked(content.location, content.settings),
            SpecifierSet(",".join(filter(None, specifiers))),
            default=context.default_python,
            cache_dir=context.store.interpreters_dir,
            search=context.search,
            progress=context.progress,
        )
    except MissingInterpreterError as error:
        raise MissingInterpreterError(
            requested=error.requested,
            found=error.found,
            unusable=error.unusable,
            plugin=content.location.path,
        ) from error


def python_asked(location: Location, settings: ToolSettings) -> str | None:
    """Return the interpreter that a location asks for; a relative path is taken from there."""
    asked = settings.python
    if asked is None or "/" not in asked or asked.startswith(("/", "~")):
        return asked
    return str(location.settings_file.parent / asked)


def installed(context: SyncContext, request: str | None) -> Interpreter:
    """Return an interpreter of this machine, the default for None; raises what `find` raises."""
    return find(
        request,
        None,
        default=context.default_python,
        cache_dir=context.store.interpreters_dir,
        search=context.search,
        progress=context.progress,
    )


def pip_for(
    context: SyncContext,
    location: Location,
    settings: ToolSettings,
    interpreter: Interpreter,
    *,
    offline: bool | None = None,
    foreign: ForeignTarget | None = None,
) -> PipSettings:
    """Return how pip is called for a location; `offline` None is as the context says."""
    return PipSettings(
        interpreter=interpreter,
        foreign=foreign,
        inherited=context.inherited,
        offline=context.offline if offline is None else offline,
        find_links=location.wheelhouse_dirs,
        exclude_newer=settings.exclude_newer,
    )
