"""The stages of one segment: loaded, configured, checked, closed.

A stage crosses as JSON: {"role", "prefix", "type", "module", "qualname", "config", "predicate",
"negate", "is_marked"}; `prefix` stands before its keys in the connector's config, `predicate` is a
stage or null. A predicate from another environment than its transformation's is a stage of its own
right before it: it marks the records that the transformation, which `is_marked`, is for.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from venvoy_host.loading import load_class, make
from venvoy_host.tolerance import looping

if TYPE_CHECKING:
    import venvoy_api
    from venvoy_host.tolerance import Loop

__all__ = [
    "CONVERTER_ROLES",
    "Mark",
    "Transform",
    "close_stages",
    "make_stages",
    "stage_values",
    "with_converter_type",
]

CONVERTER_ROLES = ("key.converter", "value.converter", "header.converter")


class Mark:
    """A predicate that stands before its transformation, which is in another environment."""

    __slots__ = ("negate", "predicate")

    def __init__(self, predicate: venvoy_api.Predicate, negate: bool) -> None:
        self.predicate = predicate
        self.negate = negate

    def test(self, record: Any) -> bool:
        """Whether the transformation is for the record."""
        return bool(self.predicate.test(record)) is not self.negate

    def close(self) -> None:
        """Close the predicate."""
        self.predicate.close()


class Transform:
    """A transformation with the predicate that decides whether it runs.

    If it `is_marked` that predicate has run elsewhere, and its marks say which records are for it.
    """

    __slots__ = ("apply", "is_marked", "negate", "predicate", "transformation")

    def __init__(
        self,
        transformation: venvoy_api.Transformation,
        predicate: venvoy_api.Predicate | None,
        negate: bool,
        is_marked: bool,
    ) -> None:
        self.transformation = transformation
        self.is_marked = is_marked
        self.predicate = predicate
        self.negate = negate
        self.apply = transformation.apply if predicate is None else self._apply_if

    def _apply_if(self, record: Any) -> Any:
        predicate = self.predicate
        if predicate is not None and bool(predicate.test(record)) is self.negate:
            return record
        return self.transformation.apply(record)

    def loop(self, records: list[Any], marks: list[bool] | None) -> tuple[Loop, list[Any]]:
        """Return a loop over all records and what it is to be given."""
        if self.is_marked:
            return looping(self._apply_marked), list(zip(records, marks or ()))
        return looping(self.apply), records

    def _apply_marked(self, pair: tuple[Any, bool]) -> Any:
        record, mark = pair
        return self.transformation.apply(record) if mark else record

    def close(self) -> None:
        """Close both."""
        self.transformation.close()
        if self.predicate is not None:
            self.predicate.close()


def make_stages(stages: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """Load and configure every stage but the connector; (role, object) in record order."""
    made: list[tuple[str, Any]] = []
    for stage in stages:
        if stage["role"] == "predicate":
            made.append((stage["role"], Mark(_make(stage), bool(stage["negate"]))))
        elif stage["role"] != "connector":
            made.append((stage["role"], _make(stage)))
    return made


def close_stages(stages: list[tuple[str, Any]]) -> None:
    """Close every stage, also when one of them raises; then raise the first error."""
    with contextlib.ExitStack() as stack:
        for _, stage in reversed(stages):
            stack.callback(stage.close)


def stage_values(stage: dict[str, Any]) -> list[Any]:
    """Check a stage's configuration as Kafka does; return a ConfigValue for each of its keys."""
    loaded = make(load_class(stage["type"], stage["module"], stage["qualname"]))
    definition = loaded.config()
    return [] if definition is None else list(definition.validate(with_converter_type(stage)))


def _make(stage: dict[str, Any]) -> Any:
    loaded = make(load_class(stage["type"], stage["module"], stage["qualname"]))
    config = with_converter_type(stage)
    if stage["role"] in CONVERTER_ROLES:
        loaded.configure(config, stage["role"] == "key.converter")
        return loaded
    loaded.configure(config)
    if stage["role"] == "predicate":
        return loaded
    predicate = _make(stage["predicate"]) if stage.get("predicate") else None
    is_marked = bool(stage.get("is_marked"))
    return Transform(loaded, predicate, bool(stage.get("negate")), is_marked)


def with_converter_type(stage: dict[str, Any]) -> dict[str, str]:
    """Add `converter.type`, which Kafka hands to every converter."""
    config: dict[str, str] = dict(stage["config"])
    if stage["role"] in CONVERTER_ROLES:
        config.setdefault("converter.type", stage["role"].partition(".")[0])
    return config
