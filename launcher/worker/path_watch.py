"""Watching the plugin path: a thread that tells when anything there has changed and rests."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from watchfiles import Change, watch

__all__ = ["PathWatch", "Places", "look_at"]

Places: TypeAlias = Mapping[Path, tuple[int, int] | None]
"""What stands at each place: device and inode, None for nothing."""

_LOOK_MS = 1000
_STEP_MS = 100
_LONGEST_MS = 5000
_REST_S = 0.5
_PASSED_OVER = frozenset(("__pycache__", ".git", ".hg", ".svn"))


def look_at(places: Sequence[Path]) -> Places:
    """Return what stands at each place now."""
    found: dict[Path, tuple[int, int] | None] = {}
    for place in places:
        try:
            status = place.stat()
        except OSError:
            found[place] = None
        else:
            found[place] = status.st_dev, status.st_ino
    return found


class PathWatch:
    """Watches places, also ones that do not exist yet, are replaced or mounted later.

    `on_change` is called in the watching thread: when the watch stands, since what happened before
    was not seen, after each burst of changes, and while `read_last` says that other places were
    read than there are. `on_fault` gets why there is no watch.
    """

    def __init__(
        self,
        places: Sequence[Path],
        *,
        read_last: Callable[[], Places],
        on_change: Callable[[], None],
        on_fault: Callable[[str], None],
    ) -> None:
        self._places = tuple(places)
        self._read_last = read_last
        self._on_change = on_change
        self._on_fault = on_fault
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="venvoy-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; return when the thread has ended, soon."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            before = look_at(self._places)
            roots = [place for place, identity in before.items() if identity is not None]
            try:
                self._watch(roots, before)
            except (OSError, RuntimeError) as error:  # limits of the system; watchfiles' own
                if look_at(self._places) == before:
                    self._on_fault(str(error))
                    self._wait_for_others(before)

    def _watch(self, roots: Sequence[Path], before: Places) -> None:
        """Tell of changes until there is something else to watch."""
        if not roots:
            self._on_change()
            self._wait_for_others(before)
            return
        is_first = True
        for changes in watch(
            *roots,
            watch_filter=_Filter(roots),
            debounce=_LONGEST_MS,
            step=_STEP_MS,
            stop_event=self._stop,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            raise_interrupt=False,
            ignore_permission_denied=True,
        ):
            if is_first or changes:
                self._on_change()
                self._stop.wait(_REST_S)  # a long copy asks for few readings
            is_first = False
            if _need_another_watch(changes, before) or self._have_others_come(before):
                return

    def _wait_for_others(self, before: Places) -> None:
        while not self._have_others_come(before) and not self._stop.wait(_LOOK_MS / 1000):
            pass

    def _have_others_come(self, before: Places) -> bool:
        """Say whether places are others than before; a reading may have seen yet others."""
        now = look_at(self._places)
        if now != self._read_last():
            self._on_change()
        return now != before


def _need_another_watch(changes: Iterable[tuple[Change, str]], places: Places) -> bool:
    """Say whether a place itself has changed, or a link come, behind which nobody watches yet."""
    paths = [Path(path) for _, path in changes]
    return any(path in places or path.is_symlink() for path in paths)


class _Filter:
    """Passes over what no reading looks at: caches, and hidden children of a place."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = roots

    def __call__(self, _change: Change, path: str) -> bool:
        for root in self._roots:
            if Path(path).is_relative_to(root):
                parts = Path(path).relative_to(root).parts
                is_hidden = bool(parts) and parts[0].startswith(".")
                return not is_hidden and not _PASSED_OVER.intersection(parts)
        return True
