"""Sockets for the REST server, opened before the worker is made.

So a port that is taken is told before anything starts, and the worker knows its own port.
"""

import contextlib
import errno
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from typing import TypeAlias

from launcher.rest.config import ListenerConfig, RestConfig
from launcher.rest.faults import (
    AddressInUseError,
    InsecureListenerError,
    ListenerError,
    TlsError,
)

__all__ = ["BoundListener", "bind_listeners"]

_Address: TypeAlias = tuple[str, int]
_BACKLOG = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundListener:
    """A listening socket; connections wait in it until `serve`, which closes it.

    `host` is as it was written, empty for every address; `port` is the real one.
    """

    scheme: str
    host: str
    port: int
    is_loopback: bool
    socket: socket.socket

    @property
    def url(self) -> str:
        """Where this machine reaches it, without a slash at the end."""
        host = self.host or "localhost"
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"


def bind_listeners(config: RestConfig) -> tuple[BoundListener, ...]:
    """Open every listener, or none.

    Raises:
        AddressInUseError: something else listens there.
        ListenerError: the address cannot be bound.
        InsecureListenerError: it is open to other machines without authentication or TLS.
        TlsError: an https listener's certificate cannot be used.
    """
    with contextlib.ExitStack() as stack:
        bound = tuple(_bind(listener, config, stack) for listener in config.listeners)
        stack.pop_all()
    return bound


def _bind(
    listener: ListenerConfig, config: RestConfig, stack: contextlib.ExitStack
) -> BoundListener:
    name = f"{listener.scheme}://{listener.host}:{listener.port}"
    if listener.scheme == "https":
        _check_certificate(config, name)
    try:
        family, address = _address(listener)
    except OSError as error:
        raise ListenerError(listener=name, reason=error.strerror or str(error)) from error
    is_loopback = ipaddress.ip_address(address[0]).is_loopback
    if not is_loopback and not config.insecure_ok:
        _must_be_secure(listener, config, name)
    try:
        opened = stack.enter_context(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP))
        _listen(opened, address, is_dual=not listener.host)
    except (OSError, OverflowError) as error:
        raise _bind_fault(error, name) from error
    return BoundListener(
        scheme=listener.scheme,
        host=listener.host,
        port=opened.getsockname()[1],
        is_loopback=is_loopback,
        socket=opened,
    )


def _listen(opened: socket.socket, address: _Address, *, is_dual: bool) -> None:
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not is_dual))
    opened.bind(address)
    opened.listen(_BACKLOG)


def _bind_fault(error: OSError | OverflowError, name: str) -> ListenerError:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return AddressInUseError(listener=name)
    reason = error.strerror if isinstance(error, OSError) else None
    return ListenerError(listener=name, reason=reason or str(error))


def _address(listener: ListenerConfig) -> tuple[socket.AddressFamily, _Address]:
    """Return the first address of a name, IPv4 before IPv6; both at once for an empty name."""
    if not listener.host:
        dual = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if dual else socket.AF_INET
        return family, ("::" if dual else "0.0.0.0", listener.port)  # noqa: S104 (asked for)
    found = socket.getaddrinfo(listener.host, None, type=socket.SOCK_STREAM)
    family, _, _, _, (host, *_) = min(found, key=lambda each: each[0] != socket.AF_INET)
    return family, (str(host), listener.port)


def _must_be_secure(listener: ListenerConfig, config: RestConfig, name: str) -> None:
    missing = (
        *(() if config.rest_auth_file else ("authentication",)),
        *(() if listener.scheme == "https" else ("TLS",)),
    )
    if missing:
        raise InsecureListenerError(listener=name, missing=missing)


def _check_certificate(config: RestConfig, name: str) -> None:
    if config.ssl_certificate is None:
        raise TlsError(listener=name, reason="there is no certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(config.ssl_certificate, config.ssl_key, password="")
    except ssl.SSLError as error:
        reason = f"`{config.ssl_certificate}` and its key: {error.reason or error}"
        raise TlsError(listener=name, reason=reason) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        where = getattr(error, "filename", None) or config.ssl_certificate
        raise TlsError(listener=name, reason=f"`{where}`: {reason}") from error
