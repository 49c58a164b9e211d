"""The command line of questions about the fleet: `venvoy which`, `venvoy outdated`."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path

import click

from launcher.commands.command_faults import command
from launcher.commands.fleet_commands import outdated_command, which_command
from launcher.commands.plugin_places import PluginPlaces
from launcher.commands.worker_client import WorkerAddress
from launcher.place_options import plugin_path_options

__all__ = ["FLEET_COMMANDS"]

Command = Callable[..., object]

_json = click.option("--json", "as_json", is_flag=True, help="Answer with a JSON envelope.")


def _maybe_worker(command: Command) -> Command:
    """Which worker to ask, too; the command gets its `address`, None without `--url`."""
    options = (
        click.option("--url", metavar="URL", help="Ask the worker that listens there, too."),
        click.option(
            "--user", envvar="VENVOY_USER", metavar="NAME:PASSWORD",
            help="Who asks it; better in VENVOY_USER, where other users do not see it.",
        ),
        click.option(
            "--ca-file", envvar="VENVOY_CA_FILE", metavar="PEM",
            help="Who signs its certificate (or VENVOY_CA_FILE).",
        ),
    )  # fmt: skip

    @wraps(command)
    def with_address(
        url: str | None, user: str | None, ca_file: str | None, **arguments: object
    ) -> object:
        address = None if url is None else WorkerAddress(url=url, user=user, ca_file=ca_file)
        return command(address=address, **arguments)

    wrapped: Command = with_address
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


@command("which", short_help="Tell who holds a package: locations, connectors, tasks.")
@click.argument("requirement")
@plugin_path_options
@_maybe_worker
@_json
def which(
    requirement: str, places: PluginPlaces, address: WorkerAddress | None, as_json: bool
) -> int:
    """Tell which locations and environments hold a package, as `urllib3` or `'urllib3<2.7'`.

    By the environments and by every target of the locks; no index is asked. With `--url` also which
    connectors and tasks of that worker run with it. 1 when it is not known of something.
    """
    return which_command(places, address, requirement=requirement, as_json=as_json)


@command("outdated", short_help="Tell which pins and locks have something newer.")
@click.argument(
    "connector_files",
    nargs=-1,
    type=click.Path(path_type=Path),
    metavar="[CONNECTOR_FILE]...",
)
@plugin_path_options
@_maybe_worker
@click.option("--offline", is_flag=True, help="Ask no package index: tell of pins only.")
@_json
def outdated(
    connector_files: tuple[Path, ...], places: PluginPlaces, address: WorkerAddress | None,
    offline: bool, as_json: bool,
) -> int:  # fmt: skip
    """Tell which connectors could run a newer version that is installed, and which locks are old.

    Connectors are those of the files, and with `--url` those of that worker. A lock is old when
    resolving anew would choose newer releases. Nothing is changed; `venvoy plugins lock` and
    `venvoy connectors move` do that. 1 when it is not known of something.
    """
    return outdated_command(
        places, address, files=connector_files, offline=offline, as_json=as_json
    )


FLEET_COMMANDS = (which, outdated)
"""For `venvoy`."""
