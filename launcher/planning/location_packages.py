"""The packages of a location: what its environment holds, or would hold by its lock."""

from collections.abc import Mapping

from manager.errors import VenvoyError
from manager.locks.bundled import bundled_lock
from manager.locks.locks import read_lock, select_wheels
from manager.locks.sync_context import SyncContext, interpreter_for
from manager.plugins.bundles import open_bundle
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Shape
from manager.store.environments import Environment
from manager.sync import known_location

__all__ = ["held_packages", "packages_of"]


def held_packages(environment: Environment) -> Mapping[str, str]:
    """Return the versions in an environment by package name, as its receipt tells them."""
    return {name: version for name, version, _ in environment.receipt.wheels}


def packages_of(context: SyncContext, content: LocationContent) -> Mapping[str, str] | None:
    """Return the versions by package name, None when only a sync can tell; makes nothing.

    Those of the environment, else those that the lock chooses for the location's interpreter.
    """
    known = known_location(context, content)
    if known is not None:
        return held_packages(known.environment)
    try:
        return _locked(context, content)
    except (VenvoyError, OSError):  # the sync will tell
        return None


def _locked(context: SyncContext, content: LocationContent) -> Mapping[str, str] | None:
    location = content.location
    if location.shape is Shape.BUNDLE:
        lock = bundled_lock(open_bundle(location.path))
    else:
        found = read_lock(location.lock_file)
        if found is None:
            return None
        lock = found
    is_project = location.shape is Shape.PROJECT
    project = content.distributions[0].name if is_project else None
    chosen = select_wheels(lock, interpreter_for(context, content), project=project)
    own = {str(one.name): str(one.version) for one in content.distributions} if is_project else {}
    return {**own, **{str(wheel.name): str(wheel.version) for wheel in chosen}}
