"""A connector's config is taken apart once, and all of its faults are told together."""

from collections.abc import Mapping

import pytest

from launcher.configs.config_keys import CONNECTOR_KEYS, CONNECTOR_PREFIXES, unknown_keys
from launcher.configs.connector_config import ConnectorConfig, parse_connector_config

GOOD = {"name": "s", "connector.class": "CsvSource"}


def parse(pairs: Mapping[str, str]) -> ConnectorConfig:
    config, problems = parse_connector_config(pairs, where="s.properties")
    assert [problem.message for problem in problems] == []
    assert config is not None
    return config


def faults(pairs: Mapping[str, str]) -> list[str]:
    _, problems = parse_connector_config(pairs, where="s.properties")
    assert all(problem.hint for problem in problems)
    return [problem.message for problem in problems]


def test_the_least_config_is_a_name_and_a_class() -> None:
    config = parse(GOOD)
    assert (config.name, config.connector.name, config.tasks_max) == ("s", "CsvSource", 1)
    assert str(config.connector.spec) == "latest"
    assert config.key_converter is None


@pytest.mark.parametrize("key", ["connector.version", "connector.plugin.version"])
def test_both_version_keys_are_synonyms(key: str) -> None:
    config = parse({**GOOD, key: ">=1,<2"})
    assert str(config.connector.spec) == ">=1,<2"
    assert config.connector.version_key == key


def test_synonyms_that_agree_are_one_and_that_differ_are_a_fault() -> None:
    both = {"connector.version": "1.0", "connector.plugin.version": "1.0"}
    assert str(parse({**GOOD, **both}).connector.spec) == "1.0"
    (fault,) = faults({**GOOD, **both, "connector.plugin.version": "2.0"})
    assert "its synonym `connector.plugin.version` is `2.0`" in fault


def test_a_stage_sees_its_own_keys_without_prefix_and_without_the_frameworks() -> None:
    config = parse(
        {
            **GOOD,
            "transforms": "a",
            "transforms.a.type": "Cast$Value",
            "transforms.a.spec": "n:int32",
            "transforms.a.plugin.version": "1.0",
            "transforms.a.predicate": "p",
            "transforms.a.negate": "true",
            "predicates": "p",
            "predicates.p.type": "TopicNameMatches",
            "predicates.p.pattern": "x.*",
            "value.converter": "JsonConverter",
            "value.converter.schemas.enable": "false",
        }
    )
    (transform,) = config.transforms
    assert transform.plugin.config == {"spec": "n:int32"}
    assert transform.negate
    assert transform.predicate is not None
    assert transform.predicate.config == {"pattern": "x.*"}
    assert config.value_converter is not None
    assert config.value_converter.config == {"schemas.enable": "false"}


def test_every_fault_is_told_at_once() -> None:
    told = faults(
        {
            "connector.class": " ",
            "connector.version": "[1.0",
            "tasks.max": "zero",
            "topics.regex": "a(",
            "transforms": "a,b,a,c",
            "transforms.a.negate": "perhaps",
            "transforms.b.type": "Filter",
            "transforms.b.predicate": "nobody",
            "transforms.c.type": "Filter",
            "transforms.c.negate": "true",
            "value.converter": "",
        }
    )
    keys = [message.split("`")[1] for message in told]
    assert keys == [
        "name",
        "connector.class",
        "connector.version",
        "tasks.max",
        "topics.regex",
        "transforms",
        "transforms.a.type",
        "transforms.a.negate",
        "transforms.a.negate",
        "transforms.b.predicate",
        "transforms.c.negate",
        "value.converter",
    ]


def test_RV55_an_unused_predicate_is_checked_too() -> None:  # noqa: N802
    (fault,) = faults({**GOOD, "predicates": "p"})
    assert "`predicates.p.type` is missing" in fault


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("conector.version", "connector.version"),
        ("connector.Version", "connector.version"),
        ("task.max", "tasks.max"),
        ("tasks_max", "tasks.max"),
        ("transform", "transforms"),
        ("fiel", "file"),
    ],
)
def test_a_key_that_resembles_a_known_one_is_refused(key: str, meant: str) -> None:
    (mistaken,), strangers = unknown_keys(
        [*GOOD, key],
        where="s.properties",
        known={*CONNECTOR_KEYS, "file"},
        prefixes=CONNECTOR_PREFIXES,
    )
    assert (mistaken.key, mistaken.meant, strangers) == (key, meant, ())
    assert f"did you mean `{meant}`?" in mistaken.message


def test_a_key_like_no_other_is_passed_on() -> None:
    mistaken, strangers = unknown_keys(
        [*GOOD, "database.history.kafka.topic", "transforms.a.anything"],
        where="s.properties",
        known=CONNECTOR_KEYS,
        prefixes=CONNECTOR_PREFIXES,
    )
    assert (mistaken, strangers) == ((), ("database.history.kafka.topic",))


def test_a_stage_keeps_its_own_keys_whatever_their_names_are() -> None:
    own = {"type": "t", "predicate": "p", "negate": "n", "k": "v"}
    pairs = {f"{prefix}.{name}": value for name, value in own.items()
             for prefix in ("key.converter", "predicates.p", "transforms.t")}  # fmt: skip
    pairs |= {"key.converter": "C", "key.converter.plugin.version": "1", "predicates": "p",
              "predicates.p.plugin.version": "1", "transforms.t.negate": "true"}  # fmt: skip
    config = parse({**GOOD, **pairs, "transforms": "t"})
    assert config.key_converter is not None
    assert config.key_converter.config == own
    (transform,) = config.transforms
    assert transform.plugin.config == {"k": "v"}
    assert transform.predicate is not None
    assert transform.predicate.config == {"predicate": "p", "negate": "n", "k": "v"}
