"""The guardian: a small process that ends what a killed worker leaves behind.

Started as a script by `launcher.hosts.guardian`, in a session of its own; standard library only. It
reads lines from the descriptor named in argv: `+123` a process group lives, `-123` it is gone. The
end of the pipe means that the worker is gone: every group that is left gets SIGKILL.
"""

import contextlib
import os
import signal
import sys

__all__ = ["main"]


def main(descriptor: int) -> None:
    """Read until the worker is gone, then end the groups that are left."""
    groups: set[int] = set()
    with os.fdopen(descriptor, encoding="ascii") as lines:
        for line in lines:
            group = int(line[1:])
            if line[0] == "+":
                groups.add(group)
            else:
                groups.discard(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
