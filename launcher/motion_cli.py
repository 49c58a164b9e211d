"""The command line of versions in motion: plans, moves, generations, rescans of a worker."""

from pathlib import Path

import click

from launcher.commands.command_faults import command
from launcher.commands.motion_commands import (
    generations_command,
    locations_command,
    move_command,
    plan_command,
    rescan_command,
    rollback_command,
    stage_versions,
)
from launcher.commands.worker_client import WorkerAddress
from launcher.worker_options import one_connector, worker_options

__all__ = ["CONNECTOR_COMMANDS", "PLUGIN_COMMANDS"]

_version = click.option("--version", metavar="SPEC", help="A version, a range, `latest`, `locked`.")
_stages = click.option(
    "--stage",
    "stages",
    multiple=True,
    metavar="KEY=SPEC",
    help="A version of another plugin by its key, as `transforms.mask.plugin.version=2.0`; "
    "may be given several times.",
)


@command("plan", short_help="Tell what other versions of a connector would change.")
@one_connector
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[CONNECTOR_FILE]")
@_version
@_stages
@worker_options
def plan(
    name: str, file: Path | None, version: str | None, stages: tuple[str, ...],
    address: WorkerAddress, as_json: bool,
) -> int:  # fmt: skip
    """Tell what other versions, or a file, would change of a connector: versions, packages, keys.

    Without either: what its next start would change. Nothing that runs is touched. 1 when it would
    be refused.
    """
    versions = stage_versions(version, stages)
    return plan_command(address, name=name, file=file, versions=versions, as_json=as_json)


@command("move", short_help="Move a connector to another version, and back if it fails.")
@one_connector
@_version
@_stages
@click.option("--wait", is_flag=True, help="Wait until it has moved, or is back.")
@worker_options
def move(
    name: str, version: str | None, stages: tuple[str, ...], wait: bool,
    address: WorkerAddress, as_json: bool,
) -> int:  # fmt: skip
    """Move a connector to other versions. One that is not healthy in time goes back by itself."""
    versions = stage_versions(version, stages)
    return move_command(address, name=name, versions=versions, wait=wait, as_json=as_json)


@command("generations", short_help="List what a connector has run with.")
@one_connector
@worker_options
def generations(name: str, address: WorkerAddress, as_json: bool) -> int:
    """List what a connector has run with, the newest first; `*` is what it has now."""
    return generations_command(address, name=name, as_json=as_json)


@command("rollback", short_help="Move a connector to an earlier generation.")
@one_connector
@click.option("--to", type=click.IntRange(min=1), metavar="N", help="Which; by default the last.")
@click.option("--wait", is_flag=True, help="Wait until it is there, or is back.")
@worker_options
def rollback(name: str, to: int | None, wait: bool, address: WorkerAddress, as_json: bool) -> int:
    """Move a connector to what it ran with before, to the very versions.

    By default to the last generation before this that was healthy.
    """
    return rollback_command(address, name=name, to=to, wait=wait, as_json=as_json)


@command("rescan", short_help="Have a worker read its plugin path anew.")
@click.option("--wait", is_flag=True, help="Wait until the environments are made.")
@worker_options
def rescan(wait: bool, address: WorkerAddress, as_json: bool) -> int:
    """Have a worker read its plugin path anew; nothing that runs is disturbed.

    Environments of what is new are made behind it.
    """
    return rescan_command(address, wait=wait, as_json=as_json)


@command("locations", short_help="Show the locations that a worker knows.")
@worker_options
def locations(address: WorkerAddress, as_json: bool) -> int:
    """Show the locations that a worker knows, their environments, and who uses them."""
    return locations_command(address, as_json=as_json)


CONNECTOR_COMMANDS = (plan, move, generations, rollback)
"""For `venvoy connectors`."""
PLUGIN_COMMANDS = (rescan, locations)
"""For `venvoy plugins`."""
