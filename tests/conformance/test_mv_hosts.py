"""MV: versions of every type run at once, on dependencies that exclude each other."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.isolation.workspaces import Workspace, once, write_lock
from venvoy_host.frames import decode_headers

ISOLATED = ("1.1.0", "2.3.0", "4.3.0")
COMBINED = {
    "source": "0.0.0",
    "sink": "0.1.0",
    "converter": "0.2.0",
    "header_converter": "0.3.0",
    "transformation": "0.4.0",
    "predicate": "0.5.0",
}

# One module per type, so that six wheels of one directory may have six versions.
PLUGINS: Mapping[str, str] = {
    "source": '''
import json, os, pathlib, sys, time
import conflict
from versioned_base import VERSION_OF
from venvoy_api import *

class Versioned(SourceConnector):
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return Task
    def task_configs(self, max_tasks): return [self.props]
    def config(self):
        return ConfigDef().define("version-specific-config", ConfigType.STRING,
                                  VERSION_OF("source"), documentation="")

class Task(SourceTask):
    """Ends only after all tasks that `together` counts have begun."""
    told = False
    def start(self, props):
        self.props = props
        (pathlib.Path("alive") / str(os.getpid())).touch()
    def stop(self): pass
    def drained(self):
        alive = len(os.listdir("alive"))
        return self.told and alive >= int(self.props["together"])
    def poll(self):
        if self.told:
            time.sleep(0.01)
            return None
        self.told = True
        config = Versioned().config().parse({})
        value = {"source": VERSION_OF("source"), "conflict": conflict.VERSION,
                 "config": config["version-specific-config"],
                 "pid": os.getpid(), "prefix": sys.prefix}
        return [SourceRecord({}, {}, self.props["topic"], key="k", value=value,
                             headers=[Header("h", None, "x")])]
''',
    "sink": '''
import json
from versioned_base import VERSION_OF
from venvoy_api import *

class Versioned(SinkConnector):
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return Task
    def task_configs(self, max_tasks): return [self.props]
    def config(self): return ConfigDef()

class Task(SinkTask):
    def start(self, props): self.file = props["file"]
    def stop(self): pass
    def put(self, records):
        with open(self.file, "a") as out:
            for one in records:
                out.write(json.dumps({"sink": VERSION_OF("sink"), **one.value}) + chr(10))
''',
    "converter": '''
import json
from versioned_base import VERSION_OF
from venvoy_api import *

class Versioned(Converter):
    def config(self): return ConfigDef()
    def from_connect_data(self, topic, headers, schema, value):
        value = value if isinstance(value, dict) else {"key": value}
        return json.dumps({"converter": VERSION_OF("converter"), **value}).encode()
    def to_connect_data(self, topic, headers, data):
        return SchemaAndValue(None, json.loads(data))
''',
    "header_converter": '''
from versioned_base import VERSION_OF
from venvoy_api import *

class Versioned(HeaderConverter):
    def config(self): return ConfigDef()
    def from_connect_header(self, topic, key, schema, value):
        return VERSION_OF("header_converter").encode()
    def to_connect_header(self, topic, key, data):
        return SchemaAndValue(None, data.decode())
''',
    "transformation": '''
from versioned_base import VERSION_OF
from venvoy_api import *

class Versioned(Transformation):
    def config(self): return ConfigDef()
    def apply(self, record):
        return record.new_record(
            value={**record.value, "transformation": VERSION_OF("transformation")})
''',
    "predicate": '''
from versioned_base import VERSION_OF
from venvoy_api import *

class Versioned(Predicate):
    def config(self): return ConfigDef()
    def test(self, record):
        record.value["predicate"] = VERSION_OF("predicate")
        return True
''',
}  # fmt: skip
BASE = """
import importlib.metadata
def VERSION_OF(kind): return importlib.metadata.version("versioned-" + kind)
"""


def add_location(workspace: Workspace, name: str, versions: Mapping[str, str]) -> None:
    """A directory with six plugins at these versions, and a dependency at that of the source."""
    conflict = versions["source"]
    for kind, text in PLUGINS.items():
        workspace.wheel(
            name,
            f"versioned-{kind.replace('_', '-')}",
            versions[kind],
            files={f"versioned_{kind}.py": text},
            requires=["versioned-base", f"conflict=={conflict}"],
            entry_points={f"venvoy.{kind}": {"versioned": f"versioned_{kind}:Versioned"}},
        )
    conflicting = {"conflict.py": f"VERSION = '{conflict}'\n"}
    workspace.wheel(f"{name}/wheels", "conflict", conflict, files=conflicting)
    workspace.wheel(f"{name}/wheels", "versioned-base", files={"versioned_base.py": BASE})
    write_lock(workspace.plugins / name)


def source(workspace: Workspace, name: str, together: int, **keys: str) -> Path:
    """A source with one stage of every type, none of them with a version unless `keys` has it."""
    return workspace.config(
        name,
        "versioned_source.Versioned",
        topic=name,
        together=str(together),
        transforms="t",
        transforms__t__type="versioned_transformation.Versioned",
        transforms__t__predicate="p",
        predicates="p",
        predicates__p__type="versioned_predicate.Versioned",
        value__converter="versioned_converter.Versioned",
        header__converter="versioned_header_converter.Versioned",
        **keys,
    )


def run_versions(workspace: Workspace) -> dict[str, dict[str, str]]:
    """Run four versions of the source at once; return what each record says."""
    for version in ISOLATED:
        add_location(workspace, f"v{version}", dict.fromkeys(PLUGINS, version))
    add_location(workspace, "combined", COMBINED)
    (workspace.work / "alive").mkdir()
    named = {version: {"connector__version": version} for version in (*ISOLATED, "0.0.0")}
    named["absent"] = {}
    named["latest"] = {"connector__version": "latest"}
    configs = [source(workspace, name, len(named), **keys) for name, keys in named.items()]
    sink = workspace.config(
        "sink",
        "versioned_sink.Versioned",
        connector__version="0.1.0",
        topics=",".join(named),
        file="sink.jsonl",
        value__converter="versioned_converter.Versioned",
        header__converter="versioned_header_converter.Versioned",
    )
    workspace.run(*configs, sink)
    told = {}
    for name in named:
        (columns,) = workspace.records(name)
        ((_, header),) = decode_headers((columns.headers or [None])[0] or b"")
        value = json.loads(columns.values[0] or b"")
        told[name] = {**value, "header_converter": str(header, "ascii") if header else ""}
    return told


@pytest.fixture(scope="module")
def told(host_tests_dir: Path) -> dict[str, dict[str, str]]:
    """By connector: what its record says of every stage that it went through."""
    workspace = Workspace(host_tests_dir / "versions", host_tests_dir / "store")
    answer = workspace.work / "told.json"
    with once(host_tests_dir, "versions") as mine:
        if mine is not None:
            answer.write_text(json.dumps(run_versions(workspace)))
    loaded: dict[str, dict[str, str]] = json.loads(answer.read_text())
    return loaded


STAGES = ("source", "transformation", "predicate", "converter", "header_converter")


def stages(record: Mapping[str, str]) -> dict[str, str]:
    return {stage: record[stage] for stage in STAGES}


def test_MV01_MV04_six_plugins_of_one_location_run_each_in_its_own_version(
    told: dict[str, dict[str, str]],
) -> None:
    assert stages(told["0.0.0"]) == {stage: COMBINED[stage] for stage in STAGES}
    assert told["0.0.0"]["conflict"] == "0.0.0"


@pytest.mark.parametrize("version", ISOLATED)
def test_MV02_three_versions_run_side_by_side_with_conflicting_dependencies(
    told: dict[str, dict[str, str]], version: str
) -> None:
    assert stages(told[version]) == dict.fromkeys(STAGES, version)
    assert told[version]["conflict"] == version
    assert told[version]["config"] == version


def test_MV02_they_ran_at_once_in_different_processes_and_environments(
    told: dict[str, dict[str, str]], host_tests_dir: Path
) -> None:
    # Each task waited for all the others to begin, and did not end before.
    alive = {path.name for path in (host_tests_dir / "versions" / "work" / "alive").iterdir()}
    assert {str(record["pid"]) for record in told.values()} == alive
    assert len(alive) == len(told)
    prefixes = {told[version]["prefix"] for version in (*ISOLATED, "0.0.0")}
    assert len(prefixes) == 4


@pytest.mark.parametrize("name", ["absent", "latest"])
def test_MV03_the_latest_is_the_newest(told: dict[str, dict[str, str]], name: str) -> None:
    assert stages(told[name]) == dict.fromkeys(STAGES, "4.3.0")
    assert told[name]["prefix"] == told["4.3.0"]["prefix"]


def test_MV04_a_sink_takes_its_own_converters_too(
    told: dict[str, dict[str, str]], host_tests_dir: Path
) -> None:
    file = host_tests_dir / "versions" / "work" / "sink.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {line["sink"] for line in lines} == {"0.1.0"}
    assert len(lines) == len(told)


def test_MV04_a_stage_that_the_connectors_location_lacks_is_the_newest_anywhere(
    host_tests_dir: Path, told: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    shared = host_tests_dir / "versions"
    workspace = Workspace(tmp_path / "space", host_tests_dir / "store")
    for version in ISOLATED:
        (workspace.plugins / f"v{version}").symlink_to(shared / "plugins" / f"v{version}")
    files = {"other.py": PLUGINS["source"].replace('VERSION_OF("source")', '"other"')}
    files |= {"conflict.py": "VERSION = 'none'\n", "versioned_base.py": BASE}
    points = {"venvoy.source": {"other": "other:Versioned"}}
    workspace.wheel("other", "other", files=files, entry_points=points)
    (workspace.work / "alive").mkdir()
    config = source(workspace, "other", 1, transforms__t__plugin__version="2.3.0",
                    predicates__p__plugin__version="2.3.0")  # fmt: skip
    text = config.read_text().replace("versioned_source.Versioned", "other.Versioned")
    config.write_text(text)
    workspace.run(config)
    (record,) = workspace.values("other")
    assert [record[stage] for stage in STAGES[:4]] == ["other", "2.3.0", "2.3.0", "4.3.0"]
    assert record["conflict"] == "none"


def test_MV07_one_task_uses_converters_of_three_environments(
    host_tests_dir: Path, told: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    shared = host_tests_dir / "versions"
    workspace = Workspace(tmp_path / "space", host_tests_dir / "store")
    for version in ISOLATED:
        (workspace.plugins / f"v{version}").symlink_to(shared / "plugins" / f"v{version}")
    (workspace.work / "alive").mkdir()
    keys = {}
    for part, version in zip(("key", "value", "header"), ISOLATED, strict=True):
        kind = "header_converter" if part == "header" else "converter"
        keys[f"{part}__converter"] = f"versioned_{kind}.Versioned"
        keys[f"{part}__converter__plugin__version"] = version
    worker = workspace.worker(**keys)
    config = workspace.config("mixed", "versioned_source.Versioned", topic="mixed", together="1")
    workspace.venvoy("run", "--offline", worker, config)
    (columns,) = workspace.records("mixed")
    key = json.loads((columns.keys or [None])[0] or b"")
    assert key == {"converter": "1.1.0", "key": "k"}
    assert json.loads(columns.values[0] or b"")["converter"] == "2.3.0"
    ((_, header),) = decode_headers((columns.headers or [None])[0] or b"")
    assert header == b"4.3.0"
