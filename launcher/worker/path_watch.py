"""Watching the plugin path: a thread that tells when anything there has changed and rests."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from watchfiles import watch

__all__ = ["PathWatch"]

_LOOK_MS = 1000
_STEP_MS = 100
_LONGEST_MS = 5000
_REST_S = 0.5


class PathWatch:
    """Watches places, also ones that do not exist yet, are replaced or mounted later.

    `on_change` is called in the watching thread: once when the watch stands, since what happened
    before was not seen, and after each burst of changes. `on_fault` gets why there is no watch.
    """

    def __init__(
        self,
        places: Sequence[Path],
        *,
        on_change: Callable[[], None],
        on_fault: Callable[[str], None],
    ) -> None:
        self._places = tuple(place.absolute() for place in places)
        self._on_change = on_change
        self._on_fault = on_fault
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="venvoy-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it tells each change
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; return when the thread has ended, soon."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            before = _identities(self._places)
            roots = [place for place, identity in before.items() if identity is not None]
            try:
                self._watch(roots, before)
            except (OSError, RuntimeError) as error:  # limits of the system; watchfiles' own
                if _identities(self._places) == before:
                    self._on_fault(str(error))
                    self._wait_for_others(before)

    def _watch(self, roots: Sequence[Path], before: Mapping[Path, object]) -> None:
        """Tell of changes until a place appears, vanishes or is replaced."""
        if not roots:
            self._on_change()
            self._wait_for_others(before)
            return
        is_first = True
        for changes in watch(
            *roots,
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
            if _identities(self._places) != before:
                return

    def _wait_for_others(self, before: Mapping[Path, object]) -> None:
        while _identities(self._places) == before and not self._stop.wait(_LOOK_MS / 1000):
            pass


def _identities(places: Sequence[Path]) -> Mapping[Path, tuple[int, int] | None]:
    """Return what stands at each place now; None for nothing."""
    found: dict[Path, tuple[int, int] | None] = {}
    for place in places:
        try:
            status = place.stat()
        except OSError:
            found[place] = None
        else:
            found[place] = status.st_dev, status.st_ino
    return found
