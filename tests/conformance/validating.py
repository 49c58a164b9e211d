"""A worker's validator on a plugin path of the tests' own, for the rows about configs.

Plugins of every type in the versions of Kafka's MultiVersionTest, each with a key whose default is
its version, and a location of plugins that have one fault each.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from launcher.hosts.guardian import Guardian
from launcher.hosts.host import Host
from launcher.interface.views import Json
from launcher.planning.workplace import Workplace, open_workplace
from launcher.settings import inherited_environment
from launcher.tasks.runtime import RunSettings
from launcher.validation.infos import ConfigInfo, ConfigInfos
from launcher.validation.inspectors import Veil, host_starter
from launcher.validation.validator import Validator
from manager.store.environments import Environment
from tests.isolation.workspaces import write_lock
from tests.wheel_maker import make_wheel

VERSIONS = ("1.1.0", "2.3.0", "4.3.0")
COMBINED = {
    "source": "0.0.0",
    "sink": "0.1.0",
    "converter": "0.2.0",
    "header_converter": "0.3.0",
    "transformation": "0.4.0",
    "predicate": "0.5.0",
}
CLASSES = {kind: f"versioned_{kind}.Versioned" for kind in COMBINED}

_CONFIG = """
    def config(self):
        return (ConfigDef()
            .define("version-specific-config", ConfigType.STRING, version("versioned-%s"))
            .define("other-config", ConfigType.STRING, "defaultVal"))
"""
_CONNECTOR = """
from importlib.metadata import version
from venvoy_api import *

class Task({0}Task):
    def start(self, props): pass
    def stop(self): pass
    def {1}: return None

class Versioned({0}Connector):
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return Task
    def task_configs(self, max_tasks): return [self.props]
"""
_STAGE = """
from importlib.metadata import version
from venvoy_api import *

class Versioned({0}):
{1}
"""
_CONVERT = """
    def from_connect_data(self, topic, headers, schema, value): return b""
    def to_connect_data(self, topic, headers, data): return SchemaAndValue(None, None)
"""
_CONVERT_HEADER = """
    def from_connect_header(self, topic, key, schema, value): return b""
    def to_connect_header(self, topic, key, data): return SchemaAndValue(None, None)
"""
_BODIES = {
    "source": _CONNECTOR.format("Source", "poll(self)"),
    "sink": _CONNECTOR.format("Sink", "put(self, records)"),
    "converter": _STAGE.format("Converter", _CONVERT),
    "header_converter": _STAGE.format("HeaderConverter", _CONVERT_HEADER),
    "transformation": _STAGE.format("Transformation", "    def apply(self, record): return record"),
    "predicate": _STAGE.format("Predicate", "    def test(self, record): return True"),
}

FAULTY = f"""
import time
from abc import ABC, abstractmethod
from venvoy_api import *

class Convert(Converter):
    def config(self): return ConfigDef()
{_CONVERT}
class ConvertHeader(HeaderConverter):
    def config(self): return ConfigDef()
{_CONVERT_HEADER}
def _config(self):
    return (ConfigDef()
        .define("int", ConfigType.INT, NO_DEFAULT, Range.at_least(10))
        .define("secret", ConfigType.PASSWORD, None)
        .define("grouped", ConfigType.STRING, "x", group="Deep", dependents=["int"]))

class _Abstract(ABC):
    @abstractmethod
    def missing(self): ...
class _Arguments:
    def __init__(self, needed): pass
class _Throws:
    def __init__(self): raise RuntimeError("no luck")
class _NoConfigDef:
    def config(self): return None
class _Misconfigured:
    config = _config
class _ConfigDefRaises:
    def config(self): raise RuntimeError("no definition")

class AbstractConverter(_Abstract, Convert): pass
class ArgumentsConverter(_Arguments, Convert): pass
class ThrowingConverter(_Throws, Convert): pass
class NoConfigDefConverter(_NoConfigDef, Convert): pass
class MisconfiguredConverter(_Misconfigured, Convert): pass
class TypedConverter(Convert):
    def config(self):
        return ConfigDef().define("type", ConfigType.STRING, NO_DEFAULT, ValidString("a", "b"))
class ConfigDefRaisesConverter(_ConfigDefRaises, Convert): pass
class AbstractHeader(_Abstract, ConvertHeader): pass
class ArgumentsHeader(_Arguments, ConvertHeader): pass
class ThrowingHeader(_Throws, ConvertHeader): pass
class NoConfigDefHeader(_NoConfigDef, ConvertHeader): pass
class MisconfiguredHeader(_Misconfigured, ConvertHeader): pass

