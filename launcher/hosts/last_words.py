"""What a host that died wrote to stderr last, as a reason has room for it."""

from collections.abc import Sequence

__all__ = ["last_words"]

_SHOWN_LINES = 8
_SHOWN_CHARACTERS = 300
_FATAL = "Fatal Python error: "
_THREADS = ("Thread 0x", "Current thread 0x")
_FRAME = '  File "'
_HOST = "/venvoy_host/"


def last_words(lines: Sequence[str]) -> tuple[str, ...]:
    """Return a crash's signal and the plugin's frames, the innermost first; else the last lines.

    A crash is what faulthandler wrote. Its frames in the host and below it are left out, unless
    there are no others, and so are other threads.
    """
    starts = [place for place, line in enumerate(lines) if line.startswith(_FATAL)]
    if not starts:
        said = [line for line in lines if line.strip()]
        return tuple(map(_cut, said[-_SHOWN_LINES:]))
    crash = lines[starts[-1] :]
    frames = _crashed_thread(crash)
    own = next((place for place, line in enumerate(frames) if _HOST in line), len(frames))
    told = frames[: max(own, 1)][:_SHOWN_LINES]
    return (crash[0], *(_cut(line.strip()) for line in told))


def _crashed_thread(crash: Sequence[str]) -> list[str]:
    """Return the frames of the current thread, or of the first when none is called so."""
    heads = [place for place, line in enumerate(crash) if line.startswith(_THREADS)]
    current = [place for place in heads if crash[place].startswith(_THREADS[1])] or heads
    found: list[str] = []
    for line in crash[current[0] + 1 :] if current else ():
        if not line.startswith(_FRAME):
            break
        found.append(line)
    return found


def _cut(line: str) -> str:
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}…"
