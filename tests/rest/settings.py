"""Settings of a REST server, as a test wants them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class At:
    """A listener."""

    scheme: str = "http"
    host: str = "127.0.0.1"
    port: int = 0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the worker's file would say."""

    listeners: tuple[At, ...] = (At(),)
    rest_auth_file: Path | None = None
    ssl_certificate: Path | None = None
    ssl_key: Path | None = None
    insecure_ok: bool = False
    rest_max_body_bytes: int = 1 << 20
    topic_tracking_enabled: bool = True
    topic_tracking_reset_allowed: bool = True
    properties: Mapping[str, str] = field(default_factory=dict)
