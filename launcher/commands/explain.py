"""Explains a plan: per stage what was asked for, what is installed, what was chosen and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.planning.plan import PipelinePlan, Stage

__all__ = ["Explanation", "StageExplanation", "explain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageExplanation:
    """One stage: the question that the config put, and the answer it got.

    `host` counts the hosts that a record passes, from 1; `environment` is the digest's short
    form, or what stands in its way ("not made yet").
    """

    stage: str
    asked_class: str
    asked_version: str | None
    version_key: str
    installed: tuple[str, ...]
    chosen_class: str
    chosen_version: str
    location: str
    environment: str
    reason: str
    host: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One connector's plan in words."""

    connector: str
    kind: str
    stages: tuple[StageExplanation, ...]


def explain(plan: PipelinePlan, environments: Mapping[Path, str]) -> Explanation:
    """Return the plan in words; `environments` maps a location's path to its environment."""
    return Explanation(
        connector=plan.name,
        kind=plan.kind,
        stages=tuple(_explain_all(plan, environments)),
    )


def _explain_all(
    plan: PipelinePlan, environments: Mapping[Path, str]
) -> Iterator[StageExplanation]:
    for number, segment in enumerate(plan.segments, start=1):
        environment = environments.get(segment.location.path, "not made yet")
        for stage in segment.stages:
            yield _explain_stage(stage, number, environment)
            if stage.predicate is not None:
                yield _explain_stage(stage.predicate, number, environment)


def _explain_stage(stage: Stage, host: int, environment: str) -> StageExplanation:
    plugin = stage.plugin
    return StageExplanation(
        stage=f"{stage.role}{f' {stage.alias}' if stage.alias else ''}",
        asked_class=stage.request.name,
        asked_version=stage.request.asked_version,
        version_key=stage.request.version_key,
        installed=tuple(
            dict.fromkeys(str(candidate.version) for candidate in stage.choice.candidates)
        ),
        chosen_class=plugin.class_name,
        chosen_version=str(plugin.version),
        location="built in" if plugin.location.builtin else str(plugin.location.path),
        environment=environment,
        reason=stage.choice.reason,
        host=host,
    )
