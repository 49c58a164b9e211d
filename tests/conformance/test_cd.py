"""CD: ConnectorConfigTest. Which defaults a validation shows for converters and versions."""

from launcher.validation.infos import ConfigInfos
from tests.conformance.test_pr import STAGES
from tests.conformance.validating import CLASSES, COMBINED, Room, faults, info

API = "1.0.0"
SOURCE = {"name": "n", "connector.class": CLASSES["source"]}
WORKER = {
    "key.converter": CLASSES["converter"],
    "value.converter": "JsonConverter",
    "header.converter": CLASSES["header_converter"],
}
JSON = "venvoy_api.converters.JsonConverter"
SIMPLE = "venvoy_api.converters.SimpleHeaderConverter"


def default(infos: ConfigInfos, key: str) -> str | None:
    return info(infos, key).definition.default_value


def converter_defaults(infos: ConfigInfos) -> list[tuple[str | None, str | None]]:
    return [
        (default(infos, f"{part}.converter"), default(infos, f"{part}.converter.plugin.version"))
        for part in ("key", "value", "header")
    ]


def test_CD01_a_converter_of_the_worker_without_a_version_defaults_to_the_newest(
    validating: Room,
) -> None:
    infos = validating.validate_with(validating.make(WORKER), SOURCE)
    assert not faults(infos)
    assert converter_defaults(infos) == [
        (CLASSES["converter"], "4.3.0"),
        (JSON, API),
        (CLASSES["header_converter"], "4.3.0"),
    ]
    assert info(infos, "key.converter").value.value == CLASSES["converter"]


def test_CD02_versions_of_the_worker_become_the_defaults(validating: Room) -> None:
    versions = {"key": "1.1.0", "value": API, "header": "2.3.0"}
    keys = {f"{part}.converter.plugin.version": text for part, text in versions.items()}
    infos = validating.validate_with(validating.make({**WORKER, **keys}), SOURCE)
    assert not faults(infos)
    assert converter_defaults(infos) == [
        (CLASSES["converter"], "1.1.0"),
        (JSON, API),
        (CLASSES["header_converter"], "2.3.0"),
    ]


def test_CD02_class_and_version_are_a_pair_of_one_level(validating: Room) -> None:
    worker = {**WORKER, "key.converter.plugin.version": "1.1.0"}
    infos = validating.validate_with(
        validating.make(worker), SOURCE, key__converter=CLASSES["converter"]
    )
    assert default(infos, "key.converter") == CLASSES["converter"]
    assert default(infos, "key.converter.plugin.version") == "4.3.0"


def test_CD03_what_is_bundled_with_the_connector_is_the_default_beside_it(
    validating: Room,
) -> None:
    config = {**SOURCE, **STAGES, "connector.plugin.version": COMBINED["source"]}
    infos = validating.validate_with(validating.make(WORKER), config)
    assert not faults(infos)
    assert default(infos, "connector.plugin.version") == "4.3.0"
    assert info(infos, "connector.plugin.version").value.value == COMBINED["source"]
    assert [version for _, version in converter_defaults(infos)] == [
        COMBINED["converter"],
        COMBINED["converter"],
        COMBINED["header_converter"],
    ]
    assert default(infos, "transforms.t.plugin.version") == COMBINED["transformation"]
    assert default(infos, "predicates.p.plugin.version") == COMBINED["predicate"]


def test_CD04_without_any_converter_the_workers_own_default_is_shown(validating: Room) -> None:
    versions_alone = {"key.converter.plugin.version": "4.3.0"}  # of no class, so of nothing
    infos = validating.validate_with(validating.make(versions_alone), SOURCE)
    assert converter_defaults(infos) == [(JSON, API), (JSON, API), (SIMPLE, API)]
