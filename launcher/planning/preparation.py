"""Everything that can be known to be wrong before a connector starts, found before it does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from launcher.configs.config_keys import ConfigValueError
from launcher.configs.connector_config import (
    ConnectorConfig,
    PluginRequest,
    parse_connector_config,
    request_converter,
)
from launcher.configs.properties import read_mapping
from launcher.configs.providers import Providers
from launcher.planning.failed_entry_points import FailedEntryPointError, failed_entry_points
from launcher.planning.plan import PipelinePlan, Stage, WorkerConverters, plan_pipeline
from launcher.planning.workplace import Workplace
from launcher.settings import DEFAULT_CONVERTER, DEFAULT_HEADER_CONVERTER
from manager.errors import ProblemsError, VenvoyError
from manager.plugins.locations import Problem, Shape
from manager.plugins.versions import LOCKED
from manager.store.environments import Environment
from manager.store.own_environment import own_environment
from manager.sync import SyncedLocation, sync_all

__all__ = [
    "Plans",
    "Preparation",
    "plan_all",
    "plan_connectors",
    "prepare",
    "worker_converters",
]


class SameNameError(VenvoyError):
    """Two connectors of one run have one name."""

    code = "same-name"

    def __init__(self, *, name: str, files: Sequence[str]) -> None:
        super().__init__(name)
        self.name = name
        self.files = tuple(files)

    @property
    def message(self) -> str:
        """The name and the files."""
        return f"the connector name `{self.name}` stands in {' and '.join(self.files)}"

    @property
    def hint(self) -> str:
        """Offsets are kept by name."""
        return "give each connector a name of its own: its offsets are kept under it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """Connectors planned, as far as that went, and every fault that was found on the way.

    With `problems` nothing may run; but when there is a plan for each file (`complete`), the
    plugins can be asked for what they find wrong, too, so that all is told at once. `secrets` are
    the values that providers gave, which must not be told.
    """

    plans: tuple[PipelinePlan, ...]
    problems: tuple[VenvoyError, ...]
    complete: bool
    secrets: frozenset[str] = frozenset()

    def as_error(self) -> ProblemsError:
        """Return all the problems as one."""
        return ProblemsError(subject="the connector configs", problems=self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """Plans with every environment they need, keyed by the location's path.

    `plugin_digests` are keyed likewise; the worker's own environment has none. `problems`
    are faults of the configs, which are told with those that the plugins find.
    """

    plans: tuple[PipelinePlan, ...]
    environments: Mapping[Path, Environment]
    problems: tuple[VenvoyError, ...] = ()
    plugin_digests: Mapping[Path, str] = field(default_factory=dict)


def worker_converters(properties: Mapping[str, str], *, where: str) -> WorkerConverters:
    """Return the converters for connectors that name none: the worker's, else JSON.

    Raises:
        ProblemsError: a converter's key is empty or its version malformed.
    """
    problems: list[VenvoyError] = []
    found: dict[str, PluginRequest] = {}
    defaults = {
        "key": DEFAULT_CONVERTER,
        "value": DEFAULT_CONVERTER,
        "header": DEFAULT_HEADER_CONVERTER,
    }
    for part, default in defaults.items():
        pairs = properties
        if f"{part}.converter" not in properties:
            pairs = {f"{part}.converter": default}
        request = request_converter(pairs, part, where=where, problems=problems)
        if request is not None and request.spec.text == LOCKED:
            remedy = "name a version; a connector's own converter can be locked"
            reason = f"is `{LOCKED}`, which only a connector's config can say"
            key = request.version_key
            problems.append(ConfigValueError(where=where, key=key, reason=reason, remedy=remedy))
        if request is not None:
            found[part] = request
    if problems:
        raise ProblemsError(subject=f"the worker config `{where}`", problems=problems)
    return WorkerConverters(key=found["key"], value=found["value"], header=found["header"])


def plan_connectors(
    workplace: Workplace,
    converters: WorkerConverters,
    providers: Providers,
    files: Sequence[Path],
) -> tuple[PipelinePlan, ...]:
    """Read every connector's file and plan it.

    Raises:
        ProblemsError: all the faults of all files; nothing has started.
    """
    planned = plan_all(workplace, converters, providers, files)
    if planned.problems:
        raise planned.as_error()
    return planned.plans


def plan_all(
    workplace: Workplace,
    converters: WorkerConverters,
    providers: Providers,
    files: Sequence[Path],
) -> Plans:
    """Read every connector's file, put in what variables stand for, and plan it.

    Raises nothing that a file can cause.
    """
    secrets: set[str] = set()
    plans: list[PipelinePlan] = []
    problems: list[VenvoyError] = []
    configs: dict[str, ConnectorConfig] = {}
    for file in files:
        try:
            resolved, unresolved = providers.try_resolve(read_mapping(file))
        except VenvoyError as error:
            problems.append(error)
            continue
        secrets |= resolved.secrets
        config, faults = parse_connector_config(resolved.config, where=str(file))
        problems += (*(fault.at(str(file)) for fault in unresolved), *faults)
        if config is None:
            continue
        twin = configs.setdefault(config.name, config)
        if twin is not config:
            problems.append(SameNameError(name=config.name, files=(twin.where, config.where)))
        plan, faults = plan_pipeline(config, converters, workplace.catalog)
        problems += faults
        if plan is not None:
            plans.append(plan)
    return Plans(
        plans=tuple(plans),
        problems=tuple(problems),
        complete=len(plans) == len(files),
        secrets=frozenset(secrets),
    )


def prepare(
    workplace: Workplace,
    plans: Sequence[PipelinePlan],
    *,
    config_problems: Sequence[VenvoyError] = (),
) -> Preparation:
    """Make or find the environment of every location that the plans need.

    Raises:
        ProblemsError: locations that could not be synced, and plugins that do not import, behind
            the faults of the configs.
    """
    environments: dict[Path, Environment] = {}
    digests: dict[Path, str] = {}
    problems: dict[str, VenvoyError] = {}
    for plan in plans:
        for segment in plan.segments:
            path = segment.location.path
            if path in environments or str(path) in problems:
                continue
            if segment.location.shape is Shape.WORKER:
                environments[path] = own_environment(workplace.interpreter)
                continue
            content = workplace.content(path)
            if content is None:  # planned from this very catalog
                continue
            (synced,) = sync_all(workplace.context, (content,))
            if isinstance(synced, Problem):
                problems[str(path)] = synced.error
                continue
            environments[path] = synced.environment
            digests[path] = synced.plugin_digest
            problems |= _failed(synced, plans)
    if problems:
        found = (*config_problems, *problems.values())
        raise ProblemsError(subject="the plugins of this run", problems=found)
    return Preparation(
        plans=tuple(plans),
        environments=environments,
        problems=tuple(config_problems),
        plugin_digests=digests,
    )


def _failed(
    synced: SyncedLocation, plans: Sequence[PipelinePlan]
) -> Mapping[str, FailedEntryPointError]:
    """Return the needed plugins of a location that did not stand their trial."""
    path = synced.location.path
    needed = {
        (plugin.type.value, plugin.class_name)
        for plan in plans
        for plugin in (stage.plugin for stage in _stages(plan))
        if plugin.location.path == path
    }
    return {
        f"{path} {fault.result.class_name}": fault
        for fault in failed_entry_points(synced)
        if (fault.result.type, fault.result.class_name) in needed
    }


def _stages(plan: PipelinePlan) -> tuple[Stage, ...]:
    predicates = (stage.predicate for stage in plan.stages)
    return (*plan.stages, *(predicate for predicate in predicates if predicate is not None))
