"""The names by which a config may call a plugin (Kafka's PluginUtils, adapted to Python).

::

    acme_csv:CsvSourceConnector   acme_csv.CsvSourceConnector
                                  CsvSourceConnector, CsvSource, and its entry point's name
    venvoy_api.transforms:Cast.Value
                                  venvoy_api.transforms.Cast.Value, venvoy_api.transforms.Cast$Value
                                  Cast.Value, Cast$Value, and its entry point's name
"""

import difflib
from collections.abc import Iterable

from manager.plugins.entry_points import EntryPoint, PluginType

__all__ = ["dotted_names", "near_names", "short_names"]

# What may be cut from the end of a class name, by type.
SUFFIXES = {
    PluginType.SOURCE: "Connector",
    PluginType.SINK: "Connector",
    PluginType.TRANSFORMATION: "Transformation",
    PluginType.PREDICATE: "Predicate",
    PluginType.CONVERTER: "Converter",
    PluginType.HEADER_CONVERTER: "HeaderConverter",
}


def dotted_names(entry_point: EntryPoint) -> tuple[str, ...]:
    """Return the names that can mean this class only; a nested class also goes by Java's `$`."""
    return _distinct(f"{entry_point.module}.{form}" for form in _forms(entry_point.qualname))


def short_names(entry_point: EntryPoint, others: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the names that other classes may have too.

    They are: the entry point's name, `others` (names of further entry points of the same class),
    the class name, and the class name without the suffix of its type.
    """
    suffix = SUFFIXES[entry_point.type]
    cut = entry_point.qualname.removesuffix(suffix)
    pruned = () if not cut or cut.endswith(".") else _forms(cut)
    return _distinct((entry_point.name, *others, *_forms(entry_point.qualname), *pruned))


def near_names(name: str, known: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """Return up to `count` known names that `name` may be a slip of, the nearest first.

    A full name of another package, such as Kafka's own for `Cast$Value`, is near its last part.
    """
    by_lower: dict[str, str] = {}
    for other in sorted(known):
        by_lower.setdefault(other.lower(), other)
    last = by_lower.get(name.rpartition(".")[2].lower())
    if last is not None:
        return (last,)
    near = difflib.get_close_matches(name.lower(), by_lower, n=count)
    return tuple(by_lower[match] for match in near)


def _forms(qualname: str) -> tuple[str, ...]:
    return (qualname, qualname.replace(".", "$"))


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
