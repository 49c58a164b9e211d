"""The pipeline plan: which stage of a connector runs in which location's environment.

Pure: it reads a catalog and a config and decides; nothing here touches a disk or a process, so
`explain` costs nothing and the rules are tested without either.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from launcher.configs.config_keys import ConfigValueError
from launcher.configs.connector_config import ConnectorConfig, PluginRequest, TransformRequest
from manager.errors import VenvoyError
from manager.plugins.catalog import Catalog, Plugin
from manager.plugins.distributions import PluginType
from manager.plugins.plugin_path import Location
from manager.plugins.selection import Choice, select
from manager.plugins.selection_faults import NoMatchingVersionError

__all__ = [
    "PipelinePlan",
    "Segment",
    "Stage",
    "StageRole",
    "UnchosenPluginError",
    "WorkerConverters",
    "all_stages",
    "plan_pipeline",
    "segments",
]


class UnchosenPluginError(VenvoyError):
    """A config asks for a plugin or a version that cannot be chosen; `cause` says why."""

    def __init__(self, *, where: str, key: str, cause: VenvoyError) -> None:
        super().__init__(where, key)
        self.where = where
        self.key = key
        self.cause = cause

    @property
    def code(self) -> str:  # type: ignore[override]  # it is the cause's
        """The code of the cause."""
        return self.cause.code

    @property
    def message(self) -> str:
        """The config, the key, and the cause."""
        return f"{self.where}: `{self.key}`: {self.cause.message}"

    @property
    def hint(self) -> str:
        """What the cause advises."""
        return self.cause.hint


class StageRole(StrEnum):
    """What a stage does in a task."""

    CONNECTOR = "connector"
    TRANSFORMATION = "transformation"
    PREDICATE = "predicate"
    KEY_CONVERTER = "key.converter"
    VALUE_CONVERTER = "value.converter"
    HEADER_CONVERTER = "header.converter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One plugin at its place in the pipeline, and why it is this one.

    `config` holds the stage's own keys, prefix and framework keys removed (for the connector:
    everything). `request` is what the config asked for. A transformation may have a predicate,
    which runs beside it. If it `is_marked`, its predicate lives in another location and is a stage
    of its own, right before it: that one marks the records which the transformation is for, and
    the marks cross with the records. `negate` belongs to whichever of the two looks at it.
    """

    role: StageRole
    alias: str | None
    plugin: Plugin
    choice: Choice
    request: PluginRequest
    config: Mapping[str, str]
    predicate: "Stage | None" = None
    negate: bool = False
    is_marked: bool = False

    @property
    def prefix(self) -> str:
        """What stands before the stage's keys in its connector's config; empty for the latter."""
        match self.role:
            case StageRole.CONNECTOR:
                return ""
            case StageRole.TRANSFORMATION:
                return f"transforms.{self.alias}."
            case StageRole.PREDICATE:
                return f"predicates.{self.alias}."
            case _:
                return f"{self.role}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A run of stages that share one location's environment, so one host per task (design 9)."""

    location: Location
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelinePlan:
    """How one connector runs: its segments in the order in which records pass them.

    A sink reads `topics`, or every topic whose whole name `topics_regex` matches.
    """

    name: str
    kind: Literal["source", "sink"]
    connector: Stage
    segments: tuple[Segment, ...]
    tasks_max: int
    topics: tuple[str, ...]
    config: Mapping[str, str]
    topics_regex: re.Pattern[str] | None = None

    def reads(self, topic: str) -> bool:
        """Whether it is a sink that is given the records of this topic."""
        by_name = self.topics_regex is not None and bool(self.topics_regex.fullmatch(topic))
        return by_name or topic in self.topics

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All stages in record order."""
        return tuple(stage for segment in self.segments for stage in segment.stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConverters:
    """The worker's converters, for connectors that name none."""

    key: PluginRequest
    value: PluginRequest
    header: PluginRequest


def all_stages(plan: PipelinePlan) -> tuple[Stage, ...]:
    """Return every stage in record order, a predicate behind the one that it runs beside."""
    return tuple(
        one for stage in plan.stages for one in (stage, stage.predicate) if one is not None
    )


