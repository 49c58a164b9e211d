"""Reads TOML into checked values, one getter per kind, and collects every fault on the way."""

import difflib
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from manager.errors import ProblemsError, VenvoyError
from manager.plugins.metadata_faults import InvalidMetadataError, UnreadableProjectError

__all__ = ["TomlTable", "raise_all", "read_toml"]


def raise_all(subject: str, problems: Collection[VenvoyError]) -> None:
    """Raise the only problem, or all of them as one ProblemsError; nothing when there is none."""
    if len(problems) == 1:
        raise next(iter(problems))
    if problems:
        raise ProblemsError(subject=subject, problems=tuple(problems))


def read_toml(file: Path) -> "TomlTable":
    """Return the top table of a file.

    UnreadableProjectError when it cannot be read or is no TOML; FileNotFoundError passes.
    """
    try:
        values = tomllib.loads(file.read_bytes().decode())
    except FileNotFoundError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnreadableProjectError(file=file, reason=reason) from error
    except UnicodeDecodeError as error:
        raise UnreadableProjectError(file=file, reason="it is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise UnreadableProjectError(file=file, reason=str(error)) from error
    return TomlTable(source=file, path="", values=values, problems=[])


class TomlTable:
    """A table with its place in the file; `problems` is shared by all tables of one file.

    A getter returns None (or nothing) for a key that is absent, and for one that is wrong, which
    it reports.
    """

    def __init__(
        self, *, source: Path, path: str, values: Mapping[str, object], problems: list[VenvoyError]
    ) -> None:
        self.source = source
        self.path = path
        self.values = values
        self.problems = problems

    def field(self, key: str) -> str:
        """Return the full path of a key, quoted where TOML would quote it."""
        name = f'"{key}"' if "." in key else key
        return f"{self.path}.{name}" if self.path else name

    def report(self, key: str, reason: str, suggestion: str | None = None) -> None:
        """Add a fault of a key; `reason` goes on after the key and the file."""
        self.problems.append(
            InvalidMetadataError(
                source=self.source, field=self.field(key), reason=reason, suggestion=suggestion
            )
        )

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Report every key that is not known, with the nearest one that is."""
        for key in self.values:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                allowed = ", ".join(f"`{name}`" for name in known)
                self.report(key, f"is not known (known: {allowed})", near[0] if near else None)

    def string(self, key: str) -> str | None:
        """Return a string that is not blank."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.report(key, "must be a string that is not empty")
        return None

    def strings(self, key: str) -> tuple[str, ...]:
        """Return a list of strings."""
        value = self.values.get(key, [])
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        self.report(key, "must be a list of strings")
        return ()

    def requirements(self, key: str) -> tuple[Requirement, ...]:
        """Return a list of PEP 508 requirements."""
        found = []
        for index, text in enumerate(self.strings(key)):
            try:
                found.append(Requirement(text))
            except InvalidRequirement as error:
                reason = str(error).partition("\n")[0].rstrip(".")
                self.report(f"{key}[{index}]", f"is not a requirement: `{text}` ({reason})")
        return tuple(found)

    def table(self, key: str) -> "TomlTable | None":
        """Return a table below this one."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.report(key, "must be a table")
            return None
        return TomlTable(
            source=self.source, path=self.field(key), values=value, problems=self.problems
        )

    def tables(self) -> Iterator[tuple[str, "TomlTable"]]:
        """Yield each key with the table it holds; a key that holds something else is reported."""
        for key in self.values:
            table = self.table(key)
            if table is not None:
                yield key, table
