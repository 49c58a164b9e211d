"""Config providers: `${env:VAR}`, `${file:path:key}`, `${dir:path:name}` in connector configs.

A worker names its providers, as Kafka Connect's does::

    config.providers=env,file,dir
    config.providers.file.class=FileConfigProvider          may be left out: the name says it
    config.providers.env.param.allowlist.pattern=ACME_.*
    config.providers.file.param.allowed.paths=/run/secrets,/etc/acme

Values are read when a config is resolved, and what they resolve to is never stored nor told.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.configs.config_keys import ConfigValueError
from launcher.settings import inherited_environment
from manager.carried.properties import read_properties
from manager.errors import ProblemsError, VenvoyError

__all__ = ["VARIABLE", "Providers", "Resolved", "UnresolvedVariableError"]

VARIABLE = re.compile(r"\$\{([^}]*?):(?:([^}]*?):)?([^}]*?)\}")
"""Kafka's `${provider:[path:]key}`."""

_MAX_BYTES = 1024 * 1024
_JAVA_PACKAGE = "org.apache.kafka.common.config.provider."


class UnresolvedVariableError(VenvoyError):
    """A variable in a connector's config stands for nothing; `key` is where it stands."""

    code = "unresolved-variable"

    def __init__(self, *, key: str, variable: str, reason: str) -> None:
        super().__init__(key, variable, reason)
        self.key = key
        self.variable = variable
        self.reason = reason

    @property
    def message(self) -> str:
        """The key, the variable as it was written, and what is missing."""
        return f"Invalid value {self.variable} for configuration {self.key}: {self.reason}"

    @property
    def hint(self) -> str:
        """What to look at."""
        return f"correct the variable in `{self.key}`, or give it a value where the worker runs"


class _NoValueError(Exception):
    """A provider has no value; the argument says why, without telling any other value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A config with every variable replaced; `secrets` are the values that were put in.

    `warnings` tell variables of providers that the worker does not have: they stay as they are,
    as in Kafka Connect.
    """

    config: Mapping[str, str]
    secrets: frozenset[str]
    warnings: tuple[str, ...] = ()


class _Provider(ABC):
    @abstractmethod
    def value(self, path: str, key: str) -> str:
        """Return what a variable stands for; raises _NoValueError."""


