"""What a worker's file says, checked: every fault at once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import overload

from launcher.configs.config_keys import (
    MOVE_TIMEOUT,
    STANDING_KEYS,
    WORKER_KEYS,
    WORKER_KEYS_OF_KAFKA,
    ConfigValueError,
    UnknownKeyError,
    unknown_keys,
)
from launcher.configs.listeners import DEFAULT_LISTENERS, Listener, parse_listener
from manager.errors import ProblemsError, VenvoyError

__all__ = ["WorkerConfig", "parse_worker_config"]

_WORKER_PREFIXES = (
    "key.converter.",
    "value.converter.",
    "header.converter.",
    "producer.",
    "consumer.",
    "admin.",
    "config.providers.",
    "metrics.context.",
)
_BODY_BYTES = 8 * 1024 * 1024
_CERTIFICATE = "listeners.https.ssl.certificate.location"
_KEY = "listeners.https.ssl.key.location"
_AUTH_FILE = "rest.basic.auth.file"
_INSECURE = "rest.insecure.allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """What a worker's file says.

    `properties` is the whole file, for the converters' own keys; times are in seconds.
    `strangers` are keys that nobody reads, `mistaken` those of them that look like one that
    somebody does, `unused` those that only Kafka's worker reads, `standing_only` those that mean
    something to a standing worker alone. `advertised_host` and `advertised_port` replace the first
    listener's in the worker's id, where None does not.
    """

    file: Path
    plugin_path: str
    storage_file: Path
    flush_interval_s: float
    shutdown_timeout_s: float
    properties: Mapping[str, str]
    zygote_idle_s: float = 300.0
    strangers: tuple[str, ...] = ()
    mistaken: tuple[UnknownKeyError, ...] = ()
    unused: tuple[str, ...] = ()
    standing_only: tuple[str, ...] = ()
    listeners: tuple[Listener, ...] = (Listener(scheme="http", host="127.0.0.1", port=8083),)
    advertised_host: str | None = None
    advertised_port: int | None = None
    rest_auth_file: Path | None = None
    ssl_certificate: Path | None = None
    ssl_key: Path | None = None
    insecure_ok: bool = False
    rest_max_body_bytes: int = _BODY_BYTES
    move_timeout_s: float = 60.0
    plugin_path_watched: bool = True
    topic_tracking_enabled: bool = True
    topic_tracking_reset_allowed: bool = True


def parse_worker_config(
    pairs: Mapping[str, str], *, file: Path, working_dir: Path, standing: bool, runs: bool = True
) -> WorkerConfig:
    """Check what stands in a worker's file.

    Relative paths are taken from `working_dir`; `storage.file` (topics, offsets, connectors: one
    SQLite file) defaults to the worker file's name with `.sqlite`, beside it. A run to its end
    refuses a key that resembles a known one; a standing worker warns (`mistaken`), as Kafka's
    passes over what it does not know, and reads the keys of its REST API. Who only looks at the
    file (not `runs`) refuses no key, either.

    Raises:
        ProblemsError: all of its faults.
    """
    parser = _Parser(pairs, where=str(file), working_dir=working_dir)
    mistaken, rest = unknown_keys(
        pairs,
        where=str(file),
        known=WORKER_KEYS | STANDING_KEYS | WORKER_KEYS_OF_KAFKA,
        prefixes=_WORKER_PREFIXES,
    )
    if runs and not standing:
        parser.problems += mistaken
    config = parser.config(file, mistaken=mistaken, strangers=rest)
    if standing:
        config = parser.with_rest(config)
        config = replace(config, strangers=(*rest, *_unread_provider_keys(pairs)))
    if parser.problems:
        raise ProblemsError(subject=f"the worker config `{file}`", problems=parser.problems)
    return config


def _unread_provider_keys(pairs: Mapping[str, str]) -> tuple[str, ...]:
    """Return keys of providers that the worker does not have, or that are no provider's keys."""
    prefix = "config.providers."
    names = {name.strip() for name in pairs.get("config.providers", "").split(",")}
    unread = []
    for key in pairs:
        name, _, rest = key.removeprefix(prefix).partition(".")
        is_read = name in names and (rest == "class" or rest.startswith("param."))
        if key.startswith(prefix) and not is_read:
            unread.append(key)
    return tuple(unread)


