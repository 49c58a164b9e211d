"""Plans of moves: what another config would change; nothing that runs is touched."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from launcher.configs.version_keys import pinned, unused_versions
from launcher.interface.faults import RefusedError, RequestError
from launcher.interface.motion import ConfigChange, MovePlan, StageChange
from launcher.interface.views import TargetState
from launcher.planning.location_packages import held_packages, packages_of
from launcher.planning.plan import PipelinePlan, Stage
from launcher.planning.workplace import Workplace
from launcher.storage.worker_store import StoredConnector
from launcher.tasks.threads import in_thread
from launcher.validation.infos import ConfigKeyInfo
from launcher.validation.validator import Validator
from launcher.worker.move_plan import (
    Packages,
    api_requirement,
    config_changes,
    moved_stages,
    package_changes,
    stage_changes,
)
from launcher.worker.preparing import Prepared, Preparer
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Shape
from manager.sync import known_location

__all__ = ["MovePlanner"]


class MovePlanner:
    """Makes plans over the plugin path as it was read last."""

    def __init__(self, *, preparer: Preparer, validator: Validator) -> None:
        self._preparer = preparer
        self._validator = validator

    async def plan(
        self,
        now: StoredConnector,
        asked: StoredConnector,
        *,
        running: Prepared | None,
        failed: Collection[Path],
    ) -> MovePlan:
        """Return what would change from what is `running`, else from what `now` would run with.

        `failed` are locations whose environments could not be made, or not be verified. The
        environments of `asked` are made, as for a validation, to ask their plugins.

        Raises:
            RequestTimedOutError: that takes too long, or a plugin does not answer.
        """
        workplace = self._preparer.workplace
        before = await self._preparer.planned(now) if running is None else running.plan
        after = await self._preparer.planned(asked)
        ready = await in_thread(lambda: _ready(workplace, after))
        problems = await self._problems(asked)
        unused = (f"{one.message}; {one.hint}" for one in unused_versions(asked.config))
        stages: tuple[StageChange, ...] = ()
        packages = _Compared()
        keys: tuple[ConfigChange, ...] = ()
        requirement = ""
        if after is not None:
            stages = stage_changes(before, after, ready=ready, failed=failed)
            packages = await in_thread(lambda: _packages(workplace, before, after, running))
            keys, unasked = await self._keys(before, after)
            packages.notes.extend(unasked)
            requirement = api_requirement(workplace.content(after.connector.plugin.location.path))
        return MovePlan(
            connector=now.name,
            stages=stages,
            packages=package_changes(packages.before, packages.after),
            config=keys,
            api_requirement=requirement,
            api_version=str(workplace.context.api.version),
            restarts=() if problems else _restarts(now, asked, stages, packages),
            problems=problems,
            notes=(*unused, *packages.notes),
        )

    async def _problems(self, asked: StoredConnector) -> tuple[str, ...]:
        """Return why the config would be refused, each fault once."""
        try:
            infos = await self._validator.validate(pinned(asked.config, asked.locked))
        except RequestError as error:
            return (error.message,)
        return tuple(dict.fromkeys(infos.errors()))

    async def _keys(
        self, before: PipelinePlan | None, after: PipelinePlan
    ) -> tuple[tuple[ConfigChange, ...], list[str]]:
        """Return how the definitions of what moves differ, and what could not be asked."""
        found: list[ConfigChange] = []
        notes: list[str] = []
        for old, new in moved_stages(before, after):
            try:
                known, becomes = await asyncio.gather(self._asked(old), self._asked(new))
            except RefusedError as error:
                what = f"{new.prefix.rstrip('.') or 'connector'}"
                notes.append(f"the keys of the {what} cannot be compared: {error.message}")
                continue
            found += config_changes(known, becomes, prefix=new.prefix, config=after.config)
        return tuple(found), notes

    async def _asked(self, stage: Stage) -> tuple[ConfigKeyInfo, ...]:
        plugin = stage.plugin
        told = await self._validator.plugin_config(plugin.class_name, str(plugin.version))
        return tuple(ConfigKeyInfo.from_json(key) for key in told)


@dataclass(slots=True, kw_only=True)
class _Compared:
    """What locations hold, before and after, and what is not known of them."""

    before: dict[Path, Packages] = field(default_factory=dict)
    after: dict[Path, Packages] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def _ready(workplace: Workplace, plan: PipelinePlan | None) -> Mapping[Path, bool]:
    """Say of each location of a plan whether its environment is there already."""
    return {
        content.location.path: known_location(workplace.context, content) is not None
        for content in _contents(workplace, plan)
    }


def _packages(
    workplace: Workplace,
    before: PipelinePlan | None,
    after: PipelinePlan,
    running: Prepared | None,
) -> _Compared:
    """Look up what the environments hold; what runs is known also when its location is gone."""
    found = _Compared()
    for side, plan in ((found.before, before), (found.after, after)):
        for content in _contents(workplace, plan):
            packages = packages_of(workplace.context, content)
            if packages is None:
                name = content.location.name
                found.notes.append(f"what `{name}` needs is known once its environment is made")
            else:
                side[content.location.path] = packages
    if running is not None:
        shapes = {one.location.path: one.location.shape for one in running.plan.segments}
        found.before |= {
            path: held_packages(environment)
            for path, environment in running.runtime.environments.items()
            if shapes.get(path) is not Shape.WORKER
        }
    return found


def _contents(workplace: Workplace, plan: PipelinePlan | None) -> tuple[LocationContent, ...]:
    """Return the locations of a plan that are on the plugin path, and have environments."""
    paths = {} if plan is None else dict.fromkeys(one.location.path for one in plan.segments)
    found = (workplace.content(path) for path in paths)
    return tuple(one for one in found if one and one.location.shape is not Shape.WORKER)


def _restarts(
    now: StoredConnector,
    asked: StoredConnector,
    stages: Sequence[StageChange],
    packages: _Compared,
) -> tuple[str, ...]:
    """Name what would restart: tasks only when there is something new for them."""
    if now.target is TargetState.STOPPED:
        return ()
    is_same = (
        now.config == asked.config
        and packages.before == packages.after
        and all(
            (one.class_before, one.version_before) == (one.class_after, one.version_after)
            for one in stages
        )
    )
    tasks = () if is_same else range(len(now.task_configs))
    return (now.name, *(f"{now.name}-{task}" for task in tasks))
