"""PU: PluginUtilsTest - walking the plugin path, and aliases (the rows that need no host)."""

import os
import random
from pathlib import Path

import pytest

from manager.plugins.catalog import Catalog
from manager.plugins.distributions import PluginType
from manager.plugins.locations import Shape
from manager.plugins.plugin_path import Scan, scan
from manager.plugins.selection import AmbiguousNameError, select
from manager.plugins.versions import VersionSpec
from tests.project_maker import make_builtin, make_project, read_catalog
from tests.wheel_maker import make_wheel

CONNECTORS = (PluginType.SOURCE, PluginType.SINK)
NOTHING = Scan(locations=(), problems=())


def chosen(catalog: Catalog, name: str, *types: PluginType) -> str:
    spec = VersionSpec.parse(None)
    return select(catalog, type=types, name=name, spec=spec, own=None).plugin.class_name


@pytest.mark.parametrize(
    ("kind", "builtin", "other"),
    [
        pytest.param(
            PluginType.CONVERTER,
            "venvoy_api.converters:StringConverter",
            "acme_text:StringConverter",
            id="PU06",
        ),
        pytest.param(
            PluginType.TRANSFORMATION,
            "venvoy_api.transforms:Cast.Value",
            "acme_text:Cast.Value",
            id="PU07",
        ),
        pytest.param(
            PluginType.CONVERTER,
            "venvoy_api.converters:JsonConverter",
            "acme_text:JsonConverter",
            id="PU08",
        ),
    ],
)
def test_PU06_PU07_PU08_a_plugin_may_bring_its_own_form_of_a_built_in(
    tmp_path: Path, kind: PluginType, builtin: str, other: str
) -> None:
    shared = make_builtin(tmp_path / "shared", {kind.group: {"text": builtin}})
    make_project(tmp_path / "plugins" / "acme", entry_points={kind.group: {"own-text": other}})
    catalog = read_catalog(tmp_path / "plugins", builtin=shared)
    own, theirs = other.replace(":", "."), builtin.replace(":", ".")
    assert chosen(catalog, own, kind) == chosen(catalog, "own-text", kind) == own
    assert chosen(catalog, theirs, kind) == chosen(catalog, "text", kind) == theirs
    with pytest.raises(AmbiguousNameError):
        chosen(catalog, other.partition(":")[2], kind)


def test_PU11_one_location_may_hold_many_classes(tmp_path: Path) -> None:
    make_project(
        tmp_path / "mirror",
        entry_points={
            "venvoy.source": {
                "mirror": "acme_mirror:MirrorSourceConnector",
                "checkpoint": "acme_mirror:MirrorCheckpointConnector",
                "heartbeat": "acme_mirror:MirrorHeartbeatConnector",
            }
        },
    )
    catalog = read_catalog(tmp_path)
    assert chosen(catalog, "MirrorHeartbeat", PluginType.SOURCE).endswith("HeartbeatConnector")
    assert len(catalog.plugins) == 3


def test_PU13_an_empty_directory_holds_nothing_and_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert scan((tmp_path,)) == NOTHING
    assert scan((tmp_path / "empty",)) == NOTHING


def test_PU14_directories_without_wheels_or_a_project_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / "docs" / "images").mkdir(parents=True)
    (tmp_path / "docs" / "README.md").write_text("")
    (tmp_path / "wheels" / "none").mkdir(parents=True)
    assert scan((tmp_path,)) == NOTHING


def test_PU15_wheels_are_found_in_a_directory_and_below_its_wheels(tmp_path: Path) -> None:
    above = make_wheel(tmp_path / "acme", "zeta", "1.0")
    below = make_wheel(tmp_path / "acme" / "wheels", "alpha", "1.0")
    (location,) = scan((tmp_path,)).locations
    assert location.shape is Shape.WHEELS
    assert location.wheel_files() == (below, above)
    assert location.wheelhouse_dirs == (tmp_path / "acme", tmp_path / "acme" / "wheels")


def test_PU16_the_order_in_which_files_were_made_does_not_matter(tmp_path: Path) -> None:
    names = [f"plugin-{number}" for number in range(12)]
    found = []
    for seed in range(3):
        place = tmp_path / str(seed)
        for name in random.Random(seed).sample(names, len(names)):
            make_wheel(place / "many", name, "1.0", entry_points={"venvoy.sink": {name: "a:B"}})
            make_project(place / name, name)
        catalog = read_catalog(place)
        found.append(
            (
                [plugin.location.name for plugin in catalog.plugins],
                [[str(one) for one in content.distributions] for content in catalog.locations],
                [file.name for file in scan((place,)).locations[0].wheel_files()],
            )
        )
    assert found[0] == found[1] == found[2]


def test_PU17_archives_count_by_what_they_are(tmp_path: Path) -> None:
    make_wheel(tmp_path, "acme", "1.0", entry_points={"venvoy.sink": {"a": "acme:Sink"}})
    (tmp_path / "app.pyz").write_bytes(b"PK\x05\x06" + b"\0" * 18)
    (tmp_path / "connector.zip").write_bytes(b"")
    (tmp_path / "acme-2.0.tar.gz").write_bytes(b"")
    catalog = read_catalog(tmp_path)
    assert [str(plugin.version) for plugin in catalog.plugins] == ["1.0"]
    assert [problem.path.name for problem in catalog.warnings] == [
        "acme-2.0.tar.gz",
        "connector.zip",
    ]
    (bundle,) = catalog.broken
    assert bundle.error.code == "bad-bundle"


