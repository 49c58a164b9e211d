"""Plugins that tell what they see, as text for wheels; Python 3.9 and later."""

__all__ = ["NOISE", "SINK", "SOURCE", "entry_points"]

SOURCE = '''
import importlib.metadata
import json
import os
import sys

import venvoy_api
from venvoy_api import ConfigDef, SourceConnector, SourceRecord, SourceTask


def seen():
    """What the framework and the interpreter look like from here."""
    import venvoy_api.transforms
    return {
        "api": venvoy_api.__file__,
        "transforms": venvoy_api.transforms.__file__,
        "base": SourceTask.__module__,
        "api_version": importlib.metadata.version("venvoy-api"),
        "name": importlib.metadata.metadata("venvoy_api")["Name"],
        "distributions": sorted(
            str(one.metadata["Name"]) for one in importlib.metadata.distributions()
        ),
        "python": "%d.%d" % sys.version_info[:2],
        "prefix": sys.prefix,
        "path": list(sys.path),
        "flags": [sys.flags.isolated, sys.flags.no_site, sys.flags.dont_write_bytecode],
        "finder": type(sys.meta_path[0]).__name__,
        "environ": dict(os.environ),
        "pid": os.getpid(),
        "parent": os.getppid(),
        "importable": [name for name in (
            "manager", "launcher", "bundler", "click", "packaging", "pip", "tests", "leaked",
        ) if importlib.util.find_spec(name)],
        "leaks": sorted(name for name in dir(__import__("builtins")) if name.startswith("LEAK")),
    }


def more():
    """What only this plugin has to tell."""
    return {}


class Source(SourceConnector):
    """Tells what its import, its connector and its task see, then a second record."""
    def start(self, props):
        self.props = dict(props, connector=json.dumps(seen()))
    def stop(self): pass
    def task_class(self): return Task
    def task_configs(self, max_tasks): return [self.props]
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
        values = [dict(seen(), at="task", more=more()), {"at": "end"}]
        values.insert(0, dict(json.loads(self.props["connector"]), at="connector"))
        values.insert(0, dict(AT_IMPORT, at="import"))
        return [
            SourceRecord({"who": "probe"}, {"n": n}, self.props["topic"], value=value)
            for n, value in enumerate(values)
        ]


import importlib.util
AT_IMPORT = seen()
'''
"""`probe`-like source: records of what it sees at import, in its connector, in its task."""

SINK = """
import json
from venvoy_api import ConfigDef, SinkConnector, SinkTask


class Sink(SinkConnector):
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return Task
    def task_configs(self, max_tasks): return [self.props]
    def config(self): return ConfigDef()


class Task(SinkTask):
    def start(self, props): self.file = open(props["file"], "a")
    def stop(self): self.file.close()
    def put(self, records):
        for record in records:
            line = {"topic": record.topic, "offset": record.offset, "value": record.value}
            self.file.write(json.dumps(line) + chr(10))
    def flush(self, offsets): self.file.flush()
"""
"""A plain sink: each record as a line of JSON in `file`."""

NOISE = """
import os, sys

print("a print at import")
os.write(1, b"bytes at import\\n")
KEPT = sys.stdout
class Deaf:
    def write(self, text): raise OSError("nobody listens")
    def flush(self): pass
sys.stdout = Deaf()
sys.stderr = None
"""
"""Prints, writes to descriptor 1, and replaces both streams."""


def entry_points(module: str, *, sink: bool = False) -> dict[str, dict[str, str]]:
    """The entry point of `module:Source` or `module:Sink`."""
    kind = "sink" if sink else "source"
    return {f"venvoy.{kind}": {module: f"{module}:{kind.title()}"}}
