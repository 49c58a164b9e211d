"""Which converter a connector gets when it names none, or names one without a version (KIP-891)."""

from collections.abc import Mapping
from dataclasses import replace

from launcher.settings import DEFAULT_CONVERTER, DEFAULT_HEADER_CONVERTER
from launcher.validation.choosing import Chosen
from launcher.validation.common_keys import ConverterDefault
from manager.errors import VenvoyError
from manager.plugins.catalog import Catalog
from manager.plugins.entry_points import PluginType
from manager.plugins.selection import select
from manager.plugins.versions import VersionSpec

__all__ = ["converter_default"]


def converter_default(
    part: str, properties: Mapping[str, str], catalog: Catalog, chosen: Chosen | None
) -> ConverterDefault:
    """Return the default class, which is the worker's, and the default version.

    That is of the connector's own converter (`chosen`) if it names one: the version in its own
    location, else the newest; otherwise the version that the worker names, else the newest. The
    worker's own default is JsonConverter, for headers SimpleHeaderConverter.
    """
    is_header = part == "header"
    fallback = DEFAULT_HEADER_CONVERTER if is_header else DEFAULT_CONVERTER
    written = properties.get(f"{part}.converter", "").strip()
    worker_version = properties.get(f"{part}.converter.plugin.version") if written else None
    kind = PluginType.HEADER_CONVERTER if is_header else PluginType.CONVERTER
    try:
        newest = select(
            catalog, type=kind, name=written or fallback, spec=VersionSpec.parse(None), own=None
        )
    except VenvoyError:  # the worker's config is at fault; a connector may name its own
        workers = ConverterDefault(class_name=written or fallback, version=worker_version)
    else:
        workers = ConverterDefault(
            class_name=newest.plugin.class_name,
            version=worker_version or str(newest.plugin.version),
            versions=tuple(map(str, sorted({one.version for one in newest.candidates}))),
        )
    if chosen is None:
        return workers
    return replace(workers, version=chosen.default, versions=chosen.versions)
