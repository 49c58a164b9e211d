"""Who holds a package: locations, environments of a store, connectors of a running worker."""

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from bundler.inventory import inventory_of
from launcher.planning.location_packages import held_packages, packages_of
from launcher.planning.workplace import Workplace
from manager.errors import UsageError, VenvoyError
from manager.plugins.location_content import LocationContent
from manager.plugins.own_plugins import own_location
from manager.store.own_environment import own_environment
from manager.store.receipts import UnreadableReceiptError, read_receipt
from manager.store.store import Store
from manager.sync import known_location

__all__ = [
    "Holder",
    "UnknownEnvironmentError",
    "UnknownPackagesError",
    "User",
    "holders",
    "parse_requirement",
    "stray_holders",
    "unknown_environments",
    "users",
]


class UnknownPackagesError(VenvoyError):
    """What a location needs is not known, so nothing can be said of it."""

    code = "unknown-packages"

    def __init__(self, *, location: Path) -> None:
        super().__init__(location)
        self.location = location

    @property
    def message(self) -> str:
        """The location."""
        return f"`{self.location}` has no lock that tells what it needs"

    @property
    def hint(self) -> str:
        """What writes one."""
        return f"run `venvoy plugins lock {shlex.quote(str(self.location))}`"


class UnknownEnvironmentError(VenvoyError):
    """A connector runs in an environment of another store, so nothing can be said of it."""

    code = "unknown-environment"

    def __init__(self, *, connector: str, digest: str, store: Path) -> None:
        super().__init__(connector, digest)
        self.connector = connector
        self.digest = digest
        self.store = store

    @property
    def message(self) -> str:
        """The connector, the environment, the store."""
        return f"`{self.connector}` runs in {self.digest[:12]}, which is not in `{self.store}`"

    @property
    def hint(self) -> str:
        """Where to ask."""
        return "ask on the worker's machine, with its VENVOY_STORE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What has the package: a location, by its environment or lock, or an environment of none.

    `version` may be several, by commas: a lock's, for its targets. `plugins` are `class version`.
    """

    location: Path | None
    plugins: tuple[str, ...]
    package: str
    version: str
    environment: str | None

    def as_json(self) -> dict[str, object]:
        """Return every field, for the envelope."""
        return {
            "location": None if self.location is None else str(self.location),
            "plugins": list(self.plugins),
            "package": self.package,
            "version": self.version,
            "environment": self.environment,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A connector of a running worker with stages in an environment that has the package."""

    connector: str
    tasks: tuple[int, ...]
    stages: tuple[str, ...]
    environment: str

    def as_json(self) -> dict[str, object]:
        """Return every field, for the envelope."""
        return {
            "connector": self.connector,
            "tasks": list(self.tasks),
            "stages": list(self.stages),
            "environment": self.environment,
        }


def parse_requirement(text: str) -> Requirement:
    """Read a requirement such as `urllib3<2.7`; UsageError, also for extras, URLs and markers."""
    remedy = "write a name and perhaps versions, as `urllib3` or `'urllib3<2.7'`"
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        what = f"`{text}` is no requirement: {str(error).splitlines()[0]}"
        raise UsageError(what=what, remedy=remedy) from error
    if requirement.extras or requirement.url or requirement.marker:
        what = f"`{text}` says more than a name and versions"
        raise UsageError(what=what, remedy=remedy)
    return requirement


def holders(
    workplace: Workplace, requirement: Requirement
) -> tuple[tuple[Holder, ...], tuple[VenvoyError, ...]]:
    """Return the locations that hold it, and why something cannot be said of others."""
    if not workplace.is_isolated:
        return _own_holders(workplace, requirement), ()
    found: list[Holder] = []
    errors: list[VenvoyError] = [problem.error for problem in workplace.catalog.broken]
    for content in workplace.catalog.locations:
        try:
            versions = _versions(workplace, content, requirement)
        except Exception:  # noqa: BLE001  # no location may stop another
            errors.append(UnknownPackagesError(location=content.location.path))
            continue
        known = known_location(workplace.context, content)
        digest = None if known is None else known.environment.digest
        if versions:
            path = content.location.path
            found.append(_holder(workplace, requirement, path, versions, digest))
    return tuple(found), tuple(errors)


