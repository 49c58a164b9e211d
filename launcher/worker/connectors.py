"""The connectors of a standing worker: made, changed, steered and deleted by their names."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import TypeVar

from launcher.interface.faults import (
    ConflictError,
    ConnectorExistsError,
    InvalidConnectorConfigError,
    NotFoundError,
)
from launcher.interface.views import TargetState
from launcher.storage.worker_store import WORKER, StoredConnector
from launcher.worker.config_checks import ConfigChecks, asked, named
from launcher.worker.managed_connector import ManagedConnector
from launcher.worker.move_requests import refused, rolled_back, with_config
from launcher.worker.surroundings import Surroundings
from manager.errors import VenvoyError

__all__ = ["Connectors"]

_T = TypeVar("_T")


class Connectors:
    """Each by its name, and those that were deleted and have not ended yet.

    A change that has begun is brought to its end, also when whoever asked for it is cancelled.
    """

    def __init__(self, around: Surroundings, checks: ConfigChecks) -> None:
        self._around = around
        self._checks = checks
        self._connectors: dict[str, ManagedConnector] = {}
        self._leaving: dict[str, ManagedConnector] = {}

    def all(self) -> tuple[ManagedConnector, ...]:
        """Return those that are there."""
        return tuple(self._connectors.values())

    def names(self) -> tuple[str, ...]:
        """Return the names, sorted."""
        return tuple(sorted(self._connectors))

    def find(self, name: str) -> ManagedConnector | None:
        """Return one, if it is there."""
        return self._connectors.get(name)

    def get(self, name: str) -> ManagedConnector:
        """Return one; NotFoundError."""
        connector = self._connectors.get(name)
        if connector is None:
            raise NotFoundError(f"Connector {name} not found")
        return connector

    # -- start and close ----------------------------------------------------------------------

    async def begin(self) -> None:
        """Take up every connector of the store; each comes to its target state by itself."""
        for name, stored in (await self._around.store.connectors()).items():
            self._connectors[name] = ManagedConnector(stored, self._around)
        for connector in self.all():
            await connector.begin()

    async def close(self) -> None:
        """Stop every connector in order; what is stored stays."""
        leaving = [*self.all(), *self._leaving.values()]
        await asyncio.gather(*(connector.close() for connector in leaving))

    # -- configs ------------------------------------------------------------------------------

    async def create(
        self,
        name: str,
        config: Mapping[str, str],
        *,
        initial_state: TargetState | None,
        by: str | None,
    ) -> ManagedConnector:
        """Make one; ConnectorExistsError, InvalidConnectorConfigError, RequestError."""
        if name in self._connectors:
            raise ConnectorExistsError(name)
        stored = StoredConnector(
            name=name,
            config=named(name, config),
            target=initial_state or TargetState.STARTED,
            asked_by=by or WORKER,
        )
        return await _whole(self._add(await self._checks.checked(stored)))

    async def put_config(
        self, name: str, config: Mapping[str, str], *, by: str | None
    ) -> tuple[ManagedConnector, bool]:
        """Make or change one; the second is whether it is new."""
        known = self.find(name)
        before = known.stored if known else StoredConnector(name=name, config={})
        generations = known.generations if known else None
        to = asked(before, config, by, generations=generations)
        stored = await self._checked(known, to)
        known = self.find(name)
        if known is None:
            new = StoredConnector(name=name, config=stored.config)
            new = replace(new, password_keys=stored.password_keys, asked_by=stored.asked_by)
            return await _whole(self._add(new)), True
        return await _whole(self._change(known, stored)), False

    async def patch_config(
        self, name: str, patch: Mapping[str, str | None], *, by: str | None
    ) -> ManagedConnector:
        """Change some keys; None takes one away (KIP-477). NotFoundError."""
        connector = self.get(name)
        before = connector.stored
        merged = {
            key: value for key, value in {**before.config, **patch}.items() if value is not None
        }
        to = asked(before, merged, by, generations=connector.generations)
        checked = await self._checked(connector, to)
        if self.get(name).stored.config != before.config:
            raise ConflictError(
                "Cannot complete request because of a conflicting operation "
                "(e.g. a concurrent config change)"
            )
        return await _whole(self._change(connector, checked))

    async def rollback(self, name: str, *, to: int | None, by: str | None) -> ManagedConnector:
        """Move to an earlier generation, by default the last good one before this.

        NotFoundError: there is none. InvalidConnectorConfigError: it is not installed any more.
        """
        connector = self.get(name)
        stored = rolled_back(connector.stored, connector.generations, to=to, by=by)
        checked = await self._checked(connector, stored)
        return await _whole(self._change(connector, checked, is_rollback=True))

    async def retarget(self, name: str, target: TargetState) -> None:
        """Let it come to another target state; NotFoundError."""
        await _whole(self._retarget(name, target))

    async def delete(self, name: str) -> None:
        """Stop and forget it; its offsets stay, as in Kafka. NotFoundError."""
        await _whole(self._delete(name))

    # -- parts --------------------------------------------------------------------------------

    async def _add(self, stored: StoredConnector) -> ManagedConnector:
        name = stored.name
        if name in self._connectors:
            raise ConnectorExistsError(name)
        connector = ManagedConnector(stored, self._around)
        self._connectors[name] = connector
        try:
            await self._around.store.put_connector(stored)
        except VenvoyError:
            del self._connectors[name]
            raise
        await connector.begin(after=self._leaving.get(name))
        return connector

    async def _checked(
        self, known: ManagedConnector | None, stored: StoredConnector
    ) -> StoredConnector:
        """Have a config checked; what is wrong with other versions is kept as a move refused."""
        try:
            return await self._checks.checked(stored)
        except InvalidConnectorConfigError as error:
            if known is not None:
                reason = "\n".join(dict.fromkeys(error.errors))  # one may be under two keys
                await known.change(
                    lambda now: refused(now, stored, known.generations, reason=reason)
                )
            raise

    async def _change(
        self, connector: ManagedConnector, to: StoredConnector, *, is_rollback: bool = False
    ) -> ManagedConnector:
        generations = connector.generations
        await connector.change(
            lambda now: with_config(now, to, generations, is_rollback=is_rollback)
        )
        connector.reconfigured()
        return self.get(connector.name)

    async def _retarget(self, name: str, target: TargetState) -> None:
        connector = self.find(name)
        if connector is None:
            raise NotFoundError(f"Unknown connector {name}")
        is_stop = target is TargetState.STOPPED

        def retargeted(now: StoredConnector) -> StoredConnector:
            if now.target is target:
                return now
            return replace(now, target=target, task_configs=() if is_stop else now.task_configs)

        await connector.change(retargeted)
        connector.retarget()

    async def _delete(self, name: str) -> None:
        connector = self.get(name)
        fault = self._around.store.fault()
        if fault is not None:  # it would be refused when the connector has left already
            raise fault
        del self._connectors[name]
        self._leaving[name] = connector
        connector.forget()
        try:
            await self._around.store.delete_connector(name)
        except VenvoyError:
            self._take_back(connector)
            raise
        self._around.keep(self._see_off(connector))

    def _take_back(self, connector: ManagedConnector) -> None:
        """Have it again when it could not be deleted, unless its name is another's already."""
        if connector.name in self._connectors:
            self._around.keep(self._see_off(connector))
            return
        del self._leaving[connector.name]
        self._connectors[connector.name] = connector
        connector.remember()

    async def _see_off(self, connector: ManagedConnector) -> None:
        await connector.close()
        if self._leaving.get(connector.name) is connector:
            del self._leaving[connector.name]


async def _whole(work: Coroutine[object, object, _T]) -> _T:
    """Do it to its end, also when whoever asked for it is cancelled."""
    return await asyncio.shield(asyncio.ensure_future(work))