class Simple(Transformation):
    config = _config
    def apply(self, record): return record
class AbstractTransformation(_Abstract, Simple): pass
class ThrowingTransformation(_Throws, Simple): pass
class NoConfigDefTransformation(_NoConfigDef, Simple): pass
class Outer(Simple):
    @abstractmethod
    def which(self): ...
    class Key(Simple): pass
    class Value(Simple): pass
class Duplicate(Transformation):
    def config(self):
        return (ConfigDef()
            .define("predicate", ConfigType.INT, 1)
            .define("negate", ConfigType.INT, 2)
            .define("plugin.version", ConfigType.INT, 3)
            .define("must.exist.key", ConfigType.BOOLEAN, True))
    def apply(self, record): return record
class Test(Predicate):
    config = _config
    def test(self, record): return True
class AbstractPredicate(_Abstract, Test): pass

class Task(SourceTask):
    def start(self, props): pass
    def stop(self): pass
    def poll(self): return None
class SinkWork(SinkTask):
    def start(self, props): pass
    def stop(self): pass
    def put(self, records): pass
class Source(SourceConnector):
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return Task
    def task_configs(self, max_tasks): return [self.props]
    def config(self):
        return (ConfigDef()
            .define("required", ConfigType.STRING, importance=Importance.HIGH, group="Own")
            .define("password", ConfigType.PASSWORD, None)
            .define("number", ConfigType.INT, 1)
            .define("list", ConfigType.LIST, ["a", "b"])
            .define("hidden", ConfigType.STRING, "x", internal=True))
class SampleSource(Source):
    def validate(self, configs):
        checked = super().validate(configs)
        if configs.get("required") == "loud":
            import logging
            print("printed", configs["password"], flush=True)
            logging.getLogger("acme").error("logged %s", configs["password"])
        if configs.get("required") == "strange":
            checked.value("required").add_error_message("strange: " + configs["password"])
            checked.config_values.append(ConfigValue("unheard.of", "1", error_messages=["bad"]))
        return checked
class OwnNameSource(Source):
    def config(self):
        return ConfigDef().define("tasks.max", ConfigType.INT, 7, documentation="its own")
class AbstractSource(_Abstract, Source): pass
class ThrowingSource(_Throws, Source): pass
class NoConfigDefSource(_NoConfigDef, Source): pass
class NoValidationSource(Source):
    def validate(self, configs): return None
class OddKeySource(Source):
    def config(self):
        return ConfigDef().define("odd", ConfigType.STRING, "x", documentation=None,
                                  order_in_group="first", dependents=["nobody"])
class DictSource(Source):
    def config(self): return dict(odd="x")
class DictAnswerSource(Source):
    def validate(self, configs): return dict(odd="x")
class RaisingSource(Source):
    def validate(self, configs): raise KeyError("oops")
class ExitingSource(Source):
    def validate(self, configs):
        import os
        os._exit(7)
class HangingSource(Source):
    def validate(self, configs): time.sleep(1000)
class OnceSource(Source):
    def exactly_once_support(self, configs):
        wanted = configs["required"]
        if wanted == "raise": raise RuntimeError("who knows")
        return ExactlyOnceSupport(wanted) if wanted else None
class Sink(SinkConnector):
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return SinkWork
    def task_configs(self, max_tasks): return [self.props]
    def config(self): return ConfigDef()
