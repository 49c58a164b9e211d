"""The API as a whole: documented, importable everywhere, packaged alone, and what tasks inherit."""

import ast
import importlib
import inspect
import pkgutil
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest

import venvoy_api
from venvoy_api import (
    ConfigDef,
    ConfigType,
    Configurable,
    ConnectError,
    OffsetStorageReader,
    SinkRecord,
    SinkTask,
    SourceConnector,
    SourceRecord,
    SourceTask,
    TopicPartition,
    Versioned,
)

SHARED = Path(venvoy_api.__file__).parent.parent
PROJECT = tomllib.loads((SHARED / "pyproject.toml").read_text())["project"]
MODULES = [
    importlib.import_module(info.name)
    for info in pkgutil.walk_packages([str(SHARED / "venvoy_api")], "venvoy_api.")
]
SMOKE = """
import sys
sys.path.insert(0, sys.argv[1])
import importlib, pickle, pkgutil
import venvoy_api as api
for info in pkgutil.walk_packages(api.__path__, "venvoy_api."):
    importlib.import_module(info.name)
from venvoy_api.converters import JsonConverter, SimpleHeaderConverter
from venvoy_api.transforms import Cast
schema = api.SchemaBuilder.struct().field("at", api.Date.SCHEMA).field("n", api.INT8_SCHEMA).build()
cast = Cast.Value()
cast.configure({"spec": "at:string,n:float64"})
header = SimpleHeaderConverter().to_connect_header("t", "k", b"2024-02-29")
value = api.Struct(schema, {"at": header.value, "n": 3})
record = api.SinkRecord("t", 0, None, None, schema, value, 1)
assert pickle.loads(pickle.dumps(record, 5)) == record
record = cast.apply(record)
converter = JsonConverter()
data = converter.from_connect_data("t", None, record.value_schema, record.value)
assert converter.to_connect_data("t", None, data) == (record.value_schema, record.value)
print(record.value.to_dict(), *sorted(name for name in sys.modules if "venvoy" in name))
"""


@pytest.mark.parametrize("module", [venvoy_api, *MODULES], ids=lambda module: module.__name__)
def test_every_public_name_is_documented(module: ModuleType) -> None:
    assert module.__doc__
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), name
        if inspect.isclass(value):
            for attribute, member in vars(value).items():
                if not attribute.startswith("_") and inspect.isfunction(member):
                    assert member.__doc__, f"{name}.{attribute}"


def test_the_version_is_the_distributions() -> None:
    assert venvoy_api.__version__ == PROJECT["version"]


def test_nothing_but_the_standard_library_is_imported() -> None:
    allowed = sys.stdlib_module_names | {"venvoy_api"}
    for file in (SHARED / "venvoy_api").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert all(name.partition(".")[0] in allowed for name in names), file


def test_every_module_imports_and_works_under_every_python(each_python: Path) -> None:
    done = subprocess.run(
        [each_python, "-I", "-S", "-B", "-W", "error", "-c", SMOKE, SHARED],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("{'at': '2024-02-29', 'n': 3.0}")
    assert len(done.stdout.split()) > len(MODULES)


def test_every_entry_point_names_a_concrete_class_of_its_type() -> None:
    types = {
        "venvoy.transformation": venvoy_api.Transformation,
        "venvoy.predicate": venvoy_api.Predicate,
        "venvoy.converter": venvoy_api.Converter,
        "venvoy.header_converter": venvoy_api.HeaderConverter,
    }
    assert PROJECT["entry-points"].keys() == types.keys()
    for group, entry_points in PROJECT["entry-points"].items():
        for value in entry_points.values():
            module, _, qualname = value.partition(":")
            found: object = importlib.import_module(module)
            for part in qualname.split("."):
                found = getattr(found, part)
            assert isinstance(found, type)
            assert issubclass(found, types[group])
            plugin = found()
            assert isinstance(plugin, Versioned)
            assert plugin.version() == venvoy_api.__version__
            assert isinstance(plugin, Configurable)
            assert isinstance(plugin.config(), ConfigDef)


@pytest.mark.network
def test_the_wheel_holds_the_api_alone_and_its_entry_points(tmp_path: Path) -> None:
    copy = tmp_path / "shared"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    shutil.copytree(SHARED, copy, ignore=ignored)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", tmp_path, copy],
        check=True,
        capture_output=True,
        timeout=240,
    )
    [wheel] = tmp_path.glob("venvoy_api-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [entry_points] = [name for name in names if name.endswith("/entry_points.txt")]
        text = archive.read(entry_points).decode()
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"venvoy_api", f"venvoy_api-{PROJECT['version']}.dist-info"}
    packed = {name for name in names if name.startswith("venvoy_api/")}
    source = SHARED / "venvoy_api"
    assert packed == {
        path.relative_to(SHARED).as_posix()
        for path in source.rglob("*")
        if path.suffix == ".py" or path.name == "py.typed"
    }
    assert "Cast$Value = venvoy_api.transforms:Cast.Value" in text


