"""Freshness: whether a lock still is what its location asks for, and if not, why.

A lock of ours says in `[tool.venvoy]` what it was made for. One by another tool is taken to be
fresh as long as what the plugin requires is in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from manager.interpreters.interpreter import Interpreter
from manager.locks.locks import Lock, wheel_name
from manager.plugins.location_content import LocationContent
from manager.plugins.locations import Shape

__all__ = ["SCHEMA", "MadeFor", "freshness", "made_for"]

SCHEMA: Final = 1
"""Goes up when a lock made for the same requirements would be made differently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFor:
    """What a lock is made for; all texts are normalised and sorted.

    `own` are the distributions that the location brings as wheels; `api` is "" for any.
    """

    requirements: tuple[str, ...]
    extra: tuple[str, ...]
    override: tuple[str, ...]
    own: tuple[str, ...]
    api: str
    exclude_newer: str

    def to_table(self, targets: Sequence[str]) -> dict[str, object]:
        """Return the lock's `[tool.venvoy]`; what is empty is left out."""
        table: dict[str, object] = {
            "schema": SCHEMA,
            "targets": list(targets),
            "requirements": list(self.requirements),
            "extra": list(self.extra),
            "override": list(self.override),
            "own": list(self.own),
            "api": self.api,
            "exclude-newer": self.exclude_newer,
        }
        kept = ("schema", "targets", "requirements")
        return {key: value for key, value in table.items() if value or key in kept}


def made_for(content: LocationContent) -> MadeFor:
    """Return what a lock of this location has to be made for."""
    settings = content.settings
    wheels = content.location.shape is not Shape.PROJECT
    own = [f"{each.name}=={each.version}" for each in content.distributions] if wheels else []
    api = [str(each.api_requirement or "") for each in content.distributions]
    newest = settings.exclude_newer
    return MadeFor(
        requirements=_texts(_requirements(content)),
        extra=_texts(settings.extra),
        override=_texts(settings.override),
        own=tuple(sorted(own)),
        api=str(SpecifierSet(",".join(filter(None, api)))),
        exclude_newer="" if newest is None else newest.isoformat(),
    )


def _requirements(content: LocationContent) -> list[Requirement]:
    """Return what the plugins ask for; of extras as well where any of theirs is asked for."""
    found = [one for each in content.distributions for one in each.requires]
    names = {each.name for each in content.distributions}
    asked = (*found, *content.settings.extra, *content.settings.override)
    if any(one.extras and canonicalize_name(one.name) in names for one in asked):
        found += [one for each in content.distributions for one in each.of_extras]
    return found


def freshness(
    lock: Lock,
    wanted: MadeFor,
    interpreter: Interpreter,
    *,
    own_wheels: Mapping[str, str] | None = None,
) -> str | None:
    """Return why a lock is stale, naming what changed, or None if it is fresh.

    `own_wheels` maps the file names of the location's plugin wheels to their sha256.
    """
    changed = _changed_wheel(lock, own_wheels or {})
    if changed is not None:
        return changed
    if not lock.is_ours:
        return _unmet(lock, wanted, interpreter)
    if lock.tool.get("schema") != SCHEMA:
        return f"it has schema {lock.tool.get('schema')}, and this venvoy makes {SCHEMA}"
    before, after = lock.tool, wanted.to_table([])
    for key, word in (
        ("own", "plugin"),
        ("requirements", "requirement"),
        ("extra", "extra requirement"),
        ("override", "override"),
    ):
        reason = _difference(before.get(key), after.get(key), word)
        if reason is not None:
            return reason
    if before.get("exclude-newer", "") != wanted.exclude_newer:
        return f"`exclude-newer` is now {wanted.exclude_newer or 'not set'}"
    return None


def _texts(requirements: Sequence[Requirement]) -> tuple[str, ...]:
    return tuple(sorted({str(_normalised(requirement)) for requirement in requirements}))


def _normalised(requirement: Requirement) -> Requirement:
    copy = Requirement(str(requirement))
    copy.name = canonicalize_name(copy.name)
    return copy


def _difference(before: object, after: object, word: str) -> str | None:
    old, new = (set(cast("list[str]", each or [])) for each in (before, after))
    added, gone = sorted(new - old), sorted(old - new)
    if added:
        return f"the {word} `{added[0]}` is new"
    return f"the {word} `{gone[0]}` is gone" if gone else None


def _changed_wheel(lock: Lock, own_wheels: Mapping[str, str]) -> str | None:
    locked: dict[str | None, str | None] = {}
    for package in lock.pylock.packages:
        for source in (*(package.wheels or ()), package.archive):
            if source is not None:
                locked[wheel_name(source)] = source.hashes.get("sha256")
    for filename, sha256 in sorted(own_wheels.items()):
        if filename not in locked:
            return f"the wheel `{filename}` is not in it"
        if locked[filename] != sha256:
            return f"the wheel `{filename}` has changed"
    return None


def _unmet(lock: Lock, wanted: MadeFor, interpreter: Interpreter) -> str | None:
    """Return the first requirement that a lock of another tool does not meet."""
    environment = {**interpreter.markers, "extra": ""}
    replaced = {canonicalize_name(Requirement(text).name) for text in wanted.override}
    own = (*wanted.requirements, *wanted.extra)
    texts = [text for text in own if canonicalize_name(Requirement(text).name) not in replaced]
    for text in (*texts, *wanted.override):
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is not None and not marker.evaluate(environment):
            continue
        name = canonicalize_name(requirement.name)
        versions = [p.version for p in lock.pylock.packages if p.name == name]
        if not versions:
            return f"`{text}` is not in it"
        if not any(
            v is None or requirement.specifier.contains(v, prereleases=True) for v in versions
        ):
            return f"it has {name} {versions[0]}, and `{text}` is required"
    return None
