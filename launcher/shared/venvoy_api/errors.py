"""The errors that a plugin may raise, and what the framework does with each.

::

    ConnectError              the task or connector fails; the message reaches its status
    ├── RetriableError        try again later: the same batch is put again, the poll repeated
    ├── ConfigError           a configuration value is not acceptable
    ├── DataError             a record, schema or value is not what it must be
    │   └── SchemaBuilderError  a schema was built wrongly
    ├── NotFoundError         something that was named does not exist
    └── IllegalWorkerStateError  a context was used when it may not be

Any other exception that leaves a plugin fails its task as a `ConnectError` does; with
`errors.tolerance=all` one that leaves a transformation, a predicate or a converter costs its record
only. A failed task harms no other; after a restart it goes on from the last commit.
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "ConnectError",
    "DataError",
    "IllegalWorkerStateError",
    "NotFoundError",
    "RetriableError",
    "SchemaBuilderError",
]


class ConnectError(Exception):
    """The base of every error of this API; raised by a plugin it fails the task or connector."""


class RetriableError(ConnectError):
    """A passing fault: what was asked may succeed later.

    From `SinkTask.put` it makes the framework deliver the same records again, after
    `SinkTaskContext.timeout` milliseconds if that was called; from `SourceTask.poll` it makes the
    framework poll again after a pause that grows; from a transformation, predicate or converter it
    makes it hand the same record in again until `errors.retry.timeout` is over. Elsewhere it is an
    error as any other.
    """


class ConfigError(ConnectError):
    """A configuration value is not acceptable, as Kafka's ConfigException.

    `name` is the key, `value` what was given (never shown for passwords: hand in None), `message`
    says why. `errors` holds every fault that was found when there were several, else only this.
    """

    def __init__(
        self,
        name: str,
        value: object = None,
        message: str = "",
        errors: tuple[ConfigError, ...] = (),
    ) -> None:
        super().__init__(name, value, message, errors)
        self.name = name
        self.value = value
        self.message = message
        self.errors: tuple[ConfigError, ...] = errors or (self,)

    def __str__(self) -> str:
        """Return Kafka's sentence: `Invalid value V for configuration N: why`."""
        if len(self.errors) > 1:
            return "\n".join(str(error) for error in self.errors)
        if self.value is None and self.message:
            return self.message if self.name in self.message else f"{self.name}: {self.message}"
        text = f"Invalid value {self.value} for configuration {self.name}"
        return f"{text}: {self.message}" if self.message else text


class DataError(ConnectError):
    """A record, schema or value is not what it must be."""


class SchemaBuilderError(DataError):
    """A schema was built wrongly: a part set twice, missing, or not fit for its type."""


class NotFoundError(ConnectError):
    """Something that was named does not exist."""


class IllegalWorkerStateError(ConnectError):
    """A context was used when it may not be, such as `pause` before partitions were assigned."""
