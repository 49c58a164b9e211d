"""The other door of the worker in memory: generations are kept, and moves end at once."""

import abc
import re
from collections.abc import Mapping
from dataclasses import replace

from launcher.interface.faults import NotFoundError, RequestError
from launcher.interface.motion import (
    BuildState,
    ConfigChange,
    Generation,
    LocationState,
    MovePlan,
    PackageChange,
    RescanReport,
    StageChange,
)
from launcher.interface.move import Move, MoveState
from launcher.interface.views import ConnectorInfo, StageVersion

VERSION_KEY = r"(connector|.+\.plugin)\.version"
AT = 1_700_000_000_000


class FakeMotion:
    """MotionInterface for the fake worker, which is made of it."""

    @abc.abstractmethod
    def info(self, name: str) -> ConnectorInfo:
        """Fail for a connector that is not there."""

    @abc.abstractmethod
    async def put_config(
        self, name: str, config: Mapping[str, str], *, by: str | None = None
    ) -> tuple[ConnectorInfo, bool]:
        """Store it, and `record` it."""

    def reset_motion(self) -> None:
        """Forget everything."""
        self.kept: dict[str, list[Generation]] = {}
        self.moves: dict[str, Move] = {}
        self.planned: list[tuple[str, Mapping[str, str]]] = []

    def record(self, name: str, version: str, by: str | None) -> None:
        """Keep what the connector has now as its newest generation."""
        kept = self.kept.setdefault(name, [])
        kept[:] = [replace(one, is_current=False) for one in kept]
        kept.append(_generation(len(kept) + 1, self.info(name), version, by or "worker"))
        if len(kept) > 1:
            self.moves[name] = Move(
                from_generation=len(kept) - 1,
                to_generation=len(kept),
                state=MoveState.DONE,
                from_version=kept[-2].versions[0].version,
                to_version=version,
                began_at=AT,
            )

    def forget(self, name: str) -> None:
        """Forget a connector."""
        self.kept.pop(name, None)
        self.moves.pop(name, None)

    async def rescan(self) -> RescanReport:
        return RescanReport(
            added=("acme_csv.CsvSourceConnector 2.0.0",),
            removed=(),
            broken=("/plugins/torn",),
            mended=(),
            locations=3,
        )

    def locations(self) -> tuple[LocationState, ...]:
        ready = LocationState(
            path="/plugins/acme",
            name="acme",
            plugins=("acme_csv.CsvSourceConnector 2.0.0",),
            is_gone=False,
            build=BuildState.READY,
            environment="0123456789ab",
            problem=None,
            hint=None,
            used_by=tuple(sorted(self.kept)),
        )
        torn = replace(
            ready,
            path="/plugins/torn",
            name="torn",
            plugins=(),
            build=None,
            environment=None,
            problem="no wheel",
            hint="put one there",
            used_by=(),
        )
        gone = replace(ready, path="/plugins/was", name="was", is_gone=True, build=None)
        return ready, torn, gone

    async def plan(
        self,
        name: str,
        config: Mapping[str, str] | None = None,
        *,
        versions: Mapping[str, str | None] | None = None,
    ) -> MovePlan:
        before = self.info(name)
        if config is None:
            config = _with_versions(before.config, versions or {})
        self.planned.append((name, config))
        class_name = config.get("connector.class")
        stage = StageChange(
            role="connector",
            alias=None,
            class_before=before.config["connector.class"],
            class_after=class_name,
            version_before=before.config.get("connector.version"),
            version_after=config.get("connector.version"),
            location_after="/plugins/acme",
            environment_is_ready=True,
        )
        return MovePlan(
            connector=name,
            stages=(stage,),
            packages=(PackageChange(name="pydantic", before="1.10.2", after=None),),
            config=(
                ConfigChange(
                    key="encoding", change="appears", before=None, after="utf-8", is_set=False
                ),
            ),
            api_requirement=">=0.1",
            api_version="0.1.0",
            restarts=(name, *(f"{name}-{number}" for number in before.tasks)),
            problems=() if class_name else ("Connector config contains no connector type",),
        )

    async def generations(self, name: str) -> tuple[Generation, ...]:
        self.info(name)
        return tuple(reversed(self.kept.get(name, [])))

    def last_move(self, name: str) -> Move | None:
        self.info(name)
        return self.moves.get(name)

    def next_versions(self, name: str) -> tuple[StageVersion, ...]:
        self.info(name)
        return ()

    async def rollback(
        self, name: str, *, to: int | None = None, by: str | None = None
    ) -> ConnectorInfo:
        self.info(name)
        earlier = [one for one in self.kept.get(name, []) if not one.is_current]
        chosen = [one for one in earlier if to in (None, one.number)]
        if not chosen:
            raise NotFoundError(f"Connector {name} has no generation {to or 'before this'}")
        if chosen[-1].outcome is not MoveState.DONE:
            raise RequestError(f"Generation {chosen[-1].number} never ran")
        info, _ = await self.put_config(name, chosen[-1].config, by=by)
        return info


def _with_versions(
    config: Mapping[str, str], versions: Mapping[str, str | None]
) -> Mapping[str, str]:
    for key in versions:
        if not re.fullmatch(VERSION_KEY, key):
            raise RequestError(f"`{key}` in `versions` is no key of a plugin's version")
    merged = {**config, **versions}
    return {key: value for key, value in merged.items() if value is not None}


def _generation(number: int, info: ConnectorInfo, version: str, by: str) -> Generation:
    connector = StageVersion(
        role="connector",
        alias=None,
        class_name=info.config["connector.class"],
        version=version,
        environment="0123456789ab",
    )
    return Generation(
        number=number,
        config=info.config,
        versions=(connector,),
        plugin_digests={"/plugins/acme": "aa" * 32},
        environment_digests={"/plugins/acme": "bb" * 32},
        at=AT + number,
        by=by,
        is_current=True,
        outcome=MoveState.DONE,
    )
