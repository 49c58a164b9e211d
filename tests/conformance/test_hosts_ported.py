"""PU, PL, DC: what plugins may bring, share and read, by Kafka's other test plugins."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.conformance.ported import API_MODULES, ENTRY_POINTS, FILES, LIBRARIES, SERVICE
from tests.isolation.workspaces import Workspace, once, write_lock

PLAIN = {"value__converter": "JsonConverter", "value__converter__schemas__enable": "false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the run left: values and keys by topic, the prefix of the plugins, stderr, the list."""

    store: Path
    prefix: Path
    values: Mapping[str, list[dict[str, object]]]
    keys: Mapping[str, list[str]]
    stderr: str
    listed: list[dict[str, object]]

    @property
    def facts(self) -> dict[str, object]:
        """What the probe found."""
        return self.values["probe"][0]

    @property
    def api_dir(self) -> Path:
        """The API's copy in the store that hosts import."""
        (api_dir,) = self.store.glob("api/*")
        return api_dir


def add_plugins(workspace: Workspace) -> None:
    workspace.wheel(
        "ported", "ported", files=FILES, requires=list(LIBRARIES), entry_points=ENTRY_POINTS
    )
    for name, (number, files) in LIBRARIES.items():
        points = SERVICE if name == "serving" else None
        workspace.wheel("ported/wheels", name, number, files=files, entry_points=points)
    write_lock(workspace.plugins / "ported")
    for number in ("1.0.0", "2.0.0"):
        files = {
            "reading.py": str(FILES["ported.py"])
            .replace('"ported_data"', '"reading_data"')
            .replace("import services", "class services: found = staticmethod(list); STATIC = []")
            .replace('importlib.metadata.version("click")', "None")
            .replace('importlib.import_module("click").__file__', "None"),
            "reading_data/__init__.py": "",
            "reading_data/version.txt": number,
            "venvoy_api/version.txt": "of the plugin",
        }
        points = {"venvoy.source": {"reading": "reading:Ported"}}
        workspace.wheel(f"reading-{number}", "reading", number, files=files, entry_points=points)


def run_ported(workspace: Workspace) -> dict[str, object]:
    add_plugins(workspace)
    configs = [
        workspace.config("probe", "ported.Ported", topic="probe", probes="yes", **PLAIN),
        workspace.config(
            "statics",
            "ported.Ported",
            topic="statics",
            tasks__max="2",
            transforms="a,b",
            transforms__a__type="aliased",
            transforms__b__type="ported.AliasedStaticField",
            **PLAIN,
        ),
        workspace.config(
            "own",
            "ported.Ported",
            topic="own",
            key__converter="ported.StringConverter",
            value__converter="ported.SubclassOfJsonConverter",
            value__converter__schemas__enable="false",
            transforms="c",
            transforms__c__type="ported.Cast$Value",
            transforms__c__spec="n:int32",
        ),
        workspace.config("deaf", "deaf.Deaf", topics="probe", **PLAIN),
    ]
    for number in ("1.0.0", "2.0.0"):
        name, keys = f"reading-{number}", {"connector__version": number, "probes": "yes", **PLAIN}
        configs.append(workspace.config(name, "reading.Ported", topic=name, **keys))
    ran = workspace.run(*configs)
    topics = ("probe", "statics", "own", "reading-1.0.0", "reading-2.0.0")
    digests = ran.rows()[0]["environments"]
    assert isinstance(digests, list)
    listed = workspace.venvoy("plugins", "list", "--json", "--plugin-path", workspace.plugins)
    return {
        "prefix": str(workspace.store / "environments" / digests[0][:40]),
        "values": {topic: workspace.values(topic) for topic in topics},
        "keys": {
            topic: [
                str(key or b"", "utf-8") for one in workspace.records(topic) for key in one.keys
            ]
            for topic in topics
        },
        "stderr": ran.stderr,
        "listed": listed.rows(),
    }


