"""Pins: the versions that connectors ask for, and the newer ones that are installed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from packaging.version import Version

from launcher.planning.plan import PipelinePlan, all_stages
from manager.carried.version_specs import VersionRule
from manager.plugins.versions import LOCKED, InvalidVersionSpecError, VersionSpec

__all__ = ["Pin", "planned_pins", "running_pins"]

Shown = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A plugin of a connector whose version has a newer one installed.

    `asked` is as the config says, `latest` when it says nothing. `match` is the newest that it
    admits, None when that is what runs; `newest` the newest release that is installed at all.
    """

    connector: str
    stage: str
    key: str
    asked: str
    runs: str
    match: str | None
    newest: str

    def as_json(self) -> dict[str, object]:
        """Return every field, for the envelope."""
        return {
            "connector": self.connector,
            "stage": self.stage,
            "key": self.key,
            "asked": self.asked,
            "runs": self.runs,
            "match": self.match,
            "newest": self.newest,
        }


def planned_pins(plans: Iterable[PipelinePlan]) -> tuple[Pin, ...]:
    """Return the pins of connectors' files that have newer versions installed."""
    found = (
        _pin(
            connector=plan.name,
            stage=stage.alias or str(stage.role),
            key=stage.request.version_key,
            spec=stage.request.spec,
            runs=stage.plugin.version,
            installed=[one.version for one in stage.choice.candidates],
        )
        for plan in plans
        for stage in all_stages(plan)
    )
    return tuple(dict.fromkeys(pin for pin in found if pin is not None))


def running_pins(
    name: str, config: Mapping[str, str], versions: Sequence[Shown], plugins: Sequence[Shown]
) -> tuple[Pin, ...]:
    """Return the pins of a worker's connector that have newer versions installed.

    `versions` are those of its current generation, `plugins` is the worker's whole list. What the
    worker's own file names is left out.
    """
    found: list[Pin] = []
    for one in versions:
        role, alias = str(one["role"]), cast("str | None", one.get("alias"))
        named, key = _keys(role, alias, config)
        if named in config:
            pin = _pin(
                connector=name,
                stage=alias or role,
                key=key,
                spec=_spec(config.get(key)),
                runs=Version(str(one["version"])),
                installed=_installed(plugins, str(one["class"])),
            )
            found += () if pin is None else (pin,)
    return tuple(dict.fromkeys(found))


def _pin(
    *,
    connector: str,
    stage: str,
    key: str,
    spec: VersionSpec,
    runs: Version,
    installed: Sequence[Version],
) -> Pin | None:
    newest = VersionSpec.parse(None).choose(installed)
    match = None if spec.text == LOCKED else spec.choose(installed)
    if newest is None or (newest <= runs and (match is None or match <= runs)):
        return None
    return Pin(
        connector=connector,
        stage=stage,
        key=key,
        asked=str(spec),
        runs=str(runs),
        match=str(match) if match is not None and match > runs else None,
        newest=str(newest),
    )


def _keys(role: str, alias: str | None, config: Mapping[str, str]) -> tuple[str, str]:
    """Return the keys of a stage's class and of its version."""
    match role:
        case "connector":
            synonym = "connector.plugin.version"
            return "connector.class", synonym if synonym in config else "connector.version"
        case "transformation":
            return f"transforms.{alias}.type", f"transforms.{alias}.plugin.version"
        case "predicate":
            return f"predicates.{alias}.type", f"predicates.{alias}.plugin.version"
        case _:
            return role, f"{role}.plugin.version"


def _spec(text: str | None) -> VersionSpec:
    """Read what a config asks for; a variable of a provider may stand for any version."""
    try:
        return VersionSpec.parse(text)
    except InvalidVersionSpecError:
        return VersionSpec(text=text or "", rule=VersionRule(None))


def _installed(plugins: Sequence[Shown], class_name: str) -> list[Version]:
    return [Version(str(one["version"])) for one in plugins if one["class"] == class_name]
