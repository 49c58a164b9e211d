"""Where plugins are, as a command was told: plugin paths, workers' files, or locations by path."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from launcher import render
from launcher.configs.properties import read_mapping
from launcher.configs.providers import VARIABLE, Providers
from launcher.configs.worker_config import WorkerConfig, parse_worker_config
from launcher.planning.plan import WorkerConverters
from launcher.planning.preparation import worker_converters
from launcher.planning.workplace import Workplace, open_workplace
from manager.carried.names import near_names
from manager.errors import UsageError, VenvoyError
from manager.plugins.location_content import LocationContent
from manager.plugins.own_plugins import UnisolatedError, own_location

__all__ = ["PluginPlaces", "UnknownLocationError", "named_locations", "named_paths", "open_places"]


class UnknownLocationError(VenvoyError):
    """No usable location has the name that was given."""

    code = "unknown-location"

    def __init__(self, *, name: str, known: Sequence[str]) -> None:
        super().__init__(name)
        self.name = name
        self.known = tuple(known)

    @property
    def message(self) -> str:
        """The name."""
        return f"the plugin path has no usable location `{self.name}`"

    @property
    def hint(self) -> str:
        """What resembles it, or what there is."""
        near = near_names(self.name, self.known)
        if near:
            return f"did you mean {' or '.join(f'`{one}`' for one in near)}?"
        if not self.known:
            return "it has none at all; `venvoy plugins list` tells what is broken"
        return f"there are {', '.join(self.known)}; `venvoy plugins list` tells what is broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginPlaces:
    """What `--plugin-path` and `--worker-config` said, each any number of times."""

    plugin_paths: tuple[str, ...] = ()
    worker_configs: tuple[Path, ...] = ()

    @property
    def are_said(self) -> bool:
        """Whether either was given, if only as an empty plugin path."""
        return bool(self.plugin_paths or self.worker_configs)

    def plugin_path(self) -> str:
        """Return all of them as one plugin path: the paths in their order, then the files'.

        Keys of the files that look like known ones are warned of, as by a standing worker.
        Raises `UsageError` when nothing was said, and what reading a file raises.
        """
        if not self.are_said:
            raise UsageError(
                what="nothing says where plugins are",
                remedy="add `--plugin-path /opt/plugins` or `--worker-config worker.properties`",
            )
        paths = list(self.plugin_paths)
        for file in self.worker_configs:
            config = _looked_at(file)
            for fault in config.mistaken:
                render.warning(fault)
            paths.append(config.plugin_path)
        return ",".join(path for path in paths if path.strip(" ,"))

    def converters(self) -> WorkerConverters:
        """Return those of the first worker's file, else the defaults; raises what reading does."""
        for file in self.worker_configs:
            return worker_converters(_looked_at(file).properties, where=str(file))
        return worker_converters({}, where="the defaults")

    def providers(self) -> Providers:
        """Return the config providers of the first worker's file; without one, none."""
        for file in self.worker_configs:
            return Providers.from_worker(read_mapping(file))
        return Providers({})


def open_places(
    places: PluginPlaces,
    names: Sequence[str] = (),
    *,
    progress: Callable[[str], None],
    offline: bool = False,
    frozen: bool = False,
    scratch_dir: Path | None = None,
) -> Workplace:
    """Open the workplace of a plugin path, or of locations alone when only those are named.

    Raises `UsageError` when nothing says where plugins are.
    """
    path: str | list[Path]
    if not places.are_said and any("/" in name or Path(name).exists() for name in names):
        path = [Path(name) for name in names]
    else:
        path = places.plugin_path()
    return open_workplace(
        path, progress=progress, offline=offline, frozen=frozen, scratch_dir=scratch_dir
    )


def _looked_at(file: Path) -> WorkerConfig:
    """Read a worker's file that nothing is run with.

    Values with `${…}` are not checked: only the worker has what its providers read.
    """
    pairs = read_mapping(file)
    plain = {
        key: value
        for key, value in pairs.items()
        if key == "plugin.path" or not VARIABLE.search(value)
    }
    config = parse_worker_config(
        plain, file=file, working_dir=Path.cwd(), standing=False, runs=False
    )
    return replace(config, properties=pairs)


def named_locations(workplace: Workplace, names: Iterable[str]) -> tuple[LocationContent, ...]:
    """Return the usable locations of those names or paths, all of them without one.

    Names of broken locations are passed over: their faults are told anyway. Raises
    `UnknownLocationError`, and `UnisolatedError` when the plugin path is empty.
    """
    if not workplace.is_isolated:
        raise UnisolatedError(environment=own_location().path)
    names = tuple(names)
    if not (names or workplace.catalog.locations or workplace.catalog.broken):
        render.note("the plugin path holds no location, so there is nothing to do")
    paths = named_paths(workplace, names)
    return tuple(
        one for one in workplace.catalog.locations if not names or one.location.path in paths
    )


def named_paths(workplace: Workplace, names: Iterable[str]) -> frozenset[Path]:
    """Return the paths that names or paths mean, of locations and of what is broken.

    A name that several places have means the first of them. Raises `UnknownLocationError`.
    """
    catalog = workplace.catalog
    paths = [one.location.path for one in catalog.locations]
    paths += [one.path for one in (*catalog.broken, *catalog.warnings)]
    by_name = {path.name: path for path in reversed(paths)}
    # `Path.resolve` raises at a link that leads back to itself (before Python 3.13).
    by_real = {os.path.realpath(path): path for path in reversed(paths)}
    chosen: set[Path] = set()
    for name in names:
        named = Path(os.path.normpath(Path(name).absolute()))
        real = os.path.realpath(named)
        path = named if named in paths else by_name.get(name) or by_real.get(real)
        if path is None:
            known = sorted({one.location.name for one in catalog.locations})
            raise UnknownLocationError(name=name, known=known)
        chosen.add(path)
    return frozenset(chosen)
