"""Traces: why something FAILED, as a status tells it."""

from launcher.hosts.control import PluginFailedError
from launcher.hosts.host import HostDiedError
from manager.errors import ProblemsError, VenvoyError

__all__ = ["trace_of"]


def trace_of(error: VenvoyError) -> str:
    """Return the plugin's traceback, a dead host's last lines, or what happened; never empty."""
    if isinstance(error, PluginFailedError) and error.error.traceback:
        return error.error.traceback
    if isinstance(error, HostDiedError):
        return error.trace
    if isinstance(error, ProblemsError):
        return "\n".join(trace_of(problem) for problem in error.problems)
    return f"{error.message}\n{error.hint}".strip()
