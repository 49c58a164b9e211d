"""What is stored of a connector when a move is asked for, refused, or comes about by itself.

Pure: each takes what is stored, and returns what is to be.
"""

import time
from collections.abc import Mapping
from dataclasses import replace

from launcher.configs.version_keys import (
    differ_in_versions_only,
    is_version_key,
    kept_locks,
    named,
    pinned,
)
from launcher.interface.faults import NotFoundError
from launcher.interface.move import Move, MoveState
from launcher.interface.views import TargetState
from launcher.storage.generations import StoredGeneration
from launcher.storage.worker_store import Fallback, StoredConnector
from launcher.worker.generations import Generations
from manager.plugins.versions import LATEST

__all__ = ["by_itself", "locks", "refused", "rolled_back", "with_config"]


def locks(
    now: StoredConnector, config: Mapping[str, str], generations: Generations
) -> dict[str, str]:
    """Return what the keys that say `locked` stay on with another config.

    That is what they are locked on already, else what the same plugin ran with last; while a move
    goes on, what ran before it, which has proved healthy. A plugin that has not run has nothing.
    """
    number = now.generation if now.fallback is None else now.fallback.generation
    ran = generations.get(number)
    found = {} if ran is None else kept_locks(ran.exact, before=ran.config, after=config)
    return {**found, **kept_locks(now.locked, before=now.config, after=config)}


def with_config(
    now: StoredConnector,
    to: StoredConnector,
    generations: Generations,
    *,
    is_rollback: bool = False,
) -> StoredConnector:
    """Return `now` with the config of `to`; as a move, when it is one.

    It is when the connector is STARTED and has run, and the change is a rollback, or touches only
    versions, or comes while another move goes on: that one's fallback stays.
    """
    changed = replace(
        now,
        config=to.config,
        password_keys=to.password_keys,
        asked_by=to.asked_by,
        locked=locks(now, to.config, generations),
    )
    asked = is_rollback or differ_in_versions_only(now.config, to.config)
    is_started = now.target is TargetState.STARTED and now.generation > 0
    if not (is_started and (asked or now.fallback is not None)):
        return replace(changed, fallback=None, last_move=_given_up(now))
    return _begun(changed, now.fallback or _fallback(now), generations)


def by_itself(
    now: StoredConnector, exact: Mapping[str, str], generations: Generations
) -> StoredConnector:
    """Return `now` as a move when a start would come to other versions than the last one did.

    `exact` is what it would come to. It is a move when the config is the same, has proved healthy,
    and names no exact version: what it ran with then is its fallback.
    """
    known = generations.get(now.generation)
    if (
        now.fallback is not None
        or now.target is not TargetState.STARTED
        or known is None
        or known.outcome is not MoveState.DONE
        or known.config != now.config
        or known.exact == exact
    ):
        return now
    return _begun(now, _fallback(now), generations)


def refused(
    now: StoredConnector, to: StoredConnector, generations: Generations, *, reason: str
) -> StoredConnector:
    """Return `now` with a move to the config of `to` that never began."""
    if now.fallback is not None or not differ_in_versions_only(now.config, to.config):
        return now
    before, after = _asked_versions(to.config, now.config, generations.get(now.generation))
    move = Move(
        from_generation=now.generation,
        to_generation=now.generation,
        state=MoveState.RETURNED,
        from_version=before,
        to_version=after,
        began_at=int(time.time() * 1000),
        reason=reason,
    )
    return replace(now, last_move=move)


def rolled_back(
    now: StoredConnector, generations: Generations, *, to: int | None, by: str | None
) -> StoredConnector:
    """Return `now` with the config of an earlier generation, each version what it was then.

    By default the last one before this that proved healthy.

    Raises:
        NotFoundError: there is none.
    """
    if to is not None:
        chosen = generations.get(to)
        missing = f"Connector {now.name} has no generation {to}"
    else:
        is_ahead = now.fallback is not None and now.generation == now.fallback.generation
        chosen = generations.last_good(before=now.generation + is_ahead)
        missing = f"Connector {now.name} has no generation before this that proved healthy"
    if chosen is None:
        raise NotFoundError(missing, remedy=f"list them: GET /connectors/{now.name}/generations")
    return replace(
        now,
        config=pinned(chosen.config, chosen.exact),
        password_keys=chosen.password_keys,
        asked_by=f"rollback by {by}" if by else "rollback",
        locked={},
    )


def _fallback(now: StoredConnector) -> Fallback:
    return Fallback(
        config=now.config,
        password_keys=now.password_keys,
        asked_by=now.asked_by,
        generation=now.generation,
        locked=now.locked,
    )


def _begun(
    changed: StoredConnector, fallback: Fallback, generations: Generations
) -> StoredConnector:
    """Return a connector whose move to the config that it has begins."""
    known = generations.get(fallback.generation)
    before, after = _asked_versions(changed.config, fallback.config, known)
    move = Move(
        from_generation=fallback.generation,
        to_generation=generations.next_number,
        state=MoveState.PREPARING,
        from_version=before,
        to_version=after,
        began_at=int(time.time() * 1000),
    )
    return replace(changed, fallback=fallback, last_move=move)


def _given_up(now: StoredConnector) -> Move | None:
    """Return the last move, ended if it was under way."""
    if now.fallback is None or now.last_move is None:
        return now.last_move
    reason = "another config was asked for meanwhile"
    return replace(now.last_move, state=MoveState.RETURNED, reason=reason)


def _asked_versions(
    asked: Mapping[str, str], before: Mapping[str, str], known: StoredGeneration | None
) -> tuple[str, str]:
    """Return the connector's version as it was and as it is asked; of other plugins if it stays.

    What it was is empty when the generation is forgotten.
    """
    versions = known.versions if known is not None else ()
    keys = ("connector.version", "connector.plugin.version")
    others = [
        key
        for key in sorted(asked.keys() | before.keys())
        if is_version_key(key) and key not in keys and asked.get(key) != before.get(key)
    ]
    if not others or any(asked.get(key) != before.get(key) for key in keys):
        own = next((asked[key] for key in keys if key in asked), LATEST)
        return (versions[0].version if versions else ""), own
    ran = {(one.role == "predicate", one.alias or one.role): one.version for one in versions}
    places = [(key.startswith("predicates."), named(key)) for key in others]
    return (
        ", ".join(f"{place[1]} {ran[place]}" for place in places if place in ran),
        ", ".join(f"{named(key)} {asked.get(key, LATEST)}" for key in others),
    )
