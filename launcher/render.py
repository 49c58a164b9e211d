"""The only file that prints: data to stdout, the rest to stderr, colour never the only signal."""

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from launcher.commands.explain import Explanation, StageExplanation
from launcher.commands.listing import SHORT_DIGEST
from launcher.tasks.report import RunReport
from manager.errors import ProblemsError, VenvoyError

__all__ = [
    "explanation",
    "failure",
    "flush",
    "hide",
    "json_envelope",
    "line",
    "log_lines",
    "note",
    "progress",
    "raw",
    "ready_streams",
    "run_report",
    "table",
    "unexpected",
    "warning",
]

ENVELOPE_VERSION = 1
_WIDE = 160


class _Console(Console):
    """A console that leaves it to the command to end when nobody reads."""

    def on_broken_pipe(self) -> None:
        """Let the error through: rich exits, with 1, from wherever it was called."""
        raise  # noqa: PLE0704  # called while the BrokenPipeError is handled


_hidden: list[Callable[[str], str]] = []
"""What takes secrets out of whatever is printed from now on: none, or one."""


def hide(mask: Callable[[str], str] | None) -> None:
    """Print nothing any more but what `mask` gives of it; None ends that."""
    _hidden[:] = [] if mask is None else [mask]


def _shown(text: str) -> str:
    return _hidden[0](text) if _hidden else text


def _console(*, stderr: bool) -> Console:
    """A console for one of the two streams; in a pipe it neither colours nor wraps."""
    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty():
        return _Console(file=stream, highlight=False, emoji=False)
    return _Console(
        file=stream, highlight=False, emoji=False, width=_WIDE, no_color=True, soft_wrap=True
    )


def ready_streams() -> None:
    """Make stdout and stderr such that any text can be printed, whatever a caller gave us.

    A path may hold what the terminal's encoding has not: it is shown with escapes. A stream that
    was closed takes what is printed and drops it.
    """
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for good
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for good
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Send off what was printed; raises OSError when it cannot be, and drops it then."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())  # else the interpreter tries again as it ends
            raise


def line(text: str = "") -> None:
    """Print one line of data to stdout."""
    _console(stderr=False).print(escape(_shown(text)))


def note(text: str) -> None:
    """Print one line for people to stderr."""
    _console(stderr=True).print(escape(_shown(text)))


def log_lines(lines: Sequence[str]) -> None:
    """Print lines of a log to stderr as they are; a reader that has gone is no error."""
    try:
        sys.stderr.write(_shown("".join(f"{line}\n" for line in lines)))
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # closed, or never there: the worker goes on
        return


def raw(text: str) -> None:
    """Print text to stdout as it is."""
    sys.stdout.write(_shown(text) + "\n")


def warning(error: VenvoyError) -> None:
    """Print a fault that hinders nothing to stderr, with its hint."""
    _tell(error, "[bold yellow]warning[/]")


def failure(error: VenvoyError) -> None:
    """Print an error to stderr: what happened, then what to do; several each with its hint."""
    _tell(error, "[bold red]error[/]")


def _tell(error: VenvoyError, label: str) -> None:
    console = _console(stderr=True)
    if isinstance(error, ProblemsError) and len(error.problems) > 1:
        console.print(f"{label}: {escape(_shown(error.heading))}")
        for problem in error.problems:
            console.print(f"  - {escape(_shown(problem.message))}")
            console.print(f"    [bold cyan]hint[/]: {escape(_shown(problem.hint))}")
        return
    console.print(f"{label}: {escape(_shown(error.message))}")
    console.print(f"[bold cyan]hint[/]: {escape(_shown(error.hint))}")


def unexpected(error: BaseException) -> None:
    """Print where a bug of ours was, to stderr: the traceback alone."""
    from rich.traceback import Traceback  # noqa: PLC0415  # 20 ms, for what should not happen

    _console(stderr=True).print(Traceback.from_exception(type(error), error, error.__traceback__))


