"""A task whose stages live in five environments stores the very bytes that one environment stores.

Each location holds a `units` of its own, which the others' plugins could not even import; in the
sixth all the plugins live together on a seventh version of it.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.isolation.workspaces import Workspace, write_lock
from tests.launcher.pipelines import stored
from venvoy_host import frames

COUNT = 6000
PARTITIONS = 2
DROPPED = 97
RARE = 3

PLUGINS: Mapping[str, tuple[str, str, str]] = {
    "source": ("source", "Numbers", '''
class Numbers(SourceConnector):
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return Task
    def task_configs(self, max_tasks): return [self.props]
    def config(self): return ConfigDef()

INNER = SchemaBuilder.struct().name("inner").field("text", OPTIONAL_STRING_SCHEMA).build()
ROW = (
    SchemaBuilder.struct().name("row").version(2).doc("a row")
    .field("n", INT64_SCHEMA)
    .field("price", Decimal.schema(2))
    .field("day", Date.SCHEMA)
    .field("at", Timestamp.SCHEMA)
    .field("inner", INNER)
    .field("tags", SchemaBuilder.array(STRING_SCHEMA).build())
    .field("raw", SchemaBuilder.bytes().optional().default(b"none").build())
    .build()
)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

class Task(SourceTask):
    """Rows with a schema, rows without, and a tombstone now and then; some have headers."""
    next = 0
    def start(self, props): self.count, self.topic = int(props["count"]), props["to"]
    def stop(self): pass
    def drained(self): return self.next >= self.count
    def poll(self):
        begin, self.next = self.next, min(self.count, self.next + 1700)
        return [self.record(n) for n in range(begin, self.next)]
    def record(self, n):
        at = EPOCH + datetime.timedelta(hours=n)
        schema, value = ROW, Struct(ROW, {
            "n": units(n), "price": decimal.Decimal(n).scaleb(-2), "day": at.date(), "at": at,
            "inner": Struct(INNER, {"text": "t" * (n % 50) if n % 4 else None}),
            "tags": ["a", "b"][:n % 3], "raw": bytes([n % 256]) if n % 2 else None})
        if n % 5 == 0:
            schema, value = None, {"n": units(n), "deep": {"list": [n, None, n / 8]}}
        if n % 31 == 0:
            schema, value = None, None
        headers = [Header("h", STRING_SCHEMA, "x%d" % n), Header("h", None, n)] if n % 7 else None
        return SourceRecord({"p": n % 3}, {"n": n}, self.topic, n % 2, INT64_SCHEMA, n,
                            schema, value, 1000 + n, headers)
'''),
    "transformation-tag": ("transformation", "Tag", '''
class Tag(Transformation):
    """Drops a record in so many, tells the rest in a header."""
    def configure(self, configs): self.drop = int(configs["drop"])
    def apply(self, record):
        if record.key % self.drop == 0: return None
        headers = [*record.headers, Header("tag", None, units(record.key))]
        return record.new_record(headers=headers)
'''),
    "transformation-number": ("transformation", "Number", '''
class Number(Transformation):
    """Numbers the records in the order of their coming."""
    seen = 0
    def apply(self, record):
        self.seen += 1
        return record.new_record(headers=[*record.headers, Header("seen", None, self.seen)])
'''),
    "predicate": ("predicate", "Rare", '''
class Rare(Predicate):
    def configure(self, configs): self.every = int(configs["every"])
    def test(self, record): return units(record.key) % self.every == 0
'''),
    "converter-key": ("converter", "KeyText", '''
class KeyText(Converter):
    def from_connect_data(self, topic, headers, schema, value):
        return ("k%d %s" % (units(value), schema.type.value)).encode()
    def to_connect_data(self, topic, headers, data):
        return SchemaAndValue(INT64_SCHEMA, int(data[1:].split()[0]))
'''),
    "converter-value": ("converter", "ValueJson", '''
from venvoy_api.converters import JsonConverter
class ValueJson(JsonConverter):
    def from_connect_data(self, topic, headers, schema, value):
        data = super().from_connect_data(topic, headers, schema, value)
        return data and data + b" " * (units(len(data)) % 4)
'''),
    "header-converter": ("header_converter", "HeaderText", '''
class HeaderText(HeaderConverter):
    def from_connect_header(self, topic, key, schema, value):
        return repr((value, schema and schema.type.value)).encode()
    def to_connect_header(self, topic, key, data):
        return SchemaAndValue(None, data.decode())
'''),
    "sink": ("sink", "Lines", '''
class Lines(SinkConnector):
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return Task
    def task_configs(self, max_tasks): return [self.props]
    def config(self): return ConfigDef()

class Task(SinkTask):
    def start(self, props): self.out = open(props["file"], "w")
    def stop(self): self.out.close()
    def put(self, records):
        for one in records:
            headers = [[header.key, header.value] for header in one.headers]
            schema = one.value_schema and [field.name for field in one.value_schema.fields]
            line = [one.partition, one.offset, one.timestamp, units(one.key), headers, schema,
                    repr(one.value)]
            self.out.write(json.dumps(line) + chr(10))
        self.out.flush()
'''),
}  # fmt: skip
HEAD = """
import datetime, decimal, json
from venvoy_api import *
from units import units_{version} as units

