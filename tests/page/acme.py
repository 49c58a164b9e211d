"""A small company's plugin path: one source in three versions, a sink, a torn wheel."""

from pathlib import Path

from tests.isolation.workspaces import write_lock
from tests.wheel_maker import make_wheel

__all__ = ["add_csv", "add_sink", "add_torn"]

_SOURCE = '''
import time
import venvoy_api
from venvoy_api import ConfigDef, ConfigType, Importance, SourceRecord


class CsvSourceConnector(venvoy_api.SourceConnector):
    """Reads rows for ever."""

    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return CsvSourceTask
    def task_configs(self, max_tasks):
        return [dict(self.props, task=str(number)) for number in range(max_tasks)]
    def config(self):
        return (ConfigDef()
            .define("topic", ConfigType.STRING, importance=Importance.HIGH, documentation="where")
            .define("file", ConfigType.STRING, importance=Importance.HIGH, documentation="whence")
            .define("token", ConfigType.PASSWORD, default="", importance=Importance.LOW,
                    documentation="a secret")
            {defined})


class CsvSourceTask(venvoy_api.SourceTask):
    def start(self, props):
        {started}
        self.props = props
        self.partition = {{"file": props["file"], "task": props["task"]}}
        found = self.context.offset_storage_reader().offset(self.partition)
        self.row = found["row"] if found else 0

    def stop(self): pass

    def poll(self):
        if self.props["file"] == "missing.csv" and self.row >= 20:
            raise FileNotFoundError("missing.csv is gone after 20 rows")
        time.sleep(0.05)
        self.row += 5
        return [SourceRecord(self.partition, {{"row": row + 1}}, self.props["topic"],
                             value={{"row": row}})
                for row in range(self.row - 5, self.row)]
'''
_SINK = '''
import venvoy_api
from venvoy_api import ConfigDef


class TableSinkConnector(venvoy_api.SinkConnector):
    """Counts rows."""

    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return TableSinkTask
    def task_configs(self, max_tasks): return [self.props]
    def config(self): return ConfigDef()


class TableSinkTask(venvoy_api.SinkTask):
    def start(self, props): self.rows = 0
    def stop(self): pass
    def put(self, records): self.rows += len(records)
'''
_DEFINED = {
    "1.4.0": '.define("batch.size", ConfigType.INT, default=100, importance=Importance.LOW,'
    ' documentation="rows")',
    "2.0.0": '.define("batch.size", ConfigType.INT, default=500, importance=Importance.LOW,'
    ' documentation="rows").define("encoding", ConfigType.STRING, default="utf-8",'
    ' importance=Importance.LOW, documentation="of the file")',
}
_PARSERS = {"1.4.0": "1.10.2", "2.0.0": "2.3.0", "2.1.0": "2.3.0"}
_FAILS = 'raise RuntimeError("acme-licence: no licence for 2.1")'


def add_csv(plugins: Path, version: str) -> None:
    """Add a version of the source, with a library of its own; 2.1.0 fails in `start`."""
    location = plugins / f"acme-csv-{version}"
    source = _SOURCE.format(
        defined=_DEFINED.get(version, _DEFINED["2.0.0"]),
        started=_FAILS if version == "2.1.0" else "pass",
    )
    parser = _PARSERS[version]
    wheels = location / "wheels"
    make_wheel(wheels, "acme-parser", parser)
    requires = [f"acme-parser=={parser}"]
    if version != "1.4.0":
        make_wheel(wheels, "acme-dialects", "0.4.1")
        requires.append("acme-dialects")
    entry_points = {"venvoy.source": {"csv": "acme_csv:CsvSourceConnector"}}
    make_wheel(
        location, "acme-csv", version,
        files={"acme_csv.py": source}, requires=requires, entry_points=entry_points,
    )  # fmt: skip
    write_lock(location)


def add_sink(plugins: Path) -> None:
    """Add the sink."""
    location = plugins / "acme-table-3.1.0"
    make_wheel(
        location, "acme-table", "3.1.0", files={"acme_table.py": _SINK},
        entry_points={"venvoy.sink": {"table": "acme_table:TableSinkConnector"}},
    )  # fmt: skip
    write_lock(location)


def add_torn(plugins: Path) -> None:
    """Add a wheel that was not copied to its end."""
    location = plugins / "acme-geo-0.3.0"
    wheel = make_wheel(location, "acme-geo", "0.3.0")
    wheel.write_bytes(wheel.read_bytes()[:100])
