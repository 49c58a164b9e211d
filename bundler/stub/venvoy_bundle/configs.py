"""A connector's file, and the worker's: read as venvoy reads them."""

from __future__ import annotations

import os

from venvoy_bundle.properties import BadConfigFileError, read_config_text

__all__ = ["ConfigError", "read_mapping"]


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
