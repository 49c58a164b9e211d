"""The command line of `venvoy connectors`: parses and calls, as `cli` does for the rest."""

from pathlib import Path

import click

from launcher.commands.command_faults import CommandGroup
from launcher.commands.connector_commands import (
    change_state_command,
    config_command,
    create_command,
    delete_command,
    list_command,
    offsets_command,
    restart_command,
    status_command,
)
from launcher.commands.worker_client import WorkerAddress
from launcher.motion_cli import CONNECTOR_COMMANDS
from launcher.worker_options import complete_connector, one_connector, worker_options

__all__ = ["connectors"]

FILE = click.Path(path_type=Path)
STATES = ("running", "paused", "stopped")


_names = click.argument(
    "names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_connector
)


@click.group(cls=CommandGroup, short_help="See and steer the connectors of a running worker.")
def connectors() -> None:
    """See and steer the connectors of a running worker (`venvoy standalone`).

    Talks to its REST API, Kafka Connect's, so it works with any worker that speaks it.
    """


@connectors.command("list", short_help="List connectors with their versions and states.")
@worker_options
def connectors_list(address: WorkerAddress, as_json: bool) -> int:
    """List connectors with their versions and states."""
    return list_command(address, as_json=as_json)


@connectors.command("create", short_help="Make connectors from their files.")
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="CONNECTOR_FILE...")
@click.option("--replace", is_flag=True, help="Change a connector that exists.")
@click.option(
    "--initial-state",
    type=click.Choice(STATES),
    help="What a new one is to be at first; goes before what its file says.",
)
@click.option("--wait", is_flag=True, help="Wait until it runs or has failed.")
@worker_options
def connectors_create(
    files: tuple[Path, ...], replace: bool, initial_state: str | None, wait: bool,
    address: WorkerAddress, as_json: bool,
) -> int:  # fmt: skip
    """Make connectors from their files, checked by the plugins they name.

    A file is a `.properties` file, JSON of the config, or JSON as Kafka Connect's REST API takes
    it: `{"name": …, "config": {…}, "initial_state": "PAUSED"}`.
    """
    return create_command(
        address,
        files=files, initial_state=initial_state, replace=replace, wait=wait, as_json=as_json,
    )  # fmt: skip


@connectors.command("status", short_help="Tell how connectors and their tasks are.")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_connector)
@worker_options
def connectors_status(names: tuple[str, ...], address: WorkerAddress, as_json: bool) -> int:
    """Tell how connectors and their tasks are, and which versions run. 1 when one has failed."""
    return status_command(address, names=names, as_json=as_json)


@connectors.command("config", short_help="Print a connector's config.")
@one_connector
@worker_options
def connectors_config(name: str, address: WorkerAddress, as_json: bool) -> int:
    """Print a connector's config as it was written; secrets are hidden."""
    return config_command(address, name=name, as_json=as_json)


def _state_command(verb: str, help_text: str) -> None:
    @connectors.command(verb, short_help=help_text, help=help_text)
    @_names
    @click.option("--wait", is_flag=True, help="Wait until it is so, or has failed.")
    @worker_options
    def change(names: tuple[str, ...], wait: bool, address: WorkerAddress, as_json: bool) -> int:
        return change_state_command(address, verb=verb, names=names, wait=wait, as_json=as_json)


_state_command("pause", "Keep the tasks of connectors, but move no records.")
_state_command("resume", "Let connectors run again after a pause or a stop.")
_state_command("stop", "End the tasks of connectors; their offsets can be changed then.")


@connectors.command("restart", short_help="Restart connectors, or their tasks.")
@_names
@click.option("--tasks", "with_tasks", is_flag=True, help="Restart the tasks, too.")
@click.option("--only-failed", is_flag=True, help="Restart only what has failed.")
@click.option("--task", type=int, metavar="N", help="Restart this task alone.")
@worker_options
def connectors_restart(
    names: tuple[str, ...], with_tasks: bool, only_failed: bool, task: int | None,
    address: WorkerAddress, as_json: bool,
) -> int:  # fmt: skip
    """Restart connectors, with their tasks when asked."""
    return restart_command(
        address,
        names=names, with_tasks=with_tasks, only_failed=only_failed, task=task, as_json=as_json,
    )  # fmt: skip


@connectors.command("delete", short_help="Stop and forget connectors.")
@_names
@worker_options
def connectors_delete(names: tuple[str, ...], address: WorkerAddress, as_json: bool) -> int:
    """Stop and forget connectors. Their offsets stay: a new one of the same name goes on there."""
    return delete_command(address, names=names, as_json=as_json)


@connectors.command("offsets", short_help="Show, change or forget a connector's offsets.")
@one_connector
@click.option(
    "--set", "file", metavar="FILE", help="Change them to what stands there (`-`: stdin)."
)
@click.option("--reset", is_flag=True, help="Forget them.")
@worker_options
def connectors_offsets(
    name: str, file: str | None, reset: bool,
    address: WorkerAddress, as_json: bool,
) -> int:  # fmt: skip
    """Show a connector's offsets, or change or forget those of a stopped one."""
    if reset and file is not None:
        raise click.UsageError("--set and --reset exclude each other")
    return offsets_command(address, name=name, file=file, reset=reset, as_json=as_json)


for _command in CONNECTOR_COMMANDS:
    connectors.add_command(_command)
