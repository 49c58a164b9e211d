"""Config providers: what `${env:VAR}`, `${file:path:key}` and `${dir:path:name}` stand for.

A worker names its providers, as Kafka Connect's does; a connector's file that a bundle runs, which
has no worker, may name them itself::

    config.providers=env,file,dir
    config.providers.file.class=FileConfigProvider          may be left out: the name says it
    config.providers.env.param.allowlist.pattern=ACME_.*
    config.providers.file.param.allowed.paths=/run/secrets,/etc/acme
"""

from __future__ import annotations

import os
import re

from .properties import read_properties

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["VARIABLE", "NoValueError", "Provider", "ProviderFault", "read_providers", "replace"]

VARIABLE = re.compile(r"\$\{([^}]*?):(?:([^}]*?):)?([^}]*?)\}")
"""Kafka's `${provider:[path:]key}`."""

_MAX_BYTES = 1024 * 1024
_JAVA_PACKAGE = "org.apache.kafka.common.config.provider."
_KINDS = {
    "env": "EnvVarConfigProvider",
    "file": "FileConfigProvider",
    "dir": "DirectoryConfigProvider",
    "directory": "DirectoryConfigProvider",
}


class NoValueError(Exception):
    """A variable stands for nothing; the argument says why, without telling any other value."""


class ProviderFault:
    """What is wrong with a key below `config.providers`, and what to do."""

    __slots__ = ("key", "reason", "remedy")

    def __init__(self, key: str, reason: str, remedy: str) -> None:
        self.key, self.reason, self.remedy = key, reason, remedy


class Provider:
    """Gives values to variables."""

    def value(self, path: str, key: str) -> str:
        """Return what a variable stands for; raises NoValueError."""
        raise NotImplementedError


class _Env(Provider):
    """Variables of the environment, all or those that a pattern allows."""

    def __init__(self, environment: Mapping[str, str], allowed: re.Pattern[str] | None) -> None:
        self._environment, self._allowed = environment, allowed

    def value(self, path: str, key: str) -> str:
        if path:
            raise NoValueError("an environment variable has no path; write ${env:NAME}")
        if self._allowed is not None and not self._allowed.fullmatch(key):
            raise NoValueError(
                f"the worker's allowlist.pattern does not admit the environment variable {key}"
            )
        if key not in self._environment:
            raise NoValueError(f"the environment variable {key} is not set where the worker runs")
        return self._environment[key]


class _Files(Provider):
    """Files, everywhere (None) or below some directories."""

    def __init__(self, directories: tuple[str, ...] | None) -> None:
        self._directories = directories

    def text_of(self, file: str) -> str:
        """Return a file's text; raises NoValueError. Links are followed before they are judged."""
        try:
            real = os.path.realpath(file)
            os.stat(real)
        except (OSError, ValueError) as error:
            raise NoValueError(f"the file {file} cannot be read: {_said(error)}") from error
        if self._directories is not None and not any(
            os.path.commonpath((real, directory)) == directory for directory in self._directories
        ):
            raise NoValueError(f"the file {file} is outside the worker's allowed.paths")
        if not os.path.isfile(real):
            raise NoValueError(f"{file} is not a file")
        try:
            with open(real, "rb") as stream:
                data = stream.read(_MAX_BYTES + 1)
            if len(data) > _MAX_BYTES:
                raise NoValueError(f"the file {file} is larger than {_MAX_BYTES} bytes")
            return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
        except (OSError, UnicodeDecodeError) as error:
            raise NoValueError(f"the file {file} cannot be read: {_said(error)}") from error


class _PropertiesFiles(_Files):
    """Keys of `.properties` files."""

    def value(self, path: str, key: str) -> str:
        if not path:
            raise NoValueError("the path is missing; write ${file:/path/to/file.properties:key}")
        text = self.text_of(path)
        try:
            pairs = read_properties(text)
        except ValueError:  # their text may tell a value
            raise NoValueError(f"the file {path} is not a properties file") from None
        if key not in pairs:
            raise NoValueError(f"the file {path} has no key {key}")
        return pairs[key]


class _Directory(_Files):
    """Files of a directory: the name is the key, the content the value (Kubernetes' secrets)."""

    def value(self, path: str, key: str) -> str:
        if not path:
            raise NoValueError("the path is missing; write ${dir:/path/to/directory:file}")
        if os.path.basename(key) != key or key in ("", ".", ".."):
            raise NoValueError(f"{key} is not the name of a file in {path}")
        return self.text_of(os.path.join(path, key))


def read_providers(
    properties: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[dict[str, Provider], list[ProviderFault]]:
    """Return the providers that `config.providers` names, and every fault of its keys.

    `environment` is what `${env:…}` reads.
    """
    faults: list[ProviderFault] = []
    found: dict[str, Provider] = {}
    for name in properties.get("config.providers", "").split(","):
        if name.strip():
            provider = _provider(name.strip(), properties, environment, faults)
            if provider is not None:
                found[name.strip()] = provider
    return found, faults


def replace(match: re.Match[str], providers: Mapping[str, Provider]) -> str:
    """Return what a match of VARIABLE stands for; raises NoValueError."""
    name, path, key = match.groups()
    provider = providers.get(name)
    if provider is None:
        known = ", ".join(f"`{one}`" for one in providers) or "none"
        raise NoValueError(
            f"no config provider is called `{name}`: `config.providers` names {known}"
        )
    return provider.value(path or "", key)


def _provider(
    name: str,
    properties: Mapping[str, str],
    environment: Mapping[str, str],
    faults: list[ProviderFault],
) -> Provider | None:
    key = f"config.providers.{name}.class"
    written = properties.get(key, "").strip()
    kind = written.removeprefix(_JAVA_PACKAGE)
    kind = kind or _KINDS.get(name, "")
    below = f"config.providers.{name}.param."
    if kind == "EnvVarConfigProvider":
        return _Env(environment, _pattern(f"{below}allowlist.pattern", properties, faults))
    if kind == "FileConfigProvider":
        return _PropertiesFiles(_paths(f"{below}allowed.paths", properties, faults))
    if kind == "DirectoryConfigProvider":
        return _Directory(_paths(f"{below}allowed.paths", properties, faults))
    reason = f"is `{written}`, which is no config provider" if written else "is missing"
    known = ", ".join(dict.fromkeys(_KINDS.values()))
    faults.append(ProviderFault(key, reason, f"name one of {known}"))
    return None


def _pattern(
    key: str, properties: Mapping[str, str], faults: list[ProviderFault]
) -> re.Pattern[str] | None:
    text = properties.get(key, "").strip()
    if not text:
        return None
    try:
        return re.compile(text)
    except re.error as error:
        reason = f"is `{text}`, which is no regular expression: {error}"
        faults.append(ProviderFault(key, reason, f"write a pattern such as `{key}=ACME_.*`"))
        return None


def _paths(
    key: str, properties: Mapping[str, str], faults: list[ProviderFault]
) -> tuple[str, ...] | None:
    texts = [one.strip() for one in properties.get(key, "").split(",") if one.strip()]
    if not texts:
        return None
    directories: list[str] = []
    for text in texts:
        if not os.path.isabs(text):
            reason, remedy = f"names `{text}`, which is not absolute", "write absolute paths"
            faults.append(ProviderFault(key, reason, remedy))
        elif not os.path.exists(text):
            reason, remedy = f"names `{text}`, which does not exist", "make it, or drop it"
            faults.append(ProviderFault(key, reason, remedy))
        else:
            directories.append(os.path.realpath(text))
    return tuple(directories)


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        return (error.strerror or "it cannot be opened").lower()
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else "its path is not usable"
