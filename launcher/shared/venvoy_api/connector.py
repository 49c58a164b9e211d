"""Connectors: they check a configuration and split the work into tasks; records flow in tasks.

Order of calls, all from one thread of the connector's own host::

    validate(props)                       on any instance, without initialize; may come at any time
    initialize(context) -> start(props) -> task_configs(n)* -> reconfigure(props)* -> stop()

`task_configs` is called after `start` and after each `request_task_reconfiguration`.
"""

# ruff: noqa: ARG002  # defaults of methods that plugins override

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from typing import TYPE_CHECKING, Any

from venvoy_api.component import Versioned
from venvoy_api.config_value import Config
from venvoy_api.errors import ConnectError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from venvoy_api.config_def import ConfigDef
    from venvoy_api.context import (
        ConnectorContext,
        SinkConnectorContext,
        SourceConnectorContext,
    )
    from venvoy_api.record import TopicPartition
    from venvoy_api.task import SinkTask, SourceTask, Task

__all__ = [
    "Connector",
    "ConnectorTransactionBoundaries",
    "ExactlyOnceSupport",
    "SinkConnector",
    "SourceConnector",
]


class ExactlyOnceSupport(Enum):
    """Whether a source connector can promise exactly-once delivery with its configuration."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"


class ConnectorTransactionBoundaries(Enum):
    """Whether a source connector can say itself where transactions begin and end."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"


class Connector(Versioned, ABC):
    """What source and sink connectors share; extend one of those instead.

    A connector is constructed without arguments, and does nothing until `start`.
    """

    context: ConnectorContext
    """What the framework lends; there from `initialize` on."""

    def initialize(self, context: ConnectorContext) -> None:
        """Keep the context. Called once, before `start`."""
        self.context = context

    @abstractmethod
    def start(self, props: Mapping[str, str]) -> None:
        """Begin with this configuration, which `validate` found no fault with.

        Return soon: watching a foreign system belongs into a thread of one's own. What is raised
        makes the connector FAILED.
        """

    def reconfigure(self, props: Mapping[str, str]) -> None:
        """Go on with another configuration; the default is `stop`, then `start`."""
        self.stop()
        self.start(props)

    @abstractmethod
    def task_class(self) -> type[Task]:
        """Return the class of this connector's tasks: a concrete SourceTask or SinkTask.

        It must live in the same distribution; it is constructed without arguments in other
        processes than the connector.
        """

    @abstractmethod
    def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
        """Return one flat configuration for each task: at most `max_tasks`, fewer are fine.

        Tasks whose configuration stays the same are not restarted.
        """

    @abstractmethod
    def stop(self) -> None:
        """End everything that `start` began. May be called after a `start` that failed."""

    def validate(self, configs: Mapping[str, str]) -> Config:
        """Check a configuration and return every key with its value and its faults.

        The default checks against `config`; override to add checks over several keys, by adding
        messages to the values that the default returned. Never raise for a user's mistake.
        """
        definition = self.config()
        if not _is_given(definition):
            raise ConnectError(
                f"{type(self).__qualname__}.config() must return a ConfigDef that is not None."
            )
        return Config(definition.validate(configs))

    @abstractmethod
    def config(self) -> ConfigDef:
        """Return the connector's own keys; the framework knows the common ones."""


def _is_given(value: object) -> bool:
    """Whether the value is not None: plugins that nobody type-checked may return it."""
    return value is not None


class SourceConnector(Connector):
    """Brings records from a foreign system into topics."""

    context: SourceConnectorContext

    @abstractmethod
    def task_class(self) -> type[SourceTask]:
        """Return the class of this connector's tasks."""

    def exactly_once_support(self, configs: Mapping[str, str]) -> ExactlyOnceSupport | None:
        """Say whether delivery can be exactly once; None (the default) is "nobody knows"."""
        return None

    def can_define_transaction_boundaries(
        self, configs: Mapping[str, str]
    ) -> ConnectorTransactionBoundaries:
        """Say whether tasks mark their own transactions; by default they do not."""
        return ConnectorTransactionBoundaries.UNSUPPORTED

    def alter_offsets(
        self,
        configs: Mapping[str, str],
        offsets: Sequence[tuple[Mapping[str, Any], Mapping[str, Any] | None]],
    ) -> bool:
        """Check or take over offsets that a user sets: (partition, offset or None to reset).

        Called while the connector is stopped. Return True when the offsets were recognised as
        this connector's, False (the default) when nothing is known of them; raise ConnectError to
        refuse.
        """
        return False


class SinkConnector(Connector):
    """Brings records from topics into a foreign system."""

    context: SinkConnectorContext

    @abstractmethod
    def task_class(self) -> type[SinkTask]:
        """Return the class of this connector's tasks."""

    def alter_offsets(
        self, configs: Mapping[str, str], offsets: Mapping[TopicPartition, int | None]
    ) -> bool:
        """Check or take over offsets that a user sets (None: reset that partition).

        Called while the connector is stopped. Return True when the connector handled them, False
        (the default) when only the framework's offsets count; raise ConnectError to refuse.
        """
        return False
