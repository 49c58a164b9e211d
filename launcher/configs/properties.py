"""Reads configuration files as Kafka users have them: Java `.properties`, or JSON."""

from collections.abc import Mapping
from pathlib import Path

from manager.carried.properties import BadConfigFileError, read_config_text
from manager.errors import VenvoyError

__all__ = ["UnreadableConfigError", "read_mapping", "read_request"]


class UnreadableConfigError(VenvoyError):
    """A configuration file cannot be read as what its name says it is."""

    code = "unreadable-config"

    def __init__(self, *, file: Path, reason: str, remedy: str) -> None:
        super().__init__(str(file), reason)
        self.file = file
        self.reason = reason
        self.remedy = remedy

    @property
    def message(self) -> str:
        """The file and why it cannot be read."""
        return f"the configuration file `{self.file}` cannot be read: {self.reason}"

    @property
    def hint(self) -> str:
        """What the file should be."""
        return self.remedy


def read_mapping(file: Path) -> Mapping[str, str]:
    """Return the keys and values of a `.properties` or `.json` file, in file order.

    JSON is one flat object, or `{"name": …, "config": {…}}`; numbers and booleans become the texts
    that stand there.

    Raises:
        UnreadableConfigError: the file is missing, not UTF-8, or not of its format.
    """
    return read_request(file)[0]


def read_request(file: Path) -> tuple[Mapping[str, str], Mapping[str, object] | None]:
    """As `read_mapping`, and the whole object when it is JSON of the second form, else None."""
    try:
        return read_config_text(file.read_bytes(), file.name)
    except OSError as error:
        reason = (error.strerror or "it cannot be opened").lower()
        remedy = "check the path; a configuration is a UTF-8 `.properties` or `.json` file"
        raise UnreadableConfigError(file=file, reason=reason, remedy=remedy) from error
    except BadConfigFileError as error:
        raise UnreadableConfigError(file=file, reason=error.reason, remedy=error.remedy) from error