class _EnvProvider(_Provider):
    """Variables of the worker's environment, all or those that a pattern allows."""

    def __init__(self, environment: Mapping[str, str], allowed: re.Pattern[str] | None) -> None:
        self._environment = environment
        self._allowed = allowed

    def value(self, path: str, key: str) -> str:
        if path:
            raise _NoValueError("an environment variable has no path; write ${env:NAME}")
        if self._allowed is not None and not self._allowed.fullmatch(key):
            raise _NoValueError(
                f"the worker's allowlist.pattern does not admit the environment variable {key}"
            )
        if key not in self._environment:
            raise _NoValueError(f"the environment variable {key} is not set where the worker runs")
        return self._environment[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class _AllowedPaths:
    """Where a provider may read: everywhere (None), or below some directories."""

    directories: tuple[Path, ...] | None

    def text_of(self, file: Path) -> str:
        """Return a file's text; raises _NoValueError. Links are followed before they are judged."""
        try:
            real = file.resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a loop of links
            raise _NoValueError(f"the file {file} cannot be read: {_said(error)}") from error
        if self.directories is not None and not any(
            real.is_relative_to(directory) for directory in self.directories
        ):
            raise _NoValueError(f"the file {file} is outside the worker's allowed.paths")
        try:
            if not real.is_file():
                raise _NoValueError(f"{file} is not a file")
            if real.stat().st_size > _MAX_BYTES:
                raise _NoValueError(f"the file {file} is larger than {_MAX_BYTES} bytes")
            return real.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _NoValueError(f"the file {file} cannot be read: {_said(error)}") from error


class _FileProvider(_Provider):
    """Keys of `.properties` files."""

    def __init__(self, paths: _AllowedPaths) -> None:
        self._paths = paths

    def value(self, path: str, key: str) -> str:
        if not path:
            raise _NoValueError("the path is missing; write ${file:/path/to/file.properties:key}")
        text = self._paths.text_of(Path(path))
        try:
            pairs = read_properties(text)
        except ValueError:  # their text may tell a value
            raise _NoValueError(f"the file {path} is not a properties file") from None
        if key not in pairs:
            raise _NoValueError(f"the file {path} has no key {key}")
        return pairs[key]


class _DirectoryProvider(_Provider):
    """Files of a directory: the name is the key, the content the value (Kubernetes' secrets)."""

    def __init__(self, paths: _AllowedPaths) -> None:
        self._paths = paths

    def value(self, path: str, key: str) -> str:
        if not path:
            raise _NoValueError("the path is missing; write ${dir:/path/to/directory:file}")
        if Path(key).name != key or key == "..":
            raise _NoValueError(f"{key} is not the name of a file in {path}")
        return self._paths.text_of(Path(path) / key)


class Providers:
    """The config providers of one worker."""

    def __init__(self, providers: Mapping[str, _Provider]) -> None:
        self._providers = dict(providers)

    @classmethod
    def from_worker(
        cls, properties: Mapping[str, str], *, environment: Mapping[str, str] | None = None
    ) -> "Providers":
        """Read `config.providers` and the keys below it.

        `environment` is what `${env:…}` reads, by default this process's own as it is now.

        Raises:
            ProblemsError: every fault of these keys.
        """
        reader = _Reader(
            properties, inherited_environment() if environment is None else environment
        )
        providers = reader.read()
        if reader.problems:
            raise ProblemsError(subject="the worker's `config.providers`", problems=reader.problems)
        return cls(providers)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that variables may use."""
        return tuple(self._providers)

    def resolve(self, config: Mapping[str, str]) -> Resolved:
        """Replace every variable; what a variable stands for is not looked into again.

        Raises:
            ProblemsError: an UnresolvedVariableError for each variable without a value.
        """
        resolved, problems = self.try_resolve(config)
        if problems:
            raise ProblemsError(subject="the variables of the config", problems=problems)
        return resolved

    def try_resolve(
        self, config: Mapping[str, str]
    ) -> tuple[Resolved, tuple[UnresolvedVariableError, ...]]:
        """As `resolve`, but leave variables without a value as they are and return their faults."""
        found: dict[str, str] = {}
        secrets: set[str] = set()
        problems: list[UnresolvedVariableError] = []
        warnings: list[str] = []
        for key, text in config.items():

            def replaced(match: re.Match[str], key: str = key) -> str:
                name, path, item = match.groups()
                provider = self._providers.get(name)
                if provider is None:
                    warnings.append(
                        f"`{key}`: {match[0]} stays as it is: the worker has no config provider "
                        f"`{name}`"
                    )
                    return match[0]
                try:
                    value = provider.value(path or "", item)
                except _NoValueError as error:
                    problems.append(
                        UnresolvedVariableError(key=key, variable=match[0], reason=str(error))
                    )
                    return match[0]
                secrets.add(value)
                return value

            found[key] = VARIABLE.sub(replaced, text)
        resolved = Resolved(
            config=found,
            secrets=frozenset(secret for secret in secrets if secret.strip()),
            warnings=tuple(warnings),
        )
        return resolved, tuple(problems)


class _Reader:
    """Makes providers of a worker's keys and collects the faults."""

    def __init__(self, properties: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._properties = properties
        self._environment = environment
        self.problems: list[VenvoyError] = []

    def read(self) -> dict[str, _Provider]:
        names = [name.strip() for name in self._properties.get("config.providers", "").split(",")]
        made = {name: self._provider(name) for name in names if name}
        return {name: provider for name, provider in made.items() if provider is not None}

    def _provider(self, name: str) -> _Provider | None:
        kind = self._kind(name)
        match kind:
            case "EnvVarConfigProvider":
                return _EnvProvider(self._environment, self._pattern(name))
            case "FileConfigProvider":
                return _FileProvider(self._paths(name))
            case "DirectoryConfigProvider":
                return _DirectoryProvider(self._paths(name))
            case _:
                return None

    def _kind(self, name: str) -> str | None:
        """Return the simple class name of a provider; a fault when there is no such class."""
        key = f"config.providers.{name}.class"
        written = self._properties.get(key, "").strip()
        kinds = {
            "env": "EnvVarConfigProvider",
            "file": "FileConfigProvider",
            "dir": "DirectoryConfigProvider",
            "directory": "DirectoryConfigProvider",
        }
        kind = written.removeprefix(_JAVA_PACKAGE) or kinds.get(name)
        if kind in kinds.values():
            return kind
        reason = f"is `{written}`, which is no config provider" if written else "is missing"
        known = ", ".join(dict.fromkeys(kinds.values()))
        self._fault(key, reason, f"name one of {known}")
        return None

    def _pattern(self, name: str) -> re.Pattern[str] | None:
        key = f"config.providers.{name}.param.allowlist.pattern"
        text = self._properties.get(key, "").strip()
        if not text:
            return None
        try:
            return re.compile(text)
        except re.error as error:
            reason = f"is `{text}`, which is no regular expression: {error}"
            self._fault(key, reason, f"write a pattern such as `{key}=ACME_.*`")
            return None

    def _paths(self, name: str) -> _AllowedPaths:
        key = f"config.providers.{name}.param.allowed.paths"
        texts = [one.strip() for one in self._properties.get(key, "").split(",") if one.strip()]
        if not texts:
            return _AllowedPaths(directories=None)
        directories: list[Path] = []
        for text in texts:
            if not Path(text).is_absolute():
                self._fault(key, f"names `{text}`, which is not absolute", "write absolute paths")
            elif not Path(text).exists():
                self._fault(key, f"names `{text}`, which does not exist", "make it, or drop it")
            else:
                directories.append(Path(text).resolve())
        return _AllowedPaths(directories=tuple(directories))

    def _fault(self, key: str, reason: str, remedy: str) -> None:
        self.problems.append(
            ConfigValueError(where="the worker config", key=key, reason=reason, remedy=remedy)
        )


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        return (error.strerror or "it cannot be opened").lower()
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else "its path is not usable"
