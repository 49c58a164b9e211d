"""The command line: parses, calls, and leaves all printing to `render`."""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from launcher import render
from launcher.commands.bundle_commands import bundle_command, inspect_command
from launcher.commands.command_faults import CommandGroup, as_fault, refuse, told_code
from launcher.commands.demo import run_demo
from launcher.commands.interruption import leave_signals, take_signals
from launcher.commands.inventory_commands import check_command, diff_command, sbom_command
from launcher.commands.plugin_commands import (
    explain_command,
    forecast_command,
    list_command,
    lock_command,
    sync_command,
)
from launcher.commands.plugin_places import PluginPlaces
from launcher.commands.run_command import run_command
from launcher.commands.supply_commands import export_command, import_command, vendor_command
from launcher.connectors_cli import connectors
from launcher.fleet_cli import FLEET_COMMANDS
from launcher.motion_cli import PLUGIN_COMMANDS
from launcher.place_options import plugin_path_options
from manager.errors import UsageError

__all__ = ["main", "main_without_exit"]

SHELLS = ("bash", "zsh", "fish")
FILE = click.Path(path_type=Path)
DIRECTORY = click.Path(path_type=Path, file_okay=False)


def main() -> None:
    """Run the command line and exit with `main_without_exit`'s code."""
    render.ready_streams()
    take_signals()
    try:
        code = main_without_exit(sys.argv[1:])
        render.flush()
    except (OSError, KeyboardInterrupt) as error:  # nobody read the last words, or a late signal
        code = told_code(as_fault(error))
    leave_signals()
    sys.exit(code)


