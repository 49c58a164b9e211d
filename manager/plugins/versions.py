"""Version specs of configs, over the versions that the rest of venvoy has (design 4).

`manager.carried.version_specs` says what a spec is and admits; a bundle carries that file.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.version import Version

from manager.carried.version_specs import LATEST, LOCKED, BadSpecError, VersionRule
from manager.errors import VenvoyError

__all__ = ["LATEST", "LOCKED", "InvalidVersionSpecError", "VersionSpec"]


class InvalidVersionSpecError(VenvoyError):
    """A version spec in a config cannot be read."""

    code = "invalid-version-spec"

    def __init__(self, *, cause: BadSpecError) -> None:
        super().__init__(cause.spec)
        self.cause = cause
        self.spec, self.reason = cause.spec, cause.reason

    @property
    def message(self) -> str:
        """The spec and what is wrong with it."""
        return self.cause.message

    @property
    def hint(self) -> str:
        """The forms that can be read, or the one that was probably meant."""
        return self.cause.hint


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSpec:
    """A spec as the user wrote it, and the rule that it is read as."""

    text: str
    rule: VersionRule

    @classmethod
    def parse(cls, text: str | None) -> "VersionSpec":
        """Read a spec, blanks around it ignored; None means `latest`.

        InvalidVersionSpecError when it is empty or of no known form.
        """
        try:
            rule = VersionRule(text)
        except BadSpecError as error:
            raise InvalidVersionSpecError(cause=error) from error
        return cls(text=rule.text, rule=rule)

    @property
    def is_latest(self) -> bool:
        """Whether no version in particular is asked for."""
        return self.rule.is_latest

    @property
    def is_exact(self) -> bool:
        """Whether one version is asked for by its bare number."""
        return self.rule.is_exact

    @property
    def takes_prereleases(self) -> bool:
        """Whether pre-releases count beside releases."""
        return self.rule.takes_prereleases

    def matches(self, version: Version) -> bool:
        """Whether the version satisfies the spec by itself, pre-releases included."""
        return self.rule.matches(str(version))

    def admitted(self, versions: Iterable[Version]) -> tuple[Version, ...]:
        """Return those that the spec admits among `versions`, ascending, each once."""
        by_text = {str(version): version for version in versions}
        return tuple(by_text[text] for text in self.rule.admitted(by_text))

    def choose(self, versions: Iterable[Version]) -> Version | None:
        """Return the highest version that the spec admits among `versions`, or None."""
        admitted = self.admitted(versions)
        return admitted[-1] if admitted else None

    def __str__(self) -> str:
        """Return the spec as the user wrote it; `latest` when it was absent."""
        return self.text
