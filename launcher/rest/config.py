"""What the REST server reads of the worker's settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

__all__ = ["ListenerConfig", "RestConfig"]


class ListenerConfig(Protocol):
    """One of `listeners`."""

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        ...

    @property
    def host(self) -> str:
        """A name or an address, without brackets; empty: every address."""
        ...

    @property
    def port(self) -> int:
        """0: any that is free."""
        ...


class RestConfig(Protocol):
    """The part of `WorkerConfig` that concerns REST."""

    @property
    def listeners(self) -> tuple[ListenerConfig, ...]:
        """Where to listen; the first one names the worker."""
        ...

    @property
    def rest_auth_file(self) -> Path | None:
        """Users and passwords; None: whoever reaches a listener may use it."""
        ...

    @property
    def ssl_certificate(self) -> Path | None:
        """PEM, with the chain; for https listeners."""
        ...

    @property
    def ssl_key(self) -> Path | None:
        """PEM; None when it stands in the certificate's file."""
        ...

    @property
    def insecure_ok(self) -> bool:
        """Whether to bind elsewhere than loopback without authentication and TLS."""
        ...

    @property
    def rest_max_body_bytes(self) -> int:
        """The largest request body."""
        ...

    @property
    def topic_tracking_enabled(self) -> bool:
        """Whether `/connectors/{connector}/topics` answers."""
        ...

    @property
    def topic_tracking_reset_allowed(self) -> bool:
        """Whether what it answers may be reset."""
        ...

    @property
    def properties(self) -> Mapping[str, str]:
        """The worker's whole file, for the keys of CORS."""
        ...
