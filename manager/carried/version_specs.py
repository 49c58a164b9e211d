"""Version specs: what a config may ask for (design 4).

::

    absent or latest     the newest release
    locked               the newest release at first; whoever keeps it stays on that
    1.2.3                that version, with whatever local part: the highest
    >=1.2,<2             PEP 440 specifiers
    [1.0,2.0)            Maven ranges (`maven`)

Pre-releases count always inside Maven brackets and for specifiers that name one, as in
`>=2.0a1`; for `latest` and for other specifiers only when nothing else is there (PEP 440).
"""

from __future__ import annotations

from .maven import MavenRange
from .pep440 import InvalidSpecifierError, InvalidVersionError, Specifiers, Version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LATEST", "LOCKED", "BadSpecError", "VersionRule"]

LATEST = "latest"
LOCKED = "locked"
"""What a standing worker reads as the version that it came to first, and otherwise as `latest`."""


class BadSpecError(ValueError):
    """A version spec cannot be read: why, and the one that was probably meant, None if unknown."""

    def __init__(self, spec: str, reason: str, suggestion: str | None = None) -> None:
        super().__init__(spec, reason, suggestion)
        self.spec, self.reason, self.suggestion = spec, reason, suggestion

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


class VersionRule:
    """What a spec admits; `text` is the spec as it was written, blanks around it left out."""

    __slots__ = ("_rule", "text")

    def __init__(self, text: str | None) -> None:
        """Read a spec; None means `latest`. Raises BadSpecError."""
        self.text = LATEST if text is None else text.strip()
        if not self.text:
            raise BadSpecError(text or "", "it is empty", LATEST)
        self._rule = _read(self.text)

    @property
    def is_latest(self) -> bool:
        """Whether no version in particular is asked for."""
        return self._rule is None

    @property
    def is_exact(self) -> bool:
        """Whether one version is asked for by its bare number."""
        return isinstance(self._rule, Version)

    @property
    def takes_prereleases(self) -> bool:
        """Whether pre-releases count beside releases."""
        if isinstance(self._rule, Specifiers):
            return self._rule.names_prerelease
        return self._rule is not None

    def matches(self, version: str) -> bool:
        """Whether the version satisfies the spec by itself, pre-releases included."""
        return self._holds(Version(version))

    def admitted(self, versions: Iterable[str]) -> tuple[str, ...]:
        """Return those that the spec admits among `versions`, ascending, each once."""
        found = {one: one for one in map(Version, versions) if self._holds(one)}
        matching = sorted(found)
        if not self.takes_prereleases:
            matching = [one for one in matching if not one.is_prerelease] or matching
        return tuple(one.text for one in matching)

    def choose(self, versions: Iterable[str]) -> str | None:
        """Return the highest version that the spec admits among `versions`, or None."""
        admitted = self.admitted(versions)
        return admitted[-1] if admitted else None

    def __eq__(self, other: object) -> bool:
        """Whether both are written alike."""
        return isinstance(other, VersionRule) and self.text == other.text

    def __hash__(self) -> int:
        """Hash the text."""
        return hash(self.text)

    def _holds(self, version: Version) -> bool:
        rule = self._rule
        if rule is None:
            return True
        if isinstance(rule, Version):
            if rule.local:
                return version == rule
            return bool(version.public_key == rule.public_key)
        return rule.contains(version)


def _read(spec: str) -> Version | Specifiers | MavenRange | None:
    if spec in (LATEST, LOCKED):
        return None
    if spec[0] in "[(":
        try:
            return MavenRange.parse(spec)
        except ValueError as error:
            raise BadSpecError(spec, str(error)) from error
    if spec[0] in "<>=!~":
        return _specifiers(spec)
    try:
        return Version(spec)
    except InvalidVersionError as error:
        raise BadSpecError(spec, "it is not a version", _meant(spec)) from error


def _specifiers(spec: str) -> Specifiers:
    try:
        return Specifiers(spec)
    except InvalidSpecifierError as error:
        suggestion = f"~={spec[1:].strip()}" if spec[0] == "~" and _is_version(spec[1:]) else None
        if spec[0] == "=" and _is_version(spec[1:]):
            suggestion = f"=={spec[1:].strip()}"
        raise BadSpecError(spec, "it is not a PEP 440 specifier", suggestion) from error


def _meant(spec: str) -> str | None:
    if spec.lower() == LATEST:
        return LATEST
    if spec[0] == "^" and _is_version(spec[1:]):
        lowest = Version(spec[1:])
        return f">={lowest},<{lowest.release[0] + 1}"
    if spec.endswith(".*") and _is_version(spec[:-2]):
        return f"=={spec}"
    return None


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersionError:
        return False
    return True
