"""What a run says while it runs: plugins' output and the worker's events, a line each to stderr."""

from signal import Signals

from launcher import render
from launcher.hosts.host_output import OutputStream
from launcher.tasks.runtime import Event

__all__ = ["RunOutput"]

TOLD_LEVELS = frozenset({"INFO", "WARNING", "ERROR", "CRITICAL"})


class RunOutput:
    """Takes a run's callbacks and prints them under the name of whoever spoke."""

    def line(self, task: str, stream: OutputStream, text: str) -> None:
        """A line that plugin code wrote to stdout or stderr."""
        render.log_lines([f"[{task}] {stream}: {text}"])

    def event(self, event: Event) -> None:
        """A log record of a plugin, or a change of state."""
        if event.level not in TOLD_LEVELS:
            return
        level = "" if event.level == "INFO" else f"{event.level} "
        logger = f"{event.logger}: " if event.logger else ""
        render.log_lines([f"[{event.subject}] {level}{logger}{event.text}"])

    def signal(self, number: Signals) -> None:
        """A signal that asks the run to stop; a second one is not waited for."""
        if number != Signals.SIGPIPE:
            render.log_lines([f"{number.name}: stopping; a second signal ends it at once"])
