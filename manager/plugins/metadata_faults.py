"""What can be wrong with the metadata of a project or a wheel."""

from pathlib import Path

from manager.errors import VenvoyError

__all__ = [
    "DynamicMetadataError",
    "InvalidMetadataError",
    "UnreadableProjectError",
    "UnreadableWheelError",
]


class InvalidMetadataError(VenvoyError):
    """A field of a `pyproject.toml`, a `venvoy.toml` or a wheel's METADATA is wrong.

    `field` is the path to it, such as `project.dependencies[2]`; `reason` a phrase that goes on
    after it; `suggestion` the value that was probably meant.
    """

    code = "invalid-metadata"

    def __init__(
        self, *, source: Path, field: str, reason: str, suggestion: str | None = None
    ) -> None:
        super().__init__(str(source), field, reason)
        self.source = source
        self.field = field
        self.reason = reason
        self.suggestion = suggestion

    @property
    def message(self) -> str:
        """The file, the field and what is wrong with it."""
        return f"`{self.field}` in `{self.source}` {self.reason}"

    @property
    def hint(self) -> str:
        """The value that was probably meant, or whose file to mend."""
        if self.suggestion is not None:
            return f"did you mean `{self.suggestion}`?"
        if self.source.suffix == ".whl":
            return "rebuild the wheel, or fetch it again"
        return f"correct it in `{self.source}`"


class UnreadableProjectError(VenvoyError):
    """A TOML file cannot be read at all."""

    code = "unreadable-project"

    def __init__(self, *, file: Path, reason: str) -> None:
        super().__init__(str(file), reason)
        self.file = file
        self.reason = reason

    @property
    def message(self) -> str:
        """The file and what stopped its reader, with line and column if it got that far."""
        return f"`{self.file}` cannot be read: {self.reason}"

    @property
    def hint(self) -> str:
        """Where to look."""
        return f"correct `{self.file}`; the other plugins are not affected"


class UnreadableWheelError(VenvoyError):
    """A file that is named like a wheel is none, or not the one its name says."""

    code = "corrupt-wheel"

    def __init__(self, *, file: Path, reason: str) -> None:
        super().__init__(str(file), reason)
        self.file = file
        self.reason = reason

    @property
    def message(self) -> str:
        """The wheel and what is wrong with it."""
        return f"the wheel `{self.file}` cannot be read: {self.reason}"

    @property
    def hint(self) -> str:
        """How to replace it."""
        return "remove it or fetch it again; the other plugins are not affected"


class DynamicMetadataError(VenvoyError):
    """A project computes metadata that we need, so its wheel must be built first."""

    code = "dynamic-metadata"

    def __init__(self, *, project: Path, fields: tuple[str, ...]) -> None:
        super().__init__(str(project), fields)
        self.project = project
        self.fields = fields

    @property
    def message(self) -> str:
        """The project and what it leaves to its build backend."""
        named = ", ".join(f"`{field}`" for field in self.fields)
        return f"the project `{self.project}` leaves {named} to its build backend"

    @property
    def hint(self) -> str:
        """How to get the metadata, or to do without a build."""
        return "write the fields into `[project]`, or put a built wheel on the plugin path"