@pytest.fixture(scope="module")
def told(host_tests_dir: Path) -> Told:
    """The finished run; its store is its own, so that only one copy of the API is in it."""
    workspace = Workspace(host_tests_dir / "ported", host_tests_dir / "ported-store")
    answer = workspace.work / "told.json"
    with once(host_tests_dir, "ported") as mine:
        if mine is not None:
            answer.write_text(json.dumps(run_ported(workspace)))
    found = json.loads(answer.read_text())
    return Told(store=workspace.store, **{**found, "prefix": Path(found["prefix"])})


@pytest.mark.parametrize("name", ["json", "logging"])
def test_PU01_a_plugins_file_does_not_shadow_the_standard_library(told: Told, name: str) -> None:
    file = Path(str(told.facts[name]))
    assert not file.is_relative_to(told.store)
    assert file.parts[-2:] == (name, "__init__.py")


def test_PU02_a_plugin_cannot_replace_the_hosts_own_logging(told: Told) -> None:
    assert "put failed and is tried again: not before the third time" in told.stderr
    assert "stopping the connector failed" in told.stderr
    assert "stopping fails" in told.stderr


@pytest.mark.parametrize("module", API_MODULES)
def test_PU03_PU04_every_module_of_the_api_is_the_shared_one(told: Told, module: str) -> None:
    api = told.facts["api"]
    assert isinstance(api, dict)
    assert Path(api[module]).is_relative_to(told.api_dir)
    assert told.facts["identical"] is True


def test_PU05_nothing_of_the_worker_can_be_imported(told: Told) -> None:
    assert told.facts["runtime"] == []


def test_PU06_PU07_PU08_a_plugins_own_form_of_a_built_in_runs_on_the_shared_base(
    told: Told,
) -> None:
    (value,) = told.values["own"]
    assert told.keys["own"] == ["mine:k"]
    assert value["converter"] == "SubclassOfJsonConverter"
    assert value["n"] == 1
    bases = value["cast by"]
    assert isinstance(bases, list)
    assert bases[0] == "ported"
    assert "venvoy_api.transformation" in bases


def test_PL17_instances_share_class_attributes_within_a_host_and_not_between_hosts(
    told: Told,
) -> None:
    values = told.values["statics"]
    assert len({value["pid"] for value in values}) == 2
    assert [(value["calls"], value["instances"]) for value in values] == [(2, 2)] * 2


def test_PL18_a_plugins_entry_points_are_those_of_its_environment(told: Told) -> None:
    expected = ["library of a library", "own of the plugin"]
    assert told.facts["services"] == expected
    assert told.facts["static services"] == expected


def test_PL26_package_data_of_the_plugin_is_read(told: Told) -> None:
    assert told.facts["own version"] == "1.0.0"


def test_PL27_DC03_package_data_of_the_api_is_read(told: Told) -> None:
    assert told.facts["api data"] is True
    assert told.facts["missing data"] is None


def test_PL28_each_version_reads_its_own_resource_and_none_of_its_own_in_the_api(
    told: Told,
) -> None:
    for number in ("1.0.0", "2.0.0"):
        (value,) = told.values[f"reading-{number}"]
        assert value["own version"] == number
        assert value["missing data"] is None


def test_PL28_the_environments_distribution_is_seen_and_not_the_workers(told: Told) -> None:
    assert told.facts["click"] == "0.0.1"
    assert Path(str(told.facts["click file"])).is_relative_to(told.prefix)
    assert version("click") != "0.0.1"


def test_PL29_PL30_a_subclassed_built_in_stays_built_in(told: Told) -> None:
    where = {
        str(row["class"]): row["location"] for row in told.listed if row["type"] == "converter"
    }
    assert where["venvoy_api.converters.JsonConverter"] == "built in"
    assert where["ported.SubclassOfJsonConverter"] != "built in"
    assert "ported.JsonConverter" not in where
