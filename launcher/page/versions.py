"""Version keys of a connector's config, and what may be asked for in each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from launcher.interface.views import ConnectorStatus, PluginRow, StageVersion

__all__ = ["VersionChoice", "version_choices", "version_keys", "version_patch"]

CONNECTOR_KEY = "connector.version"
_SYNONYM = "connector.plugin.version"
_CLASS_KEYS = {"transformation": "transforms.{}.type", "predicate": "predicates.{}.type"}
_VERSION_KEYS = {
    "transformation": "transforms.{}.plugin.version",
    "predicate": "predicates.{}.plugin.version",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChoice:
    """One version key: what the config says now, what runs, and what is installed."""

    key: str
    label: str
    class_name: str
    asked: str
    running: str | None
    installed: tuple[str, ...]


def version_keys(config: Mapping[str, str], stages: Iterable[StageVersion]) -> tuple[str, ...]:
    """Return the version keys that the config may have: of the plugins that it names itself."""
    found = [CONNECTOR_KEY]
    for stage in stages:
        if _class_key(stage) in config and _version_key(stage) not in found:
            found.append(_version_key(stage))
    return tuple(found)


def version_choices(
    config: Mapping[str, str], status: ConnectorStatus, plugins: Iterable[PluginRow]
) -> tuple[VersionChoice, ...]:
    """Return a choice for each of the config's version keys, the connector's first."""
    rows = tuple(plugins)
    found = {
        CONNECTOR_KEY: VersionChoice(
            key=CONNECTOR_KEY,
            label="connector",
            class_name=status.class_name or config.get("connector.class", ""),
            asked=config.get(CONNECTOR_KEY) or config.get(_SYNONYM, ""),
            running=status.connector.version,
            installed=_installed(status.class_name, rows),
        )
    }
    keys = version_keys(config, status.stages)
    for stage in status.stages:
        key = _version_key(stage)
        if key in keys:
            found[key] = VersionChoice(
                key=key,
                label=f"{stage.role} {stage.alias}" if stage.alias else stage.role,
                class_name=stage.class_name,
                asked=config.get(key, ""),
                running=stage.version,
                installed=_installed(stage.class_name, rows),
            )
    return tuple(found.values())


def version_patch(
    config: Mapping[str, str], versions: Mapping[str, str | None]
) -> dict[str, str | None]:
    """Return the keys to change; the connector's key under both names where the config has both."""
    patch = dict(versions)
    if CONNECTOR_KEY in versions and _SYNONYM in config:
        patch[_SYNONYM] = versions[CONNECTOR_KEY]
    return patch


def _installed(class_name: str | None, rows: tuple[PluginRow, ...]) -> tuple[str, ...]:
    versions = dict.fromkeys(row.version for row in rows if row.class_name == class_name)
    return (*versions, "latest", "locked")


def _class_key(stage: StageVersion) -> str:
    return _CLASS_KEYS.get(stage.role, stage.role).format(stage.alias)


def _version_key(stage: StageVersion) -> str:
    return _VERSION_KEYS.get(stage.role, f"{stage.role}.plugin.version").format(stage.alias)
