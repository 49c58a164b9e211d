"""From a connector's stored config to what it runs with: plan, environments, masked voices."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from launcher.configs.connector_config import parse_connector_config
from launcher.configs.providers import VARIABLE, Providers
from launcher.configs.secrets import Masker
from launcher.configs.version_keys import is_version_key, pinned
from launcher.interface.views import ConnectorType, StageVersion
from launcher.planning.plan import PipelinePlan, Stage, WorkerConverters, all_stages, plan_pipeline
from launcher.planning.preparation import Preparation, prepare
from launcher.planning.workplace import Workplace
from launcher.storage.worker_store import StoredConnector
from launcher.tasks.runtime import Event, Runtime
from launcher.tasks.threads import in_thread
from manager.errors import ProblemsError, VenvoyError
from manager.plugins.entry_points import PluginType
from manager.plugins.locations import Shape
from manager.plugins.selection import select
from manager.plugins.versions import LOCKED
from manager.store.environments import Environment

__all__ = ["Prepared", "Preparer", "exact_versions"]

_KIND_KEYS = ("connector.class", "connector.version", "connector.plugin.version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What one connector runs with.

    `plan` holds the resolved config, for hosts only; `runtime` has the connector's environments,
    and says nothing of its secrets. `resolve` puts values into a task's config. `locked` has what
    each version key that says `locked` came to; `plugin_digests` are by location path.
    """

    plan: PipelinePlan
    runtime: Runtime
    masker: Masker
    resolve: Callable[[Mapping[str, str]], Mapping[str, str]]
    locked: Mapping[str, str]
    plugin_digests: Mapping[str, str]

    @property
    def version(self) -> str:
        """The connector's version."""
        return str(self.plan.connector.plugin.version)

    @property
    def class_name(self) -> str:
        """The connector's class, with its module."""
        return self.plan.connector.plugin.class_name

    @property
    def environment(self) -> str:
        """The digest of the connector's own environment."""
        return self._digest(self.plan.connector)

    @property
    def stages(self) -> tuple[StageVersion, ...]:
        """Everything in the pipeline beside the connector, with its version."""
        found: list[StageVersion] = []
        for stage in self.plan.stages:
            if stage is not self.plan.connector:
                found.append(self._version(stage, self._digest(stage)))
            if stage.predicate is not None:
                found.append(self._version(stage.predicate, self._digest(stage)))
        return tuple(found)

    @property
    def versions(self) -> tuple[StageVersion, ...]:
        """The connector, and everything beside it."""
        connector = self.plan.connector
        return (self._version(connector, self._digest(connector)), *self.stages)

    @property
    def exact(self) -> Mapping[str, str]:
        """The version that each version key of the connector's own config came to."""
        return exact_versions(self.plan)

    @property
    def environment_digests(self) -> Mapping[str, str]:
        """The environments by location path."""
        return {
            str(path): environment.digest for path, environment in self.runtime.environments.items()
        }

    @property
    def identity(self) -> tuple[object, ...]:
        """What tasks must be restarted for when it changes though the config does not."""
        return self.version, self.environment, self.stages

    def _digest(self, stage: Stage) -> str:
        segment = next(one for one in self.plan.segments if stage in one.stages)
        return self.runtime.environment(segment).digest

    def _version(self, stage: Stage, digest: str) -> StageVersion:
        return StageVersion(
            role=str(stage.role),
            alias=stage.alias,
            class_name=stage.plugin.class_name,
            version=str(stage.plugin.version),
            environment=digest,
        )


def _asking(resolved: Mapping[str, str], stored: StoredConnector) -> dict[str, str]:
    """Return a resolved config that asks for the versions that the stored one does.

    After a return the plan of what runs is exact, whatever the config says.
    """
    others = {key: value for key, value in resolved.items() if not is_version_key(key)}
    asked = {
        key: resolved.get(key, value) if VARIABLE.search(value) else value
        for key, value in stored.config.items()
        if is_version_key(key)
    }
    return pinned({**others, **asked}, stored.locked)


def exact_versions(plan: PipelinePlan) -> dict[str, str]:
    """Return the version that each version key of a connector's own config comes to.

    Without the framework's own plugins: they have the worker's version, whatever it is.
    """
    return {
        stage.request.version_key: str(stage.plugin.version)
        for stage in all_stages(plan)
        if stage.request.name_key in plan.config and not stage.plugin.location.builtin
    }


async def _leave(_: Collection[Path]) -> None:
    """Take the plugin path as it was read."""


