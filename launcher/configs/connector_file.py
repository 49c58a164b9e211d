"""A connector's file as `venvoy standalone` takes it: Kafka's connect-standalone's forms.

A properties file; JSON of strings; or JSON as a create request has it,
`{"name": …, "config": {…}, "initial_state": "RUNNING" | "PAUSED" | "STOPPED"}` (KIP-980).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.configs.properties import UnreadableConfigError, read_request
from launcher.interface.views import TargetState

__all__ = ["ConnectorFile", "read_connector_file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorFile:
    """A connector as a file asks for it; `initial_state` counts only when it is new."""

    file: Path
    name: str
    config: Mapping[str, str]
    initial_state: TargetState | None = None


def read_connector_file(file: Path) -> ConnectorFile:
    """Read one file.

    Raises:
        UnreadableConfigError: it cannot be read, or lacks a name, or has two, or another state.
    """
    pairs, request = read_request(file)
    name = pairs.get("name", "").strip()
    if not name:
        raise _fault(file, "it has no `name`", "give the connector a `name`")
    if request is None:
        return ConnectorFile(file=file, name=name, config={**pairs, "name": name})
    outer = request.get("name", name)
    if outer != name:
        raise _fault(
            file, f"`name` is `{outer}`, and in `config` it is `{name}`", "name it once, outside"
        )
    return ConnectorFile(
        file=file,
        name=name,
        config={**pairs, "name": name},
        initial_state=_state(file, request.get("initial_state")),
    )


def _state(file: Path, written: object) -> TargetState | None:
    if written is None:
        return None
    try:
        return TargetState.from_initial_state(str(written))
    except ValueError as error:
        reason = f"`initial_state`: {error}"
        raise _fault(file, reason, "write one of them, or leave it out") from error


def _fault(file: Path, reason: str, remedy: str) -> UnreadableConfigError:
    return UnreadableConfigError(file=file, reason=reason, remedy=remedy)
