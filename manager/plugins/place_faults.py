"""What can be wrong with a place, or with a child of one that is no location."""

from pathlib import Path
from typing import ClassVar

from manager.errors import VenvoyError

__all__ = [
    "DanglingLinkError",
    "LinkLoopError",
    "MissingLocationError",
    "MissingPlaceError",
    "NestedLocationsError",
    "NoMetadataError",
    "NoPluginThereError",
    "NotALocationError",
    "PathFaultError",
    "PlaceIsLocationError",
    "UnreadableError",
]


class PathFaultError(VenvoyError):
    """A fault that its path says all about; `what` and `remedy` are filled with the fields."""

    what: ClassVar[str]
    remedy: ClassVar[str]

    def __init__(self, *, path: Path) -> None:
        super().__init__(str(path))
        self.path = path

    @property
    def message(self) -> str:
        """What is wrong with the path."""
        return self.what.format_map(vars(self) | {"parent": self.path.parent})

    @property
    def hint(self) -> str:
        """What to do with the path."""
        return self.remedy.format_map(vars(self) | {"parent": self.path.parent})


class MissingPlaceError(PathFaultError):
    """A place of the plugin path does not exist."""

    code = "missing-place"
    what = "the plugin path names `{path}`, which does not exist"
    remedy = "create it, or take it out of `plugin.path`"


class MissingLocationError(PathFaultError):
    """A location that was named by its path does not exist."""

    code = "missing-location"
    what = "`{path}` does not exist"
    remedy = "name a directory with a `pyproject.toml` or wheels, a `.whl` or a `.pyz`"


class NoPluginThereError(PathFaultError):
    """A directory that was named as a location holds neither project nor wheels."""

    code = "no-plugin-there"
    what = "`{path}` holds neither a `pyproject.toml` nor wheels, so it is no plugin"
    remedy = "name the plugin's own directory, or `--plugin-path {path}` for those below it"


class NotALocationError(PathFaultError):
    """A file on the plugin path is of no kind that holds a plugin."""

    code = "not-a-location"
    what = "`{path}` is neither a directory nor a `.whl` nor a `.pyz`, so it holds no plugin"
    remedy = "unpack it into a directory of its own, or build a wheel from it with `pip wheel`"


class PlaceIsLocationError(PathFaultError):
    """A plugin project was named where the directory above it was meant."""

    code = "place-is-a-location"
    what = "the plugin path names `{path}`, which is itself a plugin, not a directory of plugins"
    remedy = "did you mean `plugin.path={parent}`?"


class NoMetadataError(PathFaultError):
    """A directory holds code but nothing that says which plugins are in it."""

    code = "no-metadata"
    what = "`{path}` holds code but neither a `pyproject.toml` that describes it nor wheels"
    remedy = (
        "add a `pyproject.toml` with `[project]` and an entry point such as "
        '`[project.entry-points."venvoy.source"]`'
    )


class NestedLocationsError(PathFaultError):
    """The locations are one level deeper than a place's immediate children."""

    code = "nested-locations"
    remedy = "did you mean `plugin.path={path}`?"

    def __init__(self, *, path: Path, names: tuple[str, ...]) -> None:
        super().__init__(path=path)
        self.names = names

    @property
    def message(self) -> str:
        """Where the plugins were found, which is too deep."""
        named = ", ".join(f"`{name}`" for name in self.names[:3])
        more = ", …" if len(self.names) > 3 else ""  # noqa: PLR2004 - enough to recognise them
        return f"`{self.path}` is no plugin, but holds what could be some: {named}{more}"


class DanglingLinkError(PathFaultError):
    """A symbolic link leads to nothing."""

    code = "dangling-link"
    what = "`{path}` is a link to `{target}`, which does not exist"
    remedy = "mend the link or remove it"

    def __init__(self, *, path: Path, target: str) -> None:
        super().__init__(path=path)
        self.target = target


class LinkLoopError(DanglingLinkError):
    """A symbolic link leads back to itself or to a directory above it."""

    code = "link-loop"
    what = "`{path}` is a link to `{target}`, which leads back to where it started"
    remedy = "remove the link"


class UnreadableError(PathFaultError):
    """The operating system refuses to show a place or a location."""

    code = "unreadable"
    what = "`{path}` cannot be read: {reason}"
    remedy = "let the user that runs venvoy read it, or take it out of `plugin.path`"

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(path=path)
        self.reason = reason
