"""The names by which a config may call a plugin (Kafka's PluginUtils, adapted to Python).

::

    acme_csv:CsvSourceConnector   acme_csv.CsvSourceConnector
                                  CsvSourceConnector, CsvSource, and its entry point's name
    venvoy_api.transforms:Cast.Value
                                  venvoy_api.transforms.Cast.Value, venvoy_api.transforms.Cast$Value
                                  Cast.Value, Cast$Value, and its entry point's name
                                  org.apache.kafka.connect.transforms.Cast$Value: what venvoy has
                                  of Kafka's own goes by its Java name, too, so that the configs
                                  of a Java cluster can be taken as they are
"""

from __future__ import annotations

import difflib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol, TypeVar

    class Named(Protocol):
        """A plugin with the names that mean it."""

        @property
        def dotted_names(self) -> tuple[str, ...]:
            """The names that can mean its class only."""
            ...

        @property
        def aliases(self) -> tuple[str, ...]:
            """The names that others may have too."""
            ...

    Plugin = TypeVar("Plugin", bound=Named)

__all__ = ["called", "dotted_names", "is_kafkas_own", "near_names", "short_names"]

_KAFKA = "org.apache.kafka."
_JAVA_PACKAGES = {
    "venvoy_api.transforms": "org.apache.kafka.connect.transforms",
    "venvoy_api.predicates": "org.apache.kafka.connect.transforms.predicates",
    "venvoy_api.converters": "org.apache.kafka.connect.converters",
}
_JAVA_CLASSES = {
    ("venvoy_api.converters", "JsonConverter"): "org.apache.kafka.connect.json.JsonConverter",
    (
        "venvoy_api.converters",
        "StringConverter",
    ): "org.apache.kafka.connect.storage.StringConverter",
    ("venvoy_api.converters", "SimpleHeaderConverter"): (
        "org.apache.kafka.connect.storage.SimpleHeaderConverter"
    ),
}
"""Where Kafka 4.4 has them (the services of connect-runtime, -json and -transforms)."""

# What may be cut from the end of a class name, by type.
SUFFIXES = {
    "source": "Connector",
    "sink": "Connector",
    "transformation": "Transformation",
    "predicate": "Predicate",
    "converter": "Converter",
    "header_converter": "HeaderConverter",
}


def dotted_names(module: str, qualname: str) -> tuple[str, ...]:
    """Return the names that can mean this class only; a nested class also goes by Java's `$`."""
    return _distinct((*(f"{module}.{form}" for form in _forms(qualname)), *_java(module, qualname)))


def is_kafkas_own(name: str) -> bool:
    """Whether a name is that of a class that comes with Kafka, ours or not."""
    return name.startswith(_KAFKA)


def short_names(kind: str, qualname: str, entry_points: Iterable[str]) -> tuple[str, ...]:
    """Return the names that other classes may have too.

    They are: the names of its entry points, the class name, and the class name without the suffix
    of its type, `kind`.
    """
    suffix = SUFFIXES[kind]
    cut = qualname.removesuffix(suffix)
    pruned = () if not cut or cut.endswith(".") else _forms(cut)
    return _distinct((*entry_points, *_forms(qualname), *pruned))


def called(plugins: Sequence[Plugin], name: str) -> list[Plugin]:
    """Return the plugins that a name means: by a name of their class only, else by any."""
    return [plugin for plugin in plugins if name in plugin.dotted_names] or [
        plugin for plugin in plugins if name in plugin.aliases
    ]


def near_names(name: str, known: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """Return up to `count` known names that `name` may be a slip of, the nearest first.

    A full name of another package is near its last part.
    """
    by_lower: dict[str, str] = {}
    for other in sorted(known):
        by_lower.setdefault(other.lower(), other)
    last = by_lower.get(name.rpartition(".")[2].lower())
    if last is not None:
        return (last,)
    near = difflib.get_close_matches(name.lower(), by_lower, n=count)
    return tuple(by_lower[match] for match in near)


def _java(module: str, qualname: str) -> tuple[str, ...]:
    known = _JAVA_CLASSES.get((module, qualname))
    if known is not None:
        return (known,)
    package = _JAVA_PACKAGES.get(module)
    return () if package is None else (f"{package}.{qualname.replace('.', '$')}",)


def _forms(qualname: str) -> tuple[str, ...]:
    return (qualname, qualname.replace(".", "$"))


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
