"""What can be wrong with a location once it could be read, or with two of them together."""

from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from manager.errors import VenvoyError

__all__ = [
    "ApiMismatchError",
    "ClassCollisionError",
    "FrameworkClassError",
    "NoPluginsError",
    "SeveralVersionsError",
    "SharedClassError",
]


class ApiMismatchError(VenvoyError):
    """A plugin needs another API than the one that runs."""

    code = "api-mismatch"

    def __init__(
        self, *, distribution: str, location: Path, required: SpecifierSet, running: Version
    ) -> None:
        super().__init__(distribution, str(required), str(running))
        self.location = location
        self.distribution = distribution
        self.required = required
        self.running = running

    @property
    def message(self) -> str:
        """The plugin, where it is, what it requires, and what runs."""
        return (
            f"`{self.distribution}` at `{self.location}` requires venvoy-api {self.required}, "
            f"but this venvoy runs venvoy-api {self.running}"
        )

    @property
    def hint(self) -> str:
        """The two ways to bring them together."""
        return (
            f"install a version of the plugin that accepts venvoy-api {self.running}, "
            f"or a venvoy whose API is {self.required}"
        )


class NoPluginsError(VenvoyError):
    """A location is in order but declares no plugin."""

    code = "no-plugins"

    def __init__(self, *, path: Path) -> None:
        super().__init__(str(path))
        self.path = path

    @property
    def message(self) -> str:
        """The location."""
        return f"`{self.path}` declares no plugin"

    @property
    def hint(self) -> str:
        """How a plugin is declared."""
        return (
            'add an entry point, such as `[project.entry-points."venvoy.source"]` with '
            '`name = "package.module:ClassName"`, or move it off the plugin path'
        )


class SeveralVersionsError(VenvoyError):
    """One directory of wheels holds two versions of one plugin distribution."""

    code = "several-versions"

    def __init__(
        self, *, location: Path, distribution: str, found: tuple[tuple[Version, Path], ...]
    ) -> None:
        super().__init__(str(location), distribution)
        self.location = location
        self.distribution = distribution
        self.found = found

    @property
    def message(self) -> str:
        """The distribution, and each version with its file."""
        named = " and ".join(f"{version} (`{file.name}`)" for version, file in self.found)
        return f"`{self.location}` holds {self.distribution} in several versions: {named}"

    @property
    def hint(self) -> str:
        """Where the other version belongs."""
        return "give each version a directory of its own; versions live side by side there"


class SharedClassError(VenvoyError):
    """Two distributions of one location declare the same class, which only one can provide."""

    code = "shared-class"

    def __init__(self, *, location: Path, class_name: str, distributions: tuple[str, ...]) -> None:
        super().__init__(str(location), class_name)
        self.location = location
        self.class_name = class_name
        self.distributions = distributions

    @property
    def message(self) -> str:
        """The class, and who declares it."""
        named = " and ".join(f"`{distribution}`" for distribution in self.distributions)
        return f"in `{self.location}` both {named} declare the class `{self.class_name}`"

    @property
    def hint(self) -> str:
        """How to part them."""
        return "give each distribution a directory of its own"


class ClassCollisionError(VenvoyError):
    """Distributions of different names declare the same class, so their versions are mixed."""

    code = "class-collision"

    def __init__(self, *, class_name: str, distributions: tuple[str, ...]) -> None:
        super().__init__(class_name, distributions)
        self.class_name = class_name
        self.distributions = distributions

    @property
    def message(self) -> str:
        """The class, and the distributions that declare it."""
        named = ", ".join(f"`{distribution}`" for distribution in self.distributions)
        return f"the class `{self.class_name}` comes from several distributions: {named}"

    @property
    def hint(self) -> str:
        """What follows from it."""
        return "their versions are compared as if they were one plugin's; remove all but one"


class FrameworkClassError(VenvoyError):
    """A location declares a class of the API as its own; the API's is used (design 7)."""

    code = "framework-class"

    def __init__(self, *, location: Path, entry: str, class_name: str) -> None:
        super().__init__(str(location), class_name)
        self.location = location
        self.entry = entry
        self.class_name = class_name

    @property
    def message(self) -> str:
        """The entry point and the class that it claims."""
        return (
            f"the entry point `{self.entry}` of `{self.location}` names "
            f"`{self.class_name}`, which is the framework's own and stays so"
        )

    @property
    def hint(self) -> str:
        """How to offer one's own form of it."""
        return "subclass it in a module of the plugin's own, and name that"
