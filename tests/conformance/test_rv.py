"""RV: ConnectorPluginsResourceTest, ConnectorValidationIntegrationTest, ConnectorConfigTest."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from launcher.interface.faults import RequestError
from launcher.worker.standing import StandingWorker
from tests.conformance.validating import (
    CLASSES,
    VERSIONS,
    Room,
    add_faulty,
    add_versions,
    faults,
    info,
)
from tests.isolation.workspaces import Workspace, write_lock
from tests.worker.standing import Stand

SOURCE = {"name": "n", "connector.class": "faulty.SampleSource", "required": "r"}
SINK = {"name": "n", "connector.class": "faulty.Sink", "topics": "a,b"}
TRANSFORM = {"transforms": "t", "transforms.t.type": "faulty.Simple", "transforms.t.int": "42"}
PREDICATE = {"predicates": "p", "predicates.p.type": "faulty.Test", "predicates.p.int": "84"}


def missing(key: str) -> str:
    return f'Missing required configuration "{key}" which has no default value.'


def not_found(value: str, key: str) -> str:
    return f"Invalid value {value} for configuration {key}: Class {value} could not be found."


def one_fault(infos_faults: Mapping[str, tuple[str, ...]], key: str) -> str:
    assert list(infos_faults) == [key]
    (text,) = infos_faults[key]
    return text


# -- ConnectorPluginsResourceTest ---------------------------------------------------------------


def test_RV01_a_config_without_a_class_is_refused_and_tells_no_value(validating: Room) -> None:
    for config in ({"name": "n", "password": "s3cret"}, {"name": "n", "connector.class": None}):
        with pytest.raises(RequestError) as caught:
            validating.validate(config)
        assert caught.value.status == 400
        assert caught.value.message.endswith("contains no connector type")
        assert "s3cret" not in caught.value.message


def test_RV01_every_fault_is_told_under_its_key(validating: Room) -> None:
    infos = validating.validate(
        {"connector.class": "faulty.SampleSource", "tasks.max": "0", "number": "x", "list": "a"},
        errors__tolerance="some",
        errors__retry__timeout="-2",
        errors__log__enable="maybe",
        key__converter="acme.Nobody",
        topic__creation__groups="g,g",
    )
    invalid = "Invalid value {} for configuration {}: {}".format
    expected = {
        "name": missing("name"),
        "required": missing("required"),
        "key.converter": not_found("acme.Nobody", "key.converter"),
        "topic.creation.default.replication.factor": missing(
            "topic.creation.default.replication.factor"
        ),
        "topic.creation.default.partitions": missing("topic.creation.default.partitions"),
    }
    for key, value, reason in (
        ("tasks.max", "0", "Value must be at least 1"),
        ("number", "x", "Not a number of type INT"),
        ("errors.tolerance", "some", "String must be one of: none, all"),
        ("errors.retry.timeout", "-2", "Value must be at least -1"),
        ("errors.log.enable", "maybe", "Expected value to be either true or false"),
        ("topic.creation.groups", "[g, g]", "Duplicate alias provided."),
    ):
        expected[key] = invalid(value, key, reason)
    assert faults(infos) == {key: (text,) for key, text in expected.items()}


def test_RV01_the_body_has_kafkas_shape(validating: Room) -> None:
    body = validating.validate({**SOURCE, "password": "s3cret"}).as_json()
    assert list(body) == ["name", "error_count", "groups", "configs"]
    assert body["name"] == "faulty.SampleSource"
    assert body["error_count"] == 0
    assert "s3cret" not in json.dumps(body)
    configs = body["configs"]
    assert isinstance(configs, list)
    by_name = {one["value"]["name"]: one for one in configs}
    assert by_name["password"]["value"]["value"] == "[hidden]"
    assert by_name["tasks.max"] == {
        "definition": {
            "name": "tasks.max",
            "type": "INT",
            "required": False,
            "default_value": "1",
            "importance": "HIGH",
            "documentation": "The most tasks that the connector may split its work into.",
            "group": "Common",
            "width": "SHORT",
            "display_name": "Tasks max",
            "dependents": [],
            "order": 4,
        },
        "value": {
            "name": "tasks.max",
            "value": "1",
            "recommended_values": [],
            "errors": [],
            "visible": True,
        },
    }


@pytest.mark.parametrize("plugin", ["SampleSource", "faulty.SampleSource"])
def test_RV02_the_request_may_name_the_simple_class(validating: Room, plugin: str) -> None:
    assert not faults(validating.validate(SOURCE, plugin=plugin))


def test_RV03_request_and_config_may_name_it_differently(validating: Room) -> None:
    short = {**SOURCE, "connector.class": "SampleSource"}
    for config in (SOURCE, short):
        for plugin in ("samplesource", "SampleSourceConnector"):
            assert not faults(validating.validate(config, plugin=plugin))
    aliased = {"name": "n", "connector.class": "VersionedConnector"}
    with pytest.raises(RequestError, match="Failed to find any class"):
        validating.validate(aliased, plugin="Versioned")


@pytest.mark.parametrize("plugin", ["Sink", "acme.Nobody"])
def test_RV04_another_plugin_than_the_configs_is_refused(validating: Room, plugin: str) -> None:
    with pytest.raises(RequestError) as caught:
        validating.validate(SOURCE, plugin=plugin)
    assert caught.value.message == (
        f"Included connector type faulty.SampleSource does not match request type {plugin}"
    )


def test_RV05_another_alias_than_the_configs_is_refused(validating: Room) -> None:
    with pytest.raises(RequestError, match="does not match request type sink"):
        validating.validate({**SOURCE, "connector.class": "samplesource"}, plugin="sink")


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("acme.Nobody", ""),
        ("SampleSouce", "Did you mean SampleSource"),
        ("faulty.Simple", "`faulty.Simple` is the transformation"),
    ],
)
def test_an_unknown_connector_is_refused_in_kafkas_words(
    validating: Room, name: str, more: str
) -> None:
    with pytest.raises(RequestError) as caught:
        validating.validate({**SOURCE, "connector.class": name})
    assert caught.value.status == 400
    assert caught.value.message.startswith(
        f"Failed to find any class that implements Connector and which name matches {name}, "
        "available connectors are: faulty."
    )
    assert "versioned_sink.Versioned (0.1.0, 1.1.0, 2.3.0, 4.3.0)" in caught.value.message
    assert more in caught.value.message


def test_an_ambiguous_connector_is_refused_in_kafkas_words(validating: Room) -> None:
    with pytest.raises(RequestError, match="More than one connector matches alias Versioned"):
        validating.validate({**SOURCE, "connector.class": "Versioned"})


def test_RV06_RV07_RV08_plugins_are_listed_once_for_each_version(
    tmp_path: Path, host_tests_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENVOY_STORE", str(host_tests_dir / "store"))
    stand = Stand(tmp_path / "stand")
    add_versions(stand.plugins)
    add_faulty(stand.plugins)
    (stand.plugins / "again").mkdir()
    for wheel in (stand.plugins / "v1.1.0").iterdir():
        (stand.plugins / "again" / wheel.name).write_bytes(wheel.read_bytes())

    async def body(worker: StandingWorker) -> None:
        connectors = [row.as_json() for row in worker.plugins()]
        assert {row["type"] for row in connectors} == {"source", "sink"}
        every = [row.as_json() for row in worker.plugins(connectors_only=False)]
        assert len(every) == len({(row["class"], row["type"], row["version"]) for row in every})
        assert {row["type"] for row in every} == {
            "source", "sink", "transformation", "predicate", "converter", "header_converter",
        }  # fmt: skip
        versions = [row["version"] for row in every if row["class"] == CLASSES["converter"]]
        assert versions == ["0.2.0", *VERSIONS]
        assert [row for row in every if row["type"] in ("source", "sink")] == connectors
        assert all(list(row)[:3] == ["class", "type", "version"] for row in every)

    stand.run(body)


def test_RV09_a_plugins_definitions_are_told(validating: Room) -> None:
    keys = validating.plugin_config("SampleSource")
    assert [key["name"] for key in keys][:4] == ["required", "password", "number", "list"]
    assert {"name", "tasks.max", "transforms"} < {key["name"] for key in keys}


# -- ConnectorValidationIntegrationTest ---------------------------------------------------------


def test_RV10_a_transformation_named_twice_is_a_fault(validating: Room) -> None:
    found = faults(validating.validate({**SOURCE, **TRANSFORM, "transforms": "t, t"}))
    assert one_fault(found, "transforms") == (
        "Invalid value [t, t] for configuration transforms: Duplicate alias provided."
    )


def test_RV11_a_transformation_without_a_type_is_a_fault(validating: Room) -> None:
    found = faults(validating.validate(SOURCE, transforms="t"))
    assert one_fault(found, "transforms.t.type") == missing("transforms.t.type")


@pytest.mark.parametrize("name", [CLASSES["converter"], "JsonConverter", "faulty.SampleSource"])
def test_RV12_RV41_a_class_that_is_no_transformation_is_a_fault(
    validating: Room, name: str
) -> None:
    found = faults(validating.validate(SOURCE, transforms="t", transforms__t__type=name))
    assert one_fault(found, "transforms.t.type").endswith(
        "does not implement the Transformation interface"
    )


def test_RV13_RV56_negating_without_a_predicate_is_a_fault(validating: Room) -> None:
    found = faults(validating.validate({**SOURCE, **TRANSFORM}, transforms__t__negate="true"))
    assert one_fault(found, "transforms.t.type") == (
        "Config 'transforms.t.negate' was provided but there is no config "
        "'transforms.t.predicate' defining a predicate to be negated."
    )


def test_RV14_a_predicate_named_twice_is_a_fault(validating: Room) -> None:
    found = faults(validating.validate({**SOURCE, **PREDICATE, "predicates": "p,p"}))
    assert "Duplicate alias provided." in one_fault(found, "predicates")


def test_RV15_RV55_a_predicate_without_a_type_is_a_fault(validating: Room) -> None:
    config = {**SOURCE, **TRANSFORM, "transforms.t.predicate": "p", "predicates": "p"}
    found = faults(validating.validate(config))
    assert one_fault(found, "predicates.p.type") == missing("predicates.p.type")


@pytest.mark.parametrize("name", ["faulty.Simple", "StringConverter"])
def test_RV16_RV49_a_class_that_is_no_predicate_is_a_fault(validating: Room, name: str) -> None:
    found = faults(validating.validate({**SOURCE, **PREDICATE, "predicates.p.type": name}))
    assert one_fault(found, "predicates.p.type").endswith(
        "does not implement the Predicate interface"
    )


@pytest.mark.parametrize(("part", "nearest"), [("key", ""), ("value", "")])
def test_RV17_an_unknown_converter_is_a_fault(validating: Room, part: str, nearest: str) -> None:
    for name in ("acme.Nobody", "Nobody"):
        found = faults(validating.validate({**SOURCE, f"{part}.converter": name}))
        assert one_fault(found, f"{part}.converter") == not_found(name, f"{part}.converter")


def test_RV24_an_unknown_header_converter_is_a_fault_with_the_nearest(validating: Room) -> None:
    found = faults(validating.validate({**SOURCE, "header.converter": "JsonConvert"}))
    text = one_fault(found, "header.converter")
    assert text.startswith(not_found("JsonConvert", "header.converter"))
    assert "Did you mean JsonConverter" in text


CONVERTER_FAULTS = [
    ("Abstract", "This class is abstract and cannot be created."),
    ("Arguments", "Could not find a public no-argument constructor for class: "),
    ("Throwing", "Could not instantiate class: no luck"),
]


def fault_of_converter(validating: Room, part: str, name: str) -> str:
    return one_fault(
        faults(validating.validate({**SOURCE, f"{part}.converter": name})), f"{part}.converter"
    )


@pytest.mark.parametrize("name", ["faulty.Simple", "SimpleHeaderConverter"])
def test_RV18_a_class_that_is_no_converter_is_a_fault(validating: Room, name: str) -> None:
    text = fault_of_converter(validating, "key", name)
    assert text.endswith("does not implement the Converter interface")


def test_RV25_a_class_that_is_no_header_converter_is_a_fault(validating: Room) -> None:
    text = fault_of_converter(validating, "header", CLASSES["converter"])
    assert text == f"Class {CLASSES['converter']} does not implement the HeaderConverter interface"


@pytest.mark.parametrize(("kind", "expected"), CONVERTER_FAULTS)
def test_RV19_RV20_RV21_a_converter_that_cannot_be_made_is_a_fault(
    validating: Room, kind: str, expected: str
) -> None:
    for part in ("key", "value"):
        assert expected in fault_of_converter(validating, part, f"faulty.{kind}Converter")


@pytest.mark.parametrize(("kind", "expected"), CONVERTER_FAULTS)
def test_RV26_RV27_RV28_a_header_converter_that_cannot_be_made_is_a_fault(
    validating: Room, kind: str, expected: str
) -> None:
    assert expected in fault_of_converter(validating, "header", f"faulty.{kind}Header")


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("key", "faulty.MisconfiguredConverter"),
        ("value", "faulty.MisconfiguredConverter"),
        ("header", "faulty.MisconfiguredHeader"),
    ],
)
def test_RV22_RV29_a_converters_own_faults_are_told_below_its_prefix(
    validating: Room, part: str, name: str
) -> None:
    prefix = f"{part}.converter"
    key = f"{prefix}.int"
    found = faults(validating.validate({**SOURCE, prefix: name}))
    assert one_fault(found, key) == missing(key)
    infos = validating.validate({**SOURCE, prefix: name, key: "9", f"{prefix}.secret": "s3cret"})
    assert one_fault(faults(infos), key) == (
        f"Invalid value 9 for configuration {key}: Value must be at least 10"
    )
    assert info(infos, f"{prefix}.secret").value.value == "[hidden]"
    assert "Deep" in infos.groups


def test_RV23_RV30_a_converter_without_a_config_def_is_allowed(validating: Room) -> None:
    config = {
        "key.converter": "faulty.NoConfigDefConverter",
        "header.converter": "faulty.NoConfigDefHeader",
    }
    assert not faults(validating.validate({**SOURCE, **config}))


def test_a_converter_whose_config_def_raises_is_a_fault(validating: Room) -> None:
    text = fault_of_converter(validating, "key", "faulty.ConfigDefRaisesConverter")
    assert text == "Failed to load ConfigDef from key converter: RuntimeError: no definition"


def test_RV31_a_sink_without_topics_has_a_fault_on_both_keys(validating: Room) -> None:
    text = "Must configure one of topics or topics.regex"
    for topics in ("", " "):
        found = faults(validating.validate({**SINK, "topics": topics}))
        assert found == {"topics": (text,), "topics.regex": (text,)}


def test_RV32_topics_and_a_regex_exclude_each_other(validating: Room) -> None:
    text = "topics and topics.regex are mutually exclusive options, but both are set."
    found = faults(validating.validate({**SINK, "topics.regex": "a.*"}))
    assert found == {"topics": (text,), "topics.regex": (text,)}


def test_a_regex_alone_is_good_unless_it_is_none(validating: Room) -> None:
    regex = {"name": "n", "connector.class": "faulty.Sink", "topics.regex": "a.*"}
    assert not faults(validating.validate(regex))
    found = faults(validating.validate({**regex, "topics.regex": "("}))
    assert "Invalid regex" in one_fault(found, "topics.regex")


DEAD_LETTERS = "errors.deadletterqueue.topic.name"


def test_RV33_dead_letters_must_not_go_to_a_topic_of_the_list(validating: Room) -> None:
    found = faults(validating.validate({**SINK, DEAD_LETTERS: "b"}))
    assert one_fault(found, "topics") == (
        "The DLQ topic 'b' may not be included in the list of topics ('topics=[a, b]') consumed "
        "by the connector"
    )
    assert not faults(validating.validate({**SINK, DEAD_LETTERS: "bad"}))


def test_RV34_dead_letters_must_not_go_to_a_topic_of_the_regex(validating: Room) -> None:
    config = {"name": "n", "connector.class": "faulty.Sink", "topics.regex": "a.*"}
    found = faults(validating.validate({**config, DEAD_LETTERS: "also"}))
    assert one_fault(found, "topics.regex") == (
        "The DLQ topic 'also' may not be included in the regex matching the topics "
        "('topics.regex=a.*') consumed by the connector"
    )
    assert not faults(validating.validate({**config, DEAD_LETTERS: "bad"}))


def test_RV37_a_topic_creation_group_named_twice_is_a_fault(validating: Room) -> None:
    config = {
        **SOURCE,
        "topic.creation.groups": "g,g",
        "topic.creation.default.replication.factor": "-1",
        "topic.creation.default.partitions": "1",
        "topic.creation.g.include": "x.*",
    }
    found = faults(validating.validate(config))
    assert "Duplicate alias provided." in one_fault(found, "topic.creation.groups")
    bad = {"topic.creation.groups": "g", "topic.creation.g.include": "(",
           "topic.creation.default.partitions": "0"}  # fmt: skip
    assert faults(validating.validate({**config, **bad})).keys() == {
        "topic.creation.g.include",
        "topic.creation.default.partitions",
    }


# -- ConnectorConfigTest ------------------------------------------------------------------------


def test_RV38_no_transformations_are_good(validating: Room) -> None:
    for config in (SOURCE, {**SOURCE, "transforms": "", "predicates": " "}):
        infos = validating.validate(config)
        assert not faults(infos)
        assert not any(group.startswith("Transforms: ") for group in infos.groups)


def test_RV39_RV45_one_alias_without_a_type_fails_and_does_not_hide_the_others(
    validating: Room,
) -> None:
    config = {**SOURCE, **TRANSFORM, "transforms": "u,t", "transforms.t.int": "1"}
    assert faults(validating.validate(config)) == {
        "transforms.u.type": (missing("transforms.u.type"),),
        "transforms.t.int": (
            "Invalid value 1 for configuration transforms.t.int: Value must be at least 10",
        ),
    }


def test_RV40_the_name_must_be_a_name(validating: Room) -> None:
    found = faults(validating.validate({**SOURCE, "name": " "}))
    assert one_fault(found, "name").endswith("String must be non-empty")
    found = faults(validating.validate({**SOURCE, "name": "a\tb\x7fc"}))
    assert one_fault(found, "name").endswith(
        "String may not contain control sequences but had the following ASCII chars: 9, 127"
    )
    assert info(validating.validate({**SOURCE, "name": " n "}), "name").value.value == "n"


def test_RV42_a_transformation_without_its_required_key_is_a_fault(validating: Room) -> None:
    found = faults(validating.validate(SOURCE, transforms="t", transforms__t__type="faulty.Simple"))
    assert one_fault(found, "transforms.t.int") == missing("transforms.t.int")


def test_RV43_a_transformations_key_out_of_range_is_a_fault(validating: Room) -> None:
    config = {**SOURCE, **TRANSFORM}
    found = faults(validating.validate(config, transforms__t__int="9"))
    assert one_fault(found, "transforms.t.int") == (
        "Invalid value 9 for configuration transforms.t.int: Value must be at least 10"
    )
    assert not faults(validating.validate(config))


def test_RV47_an_abstract_transformation_is_a_fault(validating: Room) -> None:
    config = {**SOURCE, **TRANSFORM, "transforms.t.type": "faulty.AbstractTransformation"}
    assert one_fault(faults(validating.validate(config)), "transforms.t.type") == (
        "This class is abstract and cannot be created."
    )


@pytest.mark.parametrize(
    ("name", "children"),
    [
        ("faulty.Outer", "faulty.Outer.Key, faulty.Outer.Value"),
        ("Cast", "venvoy_api.transforms.Cast.Key, venvoy_api.transforms.Cast.Value"),
        ("venvoy_api.transforms.Cast",
         "venvoy_api.transforms.Cast.Key, venvoy_api.transforms.Cast.Value"),
    ],
)  # fmt: skip
def test_RV48_for_an_abstract_class_the_concrete_ones_inside_are_named(
    validating: Room, name: str, children: str
) -> None:
    config = {**SOURCE, **TRANSFORM, "transforms.t.type": name}
    assert one_fault(faults(validating.validate(config)), "transforms.t.type") == (
        f"This class is abstract and cannot be created. Did you mean {children}?"
    )


def test_a_transformation_that_cannot_be_made_or_has_no_config_def_is_a_fault(
    validating: Room,
) -> None:
    expected = {
        "faulty.ThrowingTransformation": "Error getting config definition from Transformation: "
        "Could not instantiate class: no luck",
        "faulty.NoConfigDefTransformation": "faulty.NoConfigDefTransformation.config() must "
        "return a ConfigDef that is not null.",
    }
    for name, text in expected.items():
        config = {**SOURCE, **TRANSFORM, "transforms.t.type": name}
        assert one_fault(faults(validating.validate(config)), "transforms.t.type").endswith(text)


def test_RV51_negation_defaults_to_false(validating: Room) -> None:
    config = {**SOURCE, **TRANSFORM, **PREDICATE, "transforms.t.predicate": "p"}
    infos = validating.validate(config)
    assert not faults(infos)
    assert info(infos, "transforms.t.negate").value.value == "false"
    assert info(infos, "transforms.t.predicate").value.value == "p"


def test_RV52_an_abstract_predicate_is_a_fault(validating: Room) -> None:
    config = {**SOURCE, **PREDICATE, "predicates.p.type": "faulty.AbstractPredicate"}
    assert one_fault(faults(validating.validate(config)), "predicates.p.type") == (
        "This class is abstract and cannot be created."
    )


def test_RV53_a_predicates_key_out_of_range_is_a_fault(validating: Room) -> None:
    found = faults(validating.validate({**SOURCE, **PREDICATE, "predicates.p.int": "9"}))
    assert one_fault(found, "predicates.p.int").endswith("Value must be at least 10")


def test_RV54_a_predicate_that_is_not_declared_is_a_fault(validating: Room) -> None:
    config = {**SOURCE, **TRANSFORM, **PREDICATE, "transforms.t.predicate": "my-pred"}
    for declared in ("p", ""):
        found = faults(validating.validate({**config, "predicates": declared}))
        assert "my-pred" in one_fault(found, "transforms.t.predicate")


def test_RV57_the_frameworks_keys_mask_a_transformations_own_of_that_name(
    validating: Room,
) -> None:
    config = {**SOURCE, "transforms": "t", "transforms.t.type": "faulty.Duplicate"}
    infos = validating.validate(config)
    assert not faults(infos)
    for name, kind in (
        ("predicate", "STRING"),
        ("negate", "BOOLEAN"),
        ("plugin.version", "STRING"),
    ):
        assert info(infos, f"transforms.t.{name}").definition.type == kind
    assert info(infos, "transforms.t.must.exist.key").definition.type == "BOOLEAN"


def test_RV57_a_converters_own_keys_are_not_masked(validating: Room) -> None:
    config = {**SOURCE, "key.converter": "faulty.TypedConverter", "key.converter.type": "c"}
    text = one_fault(faults(validating.validate(config)), "key.converter.type")
    assert text.startswith("Invalid value c for configuration key.converter.type: ")
    assert not faults(validating.validate({**config, "key.converter.type": "a"}))


CHAIN = """
import time
from venvoy_api import *

