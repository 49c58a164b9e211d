"""Checks a connector's config with the plugins that it names, as Kafka Connect's herder does."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from launcher.configs.providers import Providers
from launcher.configs.secrets import Masker
from launcher.interface.faults import RequestError, RequestTimedOutError
from launcher.interface.views import Json
from launcher.planning.workplace import Workplace
from launcher.tasks.threads import in_thread
from launcher.validation.checking import Checking
from launcher.validation.draft import Draft
from launcher.validation.environments import Environments
from launcher.validation.found_connector import find_connector, refuse_other_plugin
from launcher.validation.infos import ConfigInfos
from launcher.validation.inspectors import Inspectors, StartHost
from launcher.validation.plugin_configs import plugin_config

__all__ = ["Validator"]

_T = TypeVar("_T")


class Progress:
    """What a request is at, and since when: for the one that does not end in time."""

    def __init__(self) -> None:
        self.at("starting")

    def at(self, stage: str) -> None:
        """Go on to a stage, named as Kafka names it."""
        self.stage = stage
        self.began = datetime.now(tz=UTC)


class Validator:
    """Validates configs for one worker; use it in one event loop, and close it there."""

    def __init__(
        self,
        *,
        workplace: Callable[[], Workplace],
        properties: Mapping[str, str],
        start_host: StartHost,
        timeout_s: float = 90.0,
        idle_s: float = 30.0,
    ) -> None:
        """Take the plugin path as it is at each request, the worker's config, a way to start hosts.

        A request may take `timeout_s` (Kafka's 90 s); hosts are kept for `idle_s` after use.

        Raises:
            ProblemsError: the worker's config providers are wrong.
        """
        self._workplace = workplace
        self._properties = properties
        self._providers = Providers.from_worker(properties)
        self._environments = Environments(workplace)
        self._inspectors = Inspectors(start_host, idle_s=idle_s)
        self._timeout_s = timeout_s

    async def validate(
        self, config: Mapping[str, str | None], *, plugin: str | None = None
    ) -> ConfigInfos:
        """Check a config; return every fault under its key, never what a variable stands for.

        `plugin` is the one that the request is about.

        Raises:
            RequestError: there is no connector class, or not that of `plugin`, or nobody has it.
            RequestTimedOutError: a plugin does not answer.
        """
        progress = Progress()
        return await self._in_time(self._validate(config, plugin, progress), progress)

    async def plugin_config(self, plugin: str, version: str | None = None) -> tuple[Json, ...]:
        """Return the ConfigKeyInfos of a plugin of any type, for connectors with the framework's.

        Raises:
            NotFoundError: there is no such plugin.
            RequestError: not in that version, or it cannot be loaded.
            RequestTimedOutError: it does not answer.
        """
        progress = Progress()
        progress.at("retrieving the configuration definition from the plugin")
        work = plugin_config(
            self._workplace().catalog, plugin, version, self._environments, self._inspectors
        )
        keys = await self._in_time(work, progress)
        return tuple(key.as_json() for key in keys)

    async def close(self) -> None:
        """End the hosts that are kept."""
        await self._inspectors.close()

    async def _validate(
        self, config: Mapping[str, str | None], plugin: str | None, progress: Progress
    ) -> ConfigInfos:
        progress.at("resolving transformed configuration properties for the connector")
        texts = {key: value for key, value in config.items() if value is not None}
        resolved, unresolved = await in_thread(lambda: self._providers.try_resolve(texts))
        if not resolved.config.get("connector.class", "").strip():
            keys = ", ".join(sorted(config))
            raise RequestError(
                f"Connector config [{keys}] contains no connector type",
                remedy="name a connector in `connector.class`",
            )
        workplace = self._workplace()
        try:
            if plugin is not None:
                refuse_other_plugin(workplace.catalog, resolved.config, plugin)
            found = find_connector(workplace.catalog, resolved.config)
        except RequestError as error:
            text = Masker(resolved.secrets).mask(error.message)
            raise RequestError(text, remedy=error.hint) from None
        draft = Draft(config, resolved.config, resolved.secrets)
        for fault in unresolved:
            draft.only_fault(fault.key, fault.message)
        checking = Checking(
            draft=draft,
            found=found,
            catalog=workplace.catalog,
            properties=self._properties,
            environments=self._environments,
            inspectors=self._inspectors,
        )
        progress.at("performing validation for the connector, its transformations and converters")
        await checking.run()
        return draft.build(texts["connector.class"].strip())

    async def _in_time(self, work: Coroutine[object, object, _T], progress: Progress) -> _T:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await work
        except TimeoutError as error:
            if self._environments.being_made:
                named = ", ".join(map(str, self._environments.being_made))
                progress.stage = f"making the environment of {named}"
            began = progress.began.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            raise RequestTimedOutError(stage=progress.stage, began=began) from error
