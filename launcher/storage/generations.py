"""Generations of connectors in the worker's file: each config that one ran with, and its fate."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from launcher.interface.move import MoveState
from launcher.interface.views import StageVersion

__all__ = ["KEPT", "StoredGeneration", "read_generations", "write_generation"]

KEPT = 100
"""How many generations of a connector are kept; the one that runs always is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredGeneration:
    """One config that a connector has run with, and what it came to.

    `config` is as it was written. `exact` has the version that each version key came to, for the
    plugins that the config itself names and that are not the framework's. `outcome` is STARTING
    until everything has proved healthy. `at` in milliseconds.
    """

    number: int
    config: Mapping[str, str]
    password_keys: frozenset[str]
    versions: tuple[StageVersion, ...]
    exact: Mapping[str, str]
    plugin_digests: Mapping[str, str]
    environment_digests: Mapping[str, str]
    at: int
    asked_by: str
    outcome: MoveState
    reason: str | None = None


def read_generations(connection: sqlite3.Connection, name: str) -> tuple[StoredGeneration, ...]:
    """Return the generations of a connector, the oldest first."""
    rows = connection.execute(
        "SELECT number, config, password_keys, versions, exact, plugin_digests, "
        "environment_digests, at, asked_by, outcome, reason FROM generations "
        "WHERE connector = ? ORDER BY number",
        (name,),
    )
    return tuple(_generation(*row) for row in rows)


def write_generation(
    connection: sqlite3.Connection, name: str, generation: StoredGeneration
) -> None:
    """Keep a generation of a connector that is there, and forget the oldest beyond `KEPT`."""
    versions = [
        [one.role, one.alias, one.class_name, one.version, one.environment]
        for one in generation.versions
    ]
    connection.execute(
        "INSERT OR REPLACE INTO generations "
        "SELECT name, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM connectors WHERE name = ?",
        (
            generation.number,
            json.dumps(dict(generation.config)),
            json.dumps(sorted(generation.password_keys)),
            json.dumps(versions),
            json.dumps(dict(generation.exact)),
            json.dumps(dict(generation.plugin_digests)),
            json.dumps(dict(generation.environment_digests)),
            generation.at,
            generation.asked_by,
            str(generation.outcome),
            generation.reason,
            name,
        ),
    )
    connection.execute(
        "DELETE FROM generations WHERE connector = ?1 AND number <= ?2 AND number <> "
        "(SELECT generation FROM connectors WHERE name = ?1)",
        (name, generation.number - KEPT),
    )


def _generation(
    number: int,
    config: str,
    password_keys: str,
    versions: str,
    exact: str,
    plugin_digests: str,
    environment_digests: str,
    at: int,
    asked_by: str,
    outcome: str,
    reason: str | None,
) -> StoredGeneration:
    return StoredGeneration(
        number=number,
        config=json.loads(config),
        password_keys=frozenset(json.loads(password_keys)),
        versions=tuple(
            StageVersion(
                role=role, alias=alias, class_name=class_name, version=version, environment=digest
            )
            for role, alias, class_name, version, digest in json.loads(versions)
        ),
        exact=json.loads(exact),
        plugin_digests=json.loads(plugin_digests),
        environment_digests=json.loads(environment_digests),
        at=at,
        asked_by=asked_by,
        outcome=MoveState(outcome),
        reason=reason,
    )