class Numbers(SourceConnector):
    def start(self, props): self.props = dict(props)
    def stop(self): pass
    def task_class(self): return Task
    def task_configs(self, max_tasks): return [self.props]
    def config(self): return ConfigDef()
class Task(SourceTask):
    told = False
    def start(self, props): self.topic = props["topic"]
    def stop(self): pass
    def drained(self): return self.told
    def poll(self):
        if self.told:
            time.sleep(0.01)
            return None
        self.told = True
        return [SourceRecord({}, {}, self.topic, value={"n": n, "path": ""}) for n in range(4)]
class Append(Transformation):
    def config(self): return ConfigDef().define("text", ConfigType.STRING)
    def configure(self, configs): self.text = self.config().parse(configs)["text"]
    def apply(self, record):
        return record.new_record(value={**record.value, "path": record.value["path"] + self.text})
class Even(Predicate):
    def test(self, record): return record.value["n"] % 2 == 0
"""


def test_RV44_RV46_RV50_transformations_run_configured_in_order_and_where_they_apply(
    workspace: Workspace,
) -> None:
    points = {
        "venvoy.source": {"numbers": "chain:Numbers"},
        "venvoy.transformation": {"append": "chain:Append"},
        "venvoy.predicate": {"even": "chain:Even"},
    }
    workspace.wheel("chain", "chain", files={"chain.py": CHAIN}, entry_points=points)
    write_lock(workspace.plugins / "chain")
    keys = {"topic": "out", "transforms": "b,a,odd", "predicates": "even",
            "predicates.even.type": "Even", "transforms.b.predicate": "even",
            "transforms.odd.predicate": "even", "transforms.odd.negate": "true"}  # fmt: skip
    keys |= {f"transforms.{alias}.type": "Append" for alias in ("a", "b", "odd")}
    keys |= {f"transforms.{alias}.text": f"{alias};" for alias in ("a", "b", "odd")}
    config = workspace.config(
        "chain", "Numbers", **{k.replace(".", "__"): v for k, v in keys.items()}
    )
    workspace.run(config)
    assert [value["path"] for value in workspace.values("out")] == ["b;a;", "a;odd;"] * 2