def _own_holders(workplace: Workplace, requirement: Requirement) -> tuple[Holder, ...]:
    """Return the worker's own environment, where plugins run when the plugin path is empty."""
    own = own_environment(workplace.interpreter)
    versions = _matching(tuple(held_packages(own).items()), requirement)
    path = own_location().path
    return (_holder(workplace, requirement, path, versions, own.digest),) if versions else ()


def _holder(
    workplace: Workplace,
    requirement: Requirement,
    path: Path,
    versions: Sequence[str],
    environment: str | None,
) -> Holder:
    plugins = {
        f"{plugin.class_name} {plugin.version}": None
        for plugin in workplace.catalog.plugins
        if plugin.location.path == path
    }
    return Holder(
        location=path,
        plugins=tuple(plugins),
        package=canonicalize_name(requirement.name),
        version=", ".join(versions),
        environment=environment,
    )


def stray_holders(
    store: Store, requirement: Requirement, *, but: Sequence[str | None]
) -> tuple[Holder, ...]:
    """Return the environments of a store that hold it, without those whose digests are in `but`.

    They come by the package's version, then by what else they hold. A connector runs on in such a
    one when its location is gone.
    """
    found: list[tuple[tuple[Version, tuple[tuple[str, str, str], ...]], Holder]] = []
    for directory in sorted(store.environments_dir.glob("*")):
        try:
            receipt = read_receipt(directory)
        except UnreadableReceiptError:  # no environment
            continue
        versions = _matching([(name, version) for name, version, _ in receipt.wheels], requirement)
        if versions and receipt.digest not in but:
            holder = Holder(
                location=None,
                plugins=(),
                package=canonicalize_name(requirement.name),
                version=", ".join(versions),
                environment=receipt.digest,
            )
            found.append(((Version(versions[0]), receipt.wheels), holder))
    return tuple(holder for _, holder in sorted(found, key=lambda one: one[0]))


def users(
    statuses: Sequence[Mapping[str, object]], environments: Sequence[str | None]
) -> tuple[User, ...]:
    """Return who has stages in those environments, by the statuses of a worker's connectors."""
    found: list[User] = []
    for status in statuses:
        by_environment: dict[str, list[str]] = {}
        for environment, stage in _stages(status):
            by_environment.setdefault(environment, []).append(stage)
        tasks = cast("Sequence[Mapping[str, object]]", status["tasks"])
        found += (
            User(
                connector=str(status["name"]),
                tasks=tuple(int(str(task["id"])) for task in tasks),
                stages=tuple(stages),
                environment=environment,
            )
            for environment, stages in by_environment.items()
            if environment in environments
        )
    return tuple(found)


def unknown_environments(
    store: Store, statuses: Sequence[Mapping[str, object]], *, looked_at: Collection[str | None]
) -> tuple[VenvoyError, ...]:
    """Return the connectors that run where a store cannot tell what there is."""
    return tuple(
        UnknownEnvironmentError(connector=str(status["name"]), digest=digest, store=store.root)
        for status in statuses
        for digest in dict.fromkeys(digest for digest, _ in _stages(status))
        if digest not in looked_at and not store.environment_dir(digest).is_dir()
    )


def _stages(status: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    connector = cast("Mapping[str, str]", status["connector"])
    if "environment" in connector:
        yield connector["environment"], "connector"
    for stage in cast("Sequence[Mapping[str, str]]", status.get("stages", ())):
        if "environment" in stage:
            yield stage["environment"], stage.get("alias", stage["role"])


def _versions(
    workplace: Workplace, content: LocationContent, requirement: Requirement
) -> tuple[str, ...]:
    """Return the versions that match, of the environment and of every target of the lock."""
    pairs: list[tuple[str, str]] = []
    packages = packages_of(workplace.context, content)
    if packages is not None:
        pairs += packages.items()
    try:
        pairs += ((one.name, one.version) for one in inventory_of(content).packages)
    except VenvoyError:
        if packages is None:
            raise
    return _matching(pairs, requirement)


def _matching(pairs: Sequence[tuple[str, str]], requirement: Requirement) -> tuple[str, ...]:
    name = canonicalize_name(requirement.name)
    return tuple(
        dict.fromkeys(
            version
            for package, version in pairs
            if canonicalize_name(package) == name
            and requirement.specifier.contains(version, prereleases=True)
        )
    )