"""
_FAULTY_POINTS = {
    "venvoy.source": [
        "SampleSource", "OwnNameSource", "AbstractSource", "ThrowingSource",
        "NoConfigDefSource", "NoValidationSource", "OddKeySource", "DictSource",
        "DictAnswerSource", "RaisingSource", "ExitingSource", "HangingSource",
        "OnceSource",
    ],
    "venvoy.sink": ["Sink"],
    "venvoy.converter": [
        "AbstractConverter", "ArgumentsConverter", "ThrowingConverter", "NoConfigDefConverter",
        "MisconfiguredConverter", "ConfigDefRaisesConverter", "TypedConverter",
    ],
    "venvoy.header_converter": [
        "AbstractHeader", "ArgumentsHeader", "ThrowingHeader", "NoConfigDefHeader",
        "MisconfiguredHeader",
    ],
    "venvoy.transformation": [
        "Simple", "AbstractTransformation", "ThrowingTransformation", "NoConfigDefTransformation",
        "Outer", "Outer.Key", "Outer.Value", "Duplicate",
    ],
    "venvoy.predicate": ["Test", "AbstractPredicate"],
}  # fmt: skip


def add_versions(place: Path) -> None:
    """Three locations with one version of every type, and one with six versions."""
    named = {f"v{version}": dict.fromkeys(COMBINED, version) for version in VERSIONS}
    for name, versions in {**named, "combined": COMBINED}.items():
        for kind, version in versions.items():
            text = _BODIES[kind] + _CONFIG % kind.replace("_", "-")
            make_wheel(
                place / name,
                f"versioned-{kind.replace('_', '-')}",
                version,
                files={f"versioned_{kind}.py": text},
                entry_points={f"venvoy.{kind}": {"versioned": f"versioned_{kind}:Versioned"}},
            )
        write_lock(place / name)


def add_faulty(place: Path) -> None:
    """A location of plugins with faults; those that cannot be constructed fail their trial."""
    points = {
        group: {name.lower(): f"faulty:{name}" for name in names}
        for group, names in _FAULTY_POINTS.items()
    }
    make_wheel(place / "faulty", "faulty", "1.0", files={"faulty.py": FAULTY}, entry_points=points)
    write_lock(place / "faulty")


_T = TypeVar("_T")


class Room:
    """One validator and its event loop; every call runs in the test's own thread."""

    def __init__(self, workplace: Workplace, guardian: Guardian, work: Path) -> None:
        self.workplace = workplace
        self.guardian = guardian
        self.work = work
        self.runner = asyncio.Runner()
        self.hosts: list[Host] = []
        self.told: list[str] = []
        self._made: list[Validator] = []
        self.validator = self.make()

    def make(
        self,
        properties: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 100.0,
        idle_s: float = 60.0,
    ) -> Validator:
        """Another validator, of a worker with other properties, without hosts yet."""
        start = host_starter(
            guardian=self.guardian,
            workplace=lambda: self.workplace,
            settings=RunSettings(working_dir=self.work, parent_environment=inherited_environment()),
            on_output=lambda task, stream, line: self.told.append(line),
            on_event=lambda event: self.told.append(event.text),
        )

        async def noted(environment: Environment, isolated: bool, veil: Veil) -> Host:
            host = await start(environment, isolated, veil)
            self.hosts.append(host)
            return host

        validator = Validator(
            workplace=lambda: self.workplace,
            properties=dict(properties or {}),
            start_host=noted,
            timeout_s=timeout_s,
            idle_s=idle_s,
        )
        self._made.append(validator)
        return validator

    def validate(self, config: Mapping[str, str | None], **keys: str | None) -> ConfigInfos:
        """Validate; `__` in a keyword stands for a dot."""
        return self.validate_with(self.validator, config, **keys)

    def validate_with(
        self,
        validator: Validator,
        config: Mapping[str, str | None],
        *,
        plugin: str | None = None,
        **keys: str | None,
    ) -> ConfigInfos:
        """Validate with a validator that `make` returned."""
        pairs = {**config, **{key.replace("__", "."): value for key, value in keys.items()}}
        return self.runner.run(validator.validate(pairs, plugin=plugin))

    def plugin_config(self, plugin: str, version: str | None = None) -> tuple[Json, ...]:
        """The ConfigKeyInfos of a plugin."""
        return self.runner.run(self.validator.plugin_config(plugin, version))

    def close(self) -> None:
        """End hosts and loop."""
        for validator in self._made:
            self.runner.run(validator.close())
        self.runner.close()


@contextmanager
def room(directory: Path, store: Path) -> Iterator[Room]:
    """Open a workplace offline on `directory/plugins`, on a store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VENVOY_STORE", str(store))
        workplace = open_workplace(
            str(directory / "plugins"), progress=lambda text: None, offline=True
        )
    with Guardian(parent_environment=inherited_environment()) as guardian:
        made = Room(workplace, guardian, directory)
        try:
            yield made
        finally:
            made.close()


def faults(infos: ConfigInfos) -> dict[str, tuple[str, ...]]:
    """Every fault by its key."""
    found = {info.value.name: info.value.errors for info in infos.configs if info.value.errors}
    assert infos.error_count == sum(map(len, found.values()))
    assert infos.as_json()["error_count"] == infos.error_count
    return found


def info(infos: ConfigInfos, key: str) -> ConfigInfo:
    """One key's definition and value; each key is there once."""
    (found,) = [one for one in infos.configs if one.value.name == key]
    assert found.definition.name == key
    return found
