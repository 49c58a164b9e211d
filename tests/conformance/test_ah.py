"""AH: AbstractHerderTest. Whole validations, and what may be configured of each plugin."""

import pytest

from launcher.interface.faults import NotFoundError, RequestError
from tests.conformance.test_pr import STAGES
from tests.conformance.validating import CLASSES, COMBINED, VERSIONS, Room, faults, info

SOURCE = {"name": "n", "connector.class": CLASSES["source"]}
SAMPLE = {"name": "n", "connector.class": "faulty.SampleSource", "required": "r"}
VERSION_KEYS = {
    "connector.plugin.version": "source",
    "key.converter.plugin.version": "converter",
    "value.converter.plugin.version": "converter",
    "header.converter.plugin.version": "header_converter",
    "transforms.t.plugin.version": "transformation",
    "predicates.p.plugin.version": "predicate",
}
STAGE_CLASS_KEYS = [key for key in STAGES if key not in ("transforms", "predicates")]
STAGE_VERSION_KEYS = [key for key in VERSION_KEYS if key != "connector.plugin.version"]


@pytest.mark.parametrize("kind", COMBINED)
def test_AH01_each_version_of_a_plugin_has_its_own_definition(validating: Room, kind: str) -> None:
    for version in (*VERSIONS, COMBINED[kind]):
        keys = {key["name"]: key for key in validating.plugin_config(CLASSES[kind], version)}
        assert keys["version-specific-config"]["default_value"] == version
    for latest in (None, "latest"):
        keys = {key["name"]: key for key in validating.plugin_config(CLASSES[kind], latest)}
        assert keys["version-specific-config"]["default_value"] == "4.3.0"


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("9.9", "Plugin versioned_source.Versioned not found that matches the version range [9.9]"),
        ("9.9", "range [9.9], available versions: [0.0.0, 1.1.0, 2.3.0, 4.3.0]"),
        ("[5.0,)", "matches the version range [5.0,), available versions: [0.0.0,"),
        ("1..2", "the version `1..2` cannot be read"),
        ("", "the version `` cannot be read"),
    ],
)
def test_AH02_a_version_that_is_not_there_or_unreadable_is_refused(
    validating: Room, version: str, text: str
) -> None:
    with pytest.raises(RequestError) as caught:
        validating.plugin_config(CLASSES["source"], version)
    assert caught.value.status == 400
    assert text in caught.value.message


def test_AH03_every_version_key_is_there_even_without_a_type(validating: Room) -> None:
    infos = validating.validate({**SOURCE, "transforms": "t", "predicates": "p"})
    assert faults(infos).keys() == {"transforms.t.type", "predicates.p.type"}
    for key in VERSION_KEYS:
        assert info(infos, key).definition.type == "STRING"


@pytest.mark.parametrize("key", ["connector.plugin.version", "connector.version"])
def test_AH04_a_missing_version_is_a_fault_of_class_and_version(validating: Room, key: str) -> None:
    infos = validating.validate({**SOURCE, **STAGES, "key.converter": "nobody"}, **{key: "9.9"})
    text = (
        "Plugin versioned_source.Versioned not found that matches the version range [9.9], "
        "available versions: [0.0.0, 1.1.0, 2.3.0, 4.3.0]"
    )
    assert faults(infos) == {"connector.class": (text,), key: (text,)}
    found = info(infos, key)
    assert found.definition.default_value == "4.3.0"
    assert found.value.recommended_values == ("0.0.0", "1.1.0", "2.3.0", "4.3.0")


def test_AH04_a_version_that_cannot_be_read_is_a_fault_of_the_version_only(
    validating: Room,
) -> None:
    found = faults(validating.validate(SOURCE, connector__plugin__version="[1.0"))
    assert list(found) == ["connector.plugin.version"]
    (text,) = found["connector.plugin.version"]
    assert text.startswith("Invalid value [1.0 for configuration connector.plugin.version: ")


def test_AH05_missing_versions_of_stages_are_ten_faults(validating: Room) -> None:
    versions = dict.fromkeys(STAGE_VERSION_KEYS, "9.9")
    infos = validating.validate({**SOURCE, **STAGES, **versions})
    found = faults(infos)
    assert found.keys() == {*STAGE_CLASS_KEYS, *STAGE_VERSION_KEYS}
    assert infos.error_count == 10
    for texts in found.values():
        (text,) = texts
        assert "not found that matches the version range [9.9], available versions: [0." in text


