"""Stages that fail on demand, and chains that hold one of them, in one host or in several."""

import dataclasses
from pathlib import Path

from launcher.planning.plan import PipelinePlan, Stage, StageRole, segments
from manager.store.environments import Environment
from tests.conftest import PYTHONS
from tests.launcher.pipelines import PLUGINS, make_environment, plan, stage

FAULTY = '''
import os, pathlib, threading, time
from venvoy_api import *
from venvoy_api.converters import JsonConverter, SimpleHeaderConverter, StringConverter

class Fault:
    """Fails on the numbers in `fail`, in the manner of `how`; writes every number into `seen`."""
    def prepare(self, configs):
        self.bad = {int(number) for number in configs.get("fail", "").split()}
        self.how = configs.get("how", "raise")
        self.times = int(configs.get("times", "0"))
        self.seen = configs.get("seen")
        self.tries = {}
        self.calls = 0
        if "pid_file" in configs:
            pathlib.Path(configs["pid_file"]).write_text(str(os.getpid()))
    def touch(self, number):
        if self.seen:
            with open(self.seen, "a") as out:
                out.write(f"{number}\\n")
        if number not in self.bad:
            return None
        self.tries[number] = self.tries.get(number, 0) + 1
        if self.how == "retriable" and self.tries[number] > self.times > 0:
            return None
        if self.how == "retriable":
            raise RetriableError(f"not yet {number}")
        if self.how == "end":
            raise StopIteration(number)
        if self.how == "odd":
            return "no bytes"
        raise ValueError(f"bad {number}")
    def call(self):
        self.calls += 1
        return self.touch(self.calls - 1)

class Faulty(Fault, Transformation):
    def configure(self, configs): self.prepare(configs)
    def apply(self, record):
        self.touch(record.value["n"])
        return record

class Keys(Fault, StringConverter):
    def configure(self, configs, is_key=False): self.prepare(configs); super().configure({}, is_key)
    def from_connect_data(self, topic, headers, schema, value):
        return self.touch(int(value)) or super().from_connect_data(topic, headers, schema, value)
    def to_connect_data(self, topic, headers, data):
        self.touch(int(data))
        return super().to_connect_data(topic, headers, data)

class Values(Fault, JsonConverter):
    def configure(self, configs, is_key=False):
        self.prepare(configs)
        super().configure({"schemas.enable": "false"}, is_key)
    def from_connect_data(self, topic, headers, schema, value):
        self.touch(value["n"])
        return super().from_connect_data(topic, headers, schema, value)
    def to_connect_data(self, topic, headers, data):
        found = super().to_connect_data(topic, headers, data)
        self.touch(found.value["n"])
        return found

class HeaderValues(Fault, SimpleHeaderConverter):
    """Every record has one header, so the calls are the numbers."""
    def configure(self, configs, *more): self.prepare(configs)
    def from_connect_header(self, topic, key, schema, value):
        self.call()
        return super().from_connect_header(topic, key, schema, value)
    def to_connect_header(self, topic, key, data):
        self.call()
        return super().to_connect_header(topic, key, data)

class Picky(SinkConnector):
    """A sink that reports the numbers in `report`."""
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return PickyTask
    def task_configs(self, max_tasks): return [dict(self.props)]
    def config(self):
        return ConfigDef().define("file", ConfigType.STRING, importance=Importance.HIGH,
            documentation="where to")

class PickyTask(SinkTask):
    def start(self, props):
        self.props = props
        self.bad = {int(number) for number in props.get("report", "").split()}
        if "pid_file" in props:
            pathlib.Path(props["pid_file"]).write_text(str(os.getpid()))
    def stop(self): pass
    def put(self, records):
        reporter = self.context.errant_record_reporter()
        time.sleep(float(self.props.get("pause_s", "0")))
        with open(self.props["file"], "a") as out:
            for record in records:
                number = record.value["n"]
                if number not in self.bad:
                    out.write(f"{number}\\n")
                    continue
                if reporter is None:
                    out.write("nobody to report to\\n")
                    continue
                try:
                    future = reporter.report(record, ValueError(f"picky about {number}"))
                    if self.props.get("wait") == "in a thread":
                        waiting = threading.Thread(target=future.result)
                        waiting.start()
                        waiting.join(60)
                        assert future.done()
                    if "wait" in self.props:
                        future.result(timeout=60)
                        assert future.exception() is None
                        out.write(f"stored {number}\\n")
                except ConnectError as error:
                    out.write(f"refused {number}: {error}\\n")
'''

TRANSFORMATION = "TRANSFORMATION"
STAGES = (TRANSFORMATION, "KEY_CONVERTER", "VALUE_CONVERTER", "HEADER_CONVERTER")
"""Kafka's names of the stages in which any exception can be tolerated."""

CLASSES = {
    TRANSFORMATION: "faulty:Faulty",
    "KEY_CONVERTER": "faulty:Keys",
    "VALUE_CONVERTER": "faulty:Values",
    "HEADER_CONVERTER": "faulty:HeaderValues",
}


def environments(tmp_path: Path) -> list[Environment]:
    """Two environments with the same plugins, on 3.9 and on 3.11 where they are."""
    versions = [one for one in ("3.9", "3.11") if one in PYTHONS] * 2
    modules = {"acme.py": PLUGINS, "faulty.py": FAULTY}
    return [
        make_environment(tmp_path / name, modules, python=version)
        for name, version in zip(("one", "two"), versions, strict=False)
    ]


def chain(
    kind: str,
    made: list[Environment],
    config: dict[str, str],
    *,
    hosts: int,
    failing: str = TRANSFORMATION,
    fault: dict[str, str] | None = None,
    target: str | None = None,
) -> PipelinePlan:
    """A source `counter` or a sink `writer` with two transformations and one stage that fails.

    With three hosts the failing transformation is alone in the host in the middle; a converter
    that fails is at the far end from the connector, as converters are.
    """
    one, two = made[0].path, made[1].path if hosts == 3 else made[0].path
    fault_config = fault or {}
    tag = stage(StageRole.TRANSFORMATION, "acme:Tag", at=one, alias="tag")
    plain = stage(StageRole.TRANSFORMATION, "acme:Tag", at=two, alias="plain")
    bad = stage(StageRole.TRANSFORMATION, "faulty:Faulty", at=two, config=fault_config)
    between = [bad if failing == TRANSFORMATION else plain, tag]
    if kind == "sink":
        between.reverse()
    target = target or ("acme:Counter" if kind == "source" else "acme:Writer")
    topics = ("numbers",) if kind == "sink" else ()
    name = "counter" if kind == "source" else "writer"
    found = plan(name, target, one, config=config, between=between, topics=topics)
    ordered = [_faulty(old, failing, one, fault_config) for old in found.stages]
    found = dataclasses.replace(
        found, segments=segments(ordered, own=found.connector.plugin.location)
    )
    assert len(found.segments) == hosts
    return found


def _faulty(old: Stage, failing: str, at: Path, config: dict[str, str]) -> Stage:
    """The stage, or the failing converter in its place."""
    if failing == TRANSFORMATION or old.role.replace(".", "_").upper() != failing:
        return old
    return stage(old.role, CLASSES[failing], at=at, config=config)
