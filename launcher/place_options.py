"""Options of every command that reads a plugin path."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path

import click

from launcher.commands.plugin_places import PluginPlaces

__all__ = ["plugin_path_options"]

Command = Callable[..., object]


def plugin_path_options(command: Command) -> Command:
    """The ways to say where plugins are, on every command that reads a plugin path.

    The command gets them as `places`.
    """

    @wraps(command)
    def with_places(
        plugin_path: tuple[str, ...], worker_config: tuple[Path, ...], **arguments: object
    ) -> object:
        places = PluginPlaces(plugin_paths=plugin_path, worker_configs=worker_config)
        return command(places=places, **arguments)

    path = click.option(
        "--plugin-path",
        multiple=True,
        metavar="PLACE,…",
        help="Where plugins are: a comma-separated list of places; may be given several times.",
    )
    worker = click.option(
        "--worker-config",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Take `plugin.path` from this file, too; may be given several times.",
    )
    return path(worker(with_places))
