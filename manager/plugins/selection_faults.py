"""Why a name and a version in a config choose no plugin."""

from collections.abc import Sequence

from packaging.version import Version

from manager.carried.names import is_kafkas_own
from manager.errors import VenvoyError
from manager.plugins.entry_points import PluginType
from manager.plugins.locations import Problem
from manager.plugins.versions import VersionSpec

__all__ = ["AmbiguousNameError", "NoMatchingVersionError", "UnknownPluginError", "WrongTypeError"]

SHOWN = 8
CONNECTORS = {PluginType.SOURCE, PluginType.SINK}


class UnknownPluginError(VenvoyError):
    """No plugin has this name.

    `near` are names that it may be a slip of, `installed` the classes of the wanted types, and
    `broken` counts the faults on the plugin path, one of which may be the reason.
    """

    code = "unknown-plugin"

    def __init__(
        self,
        *,
        name: str,
        wanted: tuple[PluginType, ...],
        near: tuple[str, ...],
        installed: tuple[str, ...],
        broken: int = 0,
    ) -> None:
        super().__init__(name)
        self.name = name
        self.wanted = wanted
        self.near = near
        self.installed = installed
        self.broken = broken

    @property
    def message(self) -> str:
        """The name, and what it should have been the name of."""
        return f"no {_types(self.wanted)} is called `{self.name}`"

    @property
    def hint(self) -> str:
        """The nearest names, else all that there are."""
        if is_kafkas_own(self.name) and not self.near:
            say = "it comes with Kafka, and venvoy has nothing like it; "
            say += f"installed: {_list(self.installed)}" if self.installed else "none is installed"
        elif self.near:
            say = f"did you mean {_any_of(self.near)}?"
        elif self.installed:
            say = f"installed: {_list(self.installed)}"
        else:
            say = f"no {_types(self.wanted)} is installed; see `plugin.path`"
        return say + _look_at(self.broken)


class WrongTypeError(VenvoyError):
    """The name is that of a plugin of another type."""

    code = "wrong-type"

    def __init__(
        self, *, name: str, plugin: str, wanted: tuple[PluginType, ...], found: PluginType
    ) -> None:
        super().__init__(name)
        self.name = name
        self.plugin = plugin
        self.wanted = wanted
        self.found = found

    @property
    def message(self) -> str:
        """The name, what it names, and what was wanted."""
        found, wanted = _types((self.found,)), _types(self.wanted)
        return f"`{self.name}` is the {found} `{self.plugin}`, but a {wanted} is wanted here"

    @property
    def hint(self) -> str:
        """Where to look for one of the right type."""
        return f"name a {_types(self.wanted)}; `venvoy plugins list` shows them"


class AmbiguousNameError(VenvoyError):
    """A short name means several classes."""

    code = "ambiguous-name"

    def __init__(self, *, name: str, classes: tuple[str, ...]) -> None:
        super().__init__(name)
        self.name = name
        self.classes = classes

    @property
    def message(self) -> str:
        """The name and the classes it may mean."""
        named = " and ".join(f"`{one}`" for one in self.classes)
        return f"the name `{self.name}` means {len(self.classes)} classes: {named}"

    @property
    def hint(self) -> str:
        """The way to be clear."""
        return f"write the full name, such as `{self.classes[0]}`"


class NoMatchingVersionError(VenvoyError):
    """No installed version of the plugin matches; `installed` is ascending.

    `broken` counts the faults on the plugin path; `spoiled` has those that keep a version which
    would match from being used.
    """

    code = "no-matching-version"

    def __init__(
        self,
        *,
        plugin: str,
        wanted: VersionSpec,
        installed: tuple[Version, ...],
        broken: int = 0,
        spoiled: tuple[tuple[Version, Problem], ...] = (),
    ) -> None:
        super().__init__(plugin, str(wanted))
        self.plugin = plugin
        self.wanted = wanted
        self.installed = installed
        self.broken = broken
        self.spoiled = spoiled

    @property
    def message(self) -> str:
        """The plugin and the version that was asked for, and what is broken of it."""
        return f"no installed version of `{self.plugin}` matches `{self.wanted}`{self.spoiled_text}"

    @property
    def spoiled_text(self) -> str:
        """Which versions would match and are broken, and why, to stand behind a sentence."""
        return "".join(
            f"; {version} is there, but broken: {problem.text}" for version, problem in self.spoiled
        )

    @property
    def hint(self) -> str:
        """What is installed."""
        return (
            f"installed: {', '.join(map(str, self.installed))}; add the version to the plugin "
            f"path, or ask for another{_look_at(0 if self.spoiled else self.broken)}"
        )


def _types(types: Sequence[PluginType]) -> str:
    words = [kind.value.replace("_", " ") for kind in types]
    return " or ".join(words) + ("" if set(types) - CONNECTORS else " connector")


def _any_of(names: Sequence[str]) -> str:
    return " or ".join(f"`{name}`" for name in names)


def _list(names: Sequence[str]) -> str:
    more = ", …" if len(names) > SHOWN else ""
    return ", ".join(f"`{name}`" for name in names[:SHOWN]) + more


def _look_at(broken: int) -> str:
    if not broken:
        return ""
    return "; something on the plugin path is broken, `venvoy plugins list` says what"
