"""The sample plugins and their configurations, as the framework reads them without running them."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from launcher.configs.connector_config import parse_connector_config
from launcher.configs.properties import read_mapping
from launcher.configs.worker_file import read_worker_config
from manager.plugins.catalog import Catalog, make_catalog
from manager.plugins.plugin_path import scan
from manager.plugins.selection import select
from tests.sample_plugins.conftest import NAMES, SAMPLES, project_table

CONFIGS = sorted(
    file for file in (SAMPLES / "configs").glob("*.properties") if file.stem != "worker"
)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return make_catalog(scan([SAMPLES]), api=Version("1.0.0"), builtin=None)


def test_every_plugin_is_found_and_nothing_is_broken(catalog: Catalog) -> None:
    found = {(one.class_name, str(one.version), one.entry_point.name) for one in catalog.plugins}
    assert found == {
        ("acme_csv.CsvSourceConnector", "1.4.0", "csv"),
        ("acme_csv.CsvSourceConnector", "2.1.0", "csv"),
        ("acme_phone.NormalizePhone.Key", "1.0.0", "NormalizePhone$Key"),
        ("acme_phone.NormalizePhone.Value", "1.0.0", "NormalizePhone$Value"),
        ("acme_sql.SqlSinkConnector", "1.2.0", "sql"),
        ("acme_sql.SqlSinkConnector", "2.0.3", "sql"),
    }
    assert catalog.broken == ()
    assert catalog.shadowed == ()
    assert catalog.warnings == ()


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_the_configurations_ask_for_plugins_that_are_there(file: Path, catalog: Catalog) -> None:
    config, problems = parse_connector_config(read_mapping(file), where=str(file))
    assert problems == ()
    assert config is not None
    types = tuple(one.type for one in catalog.plugins)
    choice = select(
        catalog, type=types, name=config.connector.name, spec=config.connector.spec, own=None
    )
    wanted = {"airports-v1": "1.4.0", "airports-sql-v1": "1.2.0"}
    newest = {"csv": "2.1.0", "sql": "2.0.3"}
    expected = wanted.get(file.stem, newest[choice.plugin.entry_point.name])
    assert str(choice.plugin.version) == expected


def test_the_worker_configuration_is_read() -> None:
    config = read_worker_config(SAMPLES / "configs" / "worker.properties")
    assert config.plugin_path == "sample_plugins"
    assert config.strangers == ()


@pytest.mark.parametrize(
    ("one", "other", "library", "versions"),
    [
        ("csv_source_1", "csv_source_2", "pydantic", ("1.10.0", "1.10.26", "2.7.0", "2.13.5")),
        ("sql_sink_1", "sql_sink_2", "SQLAlchemy", ("1.4.0", "1.4.54", "2.0.0", "2.0.49")),
    ],
)
def test_the_two_versions_of_a_plugin_cannot_share_an_environment(
    one: str, other: str, library: str, versions: tuple[str, ...]
) -> None:
    assert project_table(one)["name"] == project_table(other)["name"]
    wanted = [
        requirement.specifier
        for name in (one, other)
        for requirement in map(Requirement, _dependencies(name))
        if requirement.name == library
    ]
    assert len(wanted) == 2
    assert not [each for each in versions if all(each in specifier for specifier in wanted)]


@pytest.mark.parametrize("name", NAMES)
def test_every_plugin_needs_the_api_and_python_3_9(name: str) -> None:
    table = project_table(name)
    assert "venvoy-api>=1.0,<2" in _dependencies(name)
    # SQLAlchemy 1.4 has no wheels for 3.13.
    expected = ">=3.9,<3.13" if name == "sql_sink_1" else ">=3.9"
    assert table["requires-python"] == expected


def _dependencies(name: str) -> list[str]:
    wanted = project_table(name)["dependencies"]
    assert isinstance(wanted, list)
    return wanted