def test_PU18_a_bare_package_tree_is_refused_and_its_readme_ignored(tmp_path: Path) -> None:
    (tmp_path / "tree" / "acme").mkdir(parents=True)
    (tmp_path / "tree" / "acme" / "__init__.py").write_text("")
    (tmp_path / "tree" / "README.txt").write_text("")
    (problem,) = scan((tmp_path,)).problems
    assert problem.error.code == "no-metadata"
    make_project(tmp_path / "project")
    (tmp_path / "project" / "README.txt").write_text("")
    (location,) = scan((tmp_path,)).locations
    assert location.path == tmp_path / "project"


@pytest.mark.parametrize("relative", [False, True], ids=["PU19", "PU20"])
def test_PU19_PU20_absolute_links_and_links_backwards_are_followed(
    tmp_path: Path, relative: bool
) -> None:
    target = make_project(tmp_path / "elsewhere" / "acme")
    wheel = make_wheel(tmp_path / "elsewhere", "solo", "1.0")
    place = tmp_path / "plugins"
    (place / "wheels-dir").mkdir(parents=True)
    links = {"linked": target, wheel.name: wheel, f"wheels-dir/{wheel.name}": wheel}
    for name, leads_to in links.items():
        link = place / name
        link.symlink_to(os.path.relpath(leads_to, link.parent) if relative else leads_to)
    found = scan((place,))
    assert found.problems == ()
    assert [(one.name, one.shape) for one in found.locations] == [
        ("linked", Shape.PROJECT),
        (wheel.name, Shape.WHEEL),
        ("wheels-dir", Shape.WHEELS),
    ]
    assert len(read_catalog(place).locations) == 1  # `solo` declares no plugin


def test_PU21_a_link_to_what_was_seen_already_adds_nothing_and_loops_end(tmp_path: Path) -> None:
    make_project(tmp_path / "acme")
    (tmp_path / "again").symlink_to("acme")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "acme" / "self").symlink_to(".")
    found = scan((tmp_path,))
    assert [location.name for location in found.locations] == ["acme"]
    assert [(one.error.code, one.path.name) for one in found.problems] == [
        ("link-loop", "a"),
        ("link-loop", "b"),
    ]


MOCKS = {
    "venvoy.sink": {"sink": "mocks:MockSinkConnector"},
    "venvoy.source": {"source": "mocks:MockSourceConnector"},
    "venvoy.converter": {"convert": "mocks:SampleConverter"},
    "venvoy.header_converter": {"header": "mocks:SampleHeaderConverter"},
    "venvoy.transformation": {"change": "mocks:SampleTransformation"},
    "venvoy.predicate": {"ask": "mocks:SamplePredicate"},
}


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (PluginType.SINK, "sink MockSink MockSinkConnector mocks.MockSinkConnector"),
        (PluginType.SOURCE, "source MockSource MockSourceConnector mocks.MockSourceConnector"),
        (PluginType.CONVERTER, "convert Sample SampleConverter mocks.SampleConverter"),
        (PluginType.HEADER_CONVERTER, "header Sample SampleHeaderConverter"),
        (PluginType.TRANSFORMATION, "change Sample SampleTransformation"),
        (PluginType.PREDICATE, "ask Sample SamplePredicate mocks.SamplePredicate"),
    ],
)
def test_PU22_every_plugin_goes_by_its_simple_and_its_pruned_name(
    tmp_path: Path, kind: PluginType, names: str
) -> None:
    make_project(tmp_path / "mocks", entry_points=MOCKS)
    catalog = read_catalog(tmp_path)
    (only,) = {chosen(catalog, name, kind) for name in names.split()}
    assert only == MOCKS[kind.group][names.split(maxsplit=1)[0]].replace(":", ".")


def test_PU23_versions_of_one_class_do_not_make_its_alias_ambiguous(tmp_path: Path) -> None:
    for version in ("1.0", "2.0"):
        make_project(tmp_path / version, version=version)
    assert chosen(read_catalog(tmp_path), "CsvSource", *CONNECTORS).endswith("CsvSourceConnector")


def test_PU24_a_pruned_alias_of_two_classes_is_refused_and_their_simple_names_stay(
    tmp_path: Path,
) -> None:
    groups = {
        "venvoy.source": {"one": "one:CollidingConnector"},
        "venvoy.sink": {"two": "two:Colliding"},
    }
    make_project(tmp_path / "acme", entry_points=groups)
    catalog = read_catalog(tmp_path)
    with pytest.raises(AmbiguousNameError):
        chosen(catalog, "Colliding", *CONNECTORS)
    assert chosen(catalog, "CollidingConnector", *CONNECTORS) == "one.CollidingConnector"
    assert chosen(catalog, "two.Colliding", *CONNECTORS) == "two.Colliding"


def test_PU25_a_simple_alias_of_two_classes_is_refused_across_the_types_that_a_key_takes(
    tmp_path: Path,
) -> None:
    groups = {
        "venvoy.source": {"one": "one:Colliding"},
        "venvoy.sink": {"two": "two:Colliding"},
        "venvoy.converter": {"three": "three:Colliding"},
    }
    make_project(tmp_path / "acme", entry_points=groups)
    catalog = read_catalog(tmp_path)
    with pytest.raises(AmbiguousNameError) as caught:
        chosen(catalog, "Colliding", *CONNECTORS)
    assert caught.value.classes == ("one.Colliding", "two.Colliding")
    # A key that takes converters only can mean no other type, so it stays clear.
    assert chosen(catalog, "Colliding", PluginType.CONVERTER) == "three.Colliding"
