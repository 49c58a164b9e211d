"""The configuration keys that the framework itself knows, and "did you mean" for the others."""

import difflib
import re
from collections.abc import Collection, Iterable

from manager.errors import VenvoyError

__all__ = [
    "CONNECTOR_KEYS",
    "CONNECTOR_PREFIXES",
    "MAX_POLL_RECORDS",
    "MOVE_TIMEOUT",
    "STANDING_KEYS",
    "WORKER_KEYS",
    "WORKER_KEYS_OF_KAFKA",
    "ConfigValueError",
    "UnknownKeyError",
    "unknown_keys",
]

CONVERTER_KEYS = tuple(
    f"{part}.converter{suffix}"
    for part in ("key", "value", "header")
    for suffix in ("", ".plugin.version")
)

_SASL = (
    "mechanism", "jaas.config", "kerberos.service.name", "kerberos.kinit.cmd",
    "client.callback.handler.class", "login.class", "login.callback.handler.class",
    "oauthbearer.token.endpoint.url",
)  # fmt: skip
_SSL = (
    "keystore.location", "keystore.password", "keystore.type", "keystore.key",
    "keystore.certificate.chain", "truststore.location", "truststore.password",
    "truststore.type", "truststore.certificates", "key.password", "client.auth", "protocol",
    "enabled.protocols", "provider", "cipher.suites", "endpoint.identification.algorithm",
    "keymanager.algorithm", "trustmanager.algorithm", "secure.random.implementation",
    "engine.factory.class",
)  # fmt: skip
WORKER_KEYS = frozenset(
    (
        "plugin.path",
        "storage.file",
        "offset.flush.interval.ms",
        "task.shutdown.graceful.timeout.ms",
        "zygote.idle.timeout.ms",
        *CONVERTER_KEYS,
    )
)
"""What a worker's file may say to `venvoy run`."""

MOVE_TIMEOUT = "move.timeout.ms"
"""How long a move to other versions may take to prove healthy; a connector's goes first."""

STANDING_KEYS = frozenset(
    (
        MOVE_TIMEOUT,
        "config.providers", "listeners", "rest.advertised.host.name", "rest.advertised.port",
        "rest.basic.auth.file", "rest.insecure.allow", "rest.max.body.bytes",
        "listeners.https.ssl.certificate.location", "listeners.https.ssl.key.location",
        "plugin.path.watch", "topic.tracking.enable", "topic.tracking.allow.reset",
        "access.control.allow.origin", "access.control.allow.methods",
    )
)  # fmt: skip
"""What a worker's file may say to `venvoy standalone` besides."""

WORKER_KEYS_OF_KAFKA = frozenset(
    (
        "bootstrap.servers", "client.id", "group.id", "config.storage.topic",
        "config.storage.replication.factor", "offset.storage.topic",
        "offset.storage.replication.factor", "offset.storage.partitions", "status.storage.topic",
        "status.storage.replication.factor", "status.storage.partitions",
        "offset.storage.file.filename", "plugin.discovery", "rest.port", "rest.host.name",
        "rest.advertised.listener", "rest.extension.classes", "offset.flush.timeout.ms",
        "metrics.recording.level", "metric.reporters", "metrics.num.samples",
        "metrics.sample.window.ms", "auto.include.jmx.reporter", "topic.creation.enable",
        "exactly.once.source.support", "connector.client.config.override.policy",
        "internal.key.converter", "internal.value.converter", "admin.listeners",
        "response.http.headers.config", "scheduled.rebalance.max.delay.ms",
        "rebalance.timeout.ms", "session.timeout.ms", "heartbeat.interval.ms",
        "worker.sync.timeout.ms", "worker.unsync.backoff.ms", "connect.protocol",
        "inter.worker.key.generation.algorithm", "inter.worker.key.size",
        "inter.worker.key.ttl.ms", "inter.worker.signature.algorithm",
        "inter.worker.verification.algorithms", "client.dns.lookup", "connections.max.idle.ms",
        "metadata.max.age.ms", "reconnect.backoff.ms", "reconnect.backoff.max.ms",
        "request.timeout.ms", "retry.backoff.ms", "retry.backoff.max.ms", "receive.buffer.bytes",
        "send.buffer.bytes", "security.protocol", "security.providers",
        "socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.max.ms",
        *(f"sasl.{name}" for name in _SASL), *(f"ssl.{name}" for name in _SSL),
        *(f"listeners.https.ssl.{name}" for name in _SSL),
    )
)  # fmt: skip
"""Kafka Connect's own worker keys that mean nothing here: passed over with a note."""

