"""What planning a config would refuse that its validation has not: told before it is stored."""

from collections.abc import Iterator, Mapping

from launcher.configs.config_keys import ConfigValueError
from launcher.configs.connector_config import parse_connector_config
from launcher.planning.plan import UnchosenPluginError, plan_pipeline
from launcher.planning.preparation import worker_converters
from manager.errors import ProblemsError, VenvoyError
from manager.plugins.catalog import Catalog

__all__ = ["plan_faults"]


def plan_faults(
    config: Mapping[str, str], properties: Mapping[str, str], catalog: Catalog
) -> Iterator[tuple[str, str]]:
    """Yield keys and faults: a converter of the worker that is not installed, for one."""
    parsed, faults = parse_connector_config(config, where=f"`{config.get('name', '')}`")
    found = list(faults)
    if parsed is not None:
        try:
            converters = worker_converters(properties, where="the worker config")
            _, more = plan_pipeline(parsed, converters, catalog)
            found += more
        except ProblemsError as error:
            found += error.problems
    for fault in found:
        yield _key_of(fault), f"{fault.message}; {fault.hint}"


def _key_of(fault: VenvoyError) -> str:
    if isinstance(fault, UnchosenPluginError | ConfigValueError):
        return fault.key
    return "connector.class"