class Lines(SourceConnector):
    """A connector with one required key, which no distribution declares."""

    def start(self, props: Mapping[str, str]) -> None:
        self.props = [*getattr(self, "props", []), props]

    def task_class(self) -> type[SourceTask]:
        return LinesTask

    def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
        return self.props[:max_tasks]

    def stop(self) -> None:
        self.props.append({"stopped": "yes"})

    def config(self) -> ConfigDef:
        return ConfigDef().define("file", ConfigType.STRING)


class LinesTask(SourceTask):
    """A task that overrides only what it must."""

    def start(self, props: Mapping[str, str]) -> None:
        self.props = props

    def poll(self) -> Sequence[SourceRecord] | None:
        return None

    def stop(self) -> None:
        """Have nothing to do."""


class Collected(SinkTask):
    """A sink task that remembers what it was asked to flush."""

    def start(self, props: Mapping[str, str]) -> None:
        self.flushed: Mapping[TopicPartition, int] = {}

    def put(self, records: Sequence[SinkRecord]) -> None:
        """Take nothing."""

    def flush(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.flushed = offsets

    def stop(self) -> None:
        """Have nothing to do."""


def test_a_connector_need_only_say_what_is_its_own() -> None:
    connector = Lines()
    connector.start({"file": "a"})
    connector.reconfigure({"file": "b"})
    assert connector.props == [{"file": "a"}, {"stopped": "yes"}, {"file": "b"}]
    assert connector.validate({}).error_count == 1
    assert connector.validate({"file": "a"}).error_count == 0
    assert connector.alter_offsets({}, []) is False
    assert connector.version() == venvoy_api.UNDEFINED_VERSION
    assert LinesTask().drained() is False
    LinesTask().commit()


def test_a_connector_without_a_definition_is_told_so() -> None:
    class NoConfig(Lines):
        def config(self) -> ConfigDef:
            return None  # type: ignore[return-value]  # the fault

    with pytest.raises(ConnectError, match="must return a ConfigDef"):
        NoConfig().validate({})


def test_pre_commit_flushes_and_agrees_to_every_offset() -> None:
    task = Collected()
    task.start({})
    offsets = {TopicPartition("t", 0): 5}
    assert task.pre_commit(offsets) == offsets
    assert task.flushed == offsets


def test_a_reader_of_one_offset_can_read_several() -> None:
    class Reader(OffsetStorageReader):
        def offset(self, partition: Mapping[str, object]) -> Mapping[str, object] | None:
            return {"line": 3} if partition == {"file": "a"} else None

    pairs = Reader().offsets([{"file": "a"}, {"file": "b"}])
    assert pairs == [({"file": "a"}, {"line": 3}), ({"file": "b"}, None)]


def test_a_plugin_has_the_version_of_the_distribution_that_declares_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "acme_lines-3.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-lines\nVersion: 3.2\n")
    (info / "entry_points.txt").write_text("[venvoy.source]\nlines = acme_lines:Lines\n")
    (tmp_path / "acme_lines.py").write_text(
        "from venvoy_api import Configurable, Versioned\nclass Lines(Versioned): pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("acme_lines")
    assert module.Lines().version() == "3.2"
    sys.modules.pop("acme_lines")
