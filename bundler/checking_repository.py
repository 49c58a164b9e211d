"""Checking a repository of plugins, as CI does: what is committed is complete and is what it was.

Four questions of each location: is its lock fresh, is its wheelhouse complete, is its digest the
recorded one, and is a bundle of it that lies beside it just what it gives today.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from bundler.bundle import difference
from bundler.recorded_digests import DIGESTS_FILE, digest_of, read_digests, write_digests
from bundler.transfer import NotVendoredError, require_vendored
from bundler.wheelhouse import WantedWheel
from manager.errors import VenvoyError
from manager.locks.bundled import bundled_digest, bundled_lock
from manager.locks.keeping import stale_because
from manager.locks.locking import own_wheels
from manager.locks.locks import read_lock
from manager.locks.sync_context import SyncContext, interpreter_for
from manager.plugins.bundles import open_bundle
from manager.plugins.location_content import LocationContent
from manager.plugins.location_faults import attempt
from manager.plugins.locations import Shape

__all__ = ["CheckedLocation", "Outcome", "check_locations", "record_digests"]

_MISSING_SHOWN = 2

State: TypeAlias = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answer to one question; `detail` says why when it is not ok, `missing` all it lacks."""

    question: Literal["lock", "wheels", "digest", "bundle"]
    state: State
    detail: str = ""
    missing: tuple[WantedWheel, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedLocation:
    """All the answers of a location; `digest` is None when it has no lock to take it from."""

    path: Path
    outcomes: tuple[Outcome, ...]
    digest: str | None

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(one.state != "failed" for one in self.outcomes)


def check_locations(
    context: SyncContext, contents: Sequence[LocationContent]
) -> tuple[CheckedLocation, ...]:
    """Check locations, changing nothing; one that cannot be checked fails and stops no other.

    A bundle that is named as a directory beside it, `acme.pyz` beside `acme/`, is compared.
    """
    bundles = {
        content.location.path: content.location.path.with_suffix("")
        for content in contents
        if content.location.shape is Shape.BUNDLE
    }
    by_path = {content.location.path: content for content in contents}
    recorded: dict[Path, Mapping[str, str]] = {}
    checked = []
    for content in contents:
        place = content.location.place
        recorded.setdefault(place, read_digests(place))
        checked.append(_check(context, content, recorded[place], by_path, bundles))
    return tuple(checked)


def record_digests(
    contents: Sequence[LocationContent], checked: Sequence[CheckedLocation]
) -> tuple[Path, ...]:
    """Record the digests that were found; return the files that changed.

    Locations that were not checked keep theirs while they are there, and lose them afterwards.
    """
    found: dict[Path, dict[str, str]] = {}
    for content, one in zip(contents, checked, strict=True):
        place = content.location.place
        if place not in found:
            kept = read_digests(place)
            found[place] = {name: kept[name] for name in kept if (place / name).exists()}
        if one.digest is not None:
            found[place][content.location.name] = one.digest
    return tuple(
        place / DIGESTS_FILE for place in sorted(found) if write_digests(place, found[place])
    )


def _check(
    context: SyncContext,
    content: LocationContent,
    recorded: Mapping[str, str],
    by_path: Mapping[Path, LocationContent],
    bundles: Mapping[Path, Path],
) -> CheckedLocation:
    location = content.location
    digest = _digest(content)
    outcomes = [
        _asked(location.path, "lock", lambda: _stale(context, content)),
        _wheels_outcome(context, content),
        _digest_outcome(digest, recorded.get(location.name)),
    ]
    source = by_path.get(bundles.get(location.path, location.path))
    if location.shape is Shape.BUNDLE and source is not None:
        made_from = source
        outcomes.append(
            _asked(location.path, "bundle", lambda: _differs(context, made_from, location.path))
        )
    return CheckedLocation(path=location.path, outcomes=tuple(outcomes), digest=digest)


def _asked(
    path: Path, question: Literal["lock", "wheels", "bundle"], ask: Callable[[], str | None]
) -> Outcome:
    answer = attempt(path, ask)
    reason = answer.message if isinstance(answer, VenvoyError) else answer
    if reason is None:
        return Outcome(question=question, state="ok")
    return Outcome(question=question, state="failed", detail=reason)


def _stale(context: SyncContext, content: LocationContent) -> str | None:
    location = content.location
    if location.shape is Shape.BUNDLE:
        bundled_lock(open_bundle(location.path, whole=True))
        return None
    lock = read_lock(location.lock_file)
    if lock is None:
        return f"there is no `{location.lock_file.name}`"
    return stale_because(lock, content, interpreter_for(context, content), own_wheels(content))


def _wheels_outcome(context: SyncContext, content: LocationContent) -> Outcome:
    missing: tuple[WantedWheel, ...] = ()

    def ask() -> str | None:
        nonlocal missing
        try:
            require_vendored(context, content)
        except NotVendoredError as error:
            missing = error.missing
            return _lacks(error)
        return None

    return replace(_asked(content.location.path, "wheels", ask), missing=missing)


def _lacks(error: NotVendoredError) -> str:
    names = [f"{one.filename} (sha256 {one.sha256})" for one in error.missing[:_MISSING_SHOWN]]
    more = len(error.missing) - len(names)
    rest = f" and {more} more" if more else ""
    return f"lacks {', '.join(names) or 'what its build needs'}{rest}; {error.hint}"


def _differs(context: SyncContext, source: LocationContent, bundle: Path) -> str | None:
    member = difference(context, source, bundle)
    return None if member is None else f"`{member}` is another than `{source.location.name}` gives"


def _digest(content: LocationContent) -> str | None:
    try:
        if content.location.shape is Shape.BUNDLE:
            bundle = open_bundle(content.location.path)
            return bundled_digest(bundle, bundled_lock(bundle))
        lock = read_lock(content.location.lock_file)
        return None if lock is None else digest_of(content, lock)
    except VenvoyError:  # the lock's own check tells it
        return None


def _digest_outcome(digest: str | None, recorded: str | None) -> Outcome:
    if digest is None:
        return Outcome(question="digest", state="skipped", detail="there is none without a lock")
    if recorded is None:
        detail = f"{digest[:12]} is not recorded in `{DIGESTS_FILE}`; `--update` does it"
        return Outcome(question="digest", state="failed", detail=detail)
    if recorded != digest:
        detail = f"it is {digest[:12]}, and {recorded[:12]} was recorded"
        return Outcome(question="digest", state="failed", detail=detail)
    return Outcome(question="digest", state="ok", detail=digest[:12])
