"""What planning a config would refuse that its validation has not: told before it is stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from launcher.configs.config_keys import MAX_POLL_RECORDS, MOVE_TIMEOUT, ConfigValueError
from launcher.configs.connector_config import parse_connector_config
from launcher.planning.plan import UnchosenPluginError, plan_pipeline
from launcher.planning.preparation import worker_converters
from manager.errors import ProblemsError
from manager.plugins.catalog import Catalog

__all__ = ["PlanFault", "plan_faults"]

_WORKER = "the worker config"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFault:
    """A fault of a key. One that `is_told_elsewhere` the validation tells in Kafka's words."""

    key: str
    text: str
    is_told_elsewhere: bool


def plan_faults(
    config: Mapping[str, str], properties: Mapping[str, str], catalog: Catalog
) -> Iterator[PlanFault]:
    """Yield what a plan is refused for: a converter of the worker that is not installed, say."""
    parsed, faults = parse_connector_config(config, where=f"`{config.get('name', '').strip()}`")
    found = list(faults)
    if parsed is not None:
        try:
            converters = worker_converters(properties, where=_WORKER)
            _, more = plan_pipeline(parsed, converters, catalog)
            found += more
        except ProblemsError as error:
            found += error.problems
    for fault in found:
        key, where = "connector.class", ""
        if isinstance(fault, UnchosenPluginError | ConfigValueError):
            key, where = fault.key, fault.where
        ours_alone = key in (MAX_POLL_RECORDS, MOVE_TIMEOUT) or where == _WORKER
        yield PlanFault(
            key=key,
            text=f"{fault.message}; {fault.hint}",
            is_told_elsewhere=not ours_alone,
        )