class Preparer:
    """Makes `Prepared` of configs; slow work is done in threads, one location at a time."""

    def __init__(
        self,
        *,
        workplace: Workplace,
        converters: WorkerConverters,
        providers: Providers,
        runtime: Runtime,
    ) -> None:
        self.workplace = workplace
        """The plugin path as it was read last; a rescan replaces it."""
        self.refresh: Callable[[Collection[Path]], Awaitable[None]] = _leave
        """Has the path read again if one of these locations is no longer as it was read."""
        self._converters = converters
        self._providers = providers
        self._runtime = runtime
        self._locks: dict[Path, asyncio.Lock] = {}

    def lock_of(self, path: Path) -> asyncio.Lock:
        """Return what is held while the environment of that location is made."""
        return self._locks.setdefault(path, asyncio.Lock())

    async def missing(self, prepared: Prepared) -> tuple[Path, ...]:
        """Return the locations it was prepared from that are not there, or not usable, any more."""
        locations = {segment.location.path: segment.location for segment in prepared.plan.segments}
        paths = sorted(
            path
            for path, location in locations.items()
            if not location.builtin and location.shape is not Shape.WORKER
        )
        workplace = self.workplace
        return await in_thread(
            lambda: tuple(
                path for path in paths if workplace.content(path) is None or not path.exists()
            )
        )

    async def prepare(
        self, stored: StoredConnector, *, on_secrets: Callable[[Masker], None]
    ) -> Prepared:
        """Resolve, plan and make the environments; may take as long as a build.

        `on_secrets` gets what hides the config's secrets, before anything can fail with them.

        Raises:
            ProblemsError: every fault of the config, or of its plugins.
        """
        name = stored.name
        resolved = await in_thread(lambda: self._providers.resolve(stored.config))
        passwords = {resolved.config.get(key, "") for key in stored.password_keys}
        masker = Masker(resolved.secrets | passwords)
        on_secrets(masker)
        plan, locked = await self._fresh_plan(name, resolved.config, stored.locked)
        preparation = await self._preparation(plan)
        return Prepared(
            plan=plan,
            runtime=self._masked(preparation.environments, masker),
            masker=masker,
            resolve=lambda pairs: self._providers.resolve(pairs).config,
            locked=locked,
            plugin_digests={
                str(path): digest for path, digest in preparation.plugin_digests.items()
            },
        )

    async def planned(self, stored: StoredConnector) -> PipelinePlan | None:
        """Return what it would run with by the plugin path as it is, None with any fault.

        The plan holds the resolved config.
        """
        resolved, _ = await in_thread(lambda: self._providers.try_resolve(stored.config))
        try:
            plan, _ = self._locked_plan(stored.name, resolved.config, stored.locked)
        except VenvoyError:  # the validation tells
            return None
        return plan

    def next_versions(
        self, prepared: Prepared, stored: StoredConnector
    ) -> tuple[StageVersion, ...]:
        """Return what would run if it were prepared now, where that is another version.

        What is not installed any more is left out: a start tells.
        """
        plan, _ = self._try_plan(prepared.plan.name, _asking(prepared.plan.config, stored))
        if plan is None:
            return ()
        running = {(one.role, one.alias): one.version for one in prepared.versions}
        found = (
            StageVersion(
                role=str(stage.role),
                alias=stage.alias,
                class_name=stage.plugin.class_name,
                version=str(stage.plugin.version),
                environment=None,
            )
            for stage in all_stages(plan)
        )
        return tuple(one for one in found if running.get((one.role, one.alias)) != one.version)

    def kind(self, config: Mapping[str, str]) -> ConnectorType:
        """Return the type by the catalog alone, `unknown` when the plugin is not there."""
        asked = {key: config[key] for key in _KIND_KEYS if key in config}
        resolved, _ = self._providers.try_resolve(asked)
        parsed, _ = parse_connector_config(resolved.config, where="")
        if parsed is None:
            return "unknown"
        wanted = parsed.connector
        types = (PluginType.SOURCE, PluginType.SINK)
        try:
            choice = select(
                self.workplace.catalog, type=types, name=wanted.name, spec=wanted.spec, own=None
            )
        except VenvoyError:
            return "unknown"
        return "source" if choice.plugin.type is PluginType.SOURCE else "sink"

    async def _fresh_plan(
        self, name: str, config: Mapping[str, str], locked: Mapping[str, str]
    ) -> tuple[PipelinePlan, Mapping[str, str]]:
        """Return `_locked_plan` of locations that are as they were read."""
        workplace = self.workplace
        planned = self._locked_plan(name, config, locked)
        await self.refresh({segment.location.path for segment in planned[0].segments})
        if self.workplace is workplace:
            return planned
        return self._locked_plan(name, config, locked)

    def _locked_plan(
        self, name: str, config: Mapping[str, str], locked: Mapping[str, str]
    ) -> tuple[PipelinePlan, Mapping[str, str]]:
        """Return the plan, and what each key that says `locked` stays on; they are exact in it."""
        keys = [key for key, value in config.items() if is_version_key(key)]
        keys = [key for key in keys if config[key].strip() == LOCKED]
        known = {key: locked[key] for key in keys if key in locked}
        plan = self._plan(name, pinned(config, known))
        found = {
            stage.request.version_key: str(stage.plugin.version)
            for stage in all_stages(plan)
            if stage.request.name_key in config and stage.request.version_key in keys
        }
        if found == known:
            return plan, known
        return self._plan(name, pinned(config, found)), found

    def _plan(self, name: str, config: Mapping[str, str]) -> PipelinePlan:
        plan, problems = self._try_plan(name, config)
        if plan is None or problems:
            raise ProblemsError(subject=f"the config of `{name}`", problems=problems)
        return plan

    def _try_plan(
        self, name: str, config: Mapping[str, str]
    ) -> tuple[PipelinePlan | None, tuple[VenvoyError, ...]]:
        parsed, problems = parse_connector_config(config, where=f"`{name}`")
        if parsed is None:
            return None, problems
        plan, more = plan_pipeline(parsed, self._converters, self.workplace.catalog)
        return plan, (*problems, *more)

    async def _preparation(self, plan: PipelinePlan) -> Preparation:
        workplace = self.workplace
        paths = sorted({segment.location.path for segment in plan.segments})
        async with AsyncExitStack() as held:
            for path in paths:
                await held.enter_async_context(self.lock_of(path))
            return await in_thread(lambda: prepare(workplace, (plan,)))

    def _masked(self, environments: Mapping[Path, Environment], masker: Masker) -> Runtime:
        runtime = self._runtime

        def on_event(event: Event) -> None:
            runtime.on_event(replace(event, text=masker.mask(event.text)))

        return replace(
            runtime,
            environments=environments,
            on_event=on_event,
            on_output=lambda task, stream, line: runtime.on_output(task, stream, masker.mask(line)),
            mask=masker.mask,
        )
