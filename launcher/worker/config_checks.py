"""What is done to a connector's config between a request and the store, and before it is shown."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from launcher.configs.secrets import hide, likely_password_keys, restore
from launcher.configs.version_keys import is_version_key, pinned
from launcher.interface.faults import InvalidConnectorConfigError, RequestError
from launcher.storage.worker_store import WORKER, StoredConnector
from launcher.validation.validator import Validator
from launcher.worker.generations import Generations
from launcher.worker.move_requests import locks

__all__ = ["ConfigChecks", "asked", "hidden", "named", "restored", "with_versions"]


class ConfigChecks:
    """Has configs checked by the plugins that they name; `tell` hears their warnings."""

    def __init__(self, validator: Validator, *, tell: Callable[[str, str, str], None]) -> None:
        self._validator = validator
        self._tell = tell

    async def checked(self, stored: StoredConnector) -> StoredConnector:
        """Return it with the keys of its passwords; what is locked is checked as it stays.

        Raises:
            InvalidConnectorConfigError: all that is wrong with its config.
            RequestError: it names no connector that there is.
        """
        infos = await self._validator.validate(pinned(stored.config, stored.locked))
        errors = infos.errors()
        if errors:
            raise InvalidConnectorConfigError(errors)
        for warning in infos.warnings:
            self._tell(stored.name, warning, "WARNING")
        defined = {info.definition.name for info in infos.configs}
        keys = infos.password_keys | likely_password_keys(stored.config.keys() - defined)
        return replace(stored, password_keys=keys)


def asked(
    before: StoredConnector,
    config: Mapping[str, str],
    by: str | None,
    *,
    generations: Generations | None,
) -> StoredConnector:
    """Return a connector with the config that `by` asks for in place of the one before.

    A new one has no `generations`.
    """
    written = restored(before, named(before.name, config))
    return replace(
        before,
        config=written,
        asked_by=by or WORKER,
        locked={} if generations is None else locks(before, written, generations),
    )


def with_versions(
    config: Mapping[str, str], versions: Mapping[str, str | None]
) -> Mapping[str, str]:
    """Return a config with other versions, by their keys; None takes one away. RequestError."""
    for key in versions:
        if not is_version_key(key):
            raise RequestError(f"`{key}` in `versions` is no key of a plugin's version")
    kept = {key: value for key, value in config.items() if versions.get(key, "") is not None}
    return pinned(kept, {key: spec for key, spec in versions.items() if spec is not None})


def named(name: str, config: Mapping[str, str]) -> dict[str, str]:
    """Return the config with its name; RequestError: it has another."""
    written = config.get("name", name)
    if written != name:
        raise RequestError(
            f"Connector name configuration ({written}) doesn't match connector name in the URL "
            f"({name})"
        )
    return {**config, "name": name}


def hidden(stored: StoredConnector, config: Mapping[str, str]) -> Mapping[str, str]:
    """Return the config, the connector's or a task's, as it may be shown."""
    return hide(config, stored.password_keys | likely_password_keys(config.keys() - stored.config))


def restored(stored: StoredConnector, config: Mapping[str, str]) -> Mapping[str, str]:
    """Return a config with the passwords that it took from what is shown of `stored`."""
    return restore(config, stored.config, stored.password_keys)
