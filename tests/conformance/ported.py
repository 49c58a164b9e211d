"""Kafka's other test plugins (reference 3.13) in Python, all in one distribution."""

from pathlib import Path

__all__ = ["API_MODULES", "ENTRY_POINTS", "FILES", "LIBRARIES", "SERVICE"]

_API = Path(__file__).parents[2] / "launcher" / "shared" / "venvoy_api"


API_FILES = sorted(str(file.relative_to(_API.parent)) for file in _API.rglob("*.py"))
API_MODULES = [
    file.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for file in API_FILES
]

_PROBE = '''
import importlib, importlib.metadata, importlib.resources, importlib.util, json, logging, os, sys
import venvoy_api
from venvoy_api import *
from venvoy_api.converters import JsonConverter, StringConverter as SharedStringConverter
from venvoy_api.transforms import Cast as SharedCast
import services


def read_resource(package, name):
    """What a plugin's author writes to read a file of a package."""
    try:
        return (importlib.resources.files(package) / name).read_text()
    except FileNotFoundError:
        return None


def probe():
    """Every fact that a row asks for."""
    api = {}
    for name in API_MODULES:
        api[name] = importlib.import_module(name).__file__
    return {
        "json": json.__file__,
        "logging": logging.__file__,
        "api": api,
        "identical": venvoy_api.task.SourceTask is SourceTask is venvoy_api.SourceTask,
        "runtime": [name for name in ("manager", "launcher", "bundler", "virtualenv", "rich")
                    if importlib.util.find_spec(name)],
        "own version": read_resource("ported_data", "version.txt"),
        "api data": read_resource("venvoy_api", "py.typed") is not None,
        "missing data": read_resource("venvoy_api", "version.txt"),
        "click": importlib.metadata.version("click"),
        "click file": importlib.import_module("click").__file__,
        "services": services.found(),
        "static services": services.STATIC,
        "pid": os.getpid(),
    }


class Ported(SourceConnector):
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return Task
    def task_configs(self, max_tasks):
        return [dict(self.props, task=str(n)) for n in range(max_tasks)]
    def config(self): return ConfigDef()


class Task(SourceTask):
    told = False
    def start(self, props): self.props = props
    def stop(self): pass
    def drained(self): return self.told
    def poll(self):
        if self.told:
            return None
        self.told = True
        facts = probe() if self.props.get("probes") else {}
        return [SourceRecord({"task": self.props["task"]}, {}, self.props["topic"], key="k",
                             value={"n": "1", "task": self.props["task"], **facts})]


class AliasedStaticField(Transformation):
    """Counts the calls of all of its instances."""
    SAMPLES = []
    def config(self): return ConfigDef()
    def apply(self, record):
        self.SAMPLES.append(id(self))
        seen = {"calls": len(self.SAMPLES), "instances": len(set(self.SAMPLES))}
        return record.new_record(value={**record.value, **seen, "pid": os.getpid()})


class StringConverter(SharedStringConverter):
    def from_connect_data(self, topic, headers, schema, value):
        return b"mine:" + super().from_connect_data(topic, headers, schema, value)


class Cast:
    class Value(SharedCast.Value):
        def apply(self, record):
            done = super().apply(record)
            bases = [base.__module__ for base in type(self).__mro__]
            return done.new_record(value={**done.value, "cast by": bases})


class SubclassOfJsonConverter(JsonConverter):
    def from_connect_data(self, topic, headers, schema, value):
        value = {**value, "converter": type(self).__name__}
        return super().from_connect_data(topic, headers, schema, value)
'''

_SERVICES = '''
"""A library that finds plugins of its own, as with Java's ServiceLoader."""
from importlib.metadata import entry_points

def found():
    every = entry_points()
    group = every.select(group="ported.services") if hasattr(every, "select") else (
        every.get("ported.services", ()))
    return sorted(one.name + " " + str(one.load()()) for one in group)

STATIC = found()
'''

_DEAF = """
import logging, logging.config
from venvoy_api import *

class Deaf(SinkConnector):
    def start(self, props): self.props = dict(props)
    def stop(self): raise ValueError("stopping fails")
    def task_class(self): return DeafTask
    def task_configs(self, max_tasks): return [self.props]
    def config(self): return ConfigDef()

class DeafTask(SinkTask):
    puts = 0
    def start(self, props): pass
    def stop(self): pass
    def put(self, records):
        self.puts += 1
        if self.puts < 3:
            raise RetriableError("not before the third time")

for name in ("venvoy", "venvoy.sink", "venvoy.connector"):
    logging.getLogger(name).disabled = True
logging.config.dictConfig({"version": 1, "disable_existing_loggers": True, "root": {}})
logging.getLogger().handlers.clear()
logging.disable(logging.CRITICAL)
logging.lastResort = None
"""

FILES: dict[str, str | bytes] = {
    "ported.py": f"API_MODULES = {API_MODULES!r}\n{_PROBE}",
    "deaf.py": _DEAF,
    "services.py": _SERVICES,
    "ported_data/__init__.py": "",
    "ported_data/version.txt": "1.0.0",
    "own_service.py": "def serve(): return 'of the plugin'\n",
    # What must not be found: the standard library's names, and the API's.
    "json.py": "raise SystemExit('the json of a plugin')\n",
    "logging/__init__.py": "raise SystemExit('the logging of a plugin')\n",
    "logging/config.py": "raise SystemExit('the logging.config of a plugin')\n",
    **{file: f"raise SystemExit('{file} of a plugin')\n" for file in API_FILES},
}

LIBRARIES: dict[str, tuple[str, dict[str, str]]] = {
    "click": ("0.0.1", {"click/__init__.py": ""}),
    "serving": ("1.0", {"serving.py": "def serve(): return 'of a library'\n"}),
}

ENTRY_POINTS = {
    "venvoy.source": {"ported": "ported:Ported"},
    "venvoy.sink": {"deaf": "deaf:Deaf"},
    "venvoy.transformation": {
        "aliased": "ported:AliasedStaticField",
        "Cast$Value": "ported:Cast.Value",
    },
    "venvoy.converter": {
        "string": "ported:StringConverter",
        "sub": "ported:SubclassOfJsonConverter",
    },
    "ported.services": {"own": "own_service:serve"},
}
SERVICE = {"ported.services": {"library": "serving:serve"}}
