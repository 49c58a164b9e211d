"""How many files a worker may have open: what the machine allows, not a shell's default."""

import contextlib
import resource

__all__ = ["allow_open_files"]

_ENOUGH = 65536
"""Thousands of connectors; more would be a burden to children that close every possible file."""


def allow_open_files() -> None:
    """Raise the soft limit of open files towards the hard one, as Java does for Kafka Connect.

    A connector with one task holds nine sockets and pipes, so the usual 1024 end at a hundred
    connectors.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # it goes on with what it has
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
