"""A connector's file, and the worker's: read as venvoy reads them."""

from __future__ import annotations

import os

from venvoy_bundle.properties import BadConfigFileError, read_config_text
from venvoy_bundle.providers import VARIABLE, NoValueError, read_providers, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

__all__ = ["ConfigError", "read_mapping", "resolved"]


class ConfigError(OSError):
    """What is wrong with a file, and what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message}\n  {hint}")


def read_mapping(file: str) -> dict[str, str]:
    """Return the keys and values of a file; raises ConfigError."""
    try:
        with open(file, "rb") as stream:
            data = stream.read()
    except OSError as error:
        reason = (error.strerror or "it cannot be opened").lower()
        hint = "check the path; a configuration is a UTF-8 `.properties` or `.json` file"
        raise ConfigError(
            f"the configuration file `{file}` cannot be read: {reason}", hint
        ) from error
    try:
        return read_config_text(data, os.path.basename(file))[0]
    except BadConfigFileError as error:
        message = f"the configuration file `{file}` cannot be read: {error.reason}"
        raise ConfigError(message, error.remedy) from error


def resolved(config: dict[str, str]) -> dict[str, str]:
    """Return a connector's config with its variables replaced; raises ConfigError.

    There is no worker's file to name providers, so the connector's own may, with the same keys.
    """
    providers, faults = read_providers(config, os.environ)
    if faults:
        one = faults[0]
        raise ConfigError(f"`{one.key}` {one.reason}", one.remedy)
    found = {}
    for key, text in config.items():
        if key != "config.providers" and not key.startswith("config.providers."):

            def value(match: re.Match[str], key: str = key) -> str:
                try:
                    return replace(match, providers)
                except NoValueError as error:
                    hint = "correct it, give it a value, or name its provider in `config.providers`"
                    raise ConfigError(f"`{key}` is {match[0]}: {error}", hint) from error

            found[key] = VARIABLE.sub(value, text)
    return found