"""
UNITS = "def units_{version}(number): return number\n"
# Five environments, and what is taken from each.
APART = {
    1: ("source", "sink"),
    2: ("transformation-tag", "header-converter"),
    3: ("predicate",),
    4: ("transformation-number", "converter-key"),
    5: ("converter-value",),
}
TOGETHER = 9


def add_location(workspace: Workspace, version: int, kinds: tuple[str, ...]) -> None:
    """A directory of plugins, all of that version and on that version of `units`."""
    name = f"v{version}"
    for kind in kinds:
        plugin_type, cls, text = PLUGINS[kind]
        module = f"chain_{kind.replace('-', '_')}"
        workspace.wheel(
            name,
            f"chain-{kind}",
            f"{version}.0",
            files={f"{module}.py": HEAD.format(version=version) + text},
            requires=[f"units=={version}.0"],
            entry_points={f"venvoy.{plugin_type}": {cls.lower(): f"{module}:{cls}"}},
        )
    files = {"units.py": UNITS.format(version=version)}
    workspace.wheel(f"{name}/wheels", "units", f"{version}.0", files=files)
    write_lock(workspace.plugins / name)


def stages(version_of: Mapping[str, int], *, negate: bool) -> dict[str, str]:
    """The keys of two transformations, one with a predicate, and of three converters."""
    return {
        "transforms": "tag,number",
        "transforms.tag.type": "Tag",
        "transforms.tag.plugin.version": f"{version_of['transformation-tag']}.0",
        "transforms.tag.drop": str(DROPPED),
        "transforms.tag.predicate": "rare",
        "transforms.tag.negate": str(negate).lower(),
        "predicates": "rare",
        "predicates.rare.type": "Rare",
        "predicates.rare.plugin.version": f"{version_of['predicate']}.0",
        "predicates.rare.every": str(RARE),
        "transforms.number.type": "Number",
        "transforms.number.plugin.version": f"{version_of['transformation-number']}.0",
        "key.converter": "KeyText",
        "key.converter.plugin.version": f"{version_of['converter-key']}.0",
        "value.converter": "ValueJson",
        "value.converter.plugin.version": f"{version_of['converter-value']}.0",
        "header.converter": "HeaderText",
        "header.converter.plugin.version": f"{version_of['header-converter']}.0",
    }


VERSIONS: Mapping[str, Mapping[str, int]] = {
    "apart": {kind: version for version, kinds in APART.items() for kind in kinds},
    "together": dict.fromkeys(PLUGINS, TOGETHER),
}


def connector(workspace: Workspace, way: str, kind: str, keys: Mapping[str, str]) -> Path:
    """Write the config of a connector whose stages are apart or together."""
    pairs = {
        "name": f"{kind}-{way}",
        "connector.class": PLUGINS[kind][1],
        "connector.version": f"{VERSIONS[way][kind]}.0",
        **stages(VERSIONS[way], negate=kind == "source"),
        **keys,
    }
    return workspace.properties(pairs["name"], pairs)


def columns(log_file: Path, topic: str, partition: int) -> list[tuple[object, ...]]:
    """Key, value, headers and timestamp of every record of a partition, as stored."""
    head = frames.HEADER.size
    found: list[tuple[object, ...]] = []
    for one in stored(log_file, topic, partition):
        frame = frames.parse(one.data[:head], one.data[head:])
        assert frame.first_offset == len(found)
        keys, values, headers, timestamps = frames.decode_columns(frame)
        found += zip(keys, values, headers or [None] * len(keys), timestamps, strict=True)
    return found


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    """A workspace with the six locations."""
    for version, kinds in APART.items():
        add_location(workspace, version, kinds)
    add_location(workspace, TOGETHER, tuple(PLUGINS))
    return workspace


def hosts_of(workspace: Workspace, config: Path) -> list[tuple[str, int]]:
    """By stage, in record order: its class and the number of its host."""
    told = workspace.venvoy(
        "plugins", "explain", "--json", "--worker-config", workspace.worker(), config
    ).told
    assert told is not None
    data = told["data"]
    assert isinstance(data, list)
    ((one,),) = [data]
    return [(stage["chosen_class"].rpartition(".")[2], stage["host"]) for stage in one["stages"]]


def is_stored(n: int) -> bool:
    """Whether the source's chain lets a record through: it drops of the records not rare."""
    return n % RARE == 0 or n % DROPPED != 0


