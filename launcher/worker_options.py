"""Options of every command that asks a running worker, and completion of connectors' names."""

from collections.abc import Callable
from functools import wraps

import click
from click.shell_completion import CompletionItem

from launcher.commands.connector_commands import connector_names
from launcher.commands.worker_client import DEFAULT_URL, WorkerAddress

__all__ = ["complete_connector", "one_connector", "worker_options"]

Command = Callable[..., object]


def worker_options(command: Command) -> Command:
    """Where the worker is, and `--json`, on every command, which gets the former as `address`."""
    options = (
        click.option(
            "--url", envvar="VENVOY_URL", default=DEFAULT_URL, metavar="URL", show_default=True,
            help="Where the worker listens (or VENVOY_URL).",
        ),
        click.option(
            "--user", envvar="VENVOY_USER", metavar="NAME:PASSWORD",
            help="Who asks; better in VENVOY_USER, where other users do not see it.",
        ),
        click.option(
            "--ca-file", envvar="VENVOY_CA_FILE", metavar="PEM",
            help="Who signs the worker's certificate (or VENVOY_CA_FILE).",
        ),
        click.option("--json", "as_json", is_flag=True, help="Answer with a JSON envelope."),
    )  # fmt: skip

    @wraps(command)
    def with_address(
        url: str, user: str | None, ca_file: str | None, **arguments: object
    ) -> object:
        return command(address=WorkerAddress(url=url, user=user, ca_file=ca_file), **arguments)

    wrapped: Command = with_address
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


def complete_connector(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete a connector's name by asking the worker that the line names so far."""
    address = WorkerAddress(
        url=ctx.params.get("url") or DEFAULT_URL,
        user=ctx.params.get("user"),
        ca_file=ctx.params.get("ca_file"),
    )
    found = connector_names(address)
    return [CompletionItem(name) for name in found if name.startswith(incomplete)]


one_connector = click.argument("name", shell_complete=complete_connector)
"""The argument of a command about one connector."""
