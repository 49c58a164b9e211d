"""Task configs as they may be stored: what a provider gave stands as its variable again."""

from collections.abc import Callable, Mapping

from launcher.configs.providers import VARIABLE

__all__ = ["with_references"]

_Config = Mapping[str, str]


def with_references(
    task_config: _Config, *, written: _Config, resolve: Callable[[_Config], _Config]
) -> dict[str, str]:
    """Return the task's config with each provided value replaced by its variable.

    `written` is the connector's config before it was resolved, `resolve` puts values in. Kafka
    does this for values that a connector passes on unchanged; here also where one is a part of
    a longer value, a URL say. Resolving the result gives the task's config again.
    """
    variables = {match[0] for value in written.values() for match in VARIABLE.finditer(value)}
    resolved = resolve({variable: variable for variable in sorted(variables)})
    given = {
        resolved[variable]: variable
        for variable in sorted(variables)
        if resolved[variable] and resolved[variable] != variable
    }
    longest_first = sorted(given, key=len, reverse=True)
    return {key: _referring(value, given, longest_first) for key, value in task_config.items()}


def _referring(value: str, given: Mapping[str, str], longest_first: list[str]) -> str:
    """Replace from left to right, the longest first, and never inside what was put in."""
    for secret in longest_first:
        before, found, after = value.partition(secret)
        if found:
            shorter = longest_first
            left = _referring(before, given, shorter) if before else ""
            right = _referring(after, given, shorter) if after else ""
            return f"{left}{given[secret]}{right}"
    return value
