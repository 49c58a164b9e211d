"""PEP 440: versions, their order, and specifiers, as `packaging` has them.

`packaging` itself cannot be carried: its releases no longer start on every Python that plugins
run on. A property test holds this file against the newest one.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["InvalidSpecifierError", "InvalidVersionError", "Specifiers", "Version"]

_LIMIT = 1000  # characters; Python itself refuses numbers of more than 4300 digits
_PUBLIC = r"""
    v?
    (?:(?P<epoch>[0-9]+)!)?
    (?P<release>[0-9]+(?:\.[0-9]+)*)
    (?P<pre>[-_.]?(?P<pre_letter>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_number>[0-9]+)?)?
    (?P<post>-(?P<post_bare>[0-9]+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>[0-9]+)?)?
    (?P<dev>[-_.]?dev[-_.]?(?P<dev_number>[0-9]+)?)?
"""
_LOCAL = r"(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?"
_FLAGS = re.VERBOSE | re.IGNORECASE | re.ASCII
_VERSION = re.compile(_PUBLIC + _LOCAL, _FLAGS)
_OPERATOR = re.compile(r"(===|~=|==|!=|<=|>=|<|>)\s*(.*)", re.DOTALL)
_WILDCARD = re.compile(r"v?(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*", _FLAGS)
_ARBITRARY = re.compile(r"[^\s;)]+")
_RANKS = {"alpha": 0, "a": 0, "beta": 1, "b": 1, "preview": 2, "pre": 2, "c": 2, "rc": 2}
_BEFORE_PRE, _FINAL = -1, 3


class InvalidVersionError(ValueError):
    """A text is no version of PEP 440."""


class InvalidSpecifierError(ValueError):
    """A text is no specifier of PEP 440."""


class Version:
    """One version; ordered, and equal to other spellings of itself."""

    __slots__ = ("_suffix", "epoch", "local", "release", "text")

    def __init__(self, text: str) -> None:
        """Read a version, blanks around it ignored; raises InvalidVersionError."""
        self.text = text.strip()
        match = _VERSION.fullmatch(self.text)
        if match is None or len(text) > _LIMIT:
            raise InvalidVersionError(text)
        self.epoch = int(match["epoch"] or 0)
        self.release = tuple(map(int, match["release"].split(".")))
        self.local = _local(match["local"])
        pre, dev = _number(match, "pre"), _number(match, "dev")
        post = _number(match, "post")
        if post is not None and match["post_bare"]:
            post = int(match["post_bare"])
        rank = _FINAL if pre is None else _RANKS[match["pre_letter"].lower()]
        if pre is None and post is None and dev is not None:
            rank = _BEFORE_PRE
        self._suffix = (
            rank, pre or 0, int(post is not None), post or 0, int(dev is None), dev or 0
        )  # fmt: skip

    @property
    def is_prerelease(self) -> bool:
        """Whether it is an alpha, a beta, a candidate or a development release."""
        rank, *_, is_no_dev, _ = self._suffix
        return rank != _FINAL or not is_no_dev

    @property
    def key(self) -> tuple[Any, ...]:
        """What versions are ordered by: epoch, release without its last zeros, the rest, local."""
        return (*self.public_key, self.local)

    @property
    def public_key(self) -> tuple[Any, ...]:
        """What they are ordered by without their local parts."""
        return (self.epoch, self._trimmed(), self._suffix)

    def within(self, epoch: int, prefix: tuple[int, ...]) -> bool:
        """Whether the release begins with `prefix`, zeros added where it is shorter."""
        padded = self.release + (0,) * (len(prefix) - len(self.release))
        return self.epoch == epoch and padded[: len(prefix)] == prefix

    def is_post_of(self, other: Version) -> bool:
        """Whether it is `other` or one of its post-releases, whatever the local parts."""
        mine, theirs = self.public_key, other.public_key
        return mine[:2] == theirs[:2] and self._suffix[:2] == other._suffix[:2]

    def is_before_all_of(self, other: Version) -> bool:
        """Whether it is below `other` and all of its development releases."""
        first = (*other._suffix[:4], 0, 0)
        if not other.has_post:
            first = (_BEFORE_PRE, 0, 0, 0, 0, 0)
        return self.public_key < (other.epoch, other._trimmed(), first)

    @property
    def has_post(self) -> bool:
        """Whether it is a post-release."""
        return bool(self._suffix[2])

    @property
    def has_dev(self) -> bool:
        """Whether it is a development release."""
        return not self._suffix[4]

    def _trimmed(self) -> tuple[int, ...]:
        end = len(self.release)
        while end and self.release[end - 1] == 0:
            end -= 1
        return self.release[:end]

    def __eq__(self, other: object) -> bool:
        """Whether both are the same version, `1.0` and `1.0.0` for one."""
        return isinstance(other, Version) and self.key == other.key

    def __lt__(self, other: Version) -> bool:
        """Whether it comes before the other."""
        return bool(self.key < other.key)

    def __le__(self, other: Version) -> bool:
        """Whether it comes before the other, or is the same."""
        return bool(self.key <= other.key)

    def __gt__(self, other: Version) -> bool:
        """Whether it comes after the other."""
        return bool(self.key > other.key)

    def __ge__(self, other: Version) -> bool:
        """Whether it comes after the other, or is the same."""
        return bool(self.key >= other.key)

    def __hash__(self) -> int:
        """Hash what versions are compared by."""
        return hash(self.key)

    def __str__(self) -> str:
        """Return the version as it was written."""
        return self.text


class _Specifier:
    """One comparison."""

    __slots__ = ("bound", "operator", "prefix", "text")

    def __init__(self, text: str) -> None:
        match = _OPERATOR.fullmatch(text.strip())
        if match is None:
            raise InvalidSpecifierError(text)
        self.operator, self.text = match[1], match[2].strip()
        self.bound: Version | None = None
        self.prefix: tuple[int, ...] | None = None
        if self.operator == "===":
            if _ARBITRARY.fullmatch(self.text) is None:
                raise InvalidSpecifierError(text)
            return
        try:
            self.bound = self._read_bound()
        except InvalidVersionError as error:
            raise InvalidSpecifierError(text) from error

    def _read_bound(self) -> Version:
        """Return the version that is compared with, and set the prefix where there is one."""
        text = self.text
        if self.operator in ("==", "!=") and text.endswith(".*"):
            if _WILDCARD.fullmatch(text[:-2]) is None:
                raise InvalidVersionError(text)
            bound = Version(text[:-2])
            self.prefix = bound.release
            return bound
        bound = Version(text)
        if bound.local and self.operator not in ("==", "!="):
            raise InvalidVersionError(text)
        if self.operator == "~=":
            if len(bound.release) == 1:
                raise InvalidVersionError(text)
            self.prefix = bound.release[:-1]
        return bound

    @property
    def names_prerelease(self) -> bool:
        """Whether it asks for pre-releases by naming one."""
        if self.bound is None:
            return True
        return self.operator != "!=" and self.bound.is_prerelease

    def contains(self, version: Version) -> bool:
        """Whether it holds for the version, be it a pre-release or not."""
        bound = self.bound
        if bound is None:
            return version.text.lower() == self.text.lower()
        if self.operator == "~=":
            return version >= bound and version.within(bound.epoch, self.prefix or ())
        if self.operator in ("==", "!="):
            return self._is_equal(version, bound) is (self.operator == "==")
        if self.operator in (">=", "<="):
            order = version.public_key, bound.public_key
            return bool(order[0] >= order[1] if self.operator == ">=" else order[0] <= order[1])
        return self._is_beyond(version, bound)

    def _is_beyond(self, version: Version, bound: Version) -> bool:
        """Whether it is below or above, where releases keep what belongs to them (PEP 440)."""
        if self.operator == "<":
            return version < bound if bound.is_prerelease else version.is_before_all_of(bound)
        if not bound.has_post and not bound.has_dev and version.is_post_of(bound):
            return False
        return bool(version.public_key > bound.public_key)

    def _is_equal(self, version: Version, bound: Version) -> bool:
        if self.prefix is not None:
            return version.within(bound.epoch, self.prefix)
        if bound.local:
            return version == bound
        return bool(version.public_key == bound.public_key)


class Specifiers:
    """A list of specifiers with commas between them: all must hold."""

    __slots__ = ("_all",)

    def __init__(self, text: str) -> None:
        """Read specifiers; raises InvalidSpecifierError."""
        self._all = tuple(_Specifier(part) for part in text.split(",") if part.strip())

    @property
    def names_prerelease(self) -> bool:
        """Whether one of them names a pre-release, so that pre-releases are admitted."""
        return any(one.names_prerelease for one in self._all)

    def contains(self, version: Version) -> bool:
        """Whether all of them hold for the version, be it a pre-release or not."""
        return all(one.contains(version) for one in self._all)


def _number(match: re.Match[str], part: str) -> int | None:
    return int(match[f"{part}_number"] or 0) if match[part] else None


def _local(text: str | None) -> tuple[tuple[int, str], ...]:
    """Return the parts in a form that orders texts before numbers."""
    parts = re.split("[-_.]", text.lower()) if text else []
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)