def json_envelope(
    command: str, data: object, *, errors: Sequence[VenvoyError] = (), exit_code: int = 0
) -> None:
    """Print the versioned envelope that every `--json` answers with.

    ``{"venvoy_result_version": 1, "command", "status": "ok"|"error", "exit_code", "data",
    "errors": [{"code", "message", "hint"}]}``
    """
    envelope = {
        "venvoy_result_version": ENVELOPE_VERSION,
        "command": command,
        "status": "error" if exit_code else "ok",
        "exit_code": exit_code,
        "data": data,
        "errors": [error_as_json(error) for error in errors],
    }
    sys.stdout.write(_shown(json.dumps(envelope, indent=2)) + "\n")


def error_as_json(error: VenvoyError) -> dict[str, object]:
    """Return an error as the envelope tells it; several faults of one input are nested."""
    told: dict[str, object] = {"code": error.code, "message": error.message, "hint": error.hint}
    if isinstance(error, ProblemsError):
        told["problems"] = [error_as_json(problem) for problem in error.problems]
    return told


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> None:
    """Print rows under a header to stdout; an empty table prints nothing."""
    if not rows:
        return
    if not sys.stdout.isatty():
        _plain_table(columns, rows, title)
        return
    shown = Table(
        title=escape(title) or None,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(escape(_shown(cell)) for cell in row))
    _console(stderr=False).print(shown)


def _plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    """Print a table into a pipe: a line for each row, however long, for grep and awk."""
    lines = [columns, *rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    if title:
        raw(title)
    for cells in lines:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        raw("  ".join(padded).rstrip())


def _asked(stage: StageExplanation) -> str:
    if stage.asked_version is None:
        return f"no {stage.version_key}"
    return f"{stage.version_key} = {stage.asked_version}"


def explanation(explained: Explanation) -> None:
    """Print what `explain` found, a block per stage."""
    console = _console(stderr=False)
    console.print(f"[bold]{escape(explained.connector)}[/] ({explained.kind})")
    for stage in explained.stages:
        console.print()
        console.print(
            f"[bold]{escape(stage.stage)}[/]  {escape(stage.chosen_class)} {stage.chosen_version}"
        )
        facts: Mapping[str, str] = {
            "asked for": f"{stage.asked_class}, {_asked(stage)}",
            "installed": ", ".join(stage.installed),
            "chosen": f"{stage.chosen_version}, because {stage.reason}",
            "location": stage.location,
            "environment": f"{stage.environment} (host {stage.host})",
        }
        for name, value in facts.items():
            console.print(f"  {name:<12} {escape(value)}")


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Show work that takes time on stderr: a line that changes on a terminal, else one for each.

    Yields a function that takes what is being done now; an empty text hides the line.
    """
    if quiet:
        yield _say_nothing
        return
    if not sys.stderr.isatty():
        steps = _Steps()
        try:
            yield steps.say
        finally:
            steps.end()
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, visible=False)

        def show(text: str) -> None:
            bar.update(task, description=escape(text), visible=bool(text))

        yield show


class _Steps:
    """Says in a pipe, as pip does, what is being done now, and how long each location took."""

    def __init__(self) -> None:
        self._location = ""
        self._began = 0.0

    def say(self, text: str) -> None:
        """Say a step, `location: what`; an empty text is what hides the line on a terminal."""
        if not text:
            return
        location, colon, _ = text.partition(": ")
        if colon and location != self._location:
            self.end()
            self._location, self._began = location, time.monotonic()
        log_lines([text])

    def end(self) -> None:
        """Say that the location is done with: ready, or with a fault that is told at the end."""
        if self._location:
            log_lines([f"{self._location}: took {time.monotonic() - self._began:.1f} s"])
            self._location = ""


def _say_nothing(_: str) -> None:
    """Drop what is being done."""


def run_report(report: RunReport, *, title: str = "") -> None:
    """Print what each connector of a run came to."""
    rows = [
        (
            one.name,
            one.class_name,
            one.version,
            " ".join(digest[:SHORT_DIGEST] for digest in dict.fromkeys(one.environments)),
            str(one.records_out),
            f"{one.seconds:.2f} s",
            one.state.value,
        )
        for one in report.connectors
    ]
    columns = ("connector", "class", "version", "environment", "records", "time", "state")
    table(columns, rows, title=title)
