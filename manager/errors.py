"""The base of every fault that a user can cause, and the one for our own.

::

    VenvoyError            exit 1: an expected fault, told in one sentence with a hint
    ├── UsageError         exit 2: the command line itself was wrong
    ├── ProblemsError      exit 1: several faults of one input, all at once
    ├── UnwritableError    exit 1: what was asked for cannot be written where it was to go
    ├── InternalError      exit 3: a bug of ours
    └── …                  each cause is a class of its own beside the code that raises it

A class per cause; fields, not sentences. `launcher.render` is the only place that prints one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

__all__ = ["InternalError", "ProblemsError", "UnwritableError", "UsageError", "VenvoyError"]


class VenvoyError(Exception):
    """A fault that the user can understand and mend.

    A subclass sets `code` (stable, kebab-case), takes its facts as keyword-only fields, and says
    `message` (one sentence: what happened, with the value and the path) and `hint` (one
    sentence: what to do next, usually a command).
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    @property
    def message(self) -> str:
        """What happened, in one sentence, without the hint."""
        raise NotImplementedError(type(self).__name__)

    @property
    def hint(self) -> str:
        """What to do about it, in one sentence."""
        raise NotImplementedError(type(self).__name__)

    def __str__(self) -> str:
        """Return the message, so that a traceback reads well too."""
        return self.message


class UsageError(VenvoyError):
    """The command line was wrong."""

    code = "usage"
    exit_code = 2

    def __init__(self, *, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    @property
    def message(self) -> str:
        """What was wrong with the command line."""
        return self.what

    @property
    def hint(self) -> str:
        """How to call it instead."""
        return self.remedy


class ProblemsError(VenvoyError):
    """All the faults of one input, collected before it was refused; never one within another."""

    code = "problems"

    def __init__(self, *, subject: str, problems: Sequence[VenvoyError]) -> None:
        super().__init__(subject)
        self.subject = subject
        flat: list[VenvoyError] = []
        for problem in problems:
            flat.extend(problem.problems if isinstance(problem, ProblemsError) else [problem])
        self.problems: tuple[VenvoyError, ...] = tuple(flat)

    @property
    def message(self) -> str:
        """The subject and every problem, one a line; a single problem speaks for itself."""
        if len(self.problems) == 1:
            return self.problems[0].message
        return "\n".join([self.heading, *(f"  - {problem.message}" for problem in self.problems)])

    @property
    def heading(self) -> str:
        """How many problems there are, and in what."""
        return f"{len(self.problems)} problems in {self.subject}:"

    @property
    def hint(self) -> str:
        """The hints of all problems, each once, in order."""
        return "; ".join(dict.fromkeys(problem.hint for problem in self.problems))


class UnwritableError(VenvoyError):
    """A file or a place cannot be written."""

    code = "unwritable"

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    @property
    def message(self) -> str:
        """The path and what the system says."""
        return f"`{self.path}` cannot be written: {self.reason.lower()}"

    @property
    def hint(self) -> str:
        """What to look at."""
        return f"check that `{self.path.parent}` is there, may be written and has room"


class InternalError(VenvoyError):
    """Something that cannot happen did: a bug of ours."""

    code = "internal"
    exit_code = 3

    def __init__(self, *, what: str) -> None:
        super().__init__(what)
        self.what = what

    @property
    def message(self) -> str:
        """What was found to be impossible."""
        return f"internal error: {self.what}"

    @property
    def hint(self) -> str:
        """Where to take it."""
        return "this is a bug in venvoy; please report it with the command and this message"
