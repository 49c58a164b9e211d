"""Ports that are chosen first and listened on later."""

import random
import socket
from pathlib import Path

__all__ = ["free_port"]

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_COUNT = 8192


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free, and that is given to nobody who asks for any port.

    One of those that the kernel gives out could be another test's by the time it is listened on.
    """
    first = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32768
    below = range(max(1024, first - _COUNT), first)
    for port in random.SystemRandom().sample(below, len(below)):
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no port of {below} is free")