def main_without_exit(arguments: Sequence[str]) -> int:
    """Run the command line; return 0, or 1 a fault told, 2 usage, 3 our bug, 128 + a signal."""
    render.hide(None)
    try:
        result: object = venvoy.main(list(arguments), prog_name="venvoy", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        return refuse(error, as_json="--json" in arguments)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last net
        return told_code(as_fault(error))
    return result if isinstance(result, int) else 0


_locations = click.argument("locations", nargs=-1, metavar="[LOCATION]...")
_json = click.option("--json", "as_json", is_flag=True, help="Answer with a JSON envelope.")
_offline = click.option("--offline", is_flag=True, help="Ask no package index.")
_frozen = click.option("--frozen", is_flag=True, help="Change no lock; refuse a stale one.")


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(version("venvoy"), message="%(prog)s %(version)s")
def venvoy() -> None:
    """Run Python plugins, any number of versions side by side.

    Each plugin gets its own locked, content-hashed virtualenv; all of them share one framework
    API, which always wins.
    """


@venvoy.group()
def plugins() -> None:
    """See, lock and install what is on a plugin path."""


@plugins.command("list", short_help="List every plugin and version, and what is broken and why.")
@_locations
@plugin_path_options
@click.option("--all", "with_builtin", is_flag=True, help="Show the built-in plugins too.")
@_json
def plugins_list(
    locations: tuple[str, ...], places: PluginPlaces, with_builtin: bool, as_json: bool
) -> int:
    """List every plugin and version, and what is broken or shadowed and why.

    A LOCATION is a name below a place of the plugin path, or a path; paths need no plugin path.
    """
    return list_command(places, names=locations, with_builtin=with_builtin, as_json=as_json)


@plugins.command("lock", short_help="Resolve what plugins need and write their locks.")
@_locations
@plugin_path_options
@click.option(
    "--python",
    "--target",
    "targets",
    multiple=True,
    metavar="TARGET",
    help="Lock for this Python, `3.12`, or this platform, `cp311-manylinux_2_28_x86_64`;"
    " may be given several times.",
)
@_offline
@_json
def plugins_lock(
    locations: tuple[str, ...],
    places: PluginPlaces,
    targets: tuple[str, ...],
    offline: bool,
    as_json: bool,
) -> int:
    """Resolve what plugins need and write their locks (PEP 751), all of them or those named.

    A LOCATION is a name below a place of the plugin path, or a path; paths need no plugin path.
    """
    return lock_command(
        places, names=locations, targets=targets, offline=offline,
        as_json=as_json,
    )  # fmt: skip


@plugins.command("vendor", short_help="Bring all that plugins will need into their wheelhouses.")
@_locations
@plugin_path_options
@click.option("--prune", is_flag=True, help="Remove wheels that nothing needs any more.")
@_offline
@_frozen
@_json
def plugins_vendor(
    locations: tuple[str, ...],
    places: PluginPlaces,
    prune: bool,
    offline: bool,
    frozen: bool,
    as_json: bool,
) -> int:
    """Bring every locked wheel of every target into the `wheels/` of each location.

    What builds need comes along, and is locked, too. Afterwards no network is needed, ever.
    """
    return vendor_command(
        places, names=locations, prune=prune, offline=offline, frozen=frozen,
        as_json=as_json,
    )  # fmt: skip


@plugins.command("sync", short_help="Make every plugin's environment and try its entry points.")
@_locations
@plugin_path_options
@click.option(
    "--dry-run", is_flag=True, help="Say what would be done for each location, and do nothing."
)
@_offline
@_frozen
@_json
def plugins_sync(
    locations: tuple[str, ...],
    places: PluginPlaces,
    dry_run: bool,
    offline: bool,
    frozen: bool,
    as_json: bool,
) -> int:
    """Make every plugin's environment and try its entry points.

    A LOCATION is a name below a place of the plugin path, or a path; paths need no plugin path.
    Only a missing or stale lock is written into a location; where nothing changed, nothing is done.
    """
    if dry_run:
        return forecast_command(
            places, names=locations, offline=offline, frozen=frozen, as_json=as_json
        )
    return sync_command(places, names=locations, offline=offline, frozen=frozen, as_json=as_json)


@plugins.command("check", short_help="Check a repository of plugins: locks, wheels, digests.")
@_locations
@plugin_path_options
@click.option("--update", is_flag=True, help="Record the digests as they are now.")
@_json
def plugins_check(
    locations: tuple[str, ...],
    places: PluginPlaces,
    update: bool,
    as_json: bool,
) -> int:
    """Check that locks are fresh, wheels complete, digests the recorded ones, bundles the same.

    No network is asked. The exit code is 0 when all is well, else 1.
    """
    return check_command(places, names=locations, update=update, as_json=as_json)


@plugins.command("explain", short_help="Tell what each stage of a connector gets, and why.")
@click.argument("connector_files", nargs=-1, required=True, type=FILE, metavar="CONNECTOR_FILE...")
@plugin_path_options
@_json
def plugins_explain(
    connector_files: tuple[Path, ...],
    places: PluginPlaces,
    as_json: bool,
) -> int:
    """Tell which plugin, version and environment each stage of a connector gets, and why."""
    return explain_command(places, files=connector_files, as_json=as_json)


@venvoy.command("run", short_help="Run connectors until their sources are drained.")
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
    """Run connectors until their sources are drained and their sinks have everything.

    Ctrl-C (SIGINT) and SIGTERM end a run in order: tasks stop, offsets are committed, and the next
    run goes on from there. The exit code is 0, or 1 when a connector failed, or 130 after Ctrl-C.
    """
    return run_command(
        worker_config, connector_files, offline=offline, frozen=frozen, as_json=as_json
    )


@venvoy.command("standalone", short_help="Run a worker, with its REST API, until it is stopped.")
@click.argument("worker_config", type=FILE)
@click.argument("connector_files", nargs=-1, type=FILE, metavar="[CONNECTOR_FILE]...")
@_offline
@_frozen
def standalone(
    worker_config: Path, connector_files: tuple[Path, ...], offline: bool, frozen: bool
) -> int:
    """Run a worker until it is stopped; connectors are created or changed as the files say.

    A file is a `.properties` file, or JSON as Kafka Connect reads it. Connectors, offsets and
    states are kept in `storage.file` and taken up again at the next start.

    Ctrl-C (SIGINT) and SIGTERM end it in order: tasks stop, offsets are committed, exit code 0. A
    second one ends it at once.
    """
    # A server's packages: 80 ms that no other command has to pay.
    from launcher.commands.standalone import standalone_command  # noqa: PLC0415

    return standalone_command(worker_config, connector_files, offline=offline, frozen=frozen)


@venvoy.command("export", short_help="Pack vendored plugins into one file for another machine.")
@_locations
@click.option("-o", "--output", type=FILE, required=True, metavar="SITE.TAR", help="The archive.")
@plugin_path_options
@_json
def export(
    locations: tuple[str, ...],
    output: Path,
    places: PluginPlaces,
    as_json: bool,
) -> int:
    """Pack vendored locations with their locks, wheels and the API into one file."""
    return export_command(places, names=locations, output=output, as_json=as_json)


@venvoy.command("import", short_help="Place the plugins of an exported file.")
@click.argument("archive", type=FILE, metavar="SITE.TAR")
@click.option("--to", "place", type=FILE, required=True, metavar="PLACE", help="Where they go.")
@click.option("--replace", is_flag=True, help="Replace locations that have the same names.")
@_json
def import_(archive: Path, place: Path, replace: bool, as_json: bool) -> int:
    """Check an exported file and place its locations, all of them or none."""
    return import_command(archive, place, replace=replace, as_json=as_json)


class _BundleGroup(CommandGroup):
    """`bundle LOCATION …` makes one; only a name of a command of its own is taken as that."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `make` before whatever is not a command or a cry for help."""
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = ["make", *args]
        return super().parse_args(ctx, args)


@venvoy.group(
    "bundle",
    cls=_BundleGroup,
    short_help="Pack a location as one reproducible file, or check or inspect one.",
)
def bundle() -> None:
    """Pack a location as one file: `venvoy bundle LOCATION -o FILE.pyz`.

    The same location gives the same bytes anywhere: `venvoy bundle --check FILE.pyz LOCATION`.
    """


@bundle.command("make", short_help="Pack a location (the word `make` may be left out).")
@click.argument("location", type=FILE)
@click.option("-o", "--output", type=FILE, metavar="FILE.pyz", help="Where the bundle goes.")
@click.option("--check", type=FILE, metavar="FILE.pyz", help="Rebuild, compare, write nothing.")
@_offline
@_frozen
@_json
def bundle_make(
    location: Path,
    output: Path | None,
    check: Path | None,
    offline: bool,
    frozen: bool,
    as_json: bool,
) -> int:
    """Pack a location's wheels, lock and the API into one file that runs by itself."""
    return bundle_command(
        location, output=output, check=check, offline=offline, frozen=frozen, as_json=as_json
    )


@bundle.command("inspect", short_help="Tell what is in a bundle or a location.")
@click.argument("path", type=FILE)
@_json
def bundle_inspect(path: Path, as_json: bool) -> int:
    """Tell what is in a bundle, every byte of it checked, or what a location's lock names."""
    return inspect_command(path, as_json=as_json)


@venvoy.command("sbom", short_help="Write a bill of materials (CycloneDX).")
@click.argument("locations", nargs=-1, type=FILE, metavar="[LOCATION|BUNDLE]...")
@click.option("-o", "--output", type=FILE, metavar="FILE", help="Write it there, not to stdout.")
@plugin_path_options
def sbom(
    locations: tuple[Path, ...],
    output: Path | None,
    places: PluginPlaces,
) -> int:
    """Write a CycloneDX bill of materials of locations and bundles, or of the whole plugin path.

    The same content gives the same bytes.
    """
    return sbom_command(places, paths=locations, output=output)


@venvoy.command("diff", short_help="Tell what changed between two versions of a plugin.")
@click.argument("before", type=FILE, metavar="A")
@click.argument("after", type=FILE, metavar="B")
@_json
def diff(before: Path, after: Path, as_json: bool) -> int:
    """Tell which packages and files two locations or bundles have more, less or changed."""
    return diff_command(before, after, as_json=as_json)


@venvoy.command("demo", short_help="Run two versions of a source and of a sink at once.")
@click.option(
    "--keep", type=DIRECTORY, metavar="DIRECTORY", help="Leave configs, topics and tables there."
)
def demo(keep: Path | None) -> int:
    """Run two versions of a source and of a sink at once, on a real table."""
    return run_demo(keep)


venvoy.add_command(connectors)
for _command in PLUGIN_COMMANDS:
    plugins.add_command(_command)
for _command in FLEET_COMMANDS:
    venvoy.add_command(_command)


@venvoy.command("completion", short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> int:
    """Print the completion script of a shell, to be evaluated in its start-up file."""
    found = get_completion_class(shell)
    if found is None:
        raise UsageError(what=f"no completion for `{shell}`", remedy=f"one of {', '.join(SHELLS)}")
    render.raw(found(venvoy, {}, "venvoy", "_VENVOY_COMPLETE").source())
    return 0
