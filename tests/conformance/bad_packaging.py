"""Kafka's bad-packaging and always-throw-exception plugins (reference 3.13) in Python."""

from tests.isolation.plugins import SOURCE

__all__ = ["ENTRY_POINTS", "FAULTS", "FILES"]

_CONNECTORS = """
from good import Source, Task
import venvoy_api

class VersionMethodThrows(Source):
    def version(self): raise ValueError("no version today")

class DefaultConstructorThrows(Source):
    def __init__(self): raise ValueError("the constructor throws")

class DefaultConstructorPrivate(venvoy_api.SourceConnector):
    "Abstract: it defines nothing."

class NoDefaultConstructor(Source):
    def __init__(self, number): self.number = number

class ConverterConstructorThrows(venvoy_api.Converter, venvoy_api.HeaderConverter):
    def __init__(self): raise ValueError("the converter's constructor throws")
    def from_connect_data(self, topic, headers, schema, value): return b""
    def to_connect_data(self, topic, headers, data): return None
    def from_connect_header(self, topic, key, schema, value): return b""
    def to_connect_header(self, topic, key, data): return None

class Outer:
    class Inner(Source): pass
"""

FILES = {
    "good.py": SOURCE,
    "connectors.py": _CONNECTORS,
    "always_throws.py": "raise RuntimeError('the module throws')\n",
    "missing_superclass.py": "from nowhere_to_be_found import Base\nclass C(Base): pass\n",
    "old_packaging.py": "import pkg_resources\n",
    "class_body.py": "from good import Source\nclass C(Source):\n    raise ValueError('static')\n",
}

_SOURCES = {
    "colocated": "good:Source",
    "version-throws": "connectors:VersionMethodThrows",
    "nested": "connectors:Outer.Inner",
    "module-throws": "always_throws:C",
    "no-superclass": "missing_superclass:C",
    "pkg-resources": "old_packaging:C",
    "class-body": "class_body:C",
    "constructor-throws": "connectors:DefaultConstructorThrows",
    "abstract": "connectors:DefaultConstructorPrivate",
    "constructor-wants": "connectors:NoDefaultConstructor",
}
_CONVERTER = {"converter-throws": "connectors:ConverterConstructorThrows"}
ENTRY_POINTS = {
    "venvoy.source": _SOURCES,
    "venvoy.converter": _CONVERTER,
    "venvoy.header_converter": _CONVERTER,
}

# Class -> what its message says; the three that are missing are usable.
FAULTS = {
    "always_throws.C": "the module throws",
    "missing_superclass.C": "nowhere_to_be_found",
    "old_packaging.C": "pkg_resources",
    "class_body.C": "static",
    "connectors.DefaultConstructorThrows": "the constructor throws",
    "connectors.DefaultConstructorPrivate": "abstract",
    "connectors.NoDefaultConstructor": "number",
    "connectors.ConverterConstructorThrows": "the converter's constructor throws",
}
