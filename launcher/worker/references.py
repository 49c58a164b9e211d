"""Task configs as they may be stored: what a provider gave stands as its variable again."""

import re
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
    if not longest_first:
        return dict(task_config)
    pattern = re.compile("|".join(map(re.escape, longest_first)))
    return {
        key: pattern.sub(lambda match: given[match[0]], value) for key, value in task_config.items()
    }
