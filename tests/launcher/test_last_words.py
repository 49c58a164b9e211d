"""What is told of a dead host's stderr: a crash by its signal and the plugin's own frames."""

from launcher.hosts.host import HostDiedError
from launcher.hosts.last_words import last_words

OWN = [
    '  File "/usr/lib/python3.11/ctypes/__init__.py", line 517 in string_at',
    '  File "/env/lib/acme_tick.py", line 44 in poll',
]
HOSTS = [
    '  File "/store/api/1/venvoy_host/source.py", line 153 in _poll',
    '  File "/store/api/1/venvoy_host/__main__.py", line 20 in main',
]
FATAL = "Fatal Python error: Segmentation fault"
CURRENT = "Current thread 0x00007f (most recent call first):"
OTHER = ["Thread 0x00007e (most recent call first):", '  File "/env/lib/other.py", line 1 in wait']
MODULES = ["", "Extension modules: numpy.core (total: 1)"]


def died(*lines: str) -> HostDiedError:
    return HostDiedError(task="ticks-0", returncode=-11, last_lines=lines)


def test_a_crash_is_told_by_its_signal_and_the_frames_above_the_host() -> None:
    shown = (FATAL, *(line.strip() for line in OWN))
    alone = ["before", FATAL, "", CURRENT, *OWN, *HOSTS, *MODULES]
    assert last_words(alone) == shown
    assert last_words([FATAL, "", *OTHER, "", CURRENT, *OWN, *HOSTS]) == shown
    assert last_words([FATAL, "", CURRENT, *OWN, *HOSTS, "", *OTHER]) == shown
    error = died(*alone)
    assert error.hint == "its last words on stderr were: " + " | ".join(shown)
    assert error.trace.splitlines()[2:] == alone


def test_a_crash_of_the_host_alone_keeps_its_innermost_frame() -> None:
    assert last_words([FATAL, "", CURRENT, *HOSTS]) == (FATAL, HOSTS[0].strip())
    assert last_words([FATAL]) == (FATAL,)


def test_of_other_last_lines_the_last_few_are_told_and_long_ones_are_cut() -> None:
    lines = [str(number) for number in range(40)]
    assert last_words([*lines, ""]) == tuple(lines[-8:])
    (cut,) = last_words(["x" * 1000])
    assert cut == "x" * 300 + "…"
    assert died(*lines).trace.splitlines()[2:] == lines


def test_a_host_that_wrote_nothing_says_what_that_may_mean() -> None:
    assert "memory ran out" in died().hint
    assert "memory ran out" in died().trace