CONNECTOR_KEYS = frozenset(
    (
        "name", "connector.class", "connector.version", "connector.plugin.version", "tasks.max",
        "tasks.max.enforce", "transforms", "predicates", "config.action.reload", "topics",
        "topics.regex", "errors.retry.timeout", "errors.retry.delay.max.ms", "errors.tolerance",
        "errors.log.enable", "errors.log.include.messages", "errors.deadletterqueue.topic.name",
        "errors.deadletterqueue.topic.replication.factor",
        "errors.deadletterqueue.context.headers.enable", "exactly.once.support",
        "transaction.boundary", "transaction.boundary.interval.ms", "offsets.storage.topic",
        MOVE_TIMEOUT,
        *CONVERTER_KEYS,
    )
)  # fmt: skip
"""What the framework reads of a connector's config, whatever the connector (reference 5.5)."""

CONNECTOR_PREFIXES = (
    "transforms.",
    "predicates.",
    "key.converter.",
    "value.converter.",
    "header.converter.",
    "topic.creation.",
    "producer.override.",
    "consumer.override.",
    "admin.override.",
)

MAX_POLL_RECORDS = "consumer.override.max.poll.records"
"""How many records a sink gets in one `put`."""

_CLOSE = 0.75


class UnknownKeyError(VenvoyError):
    """A key that nobody reads looks like one that somebody does."""

    code = "unknown-key"

    def __init__(self, *, where: str, key: str, meant: str) -> None:
        super().__init__(where, key, meant)
        self.where = where
        self.key = key
        self.meant = meant

    @property
    def message(self) -> str:
        """The key, and the one that it resembles."""
        return f"{self.where}: unknown key `{self.key}`; did you mean `{self.meant}`?"

    @property
    def hint(self) -> str:
        """Rename it or drop it."""
        return f"rename `{self.key}` to `{self.meant}`, or remove it"


class ConfigValueError(VenvoyError):
    """A key of a configuration has a value that it cannot have, or none."""

    code = "invalid-config"

    def __init__(self, *, where: str, key: str, reason: str, remedy: str) -> None:
        super().__init__(where, key, reason)
        self.where = where
        self.key = key
        self.reason = reason
        self.remedy = remedy

    @property
    def message(self) -> str:
        """The key and what is wrong with its value."""
        return f"{self.where}: `{self.key}` {self.reason}"

    @property
    def hint(self) -> str:
        """A value that would do."""
        return self.remedy


def unknown_keys(
    keys: Iterable[str],
    *,
    where: str,
    known: Collection[str],
    prefixes: Collection[str] = (),
) -> tuple[tuple[UnknownKeyError, ...], tuple[str, ...]]:
    """Split the keys that are not known into likely typing errors and plain strangers.

    A stranger is passed on (a connector may read keys that its ConfigDef does not name, as in
    Kafka Connect); a key that resembles a known one is refused, because running without what it
    was meant to say, a version for one, would be a silent fallback.
    """
    mistaken: list[UnknownKeyError] = []
    strangers: list[str] = []
    for key in keys:
        if key in known or any(key.startswith(prefix) for prefix in prefixes):
            continue
        meant = _resembling(key, known)
        if meant is None:
            strangers.append(key)
        else:
            mistaken.append(UnknownKeyError(where=where, key=key, meant=meant))
    return tuple(mistaken), tuple(strangers)


def _resembling(key: str, known: Collection[str]) -> str | None:
    plain = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in sorted(known)}
    same = plain.get(re.sub(r"[^a-z0-9]", "", key.lower()))
    if same is not None:
        return same
    close = difflib.get_close_matches(key, sorted(known), n=1, cutoff=_CLOSE)
    return close[0] if close else None
