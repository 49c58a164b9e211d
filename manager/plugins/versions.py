"""Version specs: what a config may ask for (design 4).

::

    absent or latest     the newest release
    locked               the newest release at first; whoever keeps it stays on that
    1.2.3                exactly that
    >=1.2,<2             PEP 440 specifiers
    [1.0,2.0)            Maven ranges (`manager.plugins.maven`)

Pre-releases count for `latest` and for specifiers only when nothing else is there, and always
inside Maven brackets.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from manager.errors import VenvoyError
from manager.plugins.maven import MavenRange

__all__ = ["LATEST", "LOCKED", "InvalidVersionSpecError", "VersionSpec"]

LATEST = "latest"
LOCKED = "locked"
"""What a standing worker reads as the version that it came to first, and otherwise as `latest`."""


class InvalidVersionSpecError(VenvoyError):
    """A version spec in a config cannot be read."""

    code = "invalid-version-spec"

    def __init__(self, *, spec: str, reason: str, suggestion: str | None = None) -> None:
        super().__init__(spec)
        self.spec = spec
        self.reason = reason
        self.suggestion = suggestion

    @property
    def message(self) -> str:
        """The spec and what is wrong with it."""
        return f"the version `{self.spec}` cannot be read: {self.reason}"

    @property
    def hint(self) -> str:
        """The forms that can be read, or the one that was probably meant."""
        if self.suggestion is not None:
            return f"did you mean `{self.suggestion}`?"
        return "write `latest`, `1.2.3`, `>=1.2,<2` or a range such as `[1.0,2.0)`"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSpec:
    """A spec as the user wrote it, and the one rule that it is read as (None: the newest)."""

    text: str
    rule: Version | SpecifierSet | MavenRange | None

    @classmethod
    def parse(cls, text: str | None) -> "VersionSpec":
        """Read a spec, blanks around it ignored; None means `latest`.

        InvalidVersionSpecError when it is empty or of no known form.
        """
        if text is None:
            return cls(text=LATEST, rule=None)
        spec = text.strip()
        if spec in (LATEST, LOCKED):
            return cls(text=spec, rule=None)
        if not spec:
            raise InvalidVersionSpecError(spec=text, reason="it is empty", suggestion=LATEST)
        if spec[0] in "[(":
            try:
                return cls(text=spec, rule=MavenRange.parse(spec))
            except ValueError as error:
                raise InvalidVersionSpecError(spec=spec, reason=str(error)) from error
        if spec[0] in "<>=!~":
            return cls(text=spec, rule=_specifiers(spec))
        try:
            return cls(text=spec, rule=Version(spec))
        except InvalidVersion as error:
            raise InvalidVersionSpecError(
                spec=spec, reason="it is not a version", suggestion=_meant(spec)
            ) from error

    @property
    def is_latest(self) -> bool:
        """Whether no version in particular is asked for."""
        return self.rule is None

    @property
    def is_exact(self) -> bool:
        """Whether one version is asked for by its bare number."""
        return isinstance(self.rule, Version)

    def matches(self, version: Version) -> bool:
        """Whether the version satisfies the spec by itself, pre-releases included."""
        match self.rule:
            case None:
                return True
            case Version():
                return version == self.rule
            case SpecifierSet():
                return self.rule.contains(version, prereleases=True)
            case MavenRange():
                return self.rule.contains(version)

    def admitted(self, versions: Iterable[Version]) -> tuple[Version, ...]:
        """Return those that the spec admits among `versions`, ascending, each once."""
        matching = sorted({version for version in versions if self.matches(version)})
        if self.rule is None or isinstance(self.rule, SpecifierSet):
            releases = [version for version in matching if not version.is_prerelease]
            return tuple(releases or matching)
        return tuple(matching)

    def choose(self, versions: Iterable[Version]) -> Version | None:
        """Return the highest version that the spec admits among `versions`, or None."""
        admitted = self.admitted(versions)
        return admitted[-1] if admitted else None

    def __str__(self) -> str:
        """Return the spec as the user wrote it; `latest` when it was absent."""
        return self.text


def _specifiers(spec: str) -> SpecifierSet:
    try:
        return SpecifierSet(spec)
    except InvalidSpecifier as error:
        suggestion = f"~={spec[1:].strip()}" if spec[0] == "~" and _is_version(spec[1:]) else None
        if spec[0] == "=" and _is_version(spec[1:]):
            suggestion = f"=={spec[1:].strip()}"
        raise InvalidVersionSpecError(
            spec=spec, reason="it is not a PEP 440 specifier", suggestion=suggestion
        ) from error


def _meant(spec: str) -> str | None:
    if spec.lower() == LATEST:
        return LATEST
    if spec[0] == "^" and _is_version(spec[1:]):
        lowest = Version(spec[1:])
        return f">={lowest},<{lowest.major + 1}"
    if spec.endswith(".*") and _is_version(spec[:-2]):
        return f"=={spec}"
    return None


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True
