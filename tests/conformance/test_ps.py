"""PS: PluginScannerTest - scanning, for the one way of scanning that venvoy has: entry points."""

from pathlib import Path

from manager.plugins.catalog import Catalog
from manager.plugins.distributions import PluginType
from tests.project_maker import CSV, make_project, read_catalog
from tests.wheel_maker import make_wheel

EMPTY = Catalog(plugins=(), broken=(), shadowed=(), warnings=(), locations=())


def test_PS01_an_empty_plugin_path_gives_an_empty_catalog() -> None:
    assert read_catalog() == EMPTY


def test_PS02_exactly_the_declared_classes_are_found(tmp_path: Path) -> None:
    entries = {kind.group: {"one": f"acme_{kind.value}:Plugin"} for kind in PluginType}
    entries["console_scripts"] = {"acme": "acme:main"}
    make_project(tmp_path / "projects" / "acme", "acme", entry_points=entries)
    from_project = read_catalog(tmp_path / "projects")
    make_wheel(tmp_path / "wheels" / "acme", "acme", "1.0", entry_points=entries)
    from_wheel = read_catalog(tmp_path / "wheels")
    expected = {(kind, f"acme_{kind.value}.Plugin") for kind in PluginType}
    for catalog in (from_project, from_wheel):
        assert {(one.type, one.class_name) for one in catalog.plugins} == expected
        assert len(catalog.plugins) == len(expected)


def test_PS03_a_zero_byte_wheel_is_reported_and_ignored(tmp_path: Path) -> None:
    (tmp_path / "acme-1.0-py3-none-any.whl").write_bytes(b"")
    catalog = read_catalog(tmp_path)
    assert (catalog.plugins, catalog.locations) == ((), ())
    assert catalog.broken[0].error.message.endswith("cannot be read: it is empty")


def test_PS04_a_directory_of_broken_wheels_only_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    for name in ("acme", "other"):
        (tmp_path / "acme" / f"{name}-1.0-py3-none-any.whl").write_bytes(b"not a wheel")
    catalog = read_catalog(tmp_path)
    assert (catalog.plugins, catalog.locations, catalog.warnings) == ((), (), ())
    assert [problem.error.code for problem in catalog.broken] == ["corrupt-wheel"] * 2


def test_PS05_a_location_without_plugins_offers_none_and_says_so(tmp_path: Path) -> None:
    make_project(tmp_path / "acme", entry_points={})
    catalog = read_catalog(tmp_path)
    assert (catalog.plugins, catalog.broken) == ((), ())
    assert [problem.error.code for problem in catalog.warnings] == ["no-plugins"]


def test_PS06_an_empty_location_offers_none(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    assert read_catalog(tmp_path) == EMPTY


def test_PS07_bad_neighbours_do_not_hide_the_good(tmp_path: Path) -> None:
    (tmp_path / "aaa-1.0-py3-none-any.whl").write_bytes(b"")
    make_project(tmp_path / "bad", version="one")
    make_wheel(tmp_path / "mixed", "acme-csv", "1.0", entry_points=CSV)
    (tmp_path / "mixed" / "bad-1.0-py3-none-any.whl").write_bytes(b"PK")
    make_project(tmp_path / "zzz", version="2.0")
    catalog = read_catalog(tmp_path)
    assert [str(plugin.version) for plugin in catalog.plugins] == ["1.0", "2.0"]
    assert len(catalog.broken) == 3


def test_PS09_the_version_is_that_of_the_distribution(tmp_path: Path) -> None:
    files = {"acme_csv.py": "raise SystemExit('nobody imports this')\n", "version": "9.9"}
    make_wheel(tmp_path, "acme-csv", "1.2.3", files=files, entry_points=CSV)
    (plugin,) = read_catalog(tmp_path).plugins
    assert str(plugin.version) == "1.2.3"