def is_read(n: int) -> bool:
    """Whether the sink's chain lets a stored record through: it drops of the rare ones."""
    return n % RARE != 0 or n % DROPPED != 0


@pytest.mark.timeout(300)
def test_five_environments_give_the_bytes_of_one(workspace: Workspace) -> None:
    sources = [
        connector(workspace, way, "source", {"to": way, "count": str(COUNT)}) for way in VERSIONS
    ]
    assert hosts_of(workspace, sources[0]) == [
        ("Numbers", 1),
        ("Rare", 2),
        ("Tag", 3),
        ("Number", 4),
        ("KeyText", 4),
        ("ValueJson", 5),
        ("HeaderText", 6),
    ]
    sinks = [
        connector(
            workspace, way, "sink", {"topics": way, "file": str(workspace.work / f"{way}.jsonl")}
        )
        for way in VERSIONS
    ]
    rows = workspace.run(*sources, *sinks).rows()
    kept = [n for n in range(COUNT) if is_stored(n)]
    moved = {str(row["connector"]): (row["records_in"], row["records_out"]) for row in rows}
    assert moved["source-apart"] == moved["source-together"] == (COUNT, len(kept))

    for partition in range(PARTITIONS):
        apart, together = (columns(workspace.log_file, way, partition) for way in VERSIONS)
        mine = [n for n in kept if n % PARTITIONS == partition]
        assert [key for key, *_ in apart] == [f"k{n} int64".encode() for n in mine]
        assert [stamp for *_, stamp in apart] == [1000 + n for n in mine]
        assert apart == together
        for n, (_, value, headers, _) in zip(mine, apart, strict=True):
            assert isinstance(headers, bytes)
            names = dict(frames.decode_headers(headers))
            assert names["seen"] == repr((kept.index(n) + 1, None)).encode()
            assert (names.get("tag") is None) == (n % RARE == 0)
            assert (value is None) == (n % 31 == 0)

    lines = {way: (workspace.work / f"{way}.jsonl").read_text().splitlines() for way in VERSIONS}
    # Two partitions are read in no common order; within each the sink saw them in order.
    for partition in range(PARTITIONS):
        apart, together = (
            [line for line in map(json.loads, lines[way]) if line[0] == partition]
            for way in VERSIONS
        )
        mine = [n for n in kept if n % PARTITIONS == partition]
        read = [n for n in mine if is_read(n)]
        assert [line[3] for line in apart] == read
        assert [line[1] for line in apart] == [mine.index(n) for n in read]
        assert [line[:4] + line[5:] for line in apart] == [line[:4] + line[5:] for line in together]