class _Parser:
    """Collects the faults of one worker's file while taking it apart."""

    def __init__(self, pairs: Mapping[str, str], *, where: str, working_dir: Path) -> None:
        self.pairs = pairs
        self.where = where
        self.working_dir = working_dir
        self.problems: list[VenvoyError] = []

    def config(
        self, file: Path, *, mistaken: tuple[UnknownKeyError, ...], strangers: tuple[str, ...]
    ) -> WorkerConfig:
        """Return what every worker reads."""
        return WorkerConfig(
            file=file,
            plugin_path=self.pairs.get("plugin.path", ""),
            storage_file=self._path("storage.file") or file.with_suffix(".sqlite"),
            flush_interval_s=self._milliseconds("offset.flush.interval.ms", 10_000),
            shutdown_timeout_s=self._milliseconds("task.shutdown.graceful.timeout.ms", 5_000),
            properties=self.pairs,
            zygote_idle_s=self._milliseconds("zygote.idle.timeout.ms", 300_000),
            strangers=strangers,
            mistaken=mistaken,
            unused=tuple(key for key in self.pairs if key in WORKER_KEYS_OF_KAFKA),
            standing_only=tuple(key for key in self.pairs if key in STANDING_KEYS),
        )

    def with_rest(self, config: WorkerConfig) -> WorkerConfig:
        """Return it with what a standing worker reads besides."""
        config = replace(
            config,
            listeners=self._listeners(),
            advertised_host=self._text("rest.advertised.host.name"),
            advertised_port=self._number("rest.advertised.port", None, largest=65_535),
            rest_auth_file=self._path(_AUTH_FILE),
            ssl_certificate=self._path(_CERTIFICATE),
            ssl_key=self._path(_KEY),
            insecure_ok=self._flag(_INSECURE, default=False),
            rest_max_body_bytes=self._number("rest.max.body.bytes", _BODY_BYTES, what="bytes"),
            move_timeout_s=self._milliseconds(MOVE_TIMEOUT, 60_000),
            plugin_path_watched=self._flag("plugin.path.watch", default=True),
            topic_tracking_enabled=self._flag("topic.tracking.enable", default=True),
            topic_tracking_reset_allowed=self._flag("topic.tracking.allow.reset", default=True),
        )
        self._check_files(config)
        self._check_openness(config)
        return config

    def _listeners(self) -> tuple[Listener, ...]:
        key = "listeners"
        texts = [text.strip() for text in self.pairs.get(key, DEFAULT_LISTENERS).split(",")]
        found: list[Listener] = []
        for text in texts:
            try:
                listener = parse_listener(text)
            except ValueError as error:
                self._fault(key, f"names `{text}`, which {error}", f"such as `{DEFAULT_LISTENERS}`")
                continue
            if listener in found and listener.port:
                self._fault(key, f"names `{text}` twice", "name each address once")
            found.append(listener)
        return tuple(found)

    def _check_files(self, config: WorkerConfig) -> None:
        """See that the files are there that TLS and authentication need."""
        for key, file in (
            (_AUTH_FILE, config.rest_auth_file),
            (_CERTIFICATE, config.ssl_certificate),
            (_KEY, config.ssl_key),
        ):
            if file is not None and not file.is_file():
                self._fault(key, f"names `{file}`, which is no file", "name an existing file")
        is_tls = any(listener.scheme == "https" for listener in config.listeners)
        if is_tls and config.ssl_certificate is None:
            remedy = "name a PEM file; Java key stores are not read"
            self._fault(_CERTIFICATE, "is missing, and a listener is `https`", remedy)

    def _check_openness(self, config: WorkerConfig) -> None:
        """Refuse to let the network in without a password, or passwords over it in the clear."""
        if config.insecure_ok:
            return
        anyway = f"`{_INSECURE}=true` if something else protects it"
        for listener in config.listeners:
            if listener.is_loopback:
                continue
            wide = f"names `{listener}`, which other machines can reach"
            if config.rest_auth_file is None:
                self._fault(
                    "listeners",
                    f"{wide} without a password",
                    f"set `{_AUTH_FILE}` to a file of `user: password` lines, or {anyway}",
                )
            if listener.scheme == "http":
                self._fault(
                    "listeners",
                    f"{wide} only in the clear",
                    f"listen with `https` and set `{_CERTIFICATE}` and `{_KEY}`, or {anyway}",
                )

    def _text(self, key: str) -> str | None:
        return self.pairs.get(key, "").strip() or None

    def _path(self, key: str) -> Path | None:
        text = self._text(key)
        return None if text is None else self.working_dir / text

    def _flag(self, key: str, *, default: bool) -> bool:
        text = self._text(key)
        if text is None:
            return default
        if text.lower() in {"true", "false"}:
            return text.lower() == "true"
        self._fault(key, f"is `{text}`, neither `true` nor `false`", f"write `{key}={default}`")
        return default

    def _milliseconds(self, key: str, default: int) -> float:
        return self._number(key, default, what="milliseconds") / 1000

    @overload
    def _number(self, key: str, default: int, *, what: str = ..., largest: int = ...) -> int: ...

    @overload
    def _number(
        self, key: str, default: None, *, what: str = ..., largest: int = ...
    ) -> int | None: ...

    def _number(
        self, key: str, default: int | None, *, what: str = "", largest: int = 2**31 - 1
    ) -> int | None:
        text = self.pairs.get(key, "" if default is None else str(default)).strip()
        if default is None and not text:
            return None
        if text.isascii() and text.isdigit() and int(text) <= largest:
            return int(text)
        number = f"number of {what}" if what else f"number from 0 to {largest}"
        remedy = f"write a whole {number}, such as `{key}={default or 8083}`"
        self._fault(key, f"is `{text}`, not a {number}", remedy)
        return default

    def _fault(self, key: str, reason: str, remedy: str) -> None:
        self.problems.append(
            ConfigValueError(where=self.where, key=key, reason=reason, remedy=remedy)
        )
