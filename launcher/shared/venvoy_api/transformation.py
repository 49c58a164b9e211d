"""Transformations change records one at a time; predicates say to which they apply."""

# defaults of methods that plugins override

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from venvoy_api.component import Configurable, Versioned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venvoy_api.record import ConnectRecord, R

__all__ = ["Predicate", "Transformation"]


class Transformation(Versioned, Configurable, ABC):
    """Changes or drops records, between the source task and the topic or the topic and the sink.

    ::

        configure(configs) -> apply(record)* -> close()

    One object serves one task, from one thread. `configs` has the keys below
    `transforms.<alias>.`, without that prefix.
    """

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raise ConfigError if it is not acceptable."""

    @abstractmethod
    def apply(self, record: R) -> R | None:
        """Return the record, a changed one made with `record.new_record`, or None to drop it."""

    def close(self) -> None:
        """Release what was acquired."""


class Predicate(Versioned, Configurable, ABC):
    """Says whether a transformation applies to a record. Calls come as to a Transformation."""

    def configure(self, configs: Mapping[str, str]) -> None:
        """Take the configuration; raise ConfigError if it is not acceptable."""

    @abstractmethod
    def test(self, record: ConnectRecord) -> bool:
        """Whether the record meets the condition."""

    def close(self) -> None:
        """Release what was acquired."""
