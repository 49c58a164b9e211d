"""The command line: parses, calls, and leaves all printing to `render`."""

import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from launcher import render
from launcher.demo import run_demo
from launcher.plugin_commands import (
    explain_command,
    list_command,
    lock_command,
    sync_command,
)
from launcher.run_command import run_command
from manager.errors import UsageError, VenvoyError

__all__ = ["main", "main_without_exit"]

EXIT_BUG = 3
EXIT_INTERRUPTED = 130
SHELLS = ("bash", "zsh", "fish")
FILE = click.Path(path_type=Path)


def main() -> None:
    """Run the command line and exit with `main_without_exit`'s code."""
    sys.exit(main_without_exit(sys.argv[1:]))


def main_without_exit(arguments: Sequence[str]) -> int:
    """Run the command line; return 0, or 1 a fault told, 2 usage, 3 our bug, 130 interrupted."""
    try:
        result: object = venvoy.main(list(arguments), prog_name="venvoy", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        render.note("interrupted")
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except VenvoyError as error:
        render.failure(error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last net: a bug of ours is told as one
        render.unexpected(error)
        return EXIT_BUG
    return result if isinstance(result, int) else 0


Command = Callable[..., object]


def _plugin_path_options(command: Command) -> Command:
    """The two ways to say where plugins are, on every command that reads a plugin path."""
    path = click.option(
        "--plugin-path",
        metavar="PLACE,…",
        help="Where plugins are: a comma-separated list of places.",
    )
    worker = click.option(
        "--worker-config", type=FILE, metavar="FILE", help="Take `plugin.path` from this file."
    )
    return path(worker(command))


_json = click.option("--json", "as_json", is_flag=True, help="Answer with a JSON envelope.")
_offline = click.option("--offline", is_flag=True, help="Ask no package index.")
_frozen = click.option("--frozen", is_flag=True, help="Change no lock; refuse a stale one.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("venvoy"), message="%(prog)s %(version)s")
def venvoy() -> None:
    """Run Python plugins, any number of versions side by side.

    Each plugin gets its own locked, content-hashed virtualenv; all of them share one framework
    API, which always wins.
    """


@venvoy.group()
def plugins() -> None:
    """See, lock and install what is on a plugin path."""


@plugins.command("list")
@_plugin_path_options
@_json
def plugins_list(plugin_path: str | None, worker_config: Path | None, as_json: bool) -> int:
    """List every plugin and version, and what is broken or shadowed and why."""
    return list_command(plugin_path, worker_config, as_json=as_json)


@plugins.command("lock")
@click.argument("locations", nargs=-1, metavar="[LOCATION]...")
@_plugin_path_options
@click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="PYTHON",
    help="Lock for this interpreter, such as `3.12`; may be given several times.",
)
@_offline
@_json
def plugins_lock(
    locations: tuple[str, ...],
    plugin_path: str | None,
    worker_config: Path | None,
    pythons: tuple[str, ...],
    offline: bool,
    as_json: bool,
) -> int:
    """Resolve what plugins need and write their locks (PEP 751), all of them or those named.

    A LOCATION is a name below a place of the plugin path, or a path.
    """
    return lock_command(
        plugin_path, worker_config, names=locations, pythons=pythons, offline=offline,
        as_json=as_json,
    )  # fmt: skip


@plugins.command("sync")
@click.argument("locations", nargs=-1, metavar="[LOCATION]...")
@_plugin_path_options
@_offline
@_frozen
@_json
def plugins_sync(
    locations: tuple[str, ...],
    plugin_path: str | None,
    worker_config: Path | None,
    offline: bool,
    frozen: bool,
    as_json: bool,
) -> int:
    """Make every plugin's environment and try its entry points."""
    return sync_command(
        plugin_path, worker_config, names=locations, offline=offline, frozen=frozen,
        as_json=as_json,
    )  # fmt: skip


@plugins.command("explain")
@click.argument("connector_files", nargs=-1, required=True, type=FILE, metavar="CONNECTOR_FILE...")
@_plugin_path_options
@_json
def plugins_explain(
    connector_files: tuple[Path, ...],
    plugin_path: str | None,
    worker_config: Path | None,
    as_json: bool,
) -> int:
    """Tell which plugin, version and environment each stage of a connector gets, and why."""
    return explain_command(plugin_path, worker_config, files=connector_files, as_json=as_json)


@venvoy.command("run")
@click.argument("worker_config", type=FILE)
@click.argument("connector_files", nargs=-1, required=True, type=FILE, metavar="CONNECTOR_FILE...")
@_offline
@_frozen
@_json
def run(
    worker_config: Path,
    connector_files: tuple[Path, ...],
    offline: bool,
    frozen: bool,
    as_json: bool,
) -> int:
    """Run connectors until their sources are drained and their sinks have everything."""
    return run_command(
        worker_config, connector_files, offline=offline, frozen=frozen, as_json=as_json
    )


@venvoy.command("demo")
@click.option(
    "--keep", type=FILE, metavar="DIRECTORY", help="Leave configs, topics and tables there."
)
def demo(keep: Path | None) -> int:
    """Run two versions of a source and of a sink at once, on a real table."""
    return run_demo(keep)


@venvoy.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> int:
    """Print the completion script of a shell, to be evaluated in its start-up file."""
    found = get_completion_class(shell)
    if found is None:
        raise UsageError(what=f"no completion for `{shell}`", remedy=f"one of {', '.join(SHELLS)}")
    render.raw(found(venvoy, {}, "venvoy", "_VENVOY_COMPLETE").source())
    return 0