def test_AH05_unreadable_versions_of_stages_are_faults_of_the_versions_only(
    validating: Room,
) -> None:
    versions = dict.fromkeys(STAGE_VERSION_KEYS, "1..2")
    found = faults(validating.validate({**SOURCE, **STAGES, **versions}))
    assert found.keys() == set(STAGE_VERSION_KEYS)


def test_AH06_an_unknown_class_is_no_fault_of_its_version(validating: Room) -> None:
    classes = dict.fromkeys(STAGE_CLASS_KEYS, "acme.Nobody")
    versions = dict.fromkeys(STAGE_VERSION_KEYS, "1.1.0")
    infos = validating.validate({**SOURCE, **STAGES, **classes, **versions})
    assert infos.error_count == 5
    text = "Invalid value acme.Nobody for configuration {}: Class acme.Nobody could not be found."
    assert faults(infos) == {key: (text.format(key),) for key in STAGE_CLASS_KEYS}


def test_AH07_each_plugin_is_asked_in_the_version_that_is_chosen_for_it(validating: Room) -> None:
    chosen = {
        "connector.plugin.version": "2.3.0",
        "key.converter.plugin.version": "1.1.0",
        "value.converter.plugin.version": "4.3.0",
        "header.converter.plugin.version": "[1.0,3.0)",
        "transforms.t.plugin.version": "1.1.0",
        "predicates.p.plugin.version": "4.3.0",
    }
    infos = validating.validate({**SOURCE, **STAGES, **chosen})
    assert not faults(infos)
    for key, version in chosen.items():
        prefix = "" if key.startswith("connector") else key.removesuffix("plugin.version")
        found = info(infos, f"{prefix}version-specific-config")
        expected = "2.3.0" if version.startswith("[") else version
        assert found.definition.default_value == found.value.value == expected


def test_AH08_an_unknown_plugin_is_not_found(validating: Room) -> None:
    with pytest.raises(NotFoundError) as caught:
        validating.plugin_config("acme.Nobody")
    assert caught.value.message == "Unknown plugin acme.Nobody."


def test_AH08b_a_config_provider_is_no_plugin_to_configure(validating: Room) -> None:
    name = "org.apache.kafka.common.config.provider.FileConfigProvider"
    with pytest.raises(RequestError) as caught:
        validating.plugin_config(name)
    assert caught.value.message == (
        f"Invalid plugin class {name}. Valid types are converter, header_converter, predicate, "
        "sink, source, transformation."
    )


def test_a_short_name_of_two_classes_is_refused_whatever_their_types(validating: Room) -> None:
    with pytest.raises(RequestError) as caught:
        validating.plugin_config("Simple")  # also SimpleHeaderConverter without its suffix
    assert "`faulty.Simple`" in caught.value.message
    assert "`venvoy_api.converters.SimpleHeaderConverter`" in caught.value.message


@pytest.mark.parametrize("name", ["faulty.AbstractConverter", "faulty.ThrowingTransformation"])
def test_a_plugin_that_cannot_be_made_has_its_reason_told(validating: Room, name: str) -> None:
    with pytest.raises(RequestError, match=r"abstract|no luck"):
        validating.plugin_config(name)


def names(validating: Room, plugin: str) -> list[object]:
    return [key["name"] for key in validating.plugin_config(plugin)]


OWN = ["version-specific-config", "other-config"]


def test_AH11_a_sinks_keys_come_first_then_the_frameworks(validating: Room) -> None:
    found = names(validating, CLASSES["sink"])
    assert found[:2] == OWN
    assert found[2:6] == ["name", "connector.class", "connector.plugin.version", "tasks.max"]
    assert {"topics", "topics.regex", "errors.deadletterqueue.topic.name"} < set(found)
    assert "exactly.once.support" not in found
    assert len(found) == len(set(found))


def test_AH12_a_sources_own_key_goes_before_the_frameworks_of_that_name(validating: Room) -> None:
    found = names(validating, CLASSES["source"])
    assert found[:3] == [*OWN, "name"]
    assert {"topic.creation.groups", "exactly.once.support"} < set(found)
    assert "topics" not in found
    mine = validating.plugin_config("OwnNameSource")
    assert [key["name"] for key in mine].count("tasks.max") == 1
    assert mine[0]["name"] == "tasks.max"
    assert mine[0]["default_value"] == "7"
    infos = validating.validate({"name": "n", "connector.class": "OwnNameSource"})
    assert info(infos, "tasks.max").definition.documentation == "its own"
    assert info(infos, "tasks.max").value.value == "7"