def plan_pipeline(
    config: ConnectorConfig, worker: WorkerConverters, catalog: Catalog
) -> tuple[PipelinePlan | None, tuple[VenvoyError, ...]]:
    """Choose every plugin that a config asks for and lay the stages into segments.

    Returns the plan, None when a plugin could not be chosen, and every fault. A plan with faults
    must not run, but its plugins can be asked for theirs, so that all are told at once.
    """
    planner = _Planner(catalog, config)
    connector = planner.connector()
    own = None if connector is None else connector.plugin.location
    transforms = [planner.transform(request, own) for request in config.transforms]
    converters = [
        planner.converter(role, mine, others, own)
        for role, mine, others in (
            (StageRole.KEY_CONVERTER, config.key_converter, worker.key),
            (StageRole.VALUE_CONVERTER, config.value_converter, worker.value),
            (StageRole.HEADER_CONVERTER, config.header_converter, worker.header),
        )
    ]
    if connector is None or own is None or planner.unchosen:
        return None, tuple(planner.problems)
    kind: Literal["source", "sink"] = (
        "source" if connector.plugin.type is PluginType.SOURCE else "sink"
    )
    if kind == "sink" and not config.topics and config.topics_regex is None:
        planner.fault("topics", "is missing", "name the topics that the sink reads, by commas")
    middle = [stage for stages in transforms for stage in stages]
    ends = [stage for stage in converters if stage is not None]
    ordered = [connector, *middle, *ends] if kind == "source" else [*ends, *middle, connector]
    return PipelinePlan(
        name=config.name,
        kind=kind,
        connector=connector,
        segments=segments(ordered, own=own),
        tasks_max=config.tasks_max,
        topics=config.topics,
        topics_regex=config.topics_regex,
        config=config.properties,
    ), tuple(planner.problems)


def segments(stages: Sequence[Stage], *, own: Location) -> tuple[Segment, ...]:
    """Group adjacent stages of one location; the API's own stages join a neighbour.

    A built-in stage joins the stage before it, and at the head the one behind it, so that records
    cross as few hosts as the config allows.
    """
    groups: list[tuple[Location | None, list[Stage]]] = []
    for stage in stages:
        place = _home(stage)
        if groups and (place is None or groups[-1][0] in (None, place)):
            before, members = groups[-1]
            groups[-1] = (before or place, [*members, stage])
        else:
            groups.append((place, [stage]))
    return tuple(Segment(location=place or own, stages=tuple(members)) for place, members in groups)


def _home(stage: Stage) -> Location | None:
    """The location that a stage needs, or None when any host will do."""
    homes = [stage.plugin.location]
    if stage.predicate is not None:
        homes.append(stage.predicate.plugin.location)
    return next((home for home in homes if not home.builtin), None)


class _Planner:
    """Selects the plugins of one config and collects its faults.

    `unchosen` says whether a plugin could not be selected.
    """

    def __init__(self, catalog: Catalog, config: ConnectorConfig) -> None:
        self.catalog = catalog
        self.config = config
        self.problems: list[VenvoyError] = []
        self.unchosen = False

    def fault(self, key: str, reason: str, remedy: str) -> None:
        self.problems.append(
            ConfigValueError(where=self.config.where, key=key, reason=reason, remedy=remedy)
        )

    def connector(self) -> Stage | None:
        types = (PluginType.SOURCE, PluginType.SINK)
        return self.stage(StageRole.CONNECTOR, self.config.connector, types, own=None)

    def stage(
        self,
        role: StageRole,
        request: PluginRequest,
        types: tuple[PluginType, ...],
        *,
        own: Location | None,
        alias: str | None = None,
        where: str | None = None,
    ) -> Stage | None:
        try:
            choice = select(self.catalog, type=types, name=request.name, spec=request.spec, own=own)
        except VenvoyError as error:
            key = request.name_key
            if isinstance(error, NoMatchingVersionError):
                key = request.version_key
            self.problems.append(
                UnchosenPluginError(where=where or self.config.where, key=key, cause=error)
            )
            self.unchosen = True
            return None
        return Stage(
            role=role,
            alias=alias,
            plugin=choice.plugin,
            choice=choice,
            request=request,
            config=request.config,
        )

    def transform(self, request: TransformRequest, own: Location | None) -> tuple[Stage, ...]:
        """The transformation, behind its predicate if that lives in another location."""
        kind = (PluginType.TRANSFORMATION,)
        stage = self.stage(
            StageRole.TRANSFORMATION, request.plugin, kind, own=own, alias=request.alias
        )
        if stage is None:
            return ()
        if request.predicate is None:
            return (stage,)
        predicate = self.stage(
            StageRole.PREDICATE,
            request.predicate,
            (PluginType.PREDICATE,),
            own=own,
            alias=request.predicate_alias,
        )
        if predicate is None:
            return ()
        if self.together(stage, predicate):
            return (replace(stage, predicate=predicate, negate=request.negate),)
        return (replace(predicate, negate=request.negate), replace(stage, is_marked=True))

    def together(self, stage: Stage, predicate: Stage) -> bool:
        homes = {one.plugin.location for one in (stage, predicate)}
        return len({home for home in homes if not home.builtin}) <= 1

    def converter(
        self,
        role: StageRole,
        mine: PluginRequest | None,
        worker: PluginRequest,
        own: Location | None,
    ) -> Stage | None:
        kind = (
            PluginType.HEADER_CONVERTER
            if role is StageRole.HEADER_CONVERTER
            else PluginType.CONVERTER
        )
        if mine is not None:
            return self.stage(role, mine, (kind,), own=own)
        return self.stage(role, worker, (kind,), own=None, where="the worker config")
