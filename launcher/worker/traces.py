"""Traces: why something FAILED, as a status tells it."""

from launcher.hosts.control import PluginFailedError
from manager.errors import ProblemsError, VenvoyError

__all__ = ["trace_of"]


def trace_of(error: VenvoyError) -> str:
    """Return the plugin's Python traceback, or what happened and what to do; never empty."""
    if isinstance(error, PluginFailedError) and error.error.traceback:
        return error.error.traceback
    if isinstance(error, ProblemsError):
        return "\n".join(trace_of(problem) for problem in error.problems)
    return f"{error.message}\n{error.hint}".strip()
