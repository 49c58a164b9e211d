"""Config providers in configs: every `${provider:[path:]key}` replaced, or refused by name.

Values are read when a config is resolved, and what they resolve to is never stored nor told. What
providers are, and how a worker names them, stands in `manager.carried.providers`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from launcher.configs.config_keys import ConfigValueError
from launcher.settings import inherited_environment
from manager.carried.providers import VARIABLE, NoValueError, Provider, read_providers, replace
from manager.errors import ProblemsError, VenvoyError

__all__ = ["VARIABLE", "Providers", "Resolved", "UnresolvedVariableError"]


class UnresolvedVariableError(VenvoyError):
    """A variable in a config stands for nothing; `key` is where it stands, of `where` if told."""

    code = "unresolved-variable"

    def __init__(self, *, key: str, variable: str, reason: str, where: str = "") -> None:
        super().__init__(key, variable, reason)
        self.where = where
        self.key = key
        self.variable = variable
        self.reason = reason

    @property
    def message(self) -> str:
        """The key, the variable as it was written, and what is missing."""
        at = f"{self.where}: " if self.where else ""
        return f"{at}Invalid value {self.variable} for configuration {self.key}: {self.reason}"

    @property
    def hint(self) -> str:
        """What to look at."""
        return f"correct the variable in `{self.key}`, or give it a value where the worker runs"

    def at(self, where: str) -> "UnresolvedVariableError":
        """Return it with the file that it stands in."""
        return UnresolvedVariableError(
            key=self.key, variable=self.variable, reason=self.reason, where=where
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A config with every variable replaced; `secrets` are the values that were put in."""

    config: Mapping[str, str]
    secrets: frozenset[str]


class Providers:
    """The config providers of one worker."""

    def __init__(self, providers: Mapping[str, Provider]) -> None:
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
        providers, faults = read_providers(
            properties, inherited_environment() if environment is None else environment
        )
        if faults:
            problems: list[VenvoyError] = [
                ConfigValueError(
                    where="the worker config", key=one.key, reason=one.reason, remedy=one.remedy
                )
                for one in faults
            ]
            raise ProblemsError(subject="the worker's `config.providers`", problems=problems)
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
        for key, text in config.items():

            def replaced(match: re.Match[str], key: str = key) -> str:
                try:
                    value = replace(match, self._providers)
                except NoValueError as error:
                    problems.append(
                        UnresolvedVariableError(key=key, variable=match[0], reason=str(error))
                    )
                    return match[0]
                secrets.add(value)
                return value

            found[key] = VARIABLE.sub(replaced, text)
        resolved = Resolved(
            config=found, secrets=frozenset(secret for secret in secrets if secret.strip())
        )
        return resolved, tuple(problems)
