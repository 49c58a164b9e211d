"""Kafka's sampling plugins (reference 3.13) in Python: they note where each callback ran.

Every callback appends one JSON line to `samples.jsonl` in the working directory, if it is there.
"""

__all__ = ["ENTRY_POINTS", "SAMPLING"]

SAMPLING = '''
import importlib.metadata
import importlib.resources
import json
import os
import sys

import venvoy_api
from venvoy_api import (
    ConfigDef, Converter, Header, HeaderConverter, Predicate, SchemaAndValue, SinkConnector,
    SinkTask, SourceConnector, SourceRecord, SourceTask, Transformation,
)


def sample(subject, callback, config=None):
    if not os.path.exists("samples.jsonl"):
        return
    line = {
        "subject": subject,
        "callback": callback,
        "config": None if config is None else dict(config),
        "prefix": sys.prefix,
        "module": __file__,
        "path": list(sys.path),
        "directory": os.getcwd(),
        "pid": os.getpid(),
        "distributions": sorted(one.metadata["Name"] for one in importlib.metadata.distributions()),
        "environ": sorted(os.environ),
    }
    with open("samples.jsonl", "a") as out:
        out.write(json.dumps(line) + chr(10))


def sampling(*names):
    """Make a class that samples the named callbacks before its base does them."""
    def around(cls):
        sample(cls.__name__, "class body")
        for name in names:
            def method(self, *args, _name=name, _real=getattr(cls, name)):
                config = args[0] if _name in ("configure", "start") else None
                sample(cls.__name__, _name, config)
                return _real(self, *args)
            setattr(cls, name, method)
        return cls
    return around


class Connector:
    def __init__(self): pass
    def version(self): return "9.9"
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_configs(self, max_tasks): return [self.props]
    def config(self): return ConfigDef()

CONNECTOR = ("__init__", "start", "stop", "task_class", "task_configs", "config", "version")

@sampling(*CONNECTOR)
class SamplingSourceConnector(Connector, SourceConnector):
    def task_class(self): return SamplingSourceTask

@sampling(*CONNECTOR)
class SamplingSinkConnector(Connector, SinkConnector):
    def task_class(self): return SamplingSinkTask


@sampling("__init__", "start", "poll", "commit", "stop")
class SamplingSourceTask(SourceTask):
    told = False
    def __init__(self): pass
    def start(self, props): self.props = props
    def stop(self): pass
    def commit(self): pass
    def drained(self): return self.told
    def poll(self):
        if self.told:
            return None
        self.told = True
        headers = [Header("numbers", None, [1, 2])]
        return [SourceRecord({}, {"n": 1}, self.props["topic"], key="k", value={"n": 1},
                             headers=headers)]


@sampling("__init__", "start", "open", "put", "flush", "close", "stop")
class SamplingSinkTask(SinkTask):
    def __init__(self): pass
    def start(self, props): self.file = props["file"]
    def stop(self): pass
    def open(self, partitions): pass
    def close(self, partitions): pass
    def flush(self, offsets): pass
    def put(self, records):
        with open(self.file, "a") as out:
            for one in records:
                headers = [[header.key, header.value] for header in one.headers]
                out.write(json.dumps([one.key, one.value, headers]) + chr(10))


@sampling("__init__", "configure", "config", "from_connect_data", "to_connect_data", "close")
class SamplingConverter(Converter):
    def __init__(self): pass
    def configure(self, configs, is_key=False): self.mark = configs.get("mark", "?")
    def config(self): return ConfigDef()
    def close(self): pass
    def from_connect_data(self, topic, headers, schema, value):
        return json.dumps([self.mark, value]).encode()
    def to_connect_data(self, topic, headers, data):
        return SchemaAndValue(None, json.loads(data)[1])


@sampling("__init__", "configure", "config", "from_connect_header", "to_connect_header", "close")
class SamplingHeaderConverter(HeaderConverter):
    def __init__(self): pass
    def configure(self, configs, is_key=False): self.mark = configs.get("mark", "?")
    def config(self): return ConfigDef()
    def close(self): pass
    def from_connect_header(self, topic, key, schema, value):
        return json.dumps([self.mark, value]).encode()
    def to_connect_header(self, topic, key, data):
        return SchemaAndValue(None, json.loads(data)[1])


@sampling("__init__", "configure", "config", "apply", "close")
class SamplingTransformation(Transformation):
    def __init__(self): pass
    def configure(self, configs): self.mark = configs.get("mark", "?")
    def config(self): return ConfigDef()
    def close(self): pass
    def apply(self, record):
        value = dict(record.value)
        value["marks"] = value.get("marks", []) + [self.mark]
        return record.new_record(value=value)


@sampling("__init__", "configure", "config", "test", "close")
class SamplingPredicate(Predicate):
    def __init__(self): pass
    def configure(self, configs): pass
    def config(self): return ConfigDef()
    def close(self): pass
    def test(self, record): return True


sample("module", "import")
'''

ENTRY_POINTS = {
    "venvoy.source": {"sampling-source": "sampling:SamplingSourceConnector"},
    "venvoy.sink": {"sampling-sink": "sampling:SamplingSinkConnector"},
    "venvoy.converter": {"sampling-text": "sampling:SamplingConverter"},
    "venvoy.header_converter": {"sampling-header": "sampling:SamplingHeaderConverter"},
    "venvoy.transformation": {"sampling-change": "sampling:SamplingTransformation"},
    "venvoy.predicate": {"sampling-test": "sampling:SamplingPredicate"},
}
