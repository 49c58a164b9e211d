"""PR: PluginRecommenderTest. What is proposed for versions and classes."""

from launcher.validation.infos import ConfigInfos
from tests.conformance.validating import CLASSES, COMBINED, VERSIONS, Room, info

STAGES = {
    "key.converter": CLASSES["converter"],
    "value.converter": CLASSES["converter"],
    "header.converter": CLASSES["header_converter"],
    "transforms": "t",
    "transforms.t.type": CLASSES["transformation"],
    "predicates": "p",
    "predicates.p.type": CLASSES["predicate"],
}


def every_stage(validating: Room, kind: str = "source") -> ConfigInfos:
    sink = {"topics": "x"} if kind == "sink" else {}
    return validating.validate({"name": "n", "connector.class": CLASSES[kind], **STAGES, **sink})


def installed(kind: str) -> tuple[str, ...]:
    return (COMBINED[kind], *VERSIONS)


def recommended(infos: ConfigInfos, key: str) -> tuple[str | None, ...]:
    value = info(infos, key).value
    assert value.visible
    return value.recommended_values


def test_PR01_every_installed_version_of_a_connector_is_recommended(validating: Room) -> None:
    for kind in ("source", "sink"):
        infos = every_stage(validating, kind)
        assert recommended(infos, "connector.plugin.version") == installed(kind)


def test_PR02_every_installed_version_of_a_converter_is_recommended(validating: Room) -> None:
    infos = every_stage(validating)
    for part in ("key", "value"):
        assert recommended(infos, f"{part}.converter.plugin.version") == installed("converter")


def test_PR03_every_installed_version_of_a_header_converter_is_recommended(
    validating: Room,
) -> None:
    versions = recommended(every_stage(validating), "header.converter.plugin.version")
    assert versions == installed("header_converter")


def test_PR04_every_installed_version_of_a_transformation_is_recommended(
    validating: Room,
) -> None:
    versions = recommended(every_stage(validating), "transforms.t.plugin.version")
    assert versions == installed("transformation")


def test_PR05_every_installed_version_of_a_predicate_is_recommended(validating: Room) -> None:
    versions = recommended(every_stage(validating), "predicates.p.plugin.version")
    assert versions == installed("predicate")


def test_PR06_for_a_converter_converters_are_recommended_and_nothing_else(
    validating: Room,
) -> None:
    infos = every_stage(validating)
    types = {
        plugin.class_name
        for plugin in validating.workplace.catalog.plugins
        if plugin.type.value == "converter"
    }
    for part in ("key", "value"):
        assert recommended(infos, f"{part}.converter") == tuple(sorted(types))
    assert CLASSES["converter"] in types
    assert CLASSES["header_converter"] not in types


def test_PR07_for_a_header_converter_header_converters_are_recommended(validating: Room) -> None:
    found = recommended(every_stage(validating), "header.converter")
    assert CLASSES["header_converter"] in found
    assert "venvoy_api.converters.SimpleHeaderConverter" in found
    assert CLASSES["converter"] not in found
    assert list(found) == sorted(map(str, found))


def test_for_types_of_stages_classes_of_their_type_are_recommended(validating: Room) -> None:
    infos = every_stage(validating)
    for key, kind in (("transforms.t.type", "transformation"), ("predicates.p.type", "predicate")):
        found = recommended(infos, key)
        assert CLASSES[kind] in found
        assert not {CLASSES[other] for other in CLASSES if other != kind} & set(found)
