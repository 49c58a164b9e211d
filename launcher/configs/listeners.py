"""Where a worker's REST API listens: Kafka's `listeners`, and who may be let in there."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["DEFAULT_LISTENERS", "Listener", "parse_listener"]

DEFAULT_LISTENERS = "http://127.0.0.1:8083"
"""Kafka Connect listens on every address of the machine unless told; we on loopback."""

_FORM = re.compile(
    r"(?P<scheme>[^:]*)://(\[(?P<six>[0-9a-fA-F:.%]+)\]|(?P<host>[0-9a-zA-Z._-]*)):(?P<port>[0-9]+)"
)
_PORT_MAX = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One address. An empty host is every address of the machine, port 0 any free one."""

    scheme: Literal["http", "https"]
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it. A name other than `localhost` is not trusted."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        """Return it as `listeners` writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_listener(text: str) -> Listener:
    """Read `http://host:port` or `https://host:port`, as in Kafka.

    Raises:
        ValueError: it is something else; the argument says what.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError("is not of the form `http://host:port`")
    port = int(match["port"])
    if port > _PORT_MAX:
        raise ValueError(f"has a port above {_PORT_MAX}")
    host = match["six"] or match["host"] or ""
    match match["scheme"].lower():
        case "http":
            return Listener(scheme="http", host=host, port=port)
        case "https":
            return Listener(scheme="https", host=host, port=port)
        case _:
            raise ValueError("is neither `http` nor `https`")
