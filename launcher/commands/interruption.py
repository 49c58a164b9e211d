"""Ctrl-C, told like any other end of a command."""

from manager.errors import VenvoyError

__all__ = ["InterruptedByUserError"]


class InterruptedByUserError(VenvoyError):
    """Ctrl-C ended a command before it was done."""

    code = "interrupted"
    exit_code = 130

    def __init__(self, *, hint: str = "run it again; what was finished is kept") -> None:
        super().__init__()
        self._hint = hint

    @property
    def message(self) -> str:
        """That it was interrupted."""
        return "interrupted"

    @property
    def hint(self) -> str:
        """What comes of it."""
        return self._hint