def test_AH13_a_converter_has_its_own_keys_only(validating: Room) -> None:
    assert names(validating, CLASSES["converter"]) == OWN
    assert names(validating, "NoConfigDefConverter") == []


def test_AH14_a_header_converter_has_its_own_keys_only(validating: Room) -> None:
    assert names(validating, CLASSES["header_converter"]) == OWN
    assert names(validating, "SimpleHeaderConverter") == []


def test_AH15_a_predicate_has_its_own_keys_only(validating: Room) -> None:
    assert names(validating, CLASSES["predicate"]) == OWN
    assert names(validating, "HasHeaderKey") == ["name"]


def test_AH16_a_transformation_has_its_own_keys_only(validating: Room) -> None:
    assert names(validating, CLASSES["transformation"]) == OWN
    assert names(validating, "Cast$Value") == names(validating, "venvoy_api.transforms.Cast.Value")


def test_AH16_definitions_have_kafkas_fields(validating: Room) -> None:
    keys = {key["name"]: key for key in validating.plugin_config("faulty.SampleSource")}
    assert keys["required"] == {
        "name": "required",
        "type": "STRING",
        "required": True,
        "default_value": None,
        "importance": "HIGH",
        "documentation": "",
        "group": "Own",
        "width": "NONE",
        "display_name": "required",
        "dependents": [],
        "order": -1,
    }
    assert keys["list"]["default_value"] == "a,b"
    assert "hidden" not in keys


def test_AH17_transformations_add_their_keys_in_a_group_of_their_alias(validating: Room) -> None:
    infos = validating.validate(
        SAMPLE,
        transforms="xformA,xformB",
        transforms__xformA__type="faulty.Simple",
        transforms__xformA__int="10",
    )
    assert faults(infos) == {
        "transforms.xformB.type": (
            'Missing required configuration "transforms.xformB.type" which has no default value.',
        )
    }
    groups = list(infos.groups)
    assert groups[:4] == ["Common", "Transforms", "Predicates", "Error Handling"]
    assert groups[-4:] == ["Transforms: xformA", "Transforms: xformA: Deep", "Transforms: xformB",
                           "Own"]  # fmt: skip
    mine = [
        one.definition for one in infos.configs if one.value.name.startswith("transforms.xformA.")
    ]
    assert [(key.name.removeprefix("transforms.xformA."), key.order) for key in mine] == [
        ("type", 0), ("plugin.version", 1), ("predicate", 2), ("negate", 3), ("int", 4),
        ("secret", 5), ("grouped", 6),
    ]  # fmt: skip
    grouped = info(infos, "transforms.xformA.grouped").definition
    assert grouped.dependents == ("transforms.xformA.int",)


def test_AH18_predicates_add_their_keys_in_a_group_of_their_alias(validating: Room) -> None:
    infos = validating.validate(
        SAMPLE,
        transforms="xformA",
        transforms__xformA__type="faulty.Simple",
        transforms__xformA__int="10",
        transforms__xformA__predicate="predX",
        predicates="predX,predY",
        predicates__predX__type="faulty.Test",
        predicates__predX__int="11",
    )
    assert faults(infos).keys() == {"predicates.predY.type"}
    assert list(infos.groups)[-5:] == [
        "Transforms: xformA: Deep", "Predicates: predX", "Predicates: predX: Deep",
        "Predicates: predY", "Own",
    ]  # fmt: skip
    assert info(infos, "predicates.predX.int").value.value == "11"


def test_AH19_a_null_is_one_fault_of_its_key_whoever_defines_it(validating: Room) -> None:
    nulls: dict[str, str | None] = dict.fromkeys(
        ("testKey", "secondTestKey", "required", "tasks.max", "number", "key.converter")
    )
    text = "Null value can not be supplied as the configuration value."
    infos = validating.validate({**SAMPLE, "testKey": None})
    assert faults(infos) == {"testKey": (text,)}
    assert infos.error_count == 1
    infos = validating.validate({**SAMPLE, **nulls})
    assert faults(infos) == dict.fromkeys(nulls, (text,))
    assert all(one.as_json()["definition"] for one in infos.configs)
